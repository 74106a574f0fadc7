//! A file in its place, whole or not at all.
//!
//! It must never follow a link that lies there, nor leave half a file for its reader.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::domain::Shown;
use crate::error::{Context, Result};

/// Puts a text into a file of this name, which takes the place of what was there. Readable by everybody: no such file holds a secret.
///
/// # Errors
/// When it cannot be written; then what was there is there still.
pub fn put(folder: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    let beside = folder.join(format!(".{name}.{}", std::process::id()));
    let written = write(&beside, text).and_then(|()| fs::rename(&beside, &path));
    if written.is_err() {
        // Whatever the reason was: nothing of it is to be left.
        let _ = fs::remove_file(&beside);
    }
    // That it has the name lasts only when the directory is on the disk, fsync(2).
    written
        .and_then(|()| File::open(folder)?.sync_all())
        .while_doing(|| format!("cannot write {}", Shown::new(&path.to_string_lossy())))?;
    Ok(path)
}

/// Writes a new file. Open says that a link is not followed: O_EXCL, open(2).
fn write(path: &Path, text: &str) -> io::Result<()> {
    let open = || OpenOptions::new().write(true).create_new(true).mode(0o644).open(path);
    let mut file = match open() {
        // Left by one that was killed and had the same pid.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => fs::remove_file(path).and_then(|()| open())?,
        other => other?,
    };
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_takes_the_place_of_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let kept = tempfile::NamedTempFile::new().unwrap();
        symlink(kept.path(), folder.path().join("berth.nft")).unwrap();
        symlink(kept.path(), folder.path().join(format!(".berth.nft.{}", std::process::id()))).unwrap();
        for text in ["one", "two"] {
            let path = put(folder.path(), "berth.nft", text).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert!(fs::symlink_metadata(&path).unwrap().is_file());
        }
        assert_eq!((names(folder.path()), fs::read_to_string(kept.path()).unwrap()), (vec!["berth.nft".to_owned()], String::new()));
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("berth.nft")).unwrap();
        fs::write(folder.path().join("berth.nft/x"), "").unwrap();
        let error = put(folder.path(), "berth.nft", "one").unwrap_err();
        assert!(error.to_string().starts_with("cannot write "), "{error}");
        assert_eq!(names(folder.path()), ["berth.nft"]);
    }
}
