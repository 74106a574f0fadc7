//! A text left in a file, for a terminal without a clipboard: in a directory of the caller's own, 0600, a bounded number.
//!
//! It must never write in a directory that others may write in or that is another's, nor into a file that is there already.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::error::{Context, Error, Result};

/// How many are kept.
const KEPT: usize = 10;

/// The names of these files begin with this.
const NAME: &str = "copy-";

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
pub fn leave(directory: &Path, text: &str, now: Timestamp) -> Result<PathBuf> {
    let doing = || format!("cannot write in {}", directory.display());
    DirBuilder::new().recursive(true).mode(0o700).create(directory).while_doing(doing)?;
    if !is_own(directory) {
        return Err(Error::failed(format!("{} is not yours alone", directory.display())));
    }
    let stamp = now.strftime("%Y%m%d-%H%M%S-%6f");
    let path = directory.join(format!("{NAME}{stamp}.txt"));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).while_doing(doing)?;
    file.write_all(text.as_bytes()).while_doing(doing)?;
    forget_old(directory);
    Ok(path)
}

/// Keeps the newest. The names sort as their times do.
fn forget_old(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let is_ours = |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(NAME.as_bytes()));
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_ours).collect();
    paths.sort();
    for path in paths.iter().take(paths.len().saturating_sub(KEPT)) {
        // One that cannot be taken away is one more that stays.
        drop(fs::remove_file(path));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::*;

    fn at(second: u64) -> Timestamp {
        "2026-11-21T03:12:04Z".parse::<Timestamp>().unwrap() + Duration::from_secs(second)
    }

    #[test]
    fn a_file_is_the_callers_alone_and_the_oldest_leaves() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("state/copies");
        let paths: Vec<PathBuf> = (0..12).map(|second| leave(&directory, &format!("text {second}"), at(second)).unwrap()).collect();
        fs::write(directory.join("other"), "stays").unwrap();
        leave(&directory, "last", at(60)).unwrap();
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
        let name = leave(&directory, "one", at(0)).unwrap();
        assert!(leave(&directory, "two", at(0)).is_err());
        fs::remove_file(&name).unwrap();
        std::os::unix::fs::symlink(&canary, &name).unwrap();
        assert!(leave(&directory, "three", at(0)).is_err());
        assert_eq!(fs::read_to_string(&canary).unwrap(), "untouched");
    }

    #[test]
    fn where_others_may_write_nothing_is_left() {
        let root = tempfile::tempdir().unwrap();
        let open = root.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(leave(&open, "text", at(0)).is_err());
        let own = root.path().join("own");
        assert_eq!(directory(Some(open), Some(own.clone())), Some(own.clone()));
        assert_eq!(directory(Some(PathBuf::from("relative")), None), None);
        fs::create_dir(&own).unwrap();
        fs::set_permissions(&own, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(directory(Some(own.clone()), None), Some(own.join("berth")));
    }
}
