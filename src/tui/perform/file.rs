//! A new file of the person who runs berth, for what they want to keep.
//!
//! It must never overwrite anything, never be readable by others, and never lie in a place that another user could turn into another one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Context, Error, Result};

/// Writes a new file; says where it lies and what `write` says. What could not be written whole is taken away again.
///
/// # Errors
/// When it exists already, its folder is not there or is another user's to change, or writing fails.
pub fn write_new(path: &str, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<u64>) -> Result<(PathBuf, u64)> {
    let path = expanded(path)?;
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Error::failed(format!("not saved. {} names no file", path.display())));
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let folder = folder.canonicalize().while_doing(|| format!("not saved. There is no folder {}", folder.display()))?;
    if nix::unistd::geteuid().is_root() {
        only_root_may_change(&folder)?;
    }
    let path = folder.join(name);
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(Error::failed(format!("not saved. {} is there already", path.display())));
        }
        other => other.while_doing(|| format!("not saved. {} cannot be made", path.display()))?,
    };
    let mut out = BufWriter::new(file);
    match write(&mut out) {
        Ok(count) => Ok((path, count)),
        Err(error) => {
            drop(out);
            // It is ours: it was made a moment ago, and half of it is of no use.
            let _ = fs::remove_file(&path);
            Err(Error::failed(format!("not saved. {} cannot be written", path.display())).because(error))
        }
    }
}

/// With the home folder in the place of `~/`.
fn expanded(path: &str) -> Result<PathBuf> {
    match path.strip_prefix("~/") {
        None => Ok(path.into()),
        Some(rest) => {
            let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
            home.map(|home| Path::new(&home).join(rest)).ok_or_else(|| Error::failed("not saved. HOME is not set, so ~ is nowhere"))
        }
    }
}

/// As root, nothing is written where a user could put a link in the way. A folder that all may write to is safe when it is sticky: names in
/// it are not replaced by others, and a new file follows no link.
fn only_root_may_change(folder: &Path) -> Result<()> {
    for part in folder.ancestors() {
        let metadata = fs::symlink_metadata(part).while_doing(|| format!("not saved. {} cannot be looked at", part.display()))?;
        let (is_roots, mode) = (metadata.uid() == 0, metadata.mode());
        if !is_roots || (mode & 0o022 != 0 && mode & 0o1000 == 0) {
            let sentence =
                format!("not saved. {} belongs to a user, and root writes nothing there; /root is a place for it", part.display());
            return Err(Error::failed(sentence));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn write(path: &Path) -> Result<(PathBuf, u64)> {
        write_new(&path.display().to_string(), |out| out.write_all(b"x\n").map(|()| 1))
    }

    #[test]
    fn a_new_file_is_ones_own_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        assert_eq!(write(&path).unwrap().1, 1);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write(&path).unwrap_err().chain().contains("is there already"));
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), folder.path().join("link")).unwrap();
        assert!(write(&folder.path().join("link")).is_err());
        assert!(!folder.path().join("elsewhere").exists());
        assert!(write(&folder.path().join("none/log")).unwrap_err().chain().contains("There is no folder"));
    }

    #[test]
    fn half_a_file_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let told = write_new(&path.display().to_string(), |_| Err(io::ErrorKind::TimedOut.into()));
        assert!(told.is_err() && !path.exists());
    }

    #[test]
    fn root_writes_nothing_in_a_users_tree() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(only_root_may_change(folder.path()).unwrap_err().chain().contains("belongs to a user"));
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        if nix::unistd::geteuid().is_root() {
            assert!(only_root_may_change(&folder.path().canonicalize().unwrap()).is_ok());
            nix::unistd::chown(folder.path(), Some(nix::unistd::Uid::from_raw(1234)), None).unwrap();
            assert!(only_root_may_change(folder.path()).is_err());
        }
    }
}
