//! Asks the kernel for sockets over one netlink socket that stays open (sock_diag(7)): those in state LISTEN of both families, ten
//! times a second; rarely the control groups they were made in, and every socket on one port.
//!
//! Only the table of listeners is walked for the first two, however many connections there are. It must never wait without a
//! deadline, and never hand out half a dump.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use netlink_packet_core::{NLM_F_DUMP_INTR, NetlinkBuffer};
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6};
use netlink_sys::{Socket, protocols::NETLINK_SOCK_DIAG};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;

use super::diag::{self, RawSocket};
use super::newcomers;
use crate::domain::Endpoint;

/// The kernel answers within a millisecond; a second is long enough for a host that swaps.
const DEADLINE: Duration = Duration::from_secs(1);

/// The kernel fills at most 32 KiB a message (netlink_dump in af_netlink.c), and only when it was shown that much room.
const BUFFER: usize = 64 * 1024;

/// How often a dump is repeated that was disturbed.
const ATTEMPTS: usize = 4;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

/// A listening socket as the kernel tells it, without what varies while nothing happens (the accept queue's length).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawListener {
    /// The kernel's own name for the socket: no other socket gets it until the next boot, while inodes come again.
    pub(super) cookie: u64,
    /// Where it listens.
    pub(super) endpoint: Endpoint,
    /// The socket's owner.
    pub(super) uid: u32,
    /// The inode, by which processes name it.
    pub(super) inode: u32,
}

/// Why there is no dump.
#[derive(Debug)]
pub(super) enum DumpError {
    /// The kernel will not tell: no permission, a seccomp filter, no such module.
    Refused(io::Error),
    /// It did not work this time.
    Disturbed(io::Error),
}

impl DumpError {
    fn of(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(
                libc::EPERM
                | libc::EACCES
                | libc::EAFNOSUPPORT
                | libc::EPROTONOSUPPORT
                | libc::ESOCKTNOSUPPORT
                | libc::EOPNOTSUPP
                | libc::ENOSYS
                | libc::ENOENT
                | libc::ENOPROTOOPT
                | libc::EINVAL,
            ) => Self::Refused(error),
            _ => Self::Disturbed(error),
        }
    }
}

/// The kept socket with its buffer and its two requests.
pub(super) struct Netlink {
    socket: Socket,
    buffer: Vec<u8>,
    requests: [Vec<u8>; 2],
    /// The same with the filter that leaves out what is known; `None` when that has changed.
    filtered: Option<[Vec<u8>; 2]>,
    sequence: u32,
}

impl Netlink {
    /// Opens the socket; nothing is asked yet.
    pub(super) fn open() -> Result<Self, DumpError> {
        let mut socket = Socket::new(NETLINK_SOCK_DIAG).map_err(DumpError::of)?;
        socket.bind_auto().map_err(DumpError::of)?;
        socket.connect(&netlink_sys::SocketAddr::new(0, 0)).map_err(DumpError::of)?;
        let deadline = TimeVal::new(i64::try_from(DEADLINE.as_secs()).unwrap_or(1), 0);
        setsockopt(&socket, sockopt::ReceiveTimeout, &deadline).map_err(|error| DumpError::of(error.into()))?;
        let requests = [diag::listening(AF_INET), diag::listening(AF_INET6)];
        Ok(Self { socket, buffer: vec![0; BUFFER], requests, filtered: None, sequence: 0 })
    }

    /// What is to be left out has changed.
    pub(super) fn forget_known(&mut self) {
        self.filtered = None;
    }

    /// Fills `listeners` with what listens, but not at the places of these, nor of those that were given when it was asked last, unless
    /// they were forgotten.
    pub(super) fn newcomers(&mut self, known: &[RawListener], listeners: &mut Vec<RawListener>) -> Result<(), DumpError> {
        let [v4, v6] = &self.requests;
        let fresh = || [newcomers::filtered(v4, known, false), newcomers::filtered(v6, known, true)];
        let mut filtered = self.filtered.take().unwrap_or_else(fresh);
        std::mem::swap(&mut self.requests, &mut filtered);
        let dumped = self.dump(listeners);
        std::mem::swap(&mut self.requests, &mut filtered);
        self.filtered = Some(filtered);
        dumped
    }

    /// Fills `listeners` with every listening socket. What was in it is gone, also when this fails.
    pub(super) fn dump(&mut self, listeners: &mut Vec<RawListener>) -> Result<(), DumpError> {
        self.listening(listeners, Vec::clear, |listeners, payload| listeners.extend(diag::read_listener(payload)))
    }

    /// The number of the control group that each listening socket was made in, by the socket's cookie; those in the root group and those
    /// of which the kernel does not tell it (before Linux 5.8) are not in it.
    pub(super) fn groups(&mut self) -> Result<HashMap<u64, u64>, DumpError> {
        let mut groups = HashMap::new();
        self.listening(&mut groups, HashMap::clear, |groups, payload| groups.extend(diag::read_group(payload)))?;
        Ok(groups)
    }

    /// Every socket on a local port, whatever its state. The kernel walks all connections for it: not for every tick.
    pub(super) fn on_port(&mut self, port: u16) -> Result<Vec<RawSocket>, DumpError> {
        let mut sockets = Vec::new();
        attempt(&mut sockets, Vec::clear, |sockets| {
            [AF_INET, AF_INET6].into_iter().try_for_each(|family| {
                let mut request = diag::on_port(family, port);
                self.ask(&mut request, |payload| sockets.extend(diag::read_socket(payload)))
            })
        })?;
        Ok(sockets)
    }

    /// The one socket between two places, if there is one; a listener at the first where there is none.
    pub(super) fn between(&mut self, local: SocketAddr, remote: SocketAddr) -> Result<Option<RawSocket>, DumpError> {
        let mut found = None;
        self.ask(&mut diag::between(local, remote), |payload| found = diag::read_socket(payload))?;
        Ok(found)
    }

    fn listening<T>(&mut self, into: &mut T, clear: fn(&mut T), tell: fn(&mut T, &[u8])) -> Result<(), DumpError> {
        attempt(into, clear, |into| {
            (0..self.requests.len()).try_for_each(|family| {
                let mut request = std::mem::take(&mut self.requests[family]);
                let asked = self.ask(&mut request, |payload| tell(into, payload));
                self.requests[family] = request;
                asked
            })
        })
    }

    fn ask(&mut self, request: &mut [u8], mut tell: impl FnMut(&[u8])) -> Result<(), DumpError> {
        // A number of its own for each dump: what an earlier one, given up, still had to say is told from this one.
        self.sequence = self.sequence.wrapping_add(1);
        NetlinkBuffer::new(&mut *request).set_sequence_number(self.sequence);
        self.socket.send(request, 0).map_err(DumpError::of)?;
        let mut progress = Progress::default();
        while !progress.done {
            let received = match self.socket.recv(&mut &mut self.buffer[..], 0) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(DumpError::of(error)),
            };
            let Some(datagram) = self.buffer.get(..received) else {
                return Err(DumpError::Disturbed(io::ErrorKind::InvalidData.into()));
            };
            read_datagram(datagram, self.sequence, &mut progress, &mut tell)?;
        }
        if progress.interrupted {
            return Err(DumpError::Disturbed(io::ErrorKind::Interrupted.into()));
        }
        Ok(())
    }
}

/// Repeats what was disturbed.
fn attempt<T>(into: &mut T, clear: fn(&mut T), mut once: impl FnMut(&mut T) -> Result<(), DumpError>) -> Result<(), DumpError> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        clear(into);
        match once(into) {
            Ok(()) => return Ok(()),
            Err(error @ DumpError::Refused(_)) => return Err(error),
            // An answer that did not come in time is not waited for again: the tick is long over.
            Err(DumpError::Disturbed(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(DumpError::Disturbed(io::ErrorKind::TimedOut.into()));
            }
            Err(DumpError::Disturbed(error)) => last = Some(error),
        }
    }
    Err(DumpError::Disturbed(last.unwrap_or_else(|| io::ErrorKind::Interrupted.into())))
}

/// How far a dump is.
#[derive(Default)]
pub(super) struct Progress {
    done: bool,
    interrupted: bool,
}

/// Reads the messages of one datagram.
pub(super) fn read_datagram(
    datagram: &[u8],
    sequence: u32,
    progress: &mut Progress,
    tell: &mut impl FnMut(&[u8]),
) -> Result<(), DumpError> {
    let malformed = || DumpError::Disturbed(io::ErrorKind::InvalidData.into());
    let mut rest = datagram;
    while !rest.is_empty() {
        let message = NetlinkBuffer::new_checked(rest).map_err(|_| malformed())?;
        let length = usize::try_from(message.length()).map_err(|_| malformed())?;
        if message.sequence_number() == sequence {
            progress.interrupted |= message.flags() & NLM_F_DUMP_INTR != 0;
            match message.message_type() {
                NLMSG_DONE => {
                    progress.done = true;
                    // A dump that failed half-way says so in its last message.
                    return error_of(message.payload()).map_or(Ok(()), Err);
                }
                NLMSG_ERROR => match message.payload().get(..4) {
                    // Not an error: the acknowledgement that was asked for, which is the last word.
                    Some([0, 0, 0, 0]) => progress.done = true,
                    _ => return Err(error_of(message.payload()).unwrap_or_else(malformed)),
                },
                _ => tell(message.payload()),
            }
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(())
}

/// The negative errno at the start of an error or of the end of a dump; `None` for zero.
fn error_of(payload: &[u8]) -> Option<DumpError> {
    let code = i32::from_ne_bytes(payload.get(..4)?.try_into().ok()?);
    (code < 0).then(|| DumpError::of(io::Error::from_raw_os_error(code.checked_neg().unwrap_or(libc::EPROTO))))
}

#[cfg(test)]
#[path = "netlink_tests.rs"]
mod tests;
