//! The table of what two sockets on one port are to each other, held against the kernel that runs here.
//!
//! It must never assume a port: each case asks for a free one, and one that somebody takes meanwhile is asked for again.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use berth::domain::{Bound, Endpoint, Meeting, Uid};
use nix::unistd::{Uid as RawUid, geteuid, setfsuid};
use rustix::io::Errno;
use rustix::net::sockopt::{set_ipv6_v6only, set_socket_reuseaddr, set_socket_reuseport};
use rustix::net::{AddressFamily, SocketType, bind, listen, socket};

/// The address of an account that is not root; it needs no name.
const OTHER: Uid = Uid(61_001);

const PLACES: [&str; 8] = ["127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::", ":: v6only", "::ffff:127.0.0.1", "::ffff:127.0.0.2"];

fn endpoint(text: &str, port: u16) -> Endpoint {
    let (address, v6only) = text.strip_suffix(" v6only").map_or((text, false), |address| (address, true));
    Endpoint { address: address.parse().unwrap(), port, v6only }
}

/// A socket that listens as it is told. Whose it is is the thread's file system uid at this moment (sock_alloc in net/socket.c).
fn listening(bound: &Bound) -> io::Result<OwnedFd> {
    let own = geteuid();
    setfsuid(RawUid::from_raw(bound.uid.0));
    let family = if bound.endpoint.address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let made = socket(family, SocketType::STREAM, None);
    setfsuid(own);
    let made = made?;
    // As nearly every server does.
    set_socket_reuseaddr(&made, true)?;
    set_socket_reuseport(&made, bound.reuse_port)?;
    if family == AddressFamily::INET6 {
        set_ipv6_v6only(&made, bound.endpoint.v6only)?;
    }
    bind(&made, &SocketAddr::new(bound.endpoint.address, bound.endpoint.port))?;
    listen(&made, 8)?;
    Ok(made)
}

/// The two listeners on a free port: whether the second could.
fn both(one: &str, other: &str, reuse: (bool, bool), uids: (Uid, Uid)) -> (bool, Meeting) {
    for _ in 0..50 {
        let port = TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
        let first = Bound { endpoint: endpoint(one, port), uid: uids.0, reuse_port: reuse.0 };
        let second = Bound { endpoint: endpoint(other, port), uid: uids.1, reuse_port: reuse.1 };
        let held = match listening(&first) {
            Ok(held) => held,
            Err(error) if error.raw_os_error() == Some(Errno::ADDRINUSE.raw_os_error()) => continue,
            Err(error) => panic!("{one}: {error}"),
        };
        let could = match listening(&second) {
            Ok(_) => true,
            Err(error) if error.raw_os_error() == Some(Errno::ADDRINUSE.raw_os_error()) => false,
            Err(error) => panic!("{other} beside {one}: {error}"),
        };
        drop(held);
        return (could, first.meets(&second));
    }
    panic!("no free port")
}

fn has_v6() -> bool {
    let has = TcpListener::bind("[::1]:0").is_ok();
    if !has {
        eprintln!("skipped: the cases with IPv6, which this host has not");
    }
    has
}

#[test]
fn the_kernel_agrees_with_the_table() {
    let v6 = has_v6();
    let own = Uid(geteuid().as_raw());
    let mut uids = vec![(own, own)];
    if geteuid().is_root() {
        uids.push((own, OTHER));
        uids.push((OTHER, OTHER));
    } else {
        eprintln!("skipped: the cases with two uids, which only root can make");
    }
    let mut wrong = Vec::new();
    for one in PLACES {
        for other in PLACES {
            if !v6 && (one.contains(':') || other.contains(':')) {
                continue;
            }
            for reuse in [(false, false), (true, false), (false, true), (true, true)] {
                for pair in &uids {
                    let (could, meeting) = both(one, other, reuse, *pair);
                    if could != (meeting != Meeting::Exclusive) {
                        wrong.push(format!("{other} beside {one}, SO_REUSEPORT {reuse:?}, uids {pair:?}: {could}, but {meeting:?}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn of_two_that_share_the_specific_one_gets_what_comes_there() {
    let own = Uid(geteuid().as_raw());
    let place = |address: &str, port| Bound { endpoint: endpoint(address, port), uid: own, reuse_port: true };
    let wildcard = TcpListener::from(listening(&place("0.0.0.0", 0)).unwrap());
    let port = wildcard.local_addr().unwrap().port();
    let specific = TcpListener::from(listening(&place("127.0.0.1", port)).unwrap());
    specific.set_nonblocking(true).unwrap();
    wildcard.set_nonblocking(true).unwrap();
    for _ in 0..8 {
        let stream = TcpStream::connect((IpAddr::from([127, 0, 0, 1]), port)).unwrap();
        let (_, from) = specific.accept().unwrap();
        assert_eq!(from, stream.local_addr().unwrap());
    }
    assert_eq!(wildcard.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
}
