//! A range of ports that nobody uses, for one demo.
//!
//! It must never listen: its probing binds and lets go. Two demos are kept apart by a name that the kernel holds for the first.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixListener};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};

use crate::domain::PortRange;
use crate::error::{Error, Result};

/// Where the search begins: what the guide's ports look like.
const FIRST: u16 = 8100;

/// The ports of one demo. Others leave them alone as long as this is kept.
#[derive(Debug)]
pub struct Claimed {
    /// The ports.
    pub range: PortRange,
    _name: UnixListener,
}

/// Finds `count` free ports in a row, below the ports that the kernel gives to whoever asks for any.
///
/// # Errors
/// When there are none.
pub fn claim(count: u16) -> Result<Claimed> {
    candidates(ephemeral(), count)
        .find_map(|range| {
            // The name comes first: of two demos that look at the same moment, one goes on to the next range.
            let name = hold_name(range)?;
            (range.first..=range.last).all(is_free).then_some(Claimed { range, _name: name })
        })
        .ok_or_else(|| {
            Error::failed(format!("there are no {count} free ports in a row for the demo"))
                .hint("ss -tln    shows what listens; end what need not run, then try again")
        })
}

/// The kernel's ephemeral ports, ip_local_port_range in ip(7).
fn ephemeral() -> PortRange {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    parse_ephemeral(&text).unwrap_or(PortRange { first: 32768, last: 60999 })
}

fn parse_ephemeral(text: &str) -> Option<PortRange> {
    let mut words = text.split_ascii_whitespace();
    PortRange::parse(&format!("{}-{}", words.next()?, words.next()?))
}

/// Ranges to try: upwards from the first up to the ephemeral ports, then above those, then, on an odd machine, among them.
fn candidates(ephemeral: PortRange, count: u16) -> impl Iterator<Item = PortRange> {
    let step = usize::from(count.max(1));
    let all = (FIRST..=u16::MAX - count).step_by(step).map(move |first| PortRange { first, last: first + count - 1 });
    let outside = move |range: &PortRange| range.last < ephemeral.first || range.first > ephemeral.last;
    all.clone().filter(outside).chain(all.filter(move |range| !outside(range)))
}

/// Takes a name in the abstract namespace, unix(7): it is gone when this process is, and belongs to the same network namespace as the ports.
fn hold_name(range: PortRange) -> Option<UnixListener> {
    let address = UnixAddress::from_abstract_name(format!("berth-demo-ports-{}", range.first)).ok()?;
    UnixListener::bind_addr(&address).ok()
}

/// Whether a server could bind this port, on every address of both families.
fn is_free(port: u16) -> bool {
    let four = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let six = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    can_bind(AddressFamily::INET, four) && can_bind(AddressFamily::INET6, six)
}

fn can_bind(family: AddressFamily, address: SocketAddr) -> bool {
    // A machine without this family has nobody on it.
    let Ok(socket) = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None) else { return true };
    matches!(try_bind(&socket, address), Ok(()) | Err(rustix::io::Errno::ADDRNOTAVAIL))
}

/// As a server binds: with SO_REUSEADDR, so that what lingers in TIME_WAIT is no obstacle, socket(7).
fn try_bind(socket: &OwnedFd, address: SocketAddr) -> rustix::io::Result<()> {
    sockopt::set_socket_reuseaddr(socket, true)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(socket, true)?;
    }
    bind(socket, &address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn the_search_stays_below_the_ephemeral_ports_while_it_can() {
        let usual = PortRange { first: 32768, last: 60999 };
        let ranges: Vec<_> = candidates(usual, 40).collect();
        assert_eq!(ranges[0], PortRange { first: 8100, last: 8139 });
        assert_eq!(ranges[1], PortRange { first: 8140, last: 8179 });
        assert!(ranges.iter().take(600).all(|range| range.last < usual.first));
        let everything = PortRange { first: 1024, last: 65535 };
        assert_eq!(candidates(everything, 40).next(), Some(PortRange { first: 8100, last: 8139 }));
        let low = PortRange { first: 8120, last: 60999 };
        assert!(candidates(low, 40).next().is_some_and(|range| range.first > 60999));
    }

    #[test]
    fn the_kernels_range_is_read() {
        assert_eq!(parse_ephemeral("32768\t60999\n"), Some(PortRange { first: 32768, last: 60999 }));
        assert_eq!(parse_ephemeral(""), None);
    }

    #[test]
    fn a_port_that_is_listened_on_is_not_free() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let port = listener.local_addr().unwrap().port();
            assert!(!is_free(port), "{address}");
            drop(listener);
            assert!(is_free(port), "{address}");
        }
    }

    #[test]
    fn two_demos_get_different_ports() {
        let one = claim(4).unwrap();
        let two = claim(4).unwrap();
        assert_ne!(one.range, two.range);
        assert!(one.range.last < two.range.first || two.range.last < one.range.first);
        assert_eq!(one.range.count(), 4);
    }
}
