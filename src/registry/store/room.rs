//! Whether there is room for what is about to be written, found out before anything else is done.
//!
//! It must never leave anything behind, and never refuse because a file system cannot tell.

use std::fs;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate};

use super::{FILE, fresh, refused};
use crate::error::Result;

/// What takes the room until it is known that it is there.
const NAME: &str = "registry.room";

/// Beside the database and its copy: what is recorded of an instance and in the audit trail.
const BESIDE: u64 = 256 * 1024;

/// The most that is taken for a database: one that says to be longer is none, and a file system fills up to its last block before it refuses.
const MOST: u64 = 64 * 1024 * 1024;

/// Takes the room that a change may need, and gives it back.
///
/// # Errors
/// When it is not there: nothing was changed.
pub(super) fn require(directory: &Path) -> Result<()> {
    let database = fs::metadata(directory.join(FILE)).map_or(0, |facts| facts.len());
    let path = directory.join(NAME);
    let file = fresh(&path).map_err(|error| refused(directory, error))?;
    // The copy is written anew, and the journal may hold every page.
    let taken = fallocate(&file, FallocateFlags::empty(), 0, database.saturating_mul(3).min(MOST) + BESIDE);
    drop(file);
    let removed = fs::remove_file(&path);
    match taken {
        Err(error @ (rustix::io::Errno::NOSPC | rustix::io::Errno::DQUOT)) => Err(refused(directory, error.into())),
        _ => removed.map_err(|error| refused(directory, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_is_given_back() {
        let state = tempfile::tempdir().unwrap();
        fs::write(state.path().join(NAME), "left by one that was killed").unwrap();
        require(state.path()).unwrap();
        assert_eq!(fs::read_dir(state.path()).unwrap().count(), 0);
        assert!(require(&state.path().join("none")).is_err());
    }
}
