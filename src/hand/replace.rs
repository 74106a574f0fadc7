//! One place of one file changed, by the user whose it is, or by root where only root may write: a new file beside it takes its name when it is
//! whole.
//!
//! It must never follow a link below the administrator's part, change a file that has a second name or another owner, or leave half of one.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::Hasher;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, ResolveFlags, Uid, fchmod, fchown, fstat, fsync, open, openat2, renameat, statat, unlinkat,
};
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher24;

use super::Identity;

/// The longest file that is changed, bytes.
const LONGEST: u64 = 1 << 20;

/// What is to be changed where.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Replacement {
    /// The administrator's part of the path.
    pub root: PathBuf,
    /// The rest.
    pub beneath: PathBuf,
    /// What the whole file was when the change was worked out, as [`content_digest`] has it.
    pub digest: u64,
    /// Where, in bytes.
    pub at: usize,
    /// What stands there.
    pub old: String,
    /// What is to stand there.
    pub new: String,
}

/// By what a file's content is known again.
pub fn content_digest(bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher24::new();
    hasher.write(bytes);
    hasher.finish()
}

/// What the new file is called until it is whole. A hand that was ended leaves it behind, and whoever looks meanwhile meets it: its ending
/// says that it is no configuration.
pub fn beside(name: &OsStr) -> OsString {
    let mut new = name.to_owned();
    new.push(format!(".berth-{}.tmp", std::process::id()));
    new
}

/// Changes it. This process is the user already.
pub(super) fn replace(who: &Identity, change: &Replacement) -> io::Result<()> {
    let wrong = |sentence: &str| io::Error::new(io::ErrorKind::InvalidInput, sentence);
    let flags = OFlags::CLOEXEC | OFlags::DIRECTORY | OFlags::PATH;
    let root = open(&change.root, flags, Mode::empty())?;
    let name = change.beneath.file_name().ok_or_else(|| wrong("it has no name"))?;
    let parent = change.beneath.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let directory = openat2(&root, parent, OFlags::CLOEXEC | OFlags::DIRECTORY | OFlags::RDONLY, Mode::empty(), resolve)?;
    replace_in(&directory, name, who.uid().0, change)
}

/// Changes the file of this name, if it is this owner's.
pub(super) fn replace_in(directory: &OwnedFd, name: &OsStr, owner: u32, change: &Replacement) -> io::Result<()> {
    let wrong = |sentence: &str| io::Error::new(io::ErrorKind::InvalidInput, sentence);
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = openat2(directory, name, flags, Mode::empty(), resolve)?;
    let facts = fstat(&file)?;
    if FileType::from_raw_mode(facts.st_mode) != FileType::RegularFile {
        return Err(wrong("it is not a regular file"));
    }
    if facts.st_uid != owner {
        return Err(io::Error::from_raw_os_error(libc::EPERM));
    }
    if facts.st_nlink != 1 {
        return Err(io::Error::from_raw_os_error(libc::EMLINK));
    }
    let mut bytes = Vec::new();
    File::from(file).take(LONGEST + 1).read_to_end(&mut bytes)?;
    let end = change.at.saturating_add(change.old.len());
    // Somebody has changed it since: what was worked out is not for this text.
    if content_digest(&bytes) != change.digest || bytes.get(change.at..end) != Some(change.old.as_bytes()) {
        return Err(io::Error::from_raw_os_error(libc::ESTALE));
    }
    bytes.splice(change.at..end, change.new.bytes());
    let new = beside(name);
    let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    let made = openat2(directory, &new, flags, Mode::from_raw_mode(0o600), resolve)?;
    let written = put(made, &bytes, &facts, directory.as_fd(), name, &new);
    if written.is_err() {
        let _ = unlinkat(directory, &new, AtFlags::empty());
    }
    written?;
    Ok(fsync(directory)?)
}

/// Makes the new file whole, and gives it the name, if that is still the old one's.
fn put(made: OwnedFd, bytes: &[u8], old: &rustix::fs::Stat, directory: BorrowedFd<'_>, name: &OsStr, new: &OsStr) -> io::Result<()> {
    let mut made = File::from(made);
    made.write_all(bytes)?;
    let now = fstat(&made)?;
    if (now.st_uid, now.st_gid) != (old.st_uid, old.st_gid) {
        // Another owner than before it never has: only root makes a file for somebody else, where nobody else can lay a hand on it.
        let owner = (now.st_uid != old.st_uid).then(|| Uid::from_raw(old.st_uid));
        fchown(&made, owner, Some(Gid::from_raw(old.st_gid)))?;
    }
    fchmod(&made, Mode::from_raw_mode(old.st_mode & 0o777))?;
    made.sync_all()?;
    let now = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if (now.st_dev, now.st_ino, now.st_mtime, now.st_mtime_nsec) != (old.st_dev, old.st_ino, old.st_mtime, old.st_mtime_nsec) {
        return Err(io::Error::from_raw_os_error(libc::ESTALE));
    }
    Ok(renameat(directory, new, directory, name)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Gid as DomainGid, Uid as DomainUid};
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    const TEXT: &str = "{\"port\": 8081, \"x\": 1}\n";

    fn own() -> Identity {
        Identity::with_groups(DomainUid(nix::unistd::geteuid().as_raw()), DomainGid(nix::unistd::getegid().as_raw()), &[])
    }

    fn change(root: &Path, beneath: &str) -> Replacement {
        let digest = content_digest(TEXT.as_bytes());
        Replacement { root: root.to_owned(), beneath: beneath.into(), digest, at: 9, old: "8081".into(), new: "18090".into() }
    }

    fn tree() -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir(tree.path().join("config")).unwrap();
        fs::write(tree.path().join("config/c.json"), TEXT).unwrap();
        tree
    }

    fn names(tree: &Path) -> usize {
        fs::read_dir(tree.join("config")).unwrap().count()
    }

    #[test]
    fn the_place_changes_and_mode_and_neighbours_stay() {
        let tree = tree();
        let path = tree.path().join("config/c.json");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        replace(&own(), &change(tree.path(), "config/c.json")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"port\": 18090, \"x\": 1}\n");
        assert_eq!((fs::metadata(&path).unwrap().mode() & 0o7777, names(tree.path())), (0o640, 1));
    }

    #[test]
    fn what_is_not_as_it_was_is_left_alone() {
        let refused = |prepare: &dyn Fn(&Path)| {
            let tree = tree();
            prepare(tree.path());
            let before = fs::read(tree.path().join("config/c.json"));
            let error = replace(&own(), &change(tree.path(), "config/c.json")).unwrap_err();
            assert_eq!(before.ok(), fs::read(tree.path().join("config/c.json")).ok());
            error.raw_os_error().unwrap_or_default()
        };
        assert_eq!(refused(&|tree| fs::write(tree.join("config/c.json"), TEXT.replace('1', "2")).unwrap()), libc::ESTALE);
        assert_eq!(refused(&|tree| fs::hard_link(tree.join("config/c.json"), tree.join("other")).unwrap()), libc::EMLINK);
        assert_eq!(refused(&|tree| fs::remove_file(tree.join("config/c.json")).unwrap()), libc::ENOENT);
        let linked = |tree: &Path| {
            fs::rename(tree.join("config/c.json"), tree.join("real")).unwrap();
            symlink("../real", tree.join("config/c.json")).unwrap();
        };
        assert_eq!(refused(&linked), libc::ELOOP);
        let moved = |tree: &Path| {
            fs::rename(tree.join("config"), tree.join("elsewhere")).unwrap();
            symlink("elsewhere", tree.join("config")).unwrap();
        };
        assert_eq!(refused(&moved), libc::ELOOP);
        let tree = tree();
        let stranger = Identity::with_groups(DomainUid(61_001), DomainGid(61_001), &[]);
        let error = replace(&stranger, &change(tree.path(), "config/c.json")).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EPERM));
        assert!(replace(&own(), &change(tree.path(), "../c.json")).is_err());
        assert_eq!(names(tree.path()), 1);
    }
}
