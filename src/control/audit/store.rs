//! The file that the trail and the events are kept in: made, opened, and put aside where it is damaged. It is disposable.
//!
//! It must never throw a damaged file away, nor make one by looking.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::{events, schema};
use crate::domain::{Event, EventKind, Level, Shown};
use crate::error::{Context, Result};

/// The file in the state directory.
pub(super) const FILE: &str = "events.db";

/// How long a reader waits for a writer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long one writer waits for another.
const TURN: Duration = Duration::from_secs(5);

/// Whoever has it may put the file aside.
const LOCK: &str = "events.lock";

/// How many damaged files are kept.
const KEPT: usize = 3;

/// One state of the file; another one has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(u64, i64, i64, u64);

/// The file.
#[derive(Debug)]
pub(super) struct Store {
    state: PathBuf,
}

/// Why it could not be written.
enum Fault {
    Files(io::Error),
    Database(rusqlite::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Files(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl Fault {
    fn is_damage(&self) -> bool {
        let code = match self {
            Self::Database(error) => error.sqlite_error_code(),
            Self::Files(_) => None,
        };
        matches!(code, Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
    }
}

impl Store {
    /// In a state directory.
    pub fn below(state: &Path) -> Self {
        Self { state: state.to_owned() }
    }

    fn path(&self) -> PathBuf {
        self.state.join(FILE)
    }

    /// Which state it is in; `None` where there is none.
    pub fn stamp(&self) -> Option<Stamp> {
        let facts = fs::metadata(self.path()).ok()?;
        Some(Stamp(facts.ino(), facts.mtime(), facts.mtime_nsec(), facts.size()))
    }

    fn connect(&self) -> std::result::Result<Connection, Fault> {
        let path = self.path();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.state)?;
        // Made by hand, because SQLite makes 0644 of it and the state directory may be an older, wider one.
        fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
        let mut connection = Connection::open(&path)?;
        connection.busy_timeout(TURN)?;
        schema::prepare(&mut connection)?;
        Ok(connection)
    }

    /// Opens it to be written.
    #[cfg(test)]
    pub fn open(&self) -> Result<Connection> {
        self.connect().map_err(|fault| self.refused("cannot write", fault))
    }

    /// Opens it to be read; `None` where there is none.
    ///
    /// # Errors
    /// When the caller may not read it.
    pub fn reading(&self) -> Result<Option<Connection>> {
        let (path, doing) = (self.path(), || self.reading_what());
        if !path.try_exists().while_doing(doing)? {
            return Ok(None);
        }
        // Asked of the kernel first: SQLite says no more than that it could not.
        fs::File::open(&path).while_doing(doing)?;
        // Where it may be written, what a crash left half done is put right before it is read.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).while_doing(doing)?;
        connection.busy_timeout(PATIENCE).while_doing(doing)?;
        // Whoever makes it has not come to its tables yet.
        let table = connection.query_row("SELECT 1 FROM sqlite_master WHERE name = 'actions'", [], |_| Ok(())).optional();
        Ok(table.while_doing(doing)?.map(|()| connection))
    }

    /// What is being done by who reads.
    pub fn reading_what(&self) -> String {
        format!("cannot read the audit trail {}", self.path().display())
    }

    /// Has something written, whole or not at all. A damaged file is put aside, and the new one says so.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write<T>(&self, doing: &str, work: impl Fn(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let attempt = match self.attempt(None, &work) {
            Err(fault) if fault.is_damage() => self.begin_anew(&work),
            other => other,
        };
        attempt.map_err(|fault| self.refused(doing, fault))
    }

    /// Tries once more, and where it is damaged still, with a new file. Alone: who comes second must not put aside what the first has made.
    fn begin_anew<T>(&self, work: &impl Fn(&Transaction<'_>) -> rusqlite::Result<T>) -> std::result::Result<T, Fault> {
        let _alone = self.alone()?;
        match self.attempt(None, work) {
            Err(fault) if fault.is_damage() => {
                let sentence = self.put_aside(&fault)?;
                self.attempt(Some(&sentence), work)
            }
            other => other,
        }
    }

    /// The right to put the file aside, of all processes.
    fn alone(&self) -> io::Result<fs::File> {
        let lock = fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(self.state.join(LOCK))?;
        let begun = Instant::now();
        loop {
            match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(lock),
                Err(Errno::WOULDBLOCK) if begun.elapsed() > TURN => return Err(io::ErrorKind::ResourceBusy.into()),
                Err(Errno::WOULDBLOCK) => std::thread::sleep(Duration::from_millis(5)),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives room that is not needed any more back to the file system.
    pub fn shrink(&self) -> Result<()> {
        let shrunk = self.connect().and_then(|connection| Ok(schema::shrink(&connection)?));
        shrunk.map_err(|fault| self.refused("cannot shrink", fault))
    }

    fn attempt<T>(&self, told: Option<&str>, work: &impl Fn(&Transaction<'_>) -> rusqlite::Result<T>) -> std::result::Result<T, Fault> {
        let mut connection = self.connect()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(sentence) = told {
            events::insert(&transaction, &Event::of_host(Timestamp::now(), EventKind::Lost, Level::Warning, sentence))?;
        }
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    /// Puts the damaged file aside, its journal first: that would be played into the new one. What was done in one sentence.
    fn put_aside(&self, fault: &Fault) -> io::Result<String> {
        let name = format!("{FILE}.damaged-{}", Timestamp::now().strftime("%Y%m%dT%H%M%S%.6fZ"));
        for suffix in ["-journal", "-wal", "-shm", ""] {
            match fs::rename(self.state.join(format!("{FILE}{suffix}")), self.state.join(format!("{name}{suffix}"))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.forget_older();
        let why = match fault {
            Fault::Database(error) => error.to_string(),
            Fault::Files(error) => error.to_string(),
        };
        Ok(format!("{FILE} was damaged ({why}) and was begun anew; the damaged one is kept as {name}"))
    }

    /// Keeps the newest few of those that were put aside: whoever damages it again and again must not fill the disk.
    fn forget_older(&self) {
        let prefix = format!("{FILE}.damaged-");
        let entries = fs::read_dir(&self.state).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| name.starts_with(&prefix)).collect();
        names.sort();
        let whole = |name: &String| !["-journal", "-wal", "-shm"].iter().any(|suffix| name.ends_with(suffix));
        let oldest_kept = names.iter().rev().filter(|name| whole(name)).nth(KEPT - 1).cloned();
        for name in names.iter().filter(|name| oldest_kept.as_ref().is_some_and(|kept| *name < kept)) {
            // What stays is no harm by itself.
            let _ = fs::remove_file(self.state.join(name));
        }
    }

    fn refused(&self, doing: &str, fault: Fault) -> crate::error::Error {
        let path = Shown::new(&self.path().to_string_lossy());
        let error = crate::error::Error::failed(format!("{doing} {path}"));
        match fault {
            Fault::Files(cause) => error.because(cause),
            Fault::Database(cause) => error.because(cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_file_is_put_aside_and_the_new_one_says_so() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), "not a database, but long enough to be taken for the header of one".repeat(20)).unwrap();
        let store = Store::below(directory.path());
        let count =
            store.write("cannot write", |transaction| transaction.query_row("SELECT count(*) FROM events", [], |row| row.get::<_, i64>(0)));
        assert_eq!(count.unwrap(), 1);
        let names: Vec<String> =
            fs::read_dir(directory.path()).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap()).collect();
        assert!(names.iter().any(|name| name.starts_with("events.db.damaged-")), "{names:?}");
        for _ in 0..5 {
            fs::write(directory.path().join(FILE), "not a database either, but long enough to be taken for one. ".repeat(20)).unwrap();
            store.write("cannot write", |_| Ok(())).unwrap();
        }
        let is_aside = |entry: &fs::DirEntry| {
            let name = entry.file_name().into_string().unwrap();
            name.starts_with("events.db.damaged-") && !name.ends_with("-journal")
        };
        assert_eq!(fs::read_dir(directory.path()).unwrap().flatten().filter(is_aside).count(), KEPT);
    }

    #[test]
    fn of_several_who_find_it_damaged_one_puts_it_aside() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), "not a database, but long enough to be taken for the header of one".repeat(20)).unwrap();
        std::thread::scope(|scope| {
            for number in 0..8 {
                let store = Store::below(directory.path());
                let name = number.to_string();
                scope.spawn(move || {
                    store.write("", |transaction| transaction.execute("INSERT INTO kept VALUES (?1, '')", [&name])).unwrap()
                });
            }
        });
        let connection = Store::below(directory.path()).reading().unwrap().unwrap();
        let count = |table: &str| connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!((count("kept"), count("events")), (8, 1), "nothing is lost, and it is said once");
    }

    #[test]
    fn a_file_that_is_being_made_is_none_yet() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), "").unwrap();
        assert!(Store::below(directory.path()).reading().unwrap().is_none());
    }

    #[test]
    fn each_write_is_another_state() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::below(directory.path());
        assert_eq!(store.stamp(), None);
        store.write("", |transaction| transaction.execute("INSERT INTO kept VALUES ('a', 'b')", [])).unwrap();
        assert!(store.stamp().is_some());
    }
}
