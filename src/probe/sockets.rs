//! Sockets to ask with: nobody's, and marked as berth's own, so that a firewall of berth's knows them from everybody else's of that account.
//!
//! It must never give its right to mark to whoever asks with them, and never connect anything itself.
//!
//! Only who has CAP_NET_ADMIN in a network may mark a socket there, socket(7): the thread that asks has given that up, and one that hears
//! nothing from outside keeps it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socket, sockopt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;

use super::privileges;
use crate::domain::PROBE_MARK;

/// How many may wait: as many as are asked at once.
const WAITING: usize = super::runner::MOST;

/// What is wanted: a socket for addresses of this family.
struct Wanted {
    family: AddressFamily,
    made: oneshot::Sender<OwnedFd>,
}

/// The thread that makes them, once one was started that may; `None` where this process may not mark any.
static MAKER: OnceLock<Option<SyncSender<Wanted>>> = OnceLock::new();

/// Starts the thread where this one has the right that it needs, once in a process.
pub fn prepare() {
    MAKER.get_or_init(|| {
        if !nix::unistd::geteuid().is_root() {
            return None;
        }
        let (sender, wanted) = sync_channel(WAITING);
        let thread = std::thread::Builder::new().name("berth-sockets".to_owned()).stack_size(128 * 1024);
        thread.spawn(move || serve(&wanted)).ok().map(|_| sender)
    });
}

/// Connects with a socket that is marked where that can be had, and with a plain one elsewhere: it is refused by a firewall alone.
///
/// # Errors
/// As connect(2).
pub async fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    match marked(to).await {
        Some(socket) => TcpSocket::from_std_stream(std::net::TcpStream::from(socket)).connect(to).await,
        None => TcpStream::connect(to).await,
    }
}

async fn marked(to: SocketAddr) -> Option<OwnedFd> {
    let maker = MAKER.get()?.as_ref()?;
    let (made, socket) = oneshot::channel();
    let family = if to.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    match maker.try_send(Wanted { family, made }) {
        Ok(()) => socket.await.ok(),
        Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => None,
    }
}

fn serve(wanted: &Receiver<Wanted>) {
    crate::failpoint::pass("berth-sockets");
    if privileges::drop_all_but_marking().is_err() {
        return;
    }
    while let Ok(Wanted { family, made }) = wanted.recv() {
        // Who waited has gone, or gets none and takes a plain one.
        if let Ok(socket) = make(family) {
            let _ = made.send(socket);
        }
    }
}

fn make(family: AddressFamily) -> nix::Result<OwnedFd> {
    let socket = socket(family, SockType::Stream, SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, sockopt::Mark, &PROBE_MARK)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::MetadataExt;

    use nix::sys::socket::getsockopt;

    use super::*;

    #[tokio::test]
    async fn they_are_nobodys_and_marked_where_root_asks() {
        prepare();
        for address in [Ipv4Addr::LOCALHOST.into(), std::net::IpAddr::from(Ipv6Addr::LOCALHOST)] {
            let Ok(listener) = TcpListener::bind((address, 0)) else { continue };
            let stream = connect(listener.local_addr().unwrap()).await.unwrap();
            let (mark, owner) = if nix::unistd::geteuid().is_root() { (PROBE_MARK, 65_534) } else { (0, nix::unistd::geteuid().as_raw()) };
            assert_eq!(getsockopt(&stream, sockopt::Mark).unwrap(), mark);
            assert_eq!(std::fs::metadata(format!("/proc/self/fd/{}", stream.as_raw_fd())).unwrap().uid(), owner);
        }
    }
}
