//! Logs through this door: opened as their user, by the thread that reads as users.
//!
//! It must never open one as anybody else.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;

use crate::domain::{Declared, LogView};
use crate::error::Error;
use crate::hand::{Identity, Reader};
use crate::link::Tail;
use crate::logs::{Follower, Opener, place};
use crate::supervisor::process::identity_of;

/// Why there is nothing to be read.
pub(super) fn no_log(declared: &Declared, error: io::Error) -> Error {
    let path = declared.log.display();
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

pub(super) fn opener_of(reader: &Arc<Reader>, declared: &Declared) -> Arc<dyn Opener> {
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
