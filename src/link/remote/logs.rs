//! An instance's log at the daemon: it opens the file as the one whose log it is, and hands it over open; it is read here.
//!
//! It must never take more than one file for one question, nor anything but a file; nor ask five times a second what it can see itself.

use std::fs::File;
use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use super::peer::connect;
use crate::domain::InstanceId;
use crate::link::wire::{LOG, OpenedLog};
use crate::logs::{Opener, Place};

/// How long the daemon may take: a user's file system may hang there.
const PATIENCE: Duration = Duration::from_secs(12);

/// How long its answer may be.
const LARGEST: u64 = 64 * 1024;

/// How often the daemon is asked whether another file lies there by now, where nothing tells that it does.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// How soon it is asked again for a log that could not be opened; every time after twice as long, up to [`ASK_AGAIN`]: what begins writes its
/// log at once, and what did not write one for long is not asked for by fifty consoles every second.
const MISSING: Duration = Duration::from_secs(1);

/// Opens a log there.
pub(super) struct Remote {
    socket: PathBuf,
    id: InstanceId,
    last: Mutex<Option<Last>>,
}

/// What came of the last question.
enum Last {
    Opened(Opened),
    Failed(Failed),
}

/// A question that brought nothing.
struct Failed {
    at: Instant,
    /// For how long that is good enough.
    holds: Duration,
    why: Failure,
}

/// What was handed over last.
struct Opened {
    file: File,
    place: Place,
    /// Under which name it was reached then.
    name: PathBuf,
    at: Instant,
}

/// Why nothing was.
struct Failure(io::ErrorKind, Option<i32>, String);

impl Failure {
    fn of(error: &io::Error) -> Self {
        Self(error.kind(), error.raw_os_error(), error.to_string())
    }

    fn again(&self) -> io::Error {
        self.1.map_or_else(|| io::Error::new(self.0, self.2.clone()), io::Error::from_raw_os_error)
    }
}

impl Failed {
    fn of(error: &io::Error, before: Option<&Last>) -> Self {
        let holds = match before {
            Some(Last::Failed(failed)) => (failed.holds * 2).min(ASK_AGAIN),
            _ => MISSING,
        };
        Self { at: Instant::now(), holds, why: Failure::of(error) }
    }
}

impl Opened {
    fn of(file: &File) -> io::Result<Self> {
        let file = file.try_clone()?;
        Ok(Self { place: Place::of(&file.metadata()?), name: name_of(&file)?, file, at: Instant::now() })
    }

    /// Whether it lies where it lay, as far as this process can see: a file that was renamed or removed has another name below
    /// /proc/self/fd, proc_pid_fd(5).
    fn is_there(&self) -> bool {
        name_of(&self.file).is_ok_and(|name| name == self.name)
    }
}

fn name_of(file: &File) -> io::Result<PathBuf> {
    std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

impl Remote {
    /// Of an instance's log, at the daemon behind this socket.
    pub(super) fn new(socket: PathBuf, id: InstanceId) -> Self {
        Self { socket, id, last: Mutex::new(None) }
    }

    fn last(&self) -> MutexGuard<'_, Option<Last>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it lies, without asking, while that is sure enough; and likewise why it could not be opened a moment ago.
    fn known(&self) -> Option<io::Result<Place>> {
        match self.last().as_ref()? {
            Last::Opened(opened) => (opened.at.elapsed() < ASK_AGAIN && opened.is_there()).then_some(Ok(opened.place)),
            Last::Failed(failed) => (failed.at.elapsed() < failed.holds).then(|| Err(failed.why.again())),
        }
    }

    fn open_anew(&self) -> io::Result<File> {
        let came = self.ask(None);
        let mut last = self.last();
        *last = match &came {
            Ok(file) => Opened::of(file).ok().map(Last::Opened),
            Err(error) => Some(Last::Failed(Failed::of(error, last.as_ref()))),
        };
        came
    }

    fn ask(&self, suffix: Option<&str>) -> io::Result<File> {
        let mut stream = connect(&self.socket).map_err(|error| io::Error::other(error.chain()))?;
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let body = serde_json::to_string(&(&self.id, suffix)).map_err(io::Error::other)?;
        let length = body.len();
        write!(
            stream,
            "POST {LOG} HTTP/1.1\r\nhost: berth\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )?;
        let (file, mut text) = first(&stream)?;
        stream.take(LARGEST).read_to_end(&mut text)?;
        let body = text.windows(4).position(|end| end == b"\r\n\r\n").and_then(|at| text.get(at + 4..)).unwrap_or_default();
        match (serde_json::from_slice(body), file) {
            (Ok(OpenedLog::Here), Some(file)) => Ok(File::from(file)),
            (Ok(OpenedLog::Failed(Some(number), _)), _) => Err(io::Error::from_raw_os_error(number)),
            (Ok(OpenedLog::Failed(None, why)), _) => Err(io::Error::other(why.to_string())),
            (Ok(OpenedLog::Refused(refused)), _) => Err(io::Error::new(io::ErrorKind::PermissionDenied, refused.sentence.to_string())),
            _ => Err(io::Error::other("the daemon did not open it")),
        }
    }
}

/// The first bytes of the answer, and the file that came with them.
fn first(stream: &UnixStream) -> io::Result<(Option<OwnedFd>, Vec<u8>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = vec![0; 4096];
    let came = recvmsg(stream, &mut [IoSliceMut::new(&mut bytes)], &mut beside, RecvFlags::CMSG_CLOEXEC)?;
    bytes.truncate(came.bytes);
    let file = beside.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    Ok((file, bytes))
}

impl Opener for Remote {
    fn open(&self) -> io::Result<File> {
        match self.known() {
            Some(Err(error)) => Err(error),
            _ => self.open_anew(),
        }
    }

    fn place(&self) -> io::Result<Place> {
        if let Some(known) = self.known() {
            return known;
        }
        Ok(Place::of(&self.open_anew()?.metadata()?))
    }

    fn beside(&self, suffix: &str) -> io::Result<File> {
        self.ask(Some(suffix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_renamed_or_removed_is_asked_for_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        std::fs::write(&path, "one\n").unwrap();
        let remote = Remote::new(directory.path().join("nobody"), crate::fixture::id("alice"));
        let keep = || *remote.last() = Some(Last::Opened(Opened::of(&File::open(&path).unwrap()).unwrap()));
        keep();
        let place = Place::of(&std::fs::metadata(&path).unwrap());
        assert_eq!(remote.place().unwrap(), place, "nobody is asked");
        std::fs::rename(&path, directory.path().join("log.1")).unwrap();
        assert!(remote.known().is_none());
        std::fs::write(&path, "two\n").unwrap();
        keep();
        assert_ne!(remote.place().unwrap(), place);
        std::fs::remove_file(&path).unwrap();
        assert!(remote.known().is_none());
    }

    #[test]
    fn what_could_not_be_opened_is_not_asked_for_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let remote = Remote::new(directory.path().join("nobody"), crate::fixture::id("alice"));
        let missing = io::Error::from_raw_os_error(libc::ENOENT);
        *remote.last() = Some(Last::Failed(Failed::of(&missing, None)));
        for error in [remote.open().unwrap_err(), remote.place().unwrap_err()] {
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
        }
        *remote.last() = None;
        assert_ne!(remote.open().unwrap_err().kind(), io::ErrorKind::NotFound, "there is no daemon, which is something else");
        let mut last = None;
        let holds: Vec<u64> = (0..5)
            .map(|_| {
                let failed = Failed::of(&missing, last.as_ref());
                let holds = failed.holds.as_secs();
                last = Some(Last::Failed(failed));
                holds
            })
            .collect();
        assert_eq!(holds, [1, 2, 4, 5, 5]);
    }
}
