//! What two sockets on one port are to each other: in each other's way, sharing, mistaken for each other, or nothing at all.
//!
//! The kernel's rules as a table that a test holds against the kernel (tests/it/overlap.rs). It must never look at who owns
//! which: whether it is allowed to be so is for `judge`.

use std::net::IpAddr;

use super::{Endpoint, Uid};

/// A socket that listens, or one that is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Where.
    pub endpoint: Endpoint,
    /// The uid that the socket belongs to.
    pub uid: Uid,
    /// SO_REUSEPORT, socket(7).
    pub reuse_port: bool,
}

/// What two sockets are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meeting {
    /// Nobody who means one reaches the other.
    Apart,
    /// Both can listen, and a name stands for both: who means one may reach the other.
    Mistakable(CommonName),
    /// Both can listen on overlapping addresses: the kernel spreads connections over those at the same address, and gives the
    /// one at a specific address all that comes there.
    Shared,
    /// Only one of them can listen.
    Exclusive,
}

/// A name that stands for two addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CommonName {
    /// `localhost`.
    Localhost,
    /// The host's own.
    HostName,
}

impl Bound {
    /// What this socket and another one of the same network namespace are to each other.
    ///
    /// SO_REUSEADDR makes no difference between two that listen, and SO_REUSEPORT only between sockets of one uid
    /// (inet_bind_conflict in net/ipv4/inet_connection_sock.c).
    pub fn meets(&self, other: &Bound) -> Meeting {
        if self.endpoint.overlaps(&other.endpoint) {
            let shared = self.reuse_port && other.reuse_port && self.uid == other.uid;
            if shared { Meeting::Shared } else { Meeting::Exclusive }
        } else {
            self.endpoint.name_with(&other.endpoint).map_or(Meeting::Apart, Meeting::Mistakable)
        }
    }
}

impl Endpoint {
    /// The name by which one means this endpoint and may reach another one that does not overlap it.
    ///
    /// `localhost` is 127.0.0.1 or ::1, and on Debian a host's own name is 127.0.1.1: any two of the loopback addresses. A name of
    /// the host has addresses of both families: a wildcard or public address of one beside one of the other. And what is bound to
    /// a public address only is asked for at `localhost` all the same, by who sits on the host. Two public addresses of one family
    /// are told apart by whoever gave the host two; and what is bound to loopback only is not meant by a public address, where a
    /// proxy in front of it often has the same port.
    pub fn name_with(&self, other: &Endpoint) -> Option<CommonName> {
        if self.port != other.port {
            return None;
        }
        match (self.reach(), other.reach()) {
            (_, Reach::Loopback) | (Reach::Loopback | Reach::Everywhere, Reach::Everywhere) => Some(CommonName::Localhost),
            (Reach::Everywhere, Reach::Public) | (Reach::Public, Reach::Everywhere) => Some(CommonName::HostName),
            (Reach::Public, Reach::Public) if self.is_v4() != other.is_v4() => Some(CommonName::HostName),
            (Reach::Loopback | Reach::Public, Reach::Public) => None,
        }
    }

    fn reach(&self) -> Reach {
        let address = self.address.to_canonical();
        if address.is_unspecified() {
            Reach::Everywhere
        } else if address.is_loopback() {
            Reach::Loopback
        } else {
            Reach::Public
        }
    }

    fn is_v4(&self) -> bool {
        matches!(self.address.to_canonical(), IpAddr::V4(_))
    }
}

#[derive(Clone, Copy)]
enum Reach {
    Everywhere,
    Loopback,
    Public,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ADDRESS [v6only] [reuse] [uid N]`
    fn bound(text: &str) -> Bound {
        let mut words = text.split(' ');
        let address: IpAddr = words.next().unwrap().parse().unwrap();
        let rest: Vec<&str> = words.collect();
        Bound {
            endpoint: Endpoint { address, port: 8081, v6only: rest.contains(&"v6only") },
            uid: Uid(if rest.contains(&"other") { 1002 } else { 1001 }),
            reuse_port: rest.contains(&"reuse"),
        }
    }

    #[test]
    fn the_table() {
        use Meeting::{Apart, Exclusive, Shared};
        let (local, host) = (Meeting::Mistakable(CommonName::Localhost), Meeting::Mistakable(CommonName::HostName));
        // What is meant, what else listens, and what that is to it.
        let cases = [
            ("127.0.0.1", "127.0.0.1", Exclusive),
            ("127.0.0.1 reuse", "127.0.0.1 reuse", Shared),
            ("127.0.0.1 reuse", "127.0.0.1", Exclusive),
            ("127.0.0.1 reuse", "127.0.0.1 reuse other", Exclusive),
            ("0.0.0.0 reuse", "127.0.0.1 reuse", Shared),
            ("0.0.0.0", "127.0.0.1", Exclusive),
            ("::", "::1", Exclusive),
            ("::", "127.0.0.1", Exclusive),
            (":: v6only", "::1", Exclusive),
            (":: reuse", "0.0.0.0 reuse", Shared),
            ("::ffff:127.0.0.1", "127.0.0.1", Exclusive),
            ("127.0.0.1", "::1", local),
            ("::1", "127.0.0.1", local),
            ("127.0.0.1", "127.0.0.2", local),
            ("127.0.0.1", "::ffff:127.0.0.2", local),
            ("0.0.0.0", "::1", local),
            ("0.0.0.0", ":: v6only", local),
            (":: v6only", "0.0.0.0", local),
            ("127.0.0.1", ":: v6only", local),
            (":: v6only", "127.0.0.1", local),
            ("::1", "0.0.0.0", local),
            ("0.0.0.0", "2001:db8::5", host),
            ("10.0.0.5", "2001:db8::5", host),
            ("10.0.0.5", ":: v6only", host),
            ("10.0.0.5", "127.0.0.1", local),
            ("10.0.0.5", "::1", local),
            ("127.0.0.1", "10.0.0.5", Apart),
            ("::1", "2001:db8::5", Apart),
            ("10.0.0.5", "10.0.0.6", Apart),
            ("2001:db8::5", "2001:db8::6", Apart),
        ];
        for (meant, other, expected) in cases {
            assert_eq!(bound(meant).meets(&bound(other)), expected, "{meant} beside {other}");
        }
    }

    #[test]
    fn another_port_is_another_world() {
        let mut other = bound("::1");
        other.endpoint.port = 8082;
        assert_eq!(bound("127.0.0.1").meets(&other), Meeting::Apart);
    }
}
