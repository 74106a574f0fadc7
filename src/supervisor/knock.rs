//! A user's own socket, opened as that user, with whoever listens there verified before a word is said.
//!
//! It must never connect as anybody else, follow a link in the user's part of the path, or wait for a backlog to empty.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockopt, socket, sockopt::PeerCredentials};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, StatxFlags, openat2, statx};

use crate::domain::Uid;
use crate::hand::{Identity, Reader};

/// Connects to the socket `beneath` an administrator's directory, without blocking from then on, and gives the pid of whoever listens.
///
/// # Errors
/// The kernel's; `PermissionDenied` where another account listens there.
pub(super) fn knock(reader: &Reader, who: &Identity, root: &Path, beneath: &Path) -> io::Result<(UnixStream, i32)> {
    let (socket, uid) = (beneath.to_owned(), who.uid());
    reader.look(who, root, beneath, move |root| {
        let stream = UnixStream::from(connected(root, &socket)?);
        let peer = getsockopt(&stream, PeerCredentials)?;
        if peer.uid() != uid.0 {
            let told = format!("uid {} listens on it, whose it is not", peer.uid());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, told));
        }
        Ok((stream, peer.pid()))
    })
}

/// A connection to a socket that lies below this directory, made by whoever the thread is.
fn connected(root: BorrowedFd<'_>, beneath: &Path) -> io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let found = openat2(root, beneath, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty(), resolve)?;
    let facts = statx(&found, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
    if FileType::from_raw_mode(facts.stx_mode.into()) != FileType::Socket {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no socket"));
    }
    let own = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)?;
    // The very socket that was looked at; a path could be another's by now, and may be longer than an address can be (unix(7)).
    connect(own.as_raw_fd(), &UnixAddr::new(format!("/proc/self/fd/{}", found.as_raw_fd()).as_str())?)?;
    Ok(own)
}

/// The account that a process belongs to.
pub fn owner(pid: i32) -> Option<Uid> {
    let facts = std::fs::metadata(format!("/proc/{pid}")).ok()?;
    Some(Uid(std::os::unix::fs::MetadataExt::uid(&facts)))
}
