//! The way to a path, asked of the kernel as a user: where it really leads, and whose each directory on it is.
//!
//! It must never open anything for reading or writing: each part is only looked at.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, StatxFlags, openat2, readlink, statx};

use super::{Identity, Reader};
use crate::domain::Met;

impl Reader {
    /// Where a path leads, links followed as far as the user may follow them. Of what is not there the directory above counts, and the rest
    /// is taken as it is written.
    ///
    /// # Errors
    /// The kernel's; `InvalidInput` for a path that is not absolute.
    pub fn real(&self, who: &Identity, path: &Path) -> io::Result<PathBuf> {
        let wanted = path.to_owned();
        self.look(who, Path::new("/"), beneath(path)?, move |root| real(root, &wanted))
    }

    /// What lies on the way to a file that is there, its links resolved: the root first, the file last.
    ///
    /// # Errors
    /// As [`Reader::real`]; `NotFound`.
    pub fn way(&self, who: &Identity, path: &Path) -> io::Result<Vec<Met>> {
        let wanted = path.to_owned();
        self.look(who, Path::new("/"), beneath(path)?, move |root| {
            let file = open(root, &wanted)?;
            let place = place_of(&file)?;
            let mut met = Vec::new();
            let mut way = PathBuf::from("/");
            for part in place.components() {
                way.push(part);
                met.push(look(root, &way)?);
            }
            Ok(met)
        })
    }
}

fn beneath(path: &Path) -> io::Result<&Path> {
    path.strip_prefix("/").map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "it is no absolute path"))
}

fn open(root: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    let below = path.strip_prefix("/").unwrap_or(path);
    let below = if below.as_os_str().is_empty() { Path::new(".") } else { below };
    Ok(openat2(root, below, OFlags::CLOEXEC | OFlags::PATH, Mode::empty(), ResolveFlags::NO_MAGICLINKS)?)
}

/// The kernel's own name for what is open. A thread may always ask that of its own process.
fn place_of(descriptor: &OwnedFd) -> io::Result<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    let link = readlink(format!("/proc/self/fd/{}", descriptor.as_raw_fd()), Vec::new())?;
    Ok(PathBuf::from(std::ffi::OsString::from_vec(link.into_bytes())))
}

fn look(root: BorrowedFd<'_>, path: &Path) -> io::Result<Met> {
    let descriptor = open(root, path)?;
    let facts = statx(&descriptor, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
    Ok(Met { path: path.to_owned(), uid: facts.stx_uid, gid: facts.stx_gid, mode: u32::from(facts.stx_mode) & 0o7777 })
}

fn real(root: BorrowedFd<'_>, path: &Path) -> io::Result<PathBuf> {
    let mut there = path;
    loop {
        match open(root, there) {
            Ok(descriptor) => {
                let mut place = place_of(&descriptor)?;
                for part in path.strip_prefix(there).unwrap_or(Path::new("")).components() {
                    match part {
                        Component::ParentDir => drop(place.pop()),
                        Component::Normal(name) => place.push(name),
                        _ => {}
                    }
                }
                return Ok(place);
            }
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => there = there.parent().ok_or(error)?,
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::domain::{Gid, Uid};

    #[test]
    fn links_are_followed_and_each_part_is_told() {
        let tree = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(tree.path()).unwrap();
        fs::create_dir_all(base.join("al")).unwrap();
        fs::create_dir_all(base.join("alice/ws")).unwrap();
        symlink("../alice/ws", base.join("al/ws")).unwrap();
        symlink(base.join("alice"), base.join("al/abs")).unwrap();
        fs::write(base.join("alice/config.json"), "x").unwrap();
        fs::set_permissions(base.join("alice"), Permissions::from_mode(0o750)).unwrap();
        fs::set_permissions(base.join("alice/config.json"), Permissions::from_mode(0o640)).unwrap();
        let own = Identity::of(Uid(nix::unistd::geteuid().as_raw()), Gid(nix::unistd::getegid().as_raw()), None);
        let reader = Reader::start().unwrap();
        let real = |path: &str| reader.real(&own, &base.join(path)).unwrap();
        assert_eq!(real("al/ws"), base.join("alice/ws"));
        assert_eq!(real("al/../alice/ws"), base.join("alice/ws"));
        assert_eq!(real("al/abs/absent/deeper"), base.join("alice/absent/deeper"));
        assert_eq!(real("al/absent/../x"), base.join("al/x"));
        let way = reader.way(&own, &base.join("al/abs/config.json")).unwrap();
        let last: Vec<(PathBuf, u32)> = way.iter().rev().take(2).map(|met| (met.path.clone(), met.mode)).collect();
        assert_eq!(last, [(base.join("alice/config.json"), 0o640), (base.join("alice"), 0o750)]);
        assert_eq!(way[0].path, Path::new("/"));
        assert!(reader.way(&own, &base.join("absent")).is_err() && reader.real(&own, Path::new("x")).is_err());
    }

    #[test]
    fn what_a_user_may_not_reach_is_not_told() {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: only root can be two users");
            return;
        }
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir(tree.path().join("closed")).unwrap();
        fs::set_permissions(tree.path().join("closed"), Permissions::from_mode(0o700)).unwrap();
        fs::set_permissions(tree.path(), Permissions::from_mode(0o755)).unwrap();
        let other = Identity::of(Uid(61_403), Gid(61_403), None);
        let reader = Reader::start().unwrap();
        let denied = reader.real(&other, &tree.path().join("closed/x")).unwrap_err();
        assert_eq!(denied.kind(), io::ErrorKind::PermissionDenied);
    }
}
