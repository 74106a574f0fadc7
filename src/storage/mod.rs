//! What instances write: how large their logs and workspaces are, how fast that grows, and how full the file systems are.
//!
//! An edge, and a slow one: it has a thread of its own, counts a little at a time and hands what it has to whoever judges. It must never
//! act, never follow a link in a user's tree, never wait in a dead mount longer than one look takes, and never tell a size that it did
//! not count to the end.

mod board;
mod counter;
mod files;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod ledger;
mod measure;
mod mounts;
mod schedule;
mod space;
mod trend;
mod walk;

pub use board::Board;
pub use counter::{Wanted, count_once, start};

use std::io;
use std::path::{Path, PathBuf};

use crate::domain::{Declared, Reading};

/// Where a path of an instance lies: the administrator's part, and the rest, which belongs to the user and is resolved as the user.
fn place(declared: &Declared, path: &Path) -> (PathBuf, PathBuf) {
    match path.strip_prefix(&declared.config_root) {
        Ok(beneath) => (declared.config_root.clone(), beneath.to_owned()),
        Err(_) => ("/".into(), path.strip_prefix("/").unwrap_or(path).to_owned()),
    }
}

/// What an error says of what was to be counted. A file system that hangs, a link in the way: not counted.
fn reading_of<T>(error: &io::Error) -> Reading<T> {
    Reading::from_error(error).unwrap_or(Reading::Unasked)
}
