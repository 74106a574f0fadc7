//! What made an instance, taken away: its file removed or given another name, and its trees, by the user whose they are.
//!
//! It must never follow a link, leave the file system or the tree that it was given, nor remove what is somebody else's.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, fstat, fsync, openat2, renameat_with, statat, unlinkat};
use serde::{Deserialize, Serialize};

use super::make::{Below, Failed, as_user_in_roots_own, digest_of, parent, resolve};
use super::{Identity, become_user};

/// How deep a tree may be: each level is an open directory.
const DEEPEST: usize = 200;

/// How many earlier files of a name are kept beside it.
const MOST_ASIDE: u32 = 1000;

/// How often a directory is cleared that others go on filling.
const TRIES: u32 = 8;

/// What is to be taken away.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Taking {
    /// A file, if it still holds exactly this, as [`super::content_digest`] has it.
    Made {
        /// The file.
        file: Below,
        /// What it holds.
        digest: u64,
    },
    /// A file keeps what it holds and is called `NAME.old`, which no configuration is.
    Aside(Below),
    /// For good. What is not there is gone already.
    Purge {
        /// Directories with all that is in them.
        trees: Vec<Below>,
        /// Logs, each with those that are called like it and have a number more.
        logs: Vec<Below>,
        /// Files.
        files: Vec<Below>,
        /// Directories that go when they are empty, the deepest first.
        emptied: Vec<Below>,
    },
}

/// Takes it away; what a file is called now. This process is berth's own still, and is the user's afterwards.
pub(super) fn take(who: &Identity, taking: &Taking) -> Result<Option<OsString>, Failed> {
    let is_root = nix::unistd::geteuid().is_root() && who.uid().0 != 0;
    let mut called = None;
    if is_root {
        as_user_in_roots_own(who).map_err(|error| (error, PathBuf::new()))?;
        // Only what lies in the administrator's directory itself.
        each(taking, Some(who.uid().0), &mut called)?;
    }
    become_user(who).map_err(|error| (error, PathBuf::new()))?;
    each(taking, None, &mut called)?;
    Ok(called)
}

/// Does it to all, or with `top` only to what lies in a directory of root's own and is this account's.
fn each(taking: &Taking, top: Option<u32>, called: &mut Option<OsString>) -> Result<(), Failed> {
    let one = |place: &Below, work: &mut dyn FnMut(BorrowedFd<'_>, &OsStr) -> io::Result<()>| -> Result<(), Failed> {
        if top.is_some() && !(place.is_top() && place.is_in_roots_own()) {
            return Ok(());
        }
        let done = parent(place).and_then(|(directory, name)| {
            let is_others = |uid| statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|facts| facts.st_uid != uid);
            if top.is_some_and(is_others) { Ok(()) } else { work(directory.as_fd(), name) }
        });
        match done {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(|error| (error, place.path())),
        }
    };
    match taking {
        Taking::Made { file, digest } => one(file, &mut |directory, name| unmake(directory, name, *digest)),
        Taking::Aside(file) if called.is_none() => one(file, &mut |directory, name| {
            *called = Some(aside(directory, name)?);
            Ok(())
        }),
        Taking::Aside(_) => Ok(()),
        Taking::Purge { trees, logs, files, emptied } => {
            for tree in trees.iter().filter(|_| top.is_none()) {
                one(tree, &mut |directory, name| tree_of(directory, name))?;
            }
            for log in logs {
                one(log, &mut |directory, name| with_numbers(directory, name, top))?;
            }
            for file in files {
                one(file, &mut |directory, name| is_file(directory, name).and_then(|()| Ok(unlinkat(directory, name, AtFlags::empty())?)))?;
            }
            for directory in emptied {
                one(directory, &mut |parent, name| emptied_one(parent, name))?;
            }
            Ok(())
        }
    }
}

fn open_beneath(directory: BorrowedFd<'_>, name: &OsStr, flags: OFlags) -> io::Result<OwnedFd> {
    Ok(openat2(directory, name, OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::RDONLY | flags, Mode::empty(), resolve())?)
}

/// Whether it is a plain file.
fn is_file(directory: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    let facts = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(facts.st_mode) == FileType::RegularFile {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
}

fn unmake(directory: BorrowedFd<'_>, name: &OsStr, digest: u64) -> io::Result<()> {
    is_file(directory, name)?;
    if digest_of(open_beneath(directory, name, OFlags::NONBLOCK | OFlags::NOCTTY)?)? != digest {
        return Err(io::Error::from_raw_os_error(libc::ESTALE));
    }
    unlinkat(directory, name, AtFlags::empty())?;
    Ok(fsync(directory)?)
}

/// `config.json.old`, or `config.json.old-1` where that is taken.
fn aside(directory: BorrowedFd<'_>, name: &OsStr) -> io::Result<OsString> {
    is_file(directory, name)?;
    for number in 0..MOST_ASIDE {
        let mut new = name.to_owned();
        new.push(if number == 0 { ".old".to_owned() } else { format!(".old-{number}") });
        match renameat_with(directory, name, directory, &new, RenameFlags::NOREPLACE) {
            Err(rustix::io::Errno::EXIST) => {}
            other => {
                other?;
                fsync(directory)?;
                return Ok(new);
            }
        }
    }
    Err(io::Error::from_raw_os_error(libc::EEXIST))
}

/// A directory with all that is in it.
fn tree_of(parent: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    let facts = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(facts.st_mode) != FileType::Directory {
        // Whatever a link points to stays; the link itself is the user's own.
        return Ok(unlinkat(parent, name, AtFlags::empty())?);
    }
    remove(parent, name, facts.st_dev, 0)
}

/// Clears a directory and removes it. What comes into it meanwhile is cleared once more, but not for ever.
fn remove(parent: BorrowedFd<'_>, name: &OsStr, device: u64, depth: usize) -> io::Result<()> {
    for _ in 0..TRIES {
        clear(parent, name, device, depth)?;
        match unlinkat(parent, name, AtFlags::REMOVEDIR) {
            Err(rustix::io::Errno::NOTEMPTY | rustix::io::Errno::EXIST) => {}
            Err(rustix::io::Errno::NOENT) => return Ok(()),
            other => return Ok(other?),
        }
    }
    Err(io::Error::from_raw_os_error(libc::ENOTEMPTY))
}

fn clear(parent: BorrowedFd<'_>, name: &OsStr, device: u64, depth: usize) -> io::Result<()> {
    if depth > DEEPEST {
        return Err(io::Error::from_raw_os_error(libc::ELOOP));
    }
    let directory = open_beneath(parent, name, OFlags::DIRECTORY | OFlags::NONBLOCK)?;
    // Another file system is somebody's who mounted it there.
    if fstat(&directory)?.st_dev != device {
        return Err(io::Error::from_raw_os_error(libc::EXDEV));
    }
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let name: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => FileType::from_raw_mode(statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode),
            known => known,
        };
        if kind == FileType::Directory {
            remove(directory.as_fd(), name, device, depth + 1)?;
            continue;
        }
        match unlinkat(&directory, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// `server.log`, `server.log.1`, `server.log.2.gz`.
fn with_numbers(directory: BorrowedFd<'_>, name: &OsStr, only_of: Option<u32>) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let found: &OsStr = OsStr::from_bytes(entry.file_name().to_bytes());
        let Some(rest) = found.as_bytes().strip_prefix(name.as_bytes()) else { continue };
        let rest = rest.strip_suffix(b".gz").unwrap_or(rest);
        let is_one =
            rest.is_empty() || rest.strip_prefix(b".").is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit));
        if !is_one || is_file(directory, found).is_err() {
            continue;
        }
        let facts = statat(directory, found, AtFlags::SYMLINK_NOFOLLOW)?;
        if only_of.is_none_or(|uid| facts.st_uid == uid) {
            unlinkat(directory, found, AtFlags::empty())?;
        }
    }
    Ok(())
}

/// A directory that has nothing in it any more.
fn emptied_one(parent: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    match unlinkat(parent, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(rustix::io::Errno::NOTEMPTY | rustix::io::Errno::EXIST | rustix::io::Errno::NOTDIR) => Ok(()),
        // One that lies in the administrator's directory has been tried with the rights for it.
        Err(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
#[path = "take_tests.rs"]
mod tests;
