//! Addresses with a port, and when two of them are in each other's way.
//!
//! The kernel's rules, not number equality; network namespaces are the caller's business. It must never resolve a name.

use std::fmt;

use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address and port that something listens on, or is configured to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Endpoint {
    /// The address; the unspecified one is the wildcard.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// IPV6_V6ONLY, ipv6(7): a wildcard with it leaves IPv4 alone. Always false for IPv4.
    pub v6only: bool,
}

impl Endpoint {
    /// An endpoint without V6ONLY.
    pub fn new(address: IpAddr, port: u16) -> Self {
        Self { address, port, v6only: false }
    }

    /// Whether a listener on one keeps a plain bind to the other from succeeding.
    ///
    /// Wildcards cover every address of their family; a dual-stack `::` covers IPv4 too (inet_csk_bind_conflict and
    /// ipv6_rcv_saddr_equal in the kernel); an IPv4-mapped address is the IPv4 one.
    pub fn overlaps(&self, other: &Endpoint) -> bool {
        if self.port != other.port {
            return false;
        }
        let (one, two) = (unmapped(self.address), unmapped(other.address));
        match (one, two) {
            (IpAddr::V4(a), IpAddr::V4(b)) => a == b || a.is_unspecified() || b.is_unspecified(),
            (IpAddr::V6(a), IpAddr::V6(b)) => a == b || a.is_unspecified() || b.is_unspecified(),
            (IpAddr::V6(six), IpAddr::V4(_)) => six.is_unspecified() && !self.v6only,
            (IpAddr::V4(_), IpAddr::V6(six)) => six.is_unspecified() && !other.v6only,
        }
    }

    /// Whether other hosts can reach it: a wildcard or anything but loopback.
    pub fn is_public(&self) -> bool {
        !unmapped(self.address).is_loopback()
    }
}

/// `::ffff:a.b.c.d` as `a.b.c.d`: to the kernel they are one address.
fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddr::V4(address) if address == Ipv4Addr::UNSPECIFIED => write!(formatter, "0.0.0.0:{}", self.port),
            IpAddr::V4(address) => write!(formatter, "{address}:{}", self.port),
            IpAddr::V6(address) if address == Ipv6Addr::UNSPECIFIED && !self.v6only => write!(formatter, "*:{}", self.port),
            IpAddr::V6(address) => write!(formatter, "[{address}]:{}", self.port),
        }
    }
}

/// An inclusive range of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Ends")]
pub struct PortRange {
    /// The first port that belongs to it.
    pub first: u16,
    /// The last port that belongs to it; never below `first`.
    pub last: u16,
}

/// A range as it is told, by whoever tells it.
#[derive(Deserialize)]
struct Ends {
    first: u16,
    last: u16,
}

impl TryFrom<Ends> for PortRange {
    type Error = &'static str;

    fn try_from(Ends { first, last }: Ends) -> Result<Self, &'static str> {
        if first <= last { Ok(Self { first, last }) } else { Err("a range of ports ends before it begins") }
    }
}

impl PortRange {
    /// Whether the port lies in the range.
    pub fn contains(&self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// How many ports it has.
    pub fn count(&self) -> usize {
        usize::from(self.last) - usize::from(self.first) + 1
    }

    /// Reads `A-B` or a single port.
    pub fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let range = Self { first: first.trim().parse().ok()?, last: last.trim().parse().ok()? };
        (range.first <= range.last && range.first > 0).then_some(range)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> Endpoint {
        let (address, v6only) = address.strip_suffix(" v6only").map_or((address, false), |rest| (rest, true));
        Endpoint { address: address.parse().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), port: 8080, v6only }
    }

    #[test]
    fn overlap_follows_the_kernel() {
        let cases = [
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("0.0.0.0", "127.0.0.2", true),
            ("0.0.0.0", "0.0.0.0", true),
            ("::", "0.0.0.0", true),
            ("::", "127.0.0.1", true),
            ("::", "::1", true),
            (":: v6only", "0.0.0.0", false),
            (":: v6only", "127.0.0.1", false),
            (":: v6only", "::1", true),
            ("::1", "127.0.0.1", false),
            ("::1", "0.0.0.0", false),
            ("::ffff:127.0.0.1", "127.0.0.1", true),
            ("::ffff:127.0.0.1", "127.0.0.2", false),
        ];
        for (one, two, expected) in cases {
            assert_eq!(at(one).overlaps(&at(two)), expected, "{one} {two}");
            assert_eq!(at(two).overlaps(&at(one)), expected, "{two} {one}");
        }
    }

    #[test]
    fn other_ports_never_overlap() {
        let other = Endpoint { port: 8081, ..at("0.0.0.0") };
        assert!(!other.overlaps(&at("0.0.0.0")));
    }

    #[test]
    fn ranges_are_read_and_refused() {
        assert_eq!(PortRange::parse("8080-9080"), Some(PortRange { first: 8080, last: 9080 }));
        assert_eq!(PortRange::parse("8443").map(|range| range.count()), Some(1));
        for wrong in ["9080-8080", "0-10", "a-b", "", "80-", "1-70000"] {
            assert_eq!(PortRange::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_none() {
        assert!(serde_json::from_str::<PortRange>(r#"{"first":9,"last":8}"#).is_err());
        assert_eq!(serde_json::from_str::<PortRange>(r#"{"first":8,"last":9}"#).unwrap().count(), 2);
    }
}
