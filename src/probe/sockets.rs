//! Sockets to ask with: nobody's, and marked as berth's own, so that a firewall of berth's knows them from everybody else's of that account.
//!
//! It must never give its right to mark to whoever asks with them, and never connect anything itself.
//!
//! Only who has CAP_NET_ADMIN in a network may mark a socket there, socket(7): the thread that asks has given that up, and one that hears
//! nothing from outside keeps it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socket, sockopt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;

use super::privileges;
use crate::domain::PROBE_MARK;

/// How many may wait: as many as are asked at once.
const WAITING: usize = super::runner::MOST;

/// How many are kept ready for one family where many are asked for: waking the thread costs as much as half a question.
const READY: usize = 24;

/// From so many on that were asked for, there are many.
const MANY: usize = 8;

/// What is wanted: a socket for addresses of this family.
struct Wanted {
    family: AddressFamily,
    made: oneshot::Sender<OwnedFd>,
}

/// Those that are ready.
#[derive(Default)]
struct Ready {
    v4: Vec<OwnedFd>,
    v6: Vec<OwnedFd>,
}

impl Ready {
    fn of(&mut self, family: AddressFamily) -> &mut Vec<OwnedFd> {
        if family == AddressFamily::Inet6 { &mut self.v6 } else { &mut self.v4 }
    }
}

/// The thread that makes them, and what it made before it was asked for.
struct Maker {
    wanted: SyncSender<Wanted>,
    ready: Arc<Mutex<Ready>>,
}

/// The thread, once one was started that may; `None` where this process may not mark any.
static MAKER: OnceLock<Option<Maker>> = OnceLock::new();

/// Starts the thread where this one has the right that it needs, once in a process.
pub fn prepare() {
    MAKER.get_or_init(|| {
        if !nix::unistd::geteuid().is_root() {
            return None;
        }
        let (sender, wanted) = sync_channel(WAITING);
        let ready = Arc::default();
        let maker = Maker { wanted: sender, ready: Arc::clone(&ready) };
        let thread = std::thread::Builder::new().name("berth-sockets".to_owned()).stack_size(128 * 1024);
        thread.spawn(move || serve(&wanted, &ready)).ok().map(|_| maker)
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
    let family = if to.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let ready = maker.ready.lock().unwrap_or_else(PoisonError::into_inner).of(family).pop();
    if ready.is_some() {
        return ready;
    }
    let (made, socket) = oneshot::channel();
    match maker.wanted.try_send(Wanted { family, made }) {
        Ok(()) => socket.await.ok(),
        Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => None,
    }
}

fn serve(wanted: &Receiver<Wanted>, ready: &Mutex<Ready>) {
    crate::failpoint::pass("berth-sockets");
    if privileges::drop_all_but_marking().is_err() {
        return;
    }
    let mut asked: usize = 0;
    while let Ok(Wanted { family, made }) = wanted.recv() {
        // Who waited has gone, or gets none and takes a plain one.
        if let Ok(socket) = make(family) {
            let _ = made.send(socket);
        }
        asked = asked.saturating_add(1);
        if asked < MANY {
            continue;
        }
        // Several may have found none at once: the first of them has it filled up, and there is nothing lacking for the others.
        let lacking = READY.saturating_sub(ready.lock().unwrap_or_else(PoisonError::into_inner).of(family).len());
        let more: Vec<OwnedFd> = (0..lacking).map_while(|_| make(family).ok()).collect();
        ready.lock().unwrap_or_else(PoisonError::into_inner).of(family).extend(more);
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
            let (mark, owner) = if nix::unistd::geteuid().is_root() { (PROBE_MARK, 65_534) } else { (0, nix::unistd::geteuid().as_raw()) };
            // The first are made one by one, the others lie ready.
            for _ in 0..MANY + READY + 2 {
                let stream = connect(listener.local_addr().unwrap()).await.unwrap();
                assert_eq!(getsockopt(&stream, sockopt::Mark).unwrap(), mark);
                assert_eq!(std::fs::metadata(format!("/proc/self/fd/{}", stream.as_raw_fd())).unwrap().uid(), owner);
            }
        }
    }
}
