//! `registry.db`: the book on the disk. One writer at a time, each change one transaction, and always a good copy beside it.
//!
//! Before anything is changed the copy holds what the database holds, so that damage costs the last change at most; and that one stands in
//! a configuration. It must never take a damaged database for an empty one, and never change what it could not check.

mod copy;
mod mend;
mod room;
mod schema;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use rusqlite::{Transaction, TransactionBehavior};

use super::book::{Book, Holding, Released};
use super::facts::Stamp;
use crate::domain::{InstanceId, Shown};
use crate::error::{Context, Error, Kind, Result};
use schema::Fault;

/// The database in the state directory.
const FILE: &str = "registry.db";

/// Its last good copy.
const COPY: &str = "registry.db.good";

/// What one writer at a time holds locked. Not the database itself: that may be replaced under whoever waits for it.
const LOCK: &str = "registry.lock";

/// Between two tries to lock.
const BETWEEN_TRIES: Duration = Duration::from_millis(4);

/// Where the registry lies.
#[derive(Clone, Debug)]
pub(super) struct Store {
    directory: PathBuf,
    /// How long another writer is waited for.
    patience: Duration,
}

/// The book in a transaction: what is done to it is done to the database.
pub(super) struct Sheet<'a> {
    transaction: &'a Transaction<'a>,
    path: &'a Path,
    book: Book,
    changed: bool,
}

impl Sheet<'_> {
    /// The book as it is now.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Gives a port.
    ///
    /// # Errors
    /// When it is somebody's, the instance has one, or it cannot be written.
    pub fn assign(&mut self, port: u16, holding: Holding) -> Result<()> {
        schema::forget(self.transaction, port).map_err(|error| schema::failed(error, self.path))?;
        schema::insert(self.transaction, port, &holding).map_err(|error| schema::failed(error, self.path))?;
        self.book.assign(port, holding).map_err(|clash| Error::failed(clash.0))?;
        self.changed = true;
        reached("assigned");
        Ok(())
    }

    /// Takes an instance's port away and keeps it from the others; which it was.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn release(&mut self, id: &InstanceId, at: jiff::Timestamp) -> Result<Option<u16>> {
        let Some(port) = self.book.release(id, at) else { return Ok(None) };
        let written = schema::delete(self.transaction, port)
            .and_then(|()| schema::put_released(self.transaction, port, &Released { id: id.clone(), at }));
        written.map_err(|error| schema::failed(error, self.path))?;
        self.changed = true;
        Ok(Some(port))
    }

    /// Forgets the release of a port that is kept from nobody any more.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn forget(&mut self, port: u16) -> Result<()> {
        schema::forget(self.transaction, port).map_err(|error| schema::failed(error, self.path))?;
        self.book.forget(port);
        self.changed = true;
        Ok(())
    }
}

impl Store {
    /// The store in a state directory.
    pub fn below(directory: &Path, patience: Duration) -> Self {
        Self { directory: directory.to_owned(), patience }
    }

    fn path(&self) -> PathBuf {
        self.directory.join(FILE)
    }

    /// What the database is like now; `None` where there is none.
    ///
    /// # Errors
    /// When it may not or cannot be opened.
    pub fn stamp(&self) -> io::Result<Option<Stamp>> {
        let file = match File::open(self.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let about = file.metadata()?;
        let mut counter = [0; 4];
        // What is shorter is no database, and has no changes.
        drop(file.read_exact_at(&mut counter, 24));
        Ok(Some(Stamp { inode: about.ino(), size: about.size(), changed: (about.ctime(), about.ctime_nsec()), counter }))
    }

    /// What is held, and a sentence where that is not the database's own word. Makes no file and mends nothing.
    ///
    /// # Errors
    /// When the caller may not read it, it is a newer berth's, or neither it nor its copy can be read.
    pub fn read(&self) -> Result<(Book, Option<Shown>)> {
        let path = self.path();
        let doing = || format!("cannot read the registry {}", path.display());
        let there = path.try_exists().while_doing(doing)?;
        let read = if there { load(&path, false) } else { Err(Fault::Damaged("it is not there".to_owned())) };
        let why = match read {
            Ok(book) => return Ok((book, None)),
            Err(Fault::Error(error)) => return Err(error),
            Err(Fault::Damaged(why)) => why,
        };
        match copy::read(&self.directory)? {
            Some(book) => {
                let copied = format!("the registry {} is damaged ({why}): shown is its last good copy", path.display());
                Ok((book, Some(Shown::new(&copied))))
            }
            // Nothing was ever given here, or a first writer is at it.
            None if !there || why == EMPTY => Ok((Book::default(), None)),
            None => Err(Error::failed(format!("the registry {} is damaged ({why}), and there is no good copy of it", path.display()))
                .hint("the next berth assign puts it aside and begins with what the configurations say")),
        }
    }

    /// Whether there is room for a change, and for what is recorded with it.
    ///
    /// # Errors
    /// When there is not, or the directory cannot be written.
    pub fn require_room(&self) -> Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.directory).map_err(|error| self.refused(error))?;
        let _one_writer = self.lock()?;
        room::require(&self.directory)
    }

    /// Does some work in one transaction: all of it is written, or nothing. `known` is what the configurations say, for the case that there
    /// is nothing better. The sentences say what went wrong beside the work, damage that was mended above all.
    ///
    /// # Errors
    /// When it cannot be written, or the work fails: nothing is changed then.
    pub fn write<T>(&self, known: &[(u16, Holding)], work: impl FnOnce(&mut Sheet<'_>) -> Result<T>) -> Result<(T, Vec<Shown>)> {
        let mut notices = Vec::new();
        match self.change(known, work, &mut notices) {
            Ok(done) => Ok((done, notices)),
            // What was mended is told also where nothing came of the rest.
            Err(error) if !notices.is_empty() => {
                let told: Vec<&str> = notices.iter().map(Shown::as_str).collect();
                let told = Error::new(error.kind(), format!("{}. {}", error.chain(), told.join(". ")));
                Err(error.way_out().map(str::to_owned).into_iter().fold(told, Error::hint))
            }
            Err(error) => Err(error),
        }
    }

    fn change<T>(&self, known: &[(u16, Holding)], work: impl FnOnce(&mut Sheet<'_>) -> Result<T>, notices: &mut Vec<Shown>) -> Result<T> {
        let path = self.path();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.directory).map_err(|error| self.refused(error))?;
        let _one_writer = self.lock()?;
        let book = self.ready(known, notices)?;
        // Without a good copy of it nothing is changed.
        copy::renew(&self.directory, &path, &book)?;
        let mut connection = schema::open(&path, true).map_err(Fault::into_error)?;
        let doing = |error| schema::failed(error, &path);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(doing)?;
        reached("begun");
        let mut sheet = Sheet { transaction: &transaction, path: &path, book, changed: false };
        let done = work(&mut sheet)?;
        let Sheet { mut book, changed, .. } = sheet;
        if !changed {
            return Ok(done);
        }
        book.generation += 1;
        schema::seal(&transaction, &book).map_err(doing)?;
        reached("sealed");
        transaction.commit().map_err(doing)?;
        reached("committed");
        drop(connection);
        if let Err(error) = copy::renew(&self.directory, &path, &book) {
            notices.push(Shown::new(&format!("the registry's copy is one change behind: {}", error.chain())));
        }
        Ok(done)
    }

    /// A database that holds what was written to it, made or mended where there is none.
    fn ready(&self, known: &[(u16, Holding)], notices: &mut Vec<Shown>) -> Result<Book> {
        let path = self.path();
        let there = path.try_exists().map_err(|error| self.refused(error))?;
        let why = match if there { load(&path, true) } else { Err(Fault::Damaged("it is not there".to_owned())) } {
            Ok(book) => return Ok(book),
            Err(Fault::Error(error)) => return Err(error),
            Err(Fault::Damaged(why)) => why,
        };
        let copy = copy::read(&self.directory)?;
        if copy.is_none() && (!there || why == EMPTY) {
            return mend::place(&self.directory, Book::default());
        }
        let (book, notice) = mend::mend(&self.directory, &why, copy, known)?;
        notices.push(notice);
        Ok(book)
    }

    fn lock(&self) -> Result<Flock<File>> {
        let path = self.directory.join(LOCK);
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(|error| self.refused(error))?;
        let begun = Instant::now();
        loop {
            file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(held) => return Ok(held),
                Err((file, nix::errno::Errno::EWOULDBLOCK | nix::errno::Errno::EINTR)) => file,
                Err((_, error)) => return Err(Error::failed(format!("cannot lock {}", path.display())).because(error)),
            };
            if begun.elapsed() >= self.patience {
                let message = format!("another berth has been writing to the registry for {} s", self.patience.as_secs());
                return Err(Error::new(Kind::Busy, message).hint(format!("fuser -v {}", path.display())));
            }
            std::thread::sleep(BETWEEN_TRIES);
        }
    }

    fn refused(&self, error: io::Error) -> Error {
        refused(&self.directory, error)
    }
}

/// What an empty file is said to be: a first writer's who was ended.
const EMPTY: &str = "it is empty";

/// That the state directory does not take what is to be written.
fn refused(directory: &Path, error: io::Error) -> Error {
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let refused = Error::failed(format!("cannot write to the registry in {}", directory.display())).because(error);
    if full { refused.hint(format!("make room on the file system of {}; nothing was changed", directory.display())) } else { refused }
}

/// Reads a database in one transaction.
fn load(path: &Path, whole: bool) -> std::result::Result<Book, Fault> {
    let mut connection = schema::open(path, false)?;
    let transaction = connection.transaction().map_err(|error| Fault::of(error, path))?;
    schema::load(&transaction, path, whole)
}

impl Fault {
    /// Of a database that was well a moment ago.
    fn into_error(self) -> Error {
        match self {
            Self::Error(error) => error,
            Self::Damaged(why) => Error::failed(format!("the registry was damaged while it was in use: {why}")),
        }
    }
}

/// A file of berth's own that was not there before, 0600 from its first moment.
fn fresh(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Has the disk keep the names in a directory.
fn sync_names(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// The tests' place to end a process, kill -9, in the middle of its work.
#[cfg(not(test))]
fn reached(_: &str) {}

/// As above.
#[cfg(test)]
fn reached(point: &str) {
    if std::env::var_os(tests::KILL_AT).is_some_and(|name| name == point) {
        // SAFETY: this process itself, which a test started to be ended here.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    }
}

#[cfg(test)]
mod tests;
