//! An instance's log: a file that its user opens, or what the supervisor of the service that it is keeps.
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
use crate::logs::{Follower, Joined, Journal, Opener, places};
use crate::supervisor::process::identity_of;
use crate::supervisor::{LogSource, Supervisor};

/// What a log is called in a sentence.
pub(in crate::link) fn log_of(declared: &Declared) -> Shown {
    if let Some(unit) = declared.unit.as_ref().filter(|_| declared.journal().is_some() || declared.supervisor.is_container()) {
        return Shown::new(&format!("of {} ({})", unit.name, unit.log_command(declared.supervisor)));
    }
    let further = declared.unit.iter().flat_map(|unit| &unit.further_logs);
    let all: Vec<_> = std::iter::once(&declared.log).chain(further).map(|log| log.to_string_lossy()).collect();
    Shown::new(&all.join(" and "))
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

/// Opens what a supervisor keeps.
struct Kept(LogSource);

impl Opener for Kept {
    fn open(&self) -> io::Result<File> {
        (self.0)()
    }
}

/// Opens it.
pub(super) fn opener_of(reader: &Arc<Reader>, supervisor: &dyn Supervisor, declared: &Declared) -> Arc<dyn Opener> {
    if let Some(kept) = supervisor.log(declared) {
        return Arc::new(Kept(kept));
    }
    if let Some((unit, user)) = declared.journal() {
        return Arc::new(Journal::of(unit.as_str(), user));
    }
    let who = identity_of(declared);
    let opener =
        |(root, beneath)| -> Arc<dyn Opener> { Arc::new(LogOpener { reader: Arc::clone(reader), who: who.clone(), root, beneath }) };
    let mut all: Vec<Arc<dyn Opener>> = places(declared).into_iter().map(opener).collect();
    match all.len() {
        1 => all.remove(0),
        _ => Arc::new(Joined::of(all)),
    }
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
pub(in crate::link) struct LocalTail {
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
