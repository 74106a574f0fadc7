//! An instance's log: a file that its user opens, or the journal of the unit that it is.
//!
//! It must never open a user's file as anybody else.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;

use crate::domain::{Declared, LogView, Shown};
use crate::error::Error;
use crate::hand::{Identity, Reader};
use crate::link::Tail;
use crate::logs::{Follower, Journal, Opener, place};
use crate::supervisor::process::identity_of;

/// What a log is called in a sentence.
pub(super) fn log_of(declared: &Declared) -> Shown {
    match &declared.unit {
        Some(unit) => Shown::new(&format!("of {} (journalctl -u {})", unit.name, unit.name)),
        None => Shown::new(&declared.log.to_string_lossy()),
    }
}

/// Why there is nothing to be read.
pub(super) fn no_log(declared: &Declared, error: io::Error) -> Error {
    let path = log_of(declared);
    if error.kind() == io::ErrorKind::NotFound {
        return Error::failed(format!("{}: there is no log yet at {path}", declared.id)).hint(format!("berth start {}", declared.id));
    }
    if error.kind() == io::ErrorKind::InvalidData {
        return Error::failed(format!("{}: {error}", declared.id)).hint(format!("berth logs {} -n 200", declared.id));
    }
    Error::failed(format!("{}: the log {path} cannot be read", declared.id)).because(error)
}

/// Opens an instance's log as its user.
struct LogOpener {
    reader: Arc<Reader>,
    who: Identity,
    root: PathBuf,
    beneath: PathBuf,
}

/// Opens it.
pub(super) fn opener_of(reader: &Arc<Reader>, declared: &Declared) -> Arc<dyn Opener> {
    if let Some(unit) = &declared.unit {
        return Arc::new(Journal::of(unit.name.as_str()));
    }
    let (root, beneath) = place(declared);
    Arc::new(LogOpener { reader: Arc::clone(reader), who: identity_of(declared), root, beneath })
}

impl Opener for LogOpener {
    fn open(&self) -> io::Result<File> {
        self.reader.open(&self.who, &self.root, &self.beneath)
    }

    fn beside(&self, suffix: &str) -> io::Result<File> {
        let mut name = self.beneath.clone().into_os_string();
        name.push(suffix);
        self.reader.open(&self.who, &self.root, Path::new(&name))
    }
}

/// A followed log.
pub(super) struct LocalTail {
    pub follower: Follower,
}

impl Tail for LocalTail {
    fn lines(&self, up_to: Option<u64>, count: usize) -> LogView {
        self.follower.lines(up_to, count)
    }

    fn version(&self) -> watch::Receiver<u64> {
        self.follower.version()
    }
}
