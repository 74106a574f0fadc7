//! A text left in a file, for a terminal without a clipboard: in a directory of the caller's own, 0600, a bounded number.
//!
//! It must never write in a directory that others may write in or that is another's, nor into a file that is there already.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Context, Error, Result};

/// A number above it was not given by berth.
const HIGHEST: u32 = 1_000_000_000;

/// How many are kept.
const KEPT: usize = 10;

/// Where files may be left: below the session's own directory where that is the caller's, else where the door says.
///
/// `sudo` and `su` may hand on another's XDG_RUNTIME_DIR: root would write in a user's world.
pub fn directory(runtime: Option<PathBuf>, own: Option<PathBuf>) -> Option<PathBuf> {
    runtime.filter(|path| path.is_absolute() && is_own(path)).map(|path| path.join("berth")).or(own)
}

/// Whether it is a directory, the caller's, and nobody else may write in it.
fn is_own(path: &Path) -> bool {
    let uid = rustix::process::geteuid().as_raw();
    fs::symlink_metadata(path).is_ok_and(|facts| facts.is_dir() && facts.uid() == uid && facts.mode() & 0o022 == 0)
}

/// Leaves a text in a new file and takes the oldest away.
///
/// # Errors
/// When the directory is not the caller's own or the file cannot be written.
pub fn leave(directory: &Path, text: &str) -> Result<PathBuf> {
    let doing = || format!("cannot write in {}", directory.display());
    DirBuilder::new().recursive(true).mode(0o700).create(directory).while_doing(doing)?;
    if !is_own(directory) {
        return Err(Error::failed(format!("{} is not yours alone", directory.display())));
    }
    let mut numbers = numbers(directory);
    let mut number = numbers.last().map_or(1, |last| last + 1);
    // Another console may leave one at the same moment: whoever finds the name taken takes the next.
    let (path, mut file) = loop {
        let path = named(directory, number);
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            opened => break (path, opened.while_doing(doing)?),
        }
    };
    file.write_all(text.as_bytes()).while_doing(doing)?;
    numbers.push(number);
    for old in numbers.iter().take(numbers.len().saturating_sub(KEPT)) {
        // One that cannot be taken away is one more that stays.
        drop(fs::remove_file(named(directory, *old)));
    }
    Ok(path)
}

/// A short name: it has to be read, and typed, from the last line of a small screen.
fn named(directory: &Path, number: u32) -> PathBuf {
    directory.join(format!("copy-{number}.txt"))
}

/// The numbers of the files that are there, in their order.
fn numbers(directory: &Path) -> Vec<u32> {
    let number = |name: &str| name.strip_prefix("copy-")?.strip_suffix(".txt")?.parse().ok();
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut numbers: Vec<u32> =
        entries.filter_map(|entry| number(entry.file_name().to_str()?)).filter(|number| *number < HIGHEST).collect();
    numbers.sort_unstable();
    numbers
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_the_callers_alone_and_the_oldest_leaves() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("state/copies");
        let paths: Vec<PathBuf> = (0..12).map(|number| leave(&directory, &format!("text {number}")).unwrap()).collect();
        fs::write(directory.join("other"), "stays").unwrap();
        leave(&directory, "last").unwrap();
        assert_eq!(fs::metadata(&paths[11]).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&directory).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::read_to_string(&paths[11]).unwrap(), "text 11");
        assert_eq!(fs::read_dir(&directory).unwrap().count(), KEPT + 1);
        assert!(!paths[2].exists() && paths[3].exists() && directory.join("other").exists());
    }

    #[test]
    fn nothing_that_is_there_is_written_over_and_no_link_is_followed() {
        let root = tempfile::tempdir().unwrap();
        let canary = root.path().join("canary");
        fs::write(&canary, "untouched").unwrap();
        let directory = root.path().join("copies");
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
        let name = leave(&directory, "one").unwrap();
        assert_ne!(leave(&directory, "two").unwrap(), name);
        std::os::unix::fs::symlink(&canary, directory.join("copy-3.txt")).unwrap();
        std::os::unix::fs::symlink(&canary, directory.join("copy-+4.txt")).unwrap();
        assert!(leave(&directory, "three").unwrap().ends_with("copy-5.txt"), "the next name that nothing has");
        assert_eq!(fs::read_to_string(&name).unwrap(), "one");
        assert_eq!(fs::read_to_string(&canary).unwrap(), "untouched");
    }

    #[test]
    fn where_others_may_write_nothing_is_left() {
        let root = tempfile::tempdir().unwrap();
        let open = root.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(leave(&open, "text").is_err());
        let own = root.path().join("own");
        assert_eq!(directory(Some(open), Some(own.clone())), Some(own.clone()));
        assert_eq!(directory(Some(PathBuf::from("relative")), None), None);
        fs::create_dir(&own).unwrap();
        fs::set_permissions(&own, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(directory(Some(own.clone()), None), Some(own.join("berth")));
    }
}
