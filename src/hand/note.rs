//! A small file of berth's own in a user's tree, such as the one that says the port: written whole, by the user whose it is.
//!
//! What stands there is replaced by name and never opened, so a link there leads nowhere. It must never be followed by anything that
//! decides, nor be written by root in a directory of somebody else's.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, fchmod, fstat, fsync, openat, renameat, unlinkat};
use serde::{Deserialize, Serialize};

use super::Identity;
use super::make::{Below, parent};
use super::replace::beside;

/// The longest note, bytes.
const LONGEST: usize = 4096;

/// A file and what is to stand in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Where.
    pub place: Below,
    /// What.
    pub text: String,
}

/// Writes it. This process is the user already.
pub(super) fn note(who: &Identity, note: &Note) -> io::Result<()> {
    if note.text.len() > LONGEST {
        return Err(io::Error::from_raw_os_error(libc::EFBIG));
    }
    let (directory, name) = parent(&note.place)?;
    let owner = fstat(&directory)?.st_uid;
    // Everybody else the kernel keeps out by itself.
    if who.uid().is_root() && owner != 0 {
        return Err(io::Error::from_raw_os_error(libc::EPERM));
    }
    let new = beside(name);
    let placed = written(directory.as_fd(), &new, &note.text).and_then(|()| Ok(renameat(&directory, &new, &directory, name)?));
    if placed.is_err() {
        let _ = unlinkat(&directory, &new, AtFlags::empty());
    }
    placed?;
    Ok(fsync(&directory)?)
}

fn written(directory: BorrowedFd<'_>, new: impl AsRef<Path>, text: &str) -> io::Result<()> {
    let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    let made = openat(directory, new.as_ref(), flags, Mode::from_raw_mode(0o600))?;
    let mut made = File::from(made);
    made.write_all(text.as_bytes())?;
    // A port is no secret, and whoever may come this far may read it.
    fchmod(&made, Mode::from_raw_mode(0o644))?;
    made.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Gid, Spot, Uid};
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    fn own() -> Identity {
        Identity::with_groups(Uid(nix::unistd::geteuid().as_raw()), Gid(nix::unistd::getegid().as_raw()), &[])
    }

    fn to(root: &Path, beneath: &str, text: &str) -> Note {
        Note { place: (&Spot { root: root.to_owned(), beneath: beneath.into() }).into(), text: text.to_owned() }
    }

    #[test]
    fn it_is_written_and_written_anew() {
        let tree = tempfile::tempdir().unwrap();
        for text in ["8081\n", "18090\n"] {
            note(&own(), &to(tree.path(), "port", text)).unwrap();
            assert_eq!(fs::read_to_string(tree.path().join("port")).unwrap(), text);
        }
        assert_eq!(fs::metadata(tree.path().join("port")).unwrap().mode() & 0o7777, 0o644);
        assert_eq!(fs::read_dir(tree.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_is_replaced_and_its_target_left() {
        let tree = tempfile::tempdir().unwrap();
        fs::write(tree.path().join("target"), "canary").unwrap();
        symlink("target", tree.path().join("port")).unwrap();
        note(&own(), &to(tree.path(), "port", "1\n")).unwrap();
        assert_eq!(fs::read_to_string(tree.path().join("target")).unwrap(), "canary");
        assert!(fs::symlink_metadata(tree.path().join("port")).unwrap().is_file());
    }

    #[test]
    fn nothing_is_written_by_way_of_a_link_nor_over_a_directory() {
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir(tree.path().join("real")).unwrap();
        symlink("real", tree.path().join("link")).unwrap();
        let errno = |beneath: &str, text: &str| note(&own(), &to(tree.path(), beneath, text)).unwrap_err().raw_os_error();
        assert_eq!(errno("link/port", "1\n"), Some(libc::ELOOP));
        assert_eq!(errno("../port", "1\n"), Some(libc::EINVAL));
        assert_eq!(errno("none/port", "1\n"), Some(libc::ENOENT));
        assert_eq!(errno("real", "1\n"), Some(libc::EISDIR));
        assert_eq!(errno("port", &"1".repeat(5000)), Some(libc::EFBIG));
        assert_eq!(fs::read_dir(tree.path().join("real")).unwrap().count(), 0);
        assert_eq!(fs::read_dir(tree.path()).unwrap().count(), 2, "nothing half is left behind");
    }

    #[test]
    fn root_writes_in_nobodys_directory() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let tree = tempfile::tempdir().unwrap();
        fs::set_permissions(tree.path(), fs::Permissions::from_mode(0o777)).unwrap();
        std::os::unix::fs::chown(tree.path(), Some(61_001), Some(61_001)).unwrap();
        let root = Identity::with_groups(Uid(0), Gid(0), &[]);
        assert_eq!(note(&root, &to(tree.path(), "port", "1\n")).unwrap_err().raw_os_error(), Some(libc::EPERM));
    }
}
