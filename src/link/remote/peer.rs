//! The daemon's socket, from the console's side: who is at the other end is asked of the kernel before a word is said.
//!
//! It must never speak to a listener that is neither root's nor the caller's own.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect as connect_to, socket_with};

use crate::domain::Shown;
use crate::error::{Context, Error, Kind, Result};

/// Connects to the daemon; the stream does not block.
///
/// # Errors
/// Of kind `NoSuchInstance` when nobody listens there, `Timeout` when whoever does takes nobody in, `NotPermitted` when it is a stranger.
pub fn connect(path: &Path) -> Result<UnixStream> {
    let told = Shown::new(&path.to_string_lossy());
    let doing = || format!("cannot connect to {told}");
    let address = SocketAddrUnix::new(path).map_err(std::io::Error::from).while_doing(doing)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).map_err(std::io::Error::from).while_doing(doing)?;
    match connect_to(&socket, &address) {
        Ok(()) => {}
        Err(Errno::NOENT | Errno::CONNREFUSED | Errno::NOTDIR) => {
            return Err(Error::new(Kind::NoSuchInstance, format!("no daemon answers at {told}")).hint("berth serve"));
        }
        // Without blocking, a queue that is full says this, unix(7).
        Err(Errno::AGAIN) => return Err(Error::new(Kind::Timeout, format!("the daemon at {told} lets nobody in"))),
        Err(error) => return Err(Error::failed(doing()).because(std::io::Error::from(error))),
    }
    check(&socket, &told)?;
    Ok(UnixStream::from(socket))
}

/// Whoever listens is root or the caller: anybody else could show what is not so.
fn check(socket: &OwnedFd, told: &Shown) -> Result<()> {
    let peer = getsockopt(&socket.as_fd(), PeerCredentials).map_err(std::io::Error::from);
    let uid = peer.while_doing(|| format!("cannot tell who answers at {told}"))?.uid();
    if uid == 0 || uid == nix::unistd::geteuid().as_raw() {
        return Ok(());
    }
    Err(Error::new(Kind::NotPermitted, format!("whoever answers at {told} has uid {uid}, which is neither root's nor yours")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn nobody_and_somebody_are_told_apart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("berth.sock");
        assert_eq!(connect(&path).unwrap_err().kind(), Kind::NoSuchInstance);
        let listener = UnixListener::bind(&path).unwrap();
        assert!(connect(&path).is_ok());
        drop(listener);
        assert_eq!(connect(&path).unwrap_err().kind(), Kind::NoSuchInstance, "a socket that was left behind");
    }
}
