//! The last good copy of the registry: whole, on the disk, and replaced in one step.
//!
//! It must never be made of a database that was not checked, and never be half a copy.

use std::fs::{self, OpenOptions};
use std::path::Path;

use super::super::book::Book;
use super::schema::{self, Fault};
use super::{COPY, fresh, load, reached, refused, sync_names};
use crate::error::{Context, Error, Result};

/// What a copy is called until it is whole.
const NEW: &str = "registry.db.good.new";

/// The copy's book; `None` where there is none, or none that is good.
///
/// # Errors
/// When it may not be read.
pub(super) fn read(directory: &Path) -> Result<Option<Book>> {
    let path = directory.join(COPY);
    if !path.try_exists().while_doing(|| format!("cannot read {}", path.display()))? {
        return Ok(None);
    }
    match load(&path, true) {
        Ok(book) => Ok(Some(book)),
        Err(Fault::Damaged(_)) => Ok(None),
        Err(Fault::Error(error)) => Err(error),
    }
}

/// Has the copy hold what the database at `path` holds, which was checked and is `book`.
///
/// # Errors
/// When it cannot be written.
pub(super) fn renew(directory: &Path, path: &Path, book: &Book) -> Result<()> {
    if read(directory)?.as_ref() == Some(book) {
        return Ok(());
    }
    let new = directory.join(NEW);
    // Made by hand: SQLite takes a file that is empty, and makes 0644 of one that is not there.
    drop(fresh(&new).map_err(|error| refused(directory, error))?);
    let connection = schema::open(path, false).map_err(Fault::into_error)?;
    let name = new.to_str().ok_or_else(|| Error::failed(format!("{} is no name that SQLite can be given", new.display())))?;
    connection.execute("VACUUM INTO ?1", [name]).map_err(|error| schema::failed(error, &new))?;
    drop(connection);
    reached("copied");
    // VACUUM INTO does not wait for the disk, sqlite.org/lang_vacuum.html.
    let synced = OpenOptions::new().write(true).open(&new).and_then(|file| file.sync_all());
    synced.map_err(|error| refused(directory, error))?;
    fs::rename(&new, directory.join(COPY)).map_err(|error| refused(directory, error))?;
    sync_names(directory).map_err(|error| refused(directory, error))
}
