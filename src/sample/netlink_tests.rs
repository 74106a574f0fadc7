//! Dumps against the sockets of this process. It must never count on a number: another socket may have it on another address.

use super::*;
use std::net::{Ipv6Addr, TcpListener};

use crate::patience::{until, until_so};

/// Those on a port that are meant. Asked again while there are none: one that ends meanwhile, of another test, can hide its neighbour in a
/// dump.
fn seen(netlink: &mut Netlink, port: u16, is_meant: impl Fn(&RawListener) -> bool) -> Vec<RawListener> {
    let mut look = || dumped(netlink, port).into_iter().filter(&is_meant).collect::<Vec<_>>();
    until(|| Some(look()).filter(|found| !found.is_empty())).unwrap_or_default()
}

/// What one dump tells of a port.
fn dumped(netlink: &mut Netlink, port: u16) -> Vec<RawListener> {
    let mut listeners = Vec::new();
    netlink.dump(&mut listeners).unwrap();
    at(&listeners, port)
}

fn at(listeners: &[RawListener], port: u16) -> Vec<RawListener> {
    listeners.iter().copied().filter(|listener| listener.endpoint.port == port).collect()
}

#[test]
fn both_families_are_told_with_uid_and_inode() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(address).unwrap();
        let local = listener.local_addr().unwrap();
        let mut netlink = Netlink::open().unwrap();
        let found = seen(&mut netlink, local.port(), |found| found.endpoint.address == local.ip())[0];
        let inode = rustix::fs::fstat(&listener).unwrap().st_ino;
        assert_eq!((u64::from(found.inode), found.uid), (inode, nix::unistd::geteuid().as_raw()));
        // Not only dropped: a child that another test is just starting has a copy of the descriptor until its exec.
        rustix::net::shutdown(&listener, rustix::net::Shutdown::Both).unwrap();
        assert!(dumped(&mut netlink, local.port()).iter().all(|other| other.cookie != found.cookie));
    }
}

#[test]
fn what_is_known_is_left_out_and_its_neighbours_are_not() {
    let known = [TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("[::1]:0").unwrap()];
    let ports = known.each_ref().map(|listener| listener.local_addr().unwrap().port());
    let mut netlink = Netlink::open().unwrap();
    let mut all = Vec::new();
    netlink.dump(&mut all).unwrap();
    // Another test's socket may have the same number on another address: a socket is known by its inode.
    let is_told = |found: &[RawListener], listener: &TcpListener| {
        let inode = rustix::fs::fstat(listener).unwrap().st_ino;
        found.iter().filter(|raw| u64::from(raw.inode) == inode).count()
    };
    // Of many the host may have, only some fit into a filter.
    all.retain(|raw| known.iter().any(|listener| is_told(&[*raw], listener) == 1));
    assert_eq!(all.len(), 2);
    let mut found = Vec::new();
    netlink.newcomers(&all, &mut found).unwrap();
    assert!(known.iter().all(|listener| is_told(&found, listener) == 0));
    let news = [
        TcpListener::bind(("127.0.0.2", ports[0])).unwrap(),
        TcpListener::bind("127.0.0.1:0").unwrap(),
        TcpListener::bind("[::1]:0").unwrap(),
    ];
    // Sockets that others close meanwhile may move some out of a dump's sight: it is taken again.
    let all_told = until_so(|| {
        netlink.newcomers(&all, &mut found).unwrap();
        assert_eq!(is_told(&found, &known[1]), 0);
        news.iter().all(|listener| is_told(&found, listener) == 1)
    });
    assert!(all_told);
    // A whole dump is not touched by it.
    assert_eq!(seen(&mut netlink, ports[1], |raw| is_told(&[*raw], &known[1]) == 1).len(), 1);
}

#[test]
fn v6only_is_told() {
    use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket, sockopt::set_ipv6_v6only};
    for only in [false, true] {
        let socket = socket(AddressFamily::INET6, SocketType::STREAM, None).unwrap();
        set_ipv6_v6only(&socket, only).unwrap();
        bind(&socket, &std::net::SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0)).unwrap();
        listen(&socket, 1).unwrap();
        let port = std::net::SocketAddr::try_from(getsockname(&socket).unwrap()).unwrap().port();
        let inode = rustix::fs::fstat(&socket).unwrap().st_ino;
        let found = seen(&mut Netlink::open().unwrap(), port, |found| u64::from(found.inode) == inode)[0];
        assert_eq!(found.endpoint.v6only, only);
    }
}

#[test]
fn every_socket_on_a_port_is_told_with_its_state() {
    use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};
    let only_bound = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&only_bound, &std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = std::net::SocketAddr::try_from(getsockname(&only_bound).unwrap()).unwrap().port();
    let mut netlink = Netlink::open().unwrap();
    let inode = rustix::fs::fstat(&only_bound).unwrap().st_ino;
    let mut on_port = |port, inode| until(|| netlink.on_port(port).unwrap().into_iter().find(|found| u64::from(found.inode) == inode));
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map_while(|number| number.parse::<u32>().ok());
    if (numbers.next(), numbers.next()) < (Some(6), Some(8)) {
        eprintln!("skipped: a kernel before 6.8 does not tell sockets that are only bound");
    } else {
        let found = on_port(port, inode).unwrap();
        assert_eq!((found.state, found.remote), (libc_state::CLOSE, None));
    }

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let local = stream.local_addr().unwrap();
    let inode = rustix::fs::fstat(&stream).unwrap().st_ino;
    let found = on_port(local.port(), inode).unwrap();
    assert_eq!((found.state, found.remote), (libc_state::ESTABLISHED, Some(listener.local_addr().unwrap())));
    assert_eq!((found.endpoint.address, found.uid), (local.ip(), nix::unistd::geteuid().as_raw()));
}

/// tcp_states.h of the kernel.
mod libc_state {
    pub(super) const ESTABLISHED: u8 = 1;
    pub(super) const CLOSE: u8 = 7;
}

#[test]
fn many_dumps_on_one_socket_tell_the_same() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut netlink = Netlink::open().unwrap();
    let mut first = None;
    // Another test's socket may have the same number on another address.
    let is_own = |raw: &RawListener| raw.endpoint.address == std::net::Ipv4Addr::LOCALHOST;
    for _ in 0..20 {
        let found = seen(&mut netlink, port, is_own);
        assert_eq!(found.len(), 1);
        assert_eq!(*first.get_or_insert(found[0]), found[0]);
    }
    // A connection that waits to be accepted moves the queue, and nothing that is compared.
    let _waiting = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert_eq!(seen(&mut netlink, port, is_own), [first.unwrap()]);
}

/// A netlink message by hand.
fn message(kind: u16, flags: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(u32::try_from(16 + payload.len()).unwrap().to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0u32.to_ne_bytes());
    bytes.extend(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

#[test]
fn refusals_interruptions_and_strangers_are_told_apart() {
    let mut listeners: Vec<RawListener> = Vec::new();
    let mut read = |bytes: &[u8]| {
        let mut progress = Progress::default();
        read_datagram(bytes, 7, &mut progress, &mut |payload: &[u8]| listeners.extend(diag::read_listener(payload)))
            .map(|()| (progress.done, progress.interrupted))
    };
    assert!(matches!(read(&message(NLMSG_ERROR, 0, 7, &(-libc::EPERM).to_ne_bytes())), Err(DumpError::Refused(_))));
    assert!(matches!(read(&message(NLMSG_ERROR, 0, 7, &(-libc::ENOBUFS).to_ne_bytes())), Err(DumpError::Disturbed(_))));
    assert!(matches!(read(&message(NLMSG_DONE, 0, 7, &(-libc::ENOMEM).to_ne_bytes())), Err(DumpError::Disturbed(_))));
    assert!(matches!(read(&message(NLMSG_DONE, 0, 7, &0i32.to_ne_bytes())), Ok((true, false))));
    assert!(matches!(read(&message(NLMSG_DONE, NLM_F_DUMP_INTR, 7, &[])), Ok((true, true))));
    // What an earlier dump left behind is passed over.
    assert!(matches!(read(&message(NLMSG_DONE, 0, 6, &0i32.to_ne_bytes())), Ok((false, false))));
    assert!(matches!(read(&[1, 2, 3]), Err(DumpError::Disturbed(_))));
    assert!(matches!(read(&message(20, 0, 7, &[0; 10])), Ok((false, false))));
    assert!(listeners.is_empty());
}
