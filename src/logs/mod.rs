//! Logs: the last lines of a file, and a tail that goes on through storms, rotations and truncations.
//!
//! It must never open a path by itself (an [`Opener`] does, with the identity of the user whose log it is), never read a whole file to
//! show its end, and never let what a file does decide how much memory berth takes.

mod chunk;
mod colour;
mod followed;
mod follower;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod history;
mod joined;
mod journal;
mod level;
mod lines;
mod pack;
mod page;
mod pattern;
mod reel;
mod ring;
mod rotation;
mod seek;
mod siblings;
mod source;
mod store;
mod tail;
mod time;
mod wake;
mod want;

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::domain::Declared;

pub use follower::{Follower, follow};
pub use history::{History, Query, history};
pub use joined::Joined;
pub use journal::Journal;
pub use level::level_of;
pub use lines::LONGEST_LINE;
pub use page::{Ask, At, Find, Goal, Page, Sought};
pub use pattern::Pattern;
pub use reel::{Log, Reel};
pub use rotation::Place;
pub use store::{MOST_KEPT, Store};
pub use tail::last_lines;
pub use want::Want;

/// Where an instance's log lies: the administrator's part of the path, and the rest, which belongs to the user.
pub fn place(declared: &Declared) -> (PathBuf, PathBuf) {
    place_of(declared, &declared.log)
}

/// The same of each file that is its log: what a supervisor writes may be two.
pub fn places(declared: &Declared) -> Vec<(PathBuf, PathBuf)> {
    let further = declared.unit.iter().flat_map(|unit| &unit.further_logs);
    std::iter::once(&declared.log).chain(further).map(|log| place_of(declared, log)).collect()
}

fn place_of(declared: &Declared, log: &Path) -> (PathBuf, PathBuf) {
    if let Ok(beneath) = log.strip_prefix(&declared.config_root) {
        return (declared.config_root.clone(), beneath.to_owned());
    }
    match log.strip_prefix(&declared.home) {
        // Where an account's home lies is the administrator's to say, also over a link.
        Ok(beneath) if declared.home.parent().is_some() => (declared.home.clone(), beneath.to_owned()),
        _ => ("/".into(), log.strip_prefix("/").unwrap_or(log).to_owned()),
    }
}

/// Opens one log by its path, anew each time: after a rotation another file lies there.
///
/// What it hands out must be a regular file, opened for reading, that never blocks. It has its own deadline: the thread that follows waits for it.
pub trait Opener: Send + Sync {
    /// Opens what lies at the path now.
    ///
    /// # Errors
    /// Those of open(2), of which `NotFound` and `PermissionDenied` are told in words.
    fn open(&self) -> io::Result<File>;

    /// Opens what lies beside it: its path with this at the end, such as `.1`. Where nothing is rotated there is nothing.
    ///
    /// # Errors
    /// As [`Opener::open`].
    fn beside(&self, suffix: &str) -> io::Result<File> {
        let _ = suffix;
        Err(io::ErrorKind::NotFound.into())
    }

    /// Which file lies at the path now. Asked at every wake; override it where that is cheaper than opening.
    ///
    /// # Errors
    /// Those of stat(2).
    fn place(&self) -> io::Result<Place> {
        Ok(Place::of(&self.open()?.metadata()?))
    }
}

impl Place {
    /// The place of an opened file.
    pub fn of(metadata: &std::fs::Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}
