//! Whether a configuration file counts: it names commands that root will run, so nobody else may be able to write it.
//!
//! It must never look at a file by its name twice: what was checked is what is read.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, open, openat};

use crate::domain::{Shown, Uid};
use crate::error::{Error, Kind, Result};

/// More is no configuration.
const LARGEST: u64 = 1 << 20;

/// Reads a configuration file; `None` when there is none.
///
/// Links are followed as the administrator laid them, and the place where they end is checked like the place where they lie.
///
/// # Errors
/// When it cannot be read, is no regular file, or may be written by somebody else.
pub(super) fn read(path: &Path, caller: Uid) -> Result<Option<Vec<u8>>> {
    read_what(path, caller, "it decides which commands berth runs")
}

/// As [`read`], for a file whose weight is another: `why` nobody else may write it.
///
/// # Errors
/// As [`read`].
pub(super) fn read_what(path: &Path, caller: Uid, why: &str) -> Result<Option<Vec<u8>>> {
    let real = match fs::canonicalize(path) {
        Ok(real) => real,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(unreadable(path, error)),
    };
    let (Some(directory), Some(name)) = (real.parent(), real.file_name()) else {
        return Err(Error::new(Kind::Usage, format!("{} is not a regular file", shown(path))));
    };
    let descriptor = look(directory, path, caller, why)?;
    if let Some(lies) = path.parent().filter(|lies| *lies != directory) {
        look(lies, path, caller, why)?;
    }
    // O_NONBLOCK: a FIFO must not hold berth up before it is known to be one.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = openat(&descriptor, name, flags, Mode::empty()).map_err(|errno| unreadable(path, errno))?;
    let facts = fstat(&file).map_err(|errno| unreadable(path, errno))?;
    if FileType::from_raw_mode(facts.st_mode) != FileType::RegularFile {
        return Err(Error::new(Kind::Usage, format!("{} is not a regular file", shown(path))));
    }
    judge(path, &facts, caller, why)?;
    let mut bytes = Vec::new();
    File::from(file).take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Error::new(Kind::Usage, format!("{} is larger than 1 MiB", shown(path))));
    }
    Ok(Some(bytes))
}

/// Checks a directory that a configuration is to be written in: what is written there must count when it is read.
///
/// # Errors
/// When others own it or may write it.
pub(super) fn check_folder(folder: &Path, caller: Uid) -> Result<()> {
    look(folder, folder, caller, "what is written there would decide which commands berth runs").map(drop)
}

/// Checks a directory in which something of weight is to be written, which need not be there yet, and those on the way to it: `why` nobody
/// else may replace it there. Who may rename one of these puts another in its place.
///
/// # Errors
/// When others than root and the caller own one of them or may write it, or it is none.
pub fn check_place(folder: &Path, caller: Uid, why: &str) -> Result<()> {
    let unreadable = |error| unreadable(folder, error);
    let whole = std::path::absolute(folder).map_err(unreadable)?;
    let there = whole.ancestors().find(|part| part.symlink_metadata().is_ok()).unwrap_or(Path::new("/"));
    let there = there.canonicalize().map_err(unreadable)?;
    for part in there.ancestors() {
        let mut facts = rustix::fs::stat(part).map_err(|errno| self::unreadable(part, errno))?;
        // In a sticky one nobody renames what is another's (/tmp); what is to be written there itself could be made by others before.
        let is_kept = facts.st_mode & 0o1000 != 0 && (part != there || there != whole);
        if is_kept {
            facts.st_mode &= !0o022;
        }
        judge(part, &facts, caller, why).map_err(|error| {
            Error::new(error.kind(), error.to_string()).hint("name a directory that nobody but you and root may change, all the way from /")
        })?;
    }
    open(&there, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map(drop)
        .map_err(|errno| self::unreadable(folder, errno))
}

/// Opens the directory of a file and checks it.
fn look(directory: &Path, file: &Path, caller: Uid, why: &str) -> Result<OwnedFd> {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let descriptor = open(directory, flags, Mode::empty()).map_err(|errno| unreadable(file, errno))?;
    let facts = fstat(&descriptor).map_err(|errno| unreadable(file, errno))?;
    judge(directory, &facts, caller, why)?;
    Ok(descriptor)
}

/// Refuses what others own or may write.
fn judge(path: &Path, facts: &Stat, caller: Uid, why: &str) -> Result<()> {
    let (path, owner) = (shown(path), Uid(facts.st_uid));
    if !owner.is_root() && owner != caller {
        let message = format!("{path} belongs to uid {owner}, neither to root nor to you; {why}");
        return Err(Error::new(Kind::Usage, message).hint(format!("chown {caller} {path}")));
    }
    let who = match (facts.st_mode & 0o020 != 0, facts.st_mode & 0o002 != 0) {
        (false, false) => return Ok(()),
        (true, false) => "its group",
        (_, true) => "everybody",
    };
    // A world-writable directory with the sticky bit (/tmp) keeps files from being replaced, not from being made first.
    let hint = if facts.st_mode & 0o1000 != 0 { format!("move the file out of {path}") } else { format!("chmod go-w {path}") };
    Err(Error::new(Kind::Usage, format!("{path} may be written by {who}; {why}")).hint(hint))
}

fn unreadable(path: &Path, error: impl Into<std::io::Error>) -> Error {
    Error::new(Kind::Usage, format!("cannot read {}", shown(path))).because(error.into())
}

fn shown(path: &Path) -> Shown {
    Shown::new(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn own() -> Uid {
        Uid(nix::unistd::geteuid().as_raw())
    }

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_that_only_its_owner_writes_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("berth.toml");
        assert_eq!(read(&path, own()).unwrap(), None);
        assert_eq!(read(&path.join("below"), own()).unwrap(), None);
        fs::write(&path, "x").unwrap();
        mode(&path, 0o644);
        assert_eq!(read(&path, own()).unwrap().as_deref(), Some(&b"x"[..]));
    }

    #[test]
    fn what_others_may_write_is_refused_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("berth.toml");
        fs::write(&path, "x").unwrap();
        for (bits, who) in [(0o664, "its group"), (0o646, "everybody"), (0o666, "everybody")] {
            mode(&path, bits);
            let error = read(&path, own()).unwrap_err();
            assert!(error.to_string().contains(who), "{error}");
            assert_eq!(error.way_out().unwrap(), format!("chmod go-w {}", path.display()));
            assert_eq!(error.exit_code(), 2);
        }
        mode(&path, 0o600);
        mode(folder.path(), 0o770);
        assert!(read(&path, own()).unwrap_err().to_string().starts_with(&folder.path().display().to_string()));
        mode(folder.path(), 0o1777);
        assert!(read(&path, own()).unwrap_err().way_out().unwrap().contains("move the file"));
        mode(folder.path(), 0o700);
    }

    #[test]
    fn a_link_is_checked_at_both_ends() {
        let (safe, open) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (real, link) = (safe.path().join("real.toml"), open.path().join("berth.toml"));
        fs::write(&real, "x").unwrap();
        symlink(&real, &link).unwrap();
        assert_eq!(read(&link, own()).unwrap().as_deref(), Some(&b"x"[..]));
        mode(open.path(), 0o777);
        assert!(read(&link, own()).is_err());
        mode(open.path(), 0o700);
        mode(safe.path(), 0o777);
        assert!(read(&link, own()).is_err());
        mode(safe.path(), 0o700);
    }

    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let inner = folder.path().join("folder");
        fs::create_dir(&inner).unwrap();
        for path in [fifo.as_path(), &inner, Path::new("/")] {
            assert!(read(path, own()).unwrap_err().to_string().ends_with("is not a regular file"), "{path:?}");
        }
    }

    #[test]
    fn another_accounts_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut facts = rustix::fs::stat(folder.path()).unwrap();
        facts.st_mode = 0o40755;
        for (owner, caller, counts) in [(0, 0, true), (0, 1001, true), (1001, 1001, true), (1001, 0, false), (1002, 1001, false)] {
            facts.st_uid = owner;
            assert_eq!(judge(folder.path(), &facts, Uid(caller), "").is_ok(), counts, "{owner} {caller}");
        }
    }
}
