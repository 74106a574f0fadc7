//! A damaged registry: put aside under a name that says so, and made anew of its last good copy and of what the configurations say.
//!
//! It must never throw the damaged one away, and never be silent about it.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::super::book::{Book, Holding};
use super::{FILE, fresh, reached, refused, schema, sync_names};
use crate::domain::Shown;
use crate::error::Result;

/// What a database is called until it is whole.
const NEW: &str = "registry.db.new";

/// Puts the damaged one aside and another one in its place; its book, and what was done in one sentence.
///
/// # Errors
/// When it cannot be written: the damaged one stays where it is then.
pub(super) fn mend(directory: &Path, why: &str, copy: Option<Book>, known: &[(u16, Holding)]) -> Result<(Book, Shown)> {
    let had_copy = copy.is_some();
    let mut book = copy.unwrap_or_default();
    let copied = book.assigned().len();
    let mut left_out = Vec::new();
    for (port, holding) in known {
        let has = book.port_of(&holding.id);
        // What the registry once said counts; where two say one port, who comes first has it.
        if has.is_none() && book.holding(*port).is_none() {
            book.forget(*port);
            drop(book.assign(*port, holding.clone()));
        } else if has != Some(*port) {
            left_out.push(format!("{} ({port})", holding.id));
        }
    }
    // Above whatever the damaged one may have had.
    book.generation += 2;
    let aside = put_together(directory, &book)?;
    let configured = book.assigned().len() - copied;
    let source = if had_copy { format!("{copied} assignments are from its last good copy") } else { "there is no good copy".to_owned() };
    let mut sentence = format!("the registry was damaged ({why}) and was made anew: {source}, {configured} from the configurations");
    if !left_out.is_empty() {
        sentence.push_str(&format!(", not those of {}", crate::domain::words::list(&left_out)));
    }
    sentence.push_str(&match aside {
        Some(name) => format!("; the damaged one is kept as {}", directory.join(name).display()),
        None => "; the damaged one is gone".to_owned(),
    });
    Ok((book, Shown::new(&sentence)))
}

/// Writes a database where there is none.
///
/// # Errors
/// When it cannot be written.
pub(super) fn place(directory: &Path, book: Book) -> Result<Book> {
    put_together(directory, &book)?;
    Ok(book)
}

/// Writes the new one whole, puts an old one aside and the new one in its place. Cut off in between, nothing is there but the copy, and the
/// next writer comes here again.
fn put_together(directory: &Path, book: &Book) -> Result<Option<String>> {
    let refuse = |error| refused(directory, error);
    let (path, new) = (directory.join(FILE), directory.join(NEW));
    remove(&new.with_file_name(format!("{NEW}-journal"))).map_err(refuse)?;
    drop(fresh(&new).map_err(refuse)?);
    schema::create(&new, book).map_err(|error| schema::failed(error, &new))?;
    OpenOptions::new().write(true).open(&new).and_then(|file| file.sync_all()).map_err(refuse)?;
    // Full sync has written it all to the database: the journal that is kept beside it has nothing to say.
    remove(&new.with_file_name(format!("{NEW}-journal"))).map_err(refuse)?;
    reached("made anew");
    let aside = put_aside(directory).map_err(refuse)?;
    reached("put aside");
    fs::rename(&new, &path).map_err(refuse)?;
    sync_names(directory).map_err(refuse)?;
    Ok(aside)
}

/// Puts what is there aside, its journal first: a journal beside another database would be played into that one.
fn put_aside(directory: &Path) -> io::Result<Option<String>> {
    let path = directory.join(FILE);
    let is_empty = fs::metadata(&path).map(|facts| facts.len() == 0);
    let name = format!("{FILE}.damaged-{}", Timestamp::now().strftime("%Y%m%dT%H%M%S%.6fZ"));
    for suffix in ["-journal", "-wal", "-shm"] {
        rename_if_there(&directory.join(format!("{FILE}{suffix}")), &directory.join(format!("{name}{suffix}")))?;
    }
    if matches!(is_empty, Ok(true)) {
        return remove(&path).map(|()| None);
    }
    Ok(rename_if_there(&path, &directory.join(&name))?.then_some(name))
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<bool> {
    match fs::rename(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
