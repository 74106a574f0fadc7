//! Who has a port that nobody listens on: sockets that are only bound, outgoing connections with that local port, and what the
//! kernel holds on to for a minute after a connection's end.
//!
//! It binds to find out, and never listens: nobody can connect to it. It must never be asked every tick: the kernel walks all
//! connections for it.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use rustix::net::sockopt::{set_ipv6_v6only, set_socket_reuseaddr};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};

use super::diag::RawSocket;
use super::netlink::{DumpError, Netlink};
use super::proc::Proc;
use super::table::Table;
use super::{clock, holders, process};
use crate::domain::{Endpoint, Process, Uid};

/// The states that are told apart; tcp_states.h of the kernel.
const TIME_WAIT: u8 = 6;
const CLOSE: u8 = 7;
const LISTEN: u8 = 10;
const BOUND_INACTIVE: u8 = 13;

/// How a socket has the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupation {
    /// It listens.
    Listening,
    /// It is bound, and neither listens nor is connected.
    Bound,
    /// It is connected, or is connecting, to this address.
    Connected(SocketAddr),
    /// It was connected to this address; no process has it open any more, and the kernel lets go of it by itself.
    Closing(Option<SocketAddr>),
}

/// A socket with the port.
#[derive(Clone, Debug)]
pub struct Occupant {
    /// How.
    pub how: Occupation,
    /// Its own end.
    pub endpoint: Endpoint,
    /// Whose it is. Without meaning for what is closing.
    pub uid: Uid,
    /// The process that has it open, as far as that may be seen.
    pub process: Option<Process>,
}

/// Whether a server could bind there now, one that sets SO_REUSEADDR as nearly all do. It is set for the probe's own sake, too: in the
/// moment in which it is bound it is then in nobody's way.
///
/// # Errors
/// Why it could not: EADDRINUSE when somebody has the port.
pub fn try_bind(endpoint: &Endpoint) -> io::Result<()> {
    let family = if endpoint.address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    set_socket_reuseaddr(&socket, true)?;
    if family == AddressFamily::INET6 {
        set_ipv6_v6only(&socket, endpoint.v6only)?;
    }
    Ok(bind(&socket, &SocketAddr::new(endpoint.address, endpoint.port))?)
}

/// The sockets that have this port at an overlapping address, those with a process first.
///
/// # Errors
/// When the kernel does not tell.
pub fn occupants(endpoint: &Endpoint) -> io::Result<Vec<Occupant>> {
    let sockets = Netlink::open().and_then(|mut netlink| netlink.on_port(endpoint.port)).map_err(|error| match error {
        DumpError::Refused(error) | DumpError::Disturbed(error) => error,
    })?;
    let sockets: Vec<RawSocket> = sockets.into_iter().filter(|raw| raw.endpoint.overlaps(endpoint)).collect();
    let mut found = name(&sockets)?;
    found.sort_by_key(|occupant| (occupant.process.is_none(), matches!(occupant.how, Occupation::Closing(_))));
    Ok(found)
}

fn name(sockets: &[RawSocket]) -> io::Result<Vec<Occupant>> {
    let open: Vec<(u32, Uid)> = sockets.iter().filter(|raw| raw.inode != 0).map(|raw| (raw.inode, Uid(raw.uid))).collect();
    let mut proc = Proc::open_at(Path::new("/proc"))?;
    let mut table = Table::new(&proc);
    if !open.is_empty() {
        table.refresh(&mut proc)?;
    }
    let outcome = holders::search(&proc, &table, |_| false, |_| false, &open);
    let clock = clock::Clock::new();
    let process = |raw: &RawSocket| {
        let holders = outcome.found.get(&raw.inode)?.iter();
        // Of those that inherited it the one that it came from.
        let found =
            holders.filter_map(|found| process::Kept::open(&proc, &clock, found.pid, false).ok().map(|kept| kept.process().clone()));
        found.min_by_key(|process| (process.key.start_time, process.key.pid))
    };
    let occupant = |raw: &RawSocket| Occupant {
        how: how(raw),
        endpoint: raw.endpoint,
        uid: Uid(raw.uid),
        process: process(raw).map(|process| (*process).clone()),
    };
    Ok(sockets.iter().map(occupant).collect())
}

fn how(raw: &RawSocket) -> Occupation {
    match (raw.state, raw.remote) {
        (LISTEN, _) => Occupation::Listening,
        (TIME_WAIT, remote) => Occupation::Closing(remote),
        (_, remote) if raw.inode == 0 => Occupation::Closing(remote),
        (CLOSE | BOUND_INACTIVE, _) | (_, None) => Occupation::Bound,
        (_, Some(remote)) => Occupation::Connected(remote),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, TcpListener, TcpStream};

    use crate::patience::{until, until_so};

    fn at(address: SocketAddr) -> Endpoint {
        Endpoint::new(address.ip(), address.port())
    }

    /// This process among those at a place. A busy machine may not have had the time to find whose a socket is: it is asked again.
    fn own(place: &Endpoint, is_it: impl Fn(Occupation) -> bool) -> Occupant {
        let own = i32::try_from(std::process::id()).unwrap();
        let is_own = |one: &Occupant| is_it(one.how) && one.process.as_ref().is_some_and(|process| process.key.pid == own);
        until(|| occupants(place).unwrap().into_iter().find(is_own)).unwrap_or_else(|| panic!("{:?}", occupants(place)))
    }

    #[test]
    fn an_outgoing_connection_has_its_local_port() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let place = at(stream.local_addr().unwrap());
        // Even with SO_REUSEADDR: the connection did not set it.
        assert_eq!(try_bind(&place).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let remote = listener.local_addr().unwrap();
        own(&place, |how| how == Occupation::Connected(remote));
        // At another address the port is free, and nobody has it there.
        let elsewhere = Endpoint::new(IpAddr::from([127, 0, 0, 77]), place.port);
        assert!(try_bind(&elsewhere).is_ok());
        assert!(occupants(&elsewhere).unwrap().is_empty());
    }

    #[test]
    fn who_listens_is_told_as_that() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let place = at(listener.local_addr().unwrap());
            assert_eq!(try_bind(&place).unwrap_err().kind(), io::ErrorKind::AddrInUse);
            own(&place, |how| how == Occupation::Listening);
        }
    }

    #[test]
    fn what_is_only_bound_is_told_where_the_kernel_does() {
        let held = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        bind(&held, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let place = at(rustix::net::getsockname(&held).unwrap().try_into().unwrap());
        assert_eq!(try_bind(&place).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let found = occupants(&place).unwrap();
        if found.is_empty() {
            eprintln!("skipped: a kernel before 6.8 does not tell sockets that are only bound");
        } else {
            own(&place, |how| how == Occupation::Bound);
        }
        drop(held);
        // A child that another test is just starting has a copy of the descriptor until its exec.
        assert!(until_so(|| try_bind(&place).is_ok() && occupants(&place).unwrap().is_empty()));
    }

    #[test]
    fn after_a_connections_end_the_port_is_the_kernels_for_a_minute() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = at(listener.local_addr().unwrap());
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, from) = listener.accept().unwrap();
        // Who closes first waits: TIME_WAIT is on the server's side then.
        drop(server);
        drop(client);
        drop(listener);
        // The standard library sets SO_REUSEADDR: who does that can start again at once.
        assert!(try_bind(&place).is_ok());
        let found = occupants(&place).unwrap();
        assert!(found.iter().any(|one| one.how == Occupation::Closing(Some(from)) && one.process.is_none()), "{found:?}");
    }
}
