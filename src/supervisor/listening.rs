//! Who listens on which unix socket, and whose it is: asked of the kernel in one question.
//!
//! It must never touch a socket's file: who looks must not be able to wake, hang or be led astray by whoever made it.

use std::io;
use std::path::{Path, PathBuf};

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_SOCK_DIAG};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;

use crate::domain::Uid;

/// The kernel fills at most 32 KiB a message (netlink_dump in af_netlink.c), and only when it was shown that much room.
const BUFFER: usize = 64 * 1024;

/// linux/sock_diag.h and linux/unix_diag.h.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST_DUMP: u16 = 0x1 | 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const HEADER: usize = 16;
const MESSAGE: usize = 16;
const STATE_LISTEN: u32 = 1 << 10;
const SHOW_NAME_FILE_UID: u32 = 0x1 | 0x2 | 0x40;
const NAME: u16 = 0;
const FILE: u16 = 1;
const UID: u16 = 7;

/// A unix socket that somebody listens on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// What it was bound to.
    pub path: PathBuf,
    /// Whose it is.
    pub uid: Uid,
    /// The socket's own inode, by which processes name it.
    pub socket: u32,
    /// The inode of its file.
    pub file: u32,
}

/// The same path without the old name of `/run`.
pub(super) fn plain(path: &Path) -> PathBuf {
    path.strip_prefix("/var/run").map_or_else(|_| path.to_owned(), |rest| Path::new("/run").join(rest))
}

/// Every unix socket of this network namespace that somebody listens on and that has a file.
///
/// # Errors
/// When the kernel does not tell.
pub(super) fn listening() -> io::Result<Vec<Place>> {
    let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::new(1, 0))?;
    socket.send(&request(), 0)?;
    let (mut buffer, mut places) = (vec![0u8; BUFFER], Vec::new());
    loop {
        let length = socket.recv(&mut &mut buffer[..], 0)?;
        let Some(mut left) = buffer.get(..length) else { return Err(io::ErrorKind::InvalidData.into()) };
        while left.len() >= HEADER {
            let total = word(left, 0).and_then(|total| usize::try_from(total).ok()).unwrap_or_default();
            let Some(message) = left.get(..total).filter(|_| total >= HEADER) else { return Err(io::ErrorKind::InvalidData.into()) };
            match half(message, 4) {
                Some(NLMSG_DONE) => return Ok(places),
                Some(NLMSG_ERROR) => {
                    let code = word(message, HEADER).map_or(0, |code| -code.cast_signed());
                    return Err(io::Error::from_raw_os_error(code));
                }
                Some(SOCK_DIAG_BY_FAMILY) => places.extend(place(&message[HEADER..])),
                _ => {}
            }
            left = left.get(total.next_multiple_of(4)..).unwrap_or_default();
        }
    }
}

/// A dump of what listens, with its name, its file and whose it is: `struct unix_diag_req`.
fn request() -> Vec<u8> {
    let mut request = Vec::with_capacity(HEADER + 24);
    request.extend(40u32.to_ne_bytes());
    request.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request.extend(NLM_F_REQUEST_DUMP.to_ne_bytes());
    request.extend([0; 8]);
    request.extend([1, 0, 0, 0]);
    request.extend(STATE_LISTEN.to_ne_bytes());
    request.extend(0u32.to_ne_bytes());
    request.extend(SHOW_NAME_FILE_UID.to_ne_bytes());
    request.extend([0; 8]);
    request
}

/// One answer: `struct unix_diag_msg` and its attributes. Nothing where it has no file.
fn place(message: &[u8]) -> Option<Place> {
    let socket = word(message, 4)?;
    let (mut path, mut file, mut uid) = (None, None, None);
    let mut left = message.get(MESSAGE..)?;
    while let (Some(length), Some(kind)) = (half(left, 0), half(left, 2)) {
        let value = left.get(4..usize::from(length))?;
        match kind {
            NAME if value.first() == Some(&b'/') => {
                let name = value.split(|byte| *byte == 0).next().unwrap_or_default();
                path = Some(plain(Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name))));
            }
            FILE => file = word(value, 0),
            UID => uid = word(value, 0),
            _ => {}
        }
        left = left.get(usize::from(length).next_multiple_of(4)..).unwrap_or_default();
    }
    Some(Place { path: path?, uid: Uid(uid?), socket, file: file? })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_ne_bytes)
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).and_then(|two| two.try_into().ok()).map(u16::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_are_none_are_passed_over() {
        for bytes in [&[][..], &[0; 3], &[0; 16], &[1, 10, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0, 0, b'/']] {
            assert_eq!(place(bytes), None);
        }
    }
}
