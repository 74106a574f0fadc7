//! A connection to an engine: only to the very socket that was looked at, as whoever it belongs to, and never more of it than is allowed.
//!
//! It must never follow a link in a user's tree, nor speak to another account than the one whose engine it is.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bollard::errors::Error;
use bollard::{BollardRequest, ClientVersion, Docker};
use hyper::header::{HOST, HeaderValue};
use hyper::rt::{Read, ReadBufCursor, Write};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;

use super::sockets::Place;

/// The most that an engine may answer to one question: a list of ten thousand containers.
pub const MOST: usize = 32 * 1024 * 1024;

/// Podman says so with each answer. Asked for its version it starts half a dozen programs.
const OF_PODMAN: &str = "libpod-api-version";

/// Read in one go.
const PIECE: usize = 8192;

/// bollard's own deadline, in seconds; each call has a shorter one around it.
const FOR_EVER: u64 = 24 * 3600;

/// How many bytes may still be read. Whoever reads a stream without end gives it more with each piece that was made use of.
pub type Allowance = Arc<AtomicUsize>;

/// The engine at a place. Each question has a connection of its own and may bring [`MOST`] bytes; with an allowance all have that one. What it is
/// becomes known with the first answer.
///
/// # Errors
/// None that depend on the engine: nothing is connected to yet.
pub fn engine(place: &Place, allowance: Option<Allowance>, is_podman: &Arc<AtomicBool>) -> Result<Docker, Error> {
    let (place, is_podman) = (place.clone(), Arc::clone(is_podman));
    let transport = move |request: BollardRequest| {
        let left = allowance.clone().unwrap_or_else(|| Arc::new(AtomicUsize::new(MOST)));
        let (place, is_podman) = (place.clone(), Arc::clone(&is_podman));
        async move {
            let stream = connect(&place).await?;
            let (mut sender, connection) = hyper::client::conn::http1::handshake(Wire { stream, left }).await?;
            // It ends with the answer, or with whoever waited for it.
            tokio::spawn(connection);
            let answer = sender.send_request(as_to_a_server(request)).await?;
            is_podman.store(answer.headers().contains_key(OF_PODMAN), Ordering::Relaxed);
            Ok(answer)
        }
    };
    let version = ClientVersion { major_version: 1, minor_version: 40 };
    Docker::connect_with_custom_transport(transport, Some("http://engine"), FOR_EVER, &version)
}

/// As a client without a proxy asks, RFC 9112, sections 3.2.1 and 3.2.
fn as_to_a_server(request: BollardRequest) -> BollardRequest {
    let (mut head, body) = request.into_parts();
    head.headers.insert(HOST, HeaderValue::from_static("engine"));
    if let Some(path) = head.uri.path_and_query().cloned() {
        head.uri = path.into();
    }
    BollardRequest::from_parts(head, body)
}

async fn connect(place: &Place) -> io::Result<UnixStream> {
    let socket = open(place)?;
    let stream = UnixStream::connect(format!("/proc/self/fd/{}", socket.as_raw_fd())).await?;
    if stream.peer_cred()?.uid() != place.uid.0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "somebody else than its owner listens there"));
    }
    Ok(stream)
}

/// The socket's file, held, without a word to whoever listens.
fn open(place: &Place) -> io::Result<OwnedFd> {
    // Links are an administrator's to lay, and nobody else's.
    let resolve = if place.uid.is_root() { ResolveFlags::empty() } else { ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS };
    let socket = openat2(CWD, &place.path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve)?;
    let facts = fstat(&socket)?;
    let is_it = FileType::from_raw_mode(facts.st_mode) == FileType::Socket
        && (facts.st_uid == place.uid.0 || facts.st_uid == 0)
        && facts.st_ino & u64::from(u32::MAX) == u64::from(place.file);
    if is_it { Ok(socket) } else { Err(io::Error::new(io::ErrorKind::NotFound, "another file lies there now")) }
}

/// A connection with a limit.
struct Wire {
    stream: UnixStream,
    left: Allowance,
}

impl Read for Wire {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, mut room: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let left = this.left.load(Ordering::Relaxed);
        if left == 0 {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::FileTooLarge, "it answers more than anybody asked for")));
        }
        let mut piece = [0; PIECE];
        let most = PIECE.min(room.remaining()).min(left);
        let mut buffer = ReadBuf::new(&mut piece[..most]);
        ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer))?;
        let filled = buffer.filled();
        this.left.fetch_sub(filled.len().min(left), Ordering::Relaxed);
        room.put_slice(filled);
        Poll::Ready(Ok(()))
    }
}

impl Write for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::domain::Uid;

    #[test]
    fn only_the_very_socket_is_opened_and_over_no_link_of_a_users() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().canonicalize().unwrap().join("api.sock");
        let _listener = UnixListener::bind(&path).unwrap();
        let facts = std::fs::metadata(&path).unwrap();
        let place = Place { path: path.clone(), uid: Uid(facts.uid()), socket: 1, file: facts.ino() as u32 };
        assert!(open(&place).is_ok());
        assert_eq!(open(&Place { file: place.file ^ 1, ..place.clone() }).unwrap_err().kind(), io::ErrorKind::NotFound);
        let link = path.with_file_name("link.sock");
        symlink(&path, &link).unwrap();
        let users = Place { path: link, uid: Uid(54_321), ..place };
        assert_eq!(open(&users).unwrap_err().raw_os_error(), Some(libc::ELOOP));
    }
}
