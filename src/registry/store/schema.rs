//! The tables of `registry.db`, and the book read from them and written to them.
//!
//! It must never believe a row that does not fit the sum over all of them.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, params};
use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::super::book::{Book, Holding, Released};
use crate::domain::{InstanceId, Shown, Uid};
use crate::error::{Context, Error};

/// The version of the tables.
pub(super) const SCHEMA: i64 = 1;

/// `brth`, among what file(1) can tell apart.
const APPLICATION: i64 = 0x6272_7468;

/// How long another process's transaction is waited for. Writers wait for the lock before; this is for those who only read.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a database cannot be used.
#[derive(Debug)]
pub(super) enum Fault {
    /// It does not hold what was written to it, and why that is known.
    Damaged(String),
    /// Anything else: it may be well.
    Error(Error),
}

impl Fault {
    /// What SQLite says: the world's doing where that is known, and else the database's.
    pub fn of(error: rusqlite::Error, path: &Path) -> Self {
        use ErrorCode as Code;
        let world = matches!(
            error.sqlite_error_code(),
            Some(
                Code::DatabaseBusy
                    | Code::DatabaseLocked
                    | Code::PermissionDenied
                    | Code::OutOfMemory
                    | Code::ReadOnly
                    | Code::OperationInterrupted
                    | Code::SystemIoFailure
                    | Code::DiskFull
                    | Code::CannotOpen
                    | Code::FileLockingProtocolFailed
            )
        );
        if world { Self::Error(failed(error, path)) } else { Self::Damaged(error.to_string()) }
    }
}

/// An error of SQLite's with its place, and the way out where the disk is full.
pub(super) fn failed(error: rusqlite::Error, path: &Path) -> Error {
    let full = error.sqlite_error_code() == Some(ErrorCode::DiskFull);
    let failed = Error::failed(format!("cannot use the registry {}", path.display())).because(error);
    if full { failed.hint(format!("make room on the file system of {}; nothing was changed", path.display())) } else { failed }
}

/// Opens a database that is there.
pub(super) fn open(path: &Path, write: bool) -> Result<Connection, Fault> {
    let doing = || format!("cannot open the registry {}", path.display());
    header(path)?;
    // Where it may be written, what a crash left half done is put right before it is read.
    let writable = accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS).is_ok();
    if write && !writable {
        return Err(Fault::Error(Error::failed(format!("{}: it may not be written", doing()))));
    }
    let mode = if writable { OpenFlags::SQLITE_OPEN_READ_WRITE } else { OpenFlags::SQLITE_OPEN_READ_ONLY };
    let connection = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(|error| Fault::of(error, path))?;
    connection.busy_timeout(PATIENCE).map_err(|error| Fault::of(error, path))?;
    if write {
        settings(&connection).map_err(|error| Fault::of(error, path))?;
    }
    Ok(connection)
}

/// Full sync. Kept, the journal costs no sync of the directory; no WAL, for the state directory may lie on a network file system
/// (sqlite.org/wal.html).
fn settings(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA journal_mode = PERSIST;")
}

/// What SQLite would answer with anything from "not a database" to "read-only", sqlite.org/fileformat.html.
fn header(path: &Path) -> Result<(), Fault> {
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| file.take(100).read_to_end(&mut head))
        .while_doing(|| format!("cannot read the registry {}", path.display()))
        .map_err(Fault::Error)?;
    if head.is_empty() {
        return Err(Fault::Damaged("it is empty".to_owned()));
    }
    if head.len() < 100 || !head.starts_with(b"SQLite format 3\0") {
        return Err(Fault::Damaged("it is no database".to_owned()));
    }
    // The versions of the format that are needed to write and to read it: 1 is a journal, 2 a write-ahead log.
    if head[18] > 2 || head[19] > 2 {
        return Err(Fault::Damaged("its header is no registry's".to_owned()));
    }
    Ok(())
}

/// Makes a database of a book in a file that is there and empty.
pub(super) fn create(path: &Path, book: &Book) -> rusqlite::Result<()> {
    let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    settings(&connection)?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    transaction.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION};
         PRAGMA user_version = {SCHEMA};
         CREATE TABLE state (only INTEGER PRIMARY KEY CHECK (only = 1), schema INTEGER NOT NULL, generation INTEGER NOT NULL,
            digest INTEGER NOT NULL) STRICT;
         CREATE TABLE assigned (port INTEGER PRIMARY KEY CHECK (port BETWEEN 1 AND 65535), instance TEXT NOT NULL UNIQUE,
            uid INTEGER NOT NULL, strategy TEXT NOT NULL, wish INTEGER, why TEXT, assigned_by TEXT NOT NULL, assigned_at TEXT NOT NULL) STRICT;
         CREATE TABLE released (port INTEGER PRIMARY KEY CHECK (port BETWEEN 1 AND 65535), instance TEXT NOT NULL,
            released_at TEXT NOT NULL) STRICT;"
    ))?;
    for (port, holding) in book.assigned() {
        insert(&transaction, port, holding)?;
    }
    for (port, released) in book.released() {
        put_released(&transaction, port, released)?;
    }
    seal(&transaction, book)?;
    transaction.commit()
}

/// Writes an assignment.
pub(super) fn insert(connection: &Connection, port: u16, holding: &Holding) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO assigned (port, instance, uid, strategy, wish, why, assigned_by, assigned_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    statement.execute(params![
        port,
        holding.id.to_string(),
        holding.uid.0,
        holding.strategy.as_str(),
        holding.wish,
        holding.why.as_ref().map(Shown::as_str),
        holding.by.as_str(),
        holding.at.to_string(),
    ])?;
    Ok(())
}

/// Takes an assignment away.
pub(super) fn delete(connection: &Connection, port: u16) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM assigned WHERE port = ?1")?.execute([port]).map(drop)
}

/// Writes a release.
pub(super) fn put_released(connection: &Connection, port: u16, released: &Released) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("INSERT OR REPLACE INTO released (port, instance, released_at) VALUES (?1, ?2, ?3)")?;
    statement.execute(params![port, released.id.to_string(), released.at.to_string()]).map(drop)
}

/// Forgets a release.
pub(super) fn forget(connection: &Connection, port: u16) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM released WHERE port = ?1")?.execute([port]).map(drop)
}

/// Writes the sum over all rows.
pub(super) fn seal(connection: &Connection, book: &Book) -> rusqlite::Result<()> {
    let generation = i64::try_from(book.generation).unwrap_or(i64::MAX);
    let statement = "INSERT OR REPLACE INTO state (only, schema, generation, digest) VALUES (1, ?1, ?2, ?3)";
    connection.execute(statement, params![SCHEMA, generation, book.digest()]).map(drop)
}

/// Reads everything. `whole` has SQLite go through every page and index as well.
pub(super) fn load(connection: &Connection, path: &Path, whole: bool) -> Result<Book, Fault> {
    let fault = |error| Fault::of(error, path);
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(fault);
    let (application, version) = (number("application_id")?, number("user_version")?);
    let state = connection
        .query_row("SELECT schema, generation, digest FROM state WHERE only = 1", [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()
        .map_err(fault)?;
    let Some((schema, generation, digest)): Option<(i64, i64, i64)> = state else {
        return Err(Fault::Damaged("it does not say what it holds".to_owned()));
    };
    // Said in two places, it is no damage.
    if schema == version && schema > SCHEMA && application == APPLICATION {
        let message = format!("the registry {} was written by a newer berth (schema {schema}, this one knows {SCHEMA})", path.display());
        return Err(Fault::Error(Error::failed(message).hint("use that berth; nothing was changed")));
    }
    if (schema, version, application) != (SCHEMA, SCHEMA, APPLICATION) {
        return Err(Fault::Damaged("it is no registry of berth's".to_owned()));
    }
    if whole {
        let said: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(fault)?;
        if said != "ok" {
            return Err(Fault::Damaged(said.lines().next().unwrap_or_default().to_owned()));
        }
    }
    let mut book = Book::default();
    book.generation = u64::try_from(generation).unwrap_or_default();
    let columns = "port, instance, uid, strategy, wish, why, assigned_by, assigned_at";
    rows(connection, &format!("SELECT {columns} FROM assigned ORDER BY port"), path, |row| {
        let (port, holding) = (row.get(0).ok()?, holding(row)?);
        book.assign(port, holding).ok()
    })?;
    rows(connection, "SELECT port, instance, released_at FROM released ORDER BY port", path, |row| {
        let (id, at) = (id(row, 1)?, row.get::<_, String>(2).ok()?.parse().ok()?);
        book.keep(row.get(0).ok()?, Released { id, at }).ok()
    })?;
    if book.digest() != digest {
        return Err(Fault::Damaged("what it holds is not what was written".to_owned()));
    }
    Ok(book)
}

/// Goes through the rows of a query; what `take` cannot read is damage.
fn rows(connection: &Connection, query: &str, path: &Path, mut take: impl FnMut(&Row<'_>) -> Option<()>) -> Result<(), Fault> {
    let fault = |error| Fault::of(error, path);
    let mut statement = connection.prepare(query).map_err(fault)?;
    let mut rows = statement.query([]).map_err(fault)?;
    while let Some(row) = rows.next().map_err(fault)? {
        take(row).ok_or_else(|| Fault::Damaged("a row of it cannot be read".to_owned()))?;
    }
    Ok(())
}

fn id(row: &Row<'_>, at: usize) -> Option<InstanceId> {
    InstanceId::parse(&row.get::<_, String>(at).ok()?).ok()
}

fn holding(row: &Row<'_>) -> Option<Holding> {
    let text = |at: usize| row.get::<_, String>(at).ok().map(|text| Shown::new(&text));
    Some(Holding {
        id: id(row, 1)?,
        uid: Uid(row.get(2).ok()?),
        strategy: text(3)?,
        wish: row.get(4).ok()?,
        why: row.get::<_, Option<String>>(5).ok()?.map(|why| Shown::new(&why)),
        by: text(6)?,
        at: row.get::<_, String>(7).ok()?.parse().ok()?,
    })
}
