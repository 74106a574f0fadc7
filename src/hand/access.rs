//! What a user may do with a path, asked of the kernel as that user.
//!
//! It must never open anything for reading or writing, nor answer with root's own rights: a path that only berth could use is none.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, StatxFlags, fstatvfs, openat2, statx};

use super::{Identity, Reader};
use crate::domain::{Access, Shown, Sight};

impl Reader {
    /// How a path looks to a user, links followed as far as the user may follow them.
    pub fn sight(&self, who: &Identity, path: &Path) -> Sight {
        if !path.is_absolute() {
            return Sight::Unclear(Shown::from("it is no absolute path"));
        }
        let wanted = path.to_owned();
        let beneath = path.strip_prefix("/").unwrap_or(path);
        let seen = self.look(who, Path::new("/"), beneath, move |root| Ok(see(root, &wanted)));
        seen.unwrap_or_else(|error| Sight::Unclear(Shown::new(&error.to_string())))
    }
}

/// Goes along the path, one part more each time: the first that cannot be had is the one to tell of.
fn see(root: BorrowedFd<'_>, path: &Path) -> Sight {
    let mut way = PathBuf::new();
    let mut last = match open(root, Path::new(".")).and_then(|descriptor| access(&descriptor)) {
        Ok(access) => access,
        Err(error) => return Sight::Unclear(Shown::new(&error.to_string())),
    };
    for part in path.components().filter(|part| *part != Component::RootDir) {
        let above = Path::new("/").join(&way);
        way.push(part);
        match open(root, &way).and_then(|descriptor| access(&descriptor)) {
            Ok(access) => last = access,
            Err(error) => {
                return match error.raw_os_error() {
                    Some(libc::ENOENT) => Sight::Absent(shown(&Path::new("/").join(&way)), last),
                    Some(libc::EACCES | libc::EPERM) => Sight::Barred(shown(&above)),
                    _ => Sight::Unclear(Shown::new(&error.to_string())),
                };
            }
        }
    }
    Sight::There(last)
}

fn shown(path: &Path) -> Shown {
    Shown::from_bytes(path.as_os_str().as_encoded_bytes())
}

/// A descriptor that stands for the place and opens nothing: O_PATH, open(2).
fn open(root: BorrowedFd<'_>, beneath: &Path) -> io::Result<OwnedFd> {
    Ok(openat2(root, beneath, OFlags::CLOEXEC | OFlags::PATH, Mode::empty(), ResolveFlags::NO_MAGICLINKS)?)
}

fn access(descriptor: &OwnedFd) -> io::Result<Access> {
    let facts = statx(descriptor, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
    let kind = FileType::from_raw_mode(facts.stx_mode.into());
    let space = fstatvfs(descriptor)?;
    Ok(Access {
        is_directory: kind == FileType::Directory,
        is_regular: kind == FileType::RegularFile,
        links: facts.stx_nlink,
        uid: facts.stx_uid,
        mode: u32::from(facts.stx_mode) & 0o7777,
        may_read: may(descriptor, libc::R_OK)?,
        may_write: may(descriptor, libc::W_OK)?,
        may_execute: may(descriptor, libc::X_OK)?,
        room: space.f_bavail.saturating_mul(space.f_frsize),
        // File systems without a fixed table of files say 0 of 0.
        is_out_of_files: space.f_files > 0 && space.f_favail == 0,
    })
}

/// Asks with the identity that the thread has taken on: without AT_EACCESS the kernel would ask for the real one, root's. access(2).
fn may(descriptor: &OwnedFd, what: i32) -> io::Result<bool> {
    let flags = libc::AT_EACCESS | libc::AT_EMPTY_PATH;
    // SAFETY: a plain system call on a descriptor that lives for the call; the text is static.
    let answer = unsafe { libc::syscall(libc::SYS_faccessat2, descriptor.as_raw_fd(), c"".as_ptr(), what, flags) };
    if answer == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EACCES | libc::EPERM | libc::EROFS | libc::ETXTBSY) => Ok(false),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::domain::{Gid, Uid};

    /// An account that nobody has.
    const OTHER: u32 = 61_402;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn tree() -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        mode(tree.path(), 0o755);
        fs::create_dir_all(tree.path().join("closed/below")).unwrap();
        fs::write(tree.path().join("plain"), "x").unwrap();
        fs::write(tree.path().join("closed/below/file"), "x").unwrap();
        symlink("plain", tree.path().join("link")).unwrap();
        mode(&tree.path().join("plain"), 0o644);
        mode(&tree.path().join("closed"), 0o700);
        tree
    }

    #[test]
    fn the_first_part_that_is_not_there_is_told() {
        let tree = tree();
        let own = Identity::of(Uid(nix::unistd::geteuid().as_raw()), Gid(nix::unistd::getegid().as_raw()), None);
        let reader = Reader::start().unwrap();
        let Sight::There(file) = reader.sight(&own, &tree.path().join("link")) else { panic!("it is there") };
        assert!(file.is_regular && !file.is_directory && file.may_read && file.may_write && file.links == 1);
        let Sight::Absent(part, above) = reader.sight(&own, &tree.path().join("closed/absent/deeper")) else { panic!("it is not there") };
        assert_eq!(part.as_str(), tree.path().join("closed/absent").to_str().unwrap());
        assert!(above.is_directory && above.may_write);
        assert!(matches!(reader.sight(&own, &tree.path().join("plain/x")), Sight::Unclear(_)));
        assert!(matches!(reader.sight(&own, Path::new("x/y")), Sight::Unclear(_)));
    }

    #[test]
    fn the_rights_are_the_users_and_not_roots() {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: only root can be two users");
            return;
        }
        let tree = tree();
        let other = Identity::of(Uid(OTHER), Gid(OTHER), None);
        let reader = Reader::start().unwrap();
        let Sight::There(file) = reader.sight(&other, &tree.path().join("plain")) else { panic!("it is there") };
        assert!(file.may_read && !file.may_write && !file.may_execute);
        let closed = reader.sight(&other, &tree.path().join("closed/below/file"));
        assert_eq!(closed, Sight::Barred(shown(&tree.path().join("closed"))));
        let Sight::There(directory) = reader.sight(&other, &tree.path().join("closed")) else { panic!("it is there") };
        assert!(!directory.may_read && !directory.may_write && !directory.may_execute);
        let Sight::Absent(_, above) = reader.sight(&other, &tree.path().join("absent")) else { panic!("it is not there") };
        assert!(!above.may_write);
    }
}
