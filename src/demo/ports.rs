//! Chooses the demo's ports: a block that nobody uses, and that no other demo chooses at the same time.
//!
//! It must never listen: a socket that only tries an address shows in no list of listeners.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixDatagram};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};

use crate::error::{Error, Result};

/// How many ports a demo has. Blocks begin at multiples of it after [`LOWEST`], so that two demos overlap wholly or not at all.
const COUNT: u16 = 40;

/// Where looking begins: above the ports that people's servers usually have.
const LOWEST: u16 = 8100;

/// The kernel's default for the first port that it gives to clients, ip(7).
const EPHEMERAL: (u16, u16) = (32768, 60999);

/// A block of ports, kept from other demos as long as this lives.
#[derive(Debug)]
pub(super) struct Block {
    /// The first port.
    pub(super) first: u16,
    /// The last port.
    pub(super) last: u16,
    /// An abstract socket: it belongs to the network namespace like the ports, holds none of them, and goes with its process, unix(7).
    _name: UnixDatagram,
}

impl Block {
    /// Finds a free block, outside the ports that clients are given where that is possible.
    ///
    /// # Errors
    /// When there is no free block at all.
    pub(super) fn choose() -> Result<Self> {
        let ephemeral = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok().and_then(|text| pair(&text)).unwrap_or(EPHEMERAL);
        candidates(ephemeral).into_iter().find_map(Self::take).ok_or_else(|| {
            Error::failed(format!("no {COUNT} free ports in a row from {LOWEST} on")).hint("berth ports    shows what holds them")
        })
    }

    fn take(first: u16) -> Option<Self> {
        // The name first: between looking and starting nobody else looks at this block.
        let address = UnixAddress::from_abstract_name(format!("berth-demo/{first}")).ok()?;
        let name = UnixDatagram::bind_addr(&address).ok()?;
        let last = first + (COUNT - 1);
        (first..=last).all(is_free).then_some(Self { first, last, _name: name })
    }
}

fn pair(text: &str) -> Option<(u16, u16)> {
    let mut numbers = text.split_whitespace().map(|word| word.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// The first ports of all blocks, the ones that touch no client's port first.
fn candidates(ephemeral: (u16, u16)) -> Vec<u16> {
    let every = (LOWEST..=u16::MAX - COUNT).step_by(COUNT.into());
    let (outside, within): (Vec<u16>, Vec<u16>) = every.partition(|first| *first + (COUNT - 1) < ephemeral.0 || *first > ephemeral.1);
    outside.into_iter().chain(within).collect()
}

/// Whether a server could have the port on every address. Without SO_REUSEADDR, so that a port in TIME_WAIT or held without listening counts too.
fn is_free(port: u16) -> bool {
    let addresses: [IpAddr; 3] = [Ipv4Addr::LOCALHOST.into(), Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    addresses.into_iter().all(|address| match try_bind(SocketAddr::new(address, port)) {
        Ok(()) => true,
        // A machine without IPv6 has no conflict there.
        Err(error) => address.is_ipv6() && error != Errno::ADDRINUSE,
    })
}

fn try_bind(address: SocketAddr) -> rustix::io::Result<()> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    if address.is_ipv6() {
        // Else it would also ask for the IPv4 port, which was asked for already.
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    bind(&socket, &address)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn what_listens_or_is_only_bound_is_not_free() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            assert!(!is_free(listener.local_addr().unwrap().port()), "{address}");
        }
    }

    #[test]
    fn two_demos_have_different_blocks() {
        let (one, other) = (Block::choose().unwrap(), Block::choose().unwrap());
        assert!(one.last < other.first || other.last < one.first, "{one:?} {other:?}");
        assert_eq!(one.last - one.first, COUNT - 1);
        let first = one.first;
        drop(one);
        assert!(Block::take(first).is_some(), "a demo's end gives its block back");
    }

    #[test]
    fn blocks_that_clients_are_not_given_come_first() {
        let usual = candidates(EPHEMERAL);
        assert_eq!(usual[0], LOWEST);
        assert!(usual.iter().position(|first| *first > 60999) < usual.iter().position(|first| (32768..=60999).contains(first)));
        assert_eq!(candidates((1024, 65535))[0], LOWEST);
        assert_eq!(pair("32768\t60999\n"), Some(EPHEMERAL));
        assert_eq!(pair("x 1"), None);
    }
}
