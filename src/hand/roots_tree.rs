//! Files that lie where root alone may write: an environment file of a service account in `/opt`, as the guides have it. The account may not
//! put a new file beside it, so root does, where nobody else can put anything in the way.
//!
//! It must never write where another than root may rename, make or remove anything on the way.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, fstat, openat, openat2, statat};

use super::replace::{Replacement, replace_in};
use super::{Identity, become_user};

/// Permission to write for the group or for everybody.
const OTHERS_WRITE: u32 = 0o022;

/// In such a directory nobody renames or removes what is another's, chmod(1) "restricted deletion flag".
const STICKY: u32 = 0o1000;

/// Changes one place of a file of a user's, or of root's that a user's instance reads. This process is berth's own still, and is the user's
/// afterwards, unless the file lies where only root may write.
pub(super) fn replace_as_whoever_may(who: &Identity, change: &Replacement) -> io::Result<()> {
    if nix::unistd::geteuid().is_root()
        && who.uid().0 != 0
        && change.beneath.components().all(|part| matches!(part, Component::Normal(_)))
        && let Some(name) = change.beneath.file_name()
        && let Some(directory) = change.root.join(&change.beneath).parent().and_then(roots_alone)
        // What is not there is told by whoever looks for it next.
        && let Ok(facts) = statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW)
    {
        let owner = if facts.st_uid == 0 { 0 } else { who.uid().0 };
        return replace_in(&directory, name, owner, change);
    }
    become_user(who)?;
    super::replace::replace(who, change)
}

/// A directory in which, and on the way to which, only root can change names. `None` where somebody else can, or a link is on the way: whoever
/// can change that could lead elsewhere.
fn roots_alone(path: &Path) -> Option<OwnedFd> {
    let flags = OFlags::CLOEXEC | OFlags::DIRECTORY;
    let directory = openat2(CWD, path, flags | OFlags::RDONLY, Mode::empty(), ResolveFlags::NO_SYMLINKS).ok()?;
    let mut below = fstat(&directory).ok()?;
    if below.st_uid != 0 || below.st_mode & OTHERS_WRITE != 0 {
        return None;
    }
    let mut at = openat(&directory, "..", flags | OFlags::PATH, Mode::empty()).ok()?;
    loop {
        let facts = fstat(&at).ok()?;
        if facts.st_uid != 0 || (facts.st_mode & OTHERS_WRITE != 0 && facts.st_mode & STICKY == 0) {
            return None;
        }
        if (facts.st_dev, facts.st_ino) == (below.st_dev, below.st_ino) {
            return Some(directory);
        }
        below = facts;
        at = openat(&at, "..", flags | OFlags::PATH, Mode::empty()).ok()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    /// Whether it is root's alone, as a test that is root sees it; nothing is anybody's alone to a test that is not.
    fn is_roots(path: &Path) -> bool {
        roots_alone(path).is_some()
    }

    #[test]
    fn what_others_can_change_is_not_roots_alone() {
        let tree = tempfile::tempdir().unwrap();
        let (outer, inner) = (tree.path().join("outer"), tree.path().join("outer/inner"));
        fs::create_dir_all(&inner).unwrap();
        for path in [tree.path(), &outer, &inner] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let is_root = nix::unistd::geteuid().is_root();
        assert_eq!(is_roots(&inner), is_root, "the way to it is the system's own and this account's");
        for (path, mode) in [(&inner, 0o775), (&inner, 0o757), (&inner, 0o1777), (&outer, 0o775), (&outer, 0o777)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(!is_roots(&inner), "{} {mode:o}", path.display());
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        // Where everybody may make files and nobody may take another's away.
        fs::set_permissions(&outer, fs::Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(is_roots(&inner), is_root);
        symlink(&inner, tree.path().join("link")).unwrap();
        assert!(!is_roots(&tree.path().join("link")) && !is_roots(&tree.path().join("none")));
        if is_root {
            for path in [&inner, &outer] {
                chown(path, Some(61_001), None).unwrap();
                assert!(!is_roots(&inner), "{}", path.display());
                chown(path, Some(0), None).unwrap();
            }
        }
    }
}
