//! One look at a log, as its user: the file, what was rotated away beside it, and the room that is left.
//!
//! It must never open a file: what is told of a name is enough.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use jiff::Timestamp;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Statx, StatxFlags, fstatvfs, openat, openat2, statx};

/// How many names beside a log are looked at.
const MOST_SIBLINGS: usize = 4096;

/// What is wanted of statx(2).
pub(super) const FACTS: StatxFlags = StatxFlags::BASIC_STATS.union(StatxFlags::MNT_ID);

/// Nothing below the administrator's part is reached through a link or out of it.
pub(super) const RESOLVE: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

/// The room on a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// The mount that it was reached through; 0 where the kernel does not tell (before 5.8).
    pub mount: u64,
    /// The device of what lies there, major and minor joined.
    pub device: u64,
    /// Bytes in all.
    pub total: u64,
    /// Bytes that are written to.
    pub taken: u64,
    /// Bytes that somebody without rights may still write.
    pub free: u64,
}

/// What was seen of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LogSeen {
    /// The file: device, inode, length in bytes. `None` while there is none.
    pub file: Option<(u64, u64, u64)>,
    /// The file and what was rotated away, bytes on the disk.
    pub on_disk: u64,
    /// How many rotated ones there are.
    pub rotated: u32,
    /// When the newest of them was last written.
    pub rotated_at: Option<Timestamp>,
    /// Something that is not a plain file has the name that the newest rotated log would get.
    pub is_blocked: bool,
    /// The room where it lies.
    pub room: Room,
}

/// Looks at the log `beneath` the administrator's part of its path.
pub(super) fn log(root: BorrowedFd<'_>, beneath: &Path) -> io::Result<LogSeen> {
    let name = beneath.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let parent = directory(root, beneath.parent().unwrap_or(Path::new("")), OFlags::PATH)?;
    let mut seen = LogSeen { file: None, on_disk: 0, rotated: 0, rotated_at: None, is_blocked: false, room: room(parent.as_fd())? };
    match facts(parent.as_fd(), name) {
        Ok(facts) if is_regular(&facts) => {
            seen.file = Some((device(&facts), facts.stx_ino, facts.stx_size));
            seen.on_disk = facts.stx_blocks * 512;
        }
        Ok(_) => return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    siblings(parent.as_fd(), name, &mut seen);
    Ok(seen)
}

/// Adds what was rotated away. A directory that may be entered and not listed has none that are known.
fn siblings(parent: BorrowedFd<'_>, name: &OsStr, seen: &mut LogSeen) {
    let Ok(listed) = openat(parent, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) else { return };
    let Ok(entries) = Dir::new(listed) else { return };
    let mut newest: Option<i64> = None;
    for entry in entries.take(MOST_SIBLINGS).flatten() {
        let other = entry.file_name().to_bytes();
        if !is_rotated(name.as_bytes(), other) {
            continue;
        }
        let Ok(facts) = facts(parent, OsStr::from_bytes(other)) else { continue };
        if is_regular(&facts) {
            seen.rotated += 1;
            seen.on_disk += facts.stx_blocks * 512;
            newest = newest.max(Some(facts.stx_mtime.tv_sec));
        } else if other.strip_prefix(name.as_bytes()) == Some(b".1") {
            seen.is_blocked = true;
        }
    }
    seen.rotated_at = newest.and_then(|second| Timestamp::from_second(second).ok());
}

/// Whether a name is the log's with a number or a date behind it, as logrotate(8) and berth's keeper write them.
fn is_rotated(log: &[u8], other: &[u8]) -> bool {
    matches!(other.strip_prefix(log), Some([b'.' | b'-', digit, ..]) if digit.is_ascii_digit())
}

/// Opens a directory beneath a root without following a link.
pub(super) fn directory(root: BorrowedFd<'_>, beneath: &Path, how: OFlags) -> io::Result<OwnedFd> {
    let beneath = if beneath.as_os_str().is_empty() { Path::new(".") } else { beneath };
    let flags = how | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat2(root, beneath, flags, Mode::empty(), RESOLVE)?)
}

/// What a name in a directory is, links not followed.
pub(super) fn facts(directory: BorrowedFd<'_>, name: &OsStr) -> io::Result<Statx> {
    Ok(statx(directory, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT, FACTS)?)
}

/// The room on the file system of an opened directory.
pub(super) fn room(directory: BorrowedFd<'_>) -> io::Result<Room> {
    let facts = statx(directory, c"", AtFlags::EMPTY_PATH, FACTS)?;
    let space = fstatvfs(directory)?;
    Ok(Room {
        mount: mount_of(&facts),
        device: device(&facts),
        total: space.f_blocks.saturating_mul(space.f_frsize),
        taken: space.f_blocks.saturating_sub(space.f_bfree).saturating_mul(space.f_frsize),
        free: space.f_bavail.saturating_mul(space.f_frsize),
    })
}

/// The id of the mount; 0 where the kernel does not tell.
pub(super) fn mount_of(facts: &Statx) -> u64 {
    if facts.stx_mask & StatxFlags::MNT_ID.bits() == 0 { 0 } else { facts.stx_mnt_id }
}

/// The device's numbers joined as in `hand::FileFacts::device`.
pub(super) fn device(facts: &Statx) -> u64 {
    (u64::from(facts.stx_dev_major) << 32) | u64::from(facts.stx_dev_minor)
}

fn is_regular(facts: &Statx) -> bool {
    FileType::from_raw_mode(facts.stx_mode.into()) == FileType::RegularFile
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;

    use super::*;

    fn look(tree: &Path, beneath: &str) -> io::Result<LogSeen> {
        log(File::open(tree).unwrap().as_fd(), Path::new(beneath))
    }

    #[test]
    fn a_log_is_counted_with_what_was_rotated_away() {
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir(tree.path().join("logs")).unwrap();
        for (name, bytes) in [("server.log", 10_000), ("server.log.1", 5000), ("server.log.2.gz", 5000), ("server.log-20261121", 5000)] {
            fs::write(tree.path().join("logs").join(name), vec![b'x'; bytes]).unwrap();
        }
        for name in ["server.log.txt", "server.logs", "other.log.1"] {
            fs::write(tree.path().join("logs").join(name), vec![b'x'; 1 << 20]).unwrap();
        }
        let seen = look(tree.path(), "logs/server.log").unwrap();
        assert_eq!((seen.file.unwrap().2, seen.rotated, seen.is_blocked), (10_000, 3, false));
        assert!(seen.on_disk >= 25_000 && seen.on_disk < 1 << 20, "{}", seen.on_disk);
        assert!(seen.rotated_at.is_some());
        assert!(seen.room.total >= seen.room.free && seen.room.total > 0);
    }

    #[test]
    fn a_sparse_log_is_long_and_takes_little() {
        let tree = tempfile::tempdir().unwrap();
        File::create(tree.path().join("l")).unwrap().set_len(10 << 30).unwrap();
        let seen = look(tree.path(), "l").unwrap();
        assert_eq!(seen.file.unwrap().2, 10 << 30);
        assert!(seen.on_disk < 1 << 20);
    }

    #[test]
    fn no_log_yet_links_and_squatters() {
        let tree = tempfile::tempdir().unwrap();
        assert_eq!(look(tree.path(), "l").unwrap().file, None);
        assert_eq!(look(tree.path(), "logs/l").unwrap_err().kind(), io::ErrorKind::NotFound);
        symlink("/etc", tree.path().join("logs")).unwrap();
        assert!(look(tree.path(), "logs/passwd").is_err());
        symlink("/etc/passwd", tree.path().join("l")).unwrap();
        assert_eq!(look(tree.path(), "l").unwrap_err().kind(), io::ErrorKind::InvalidInput);
        fs::write(tree.path().join("m"), "").unwrap();
        symlink("/etc/passwd", tree.path().join("m.1")).unwrap();
        let seen = look(tree.path(), "m").unwrap();
        assert_eq!((seen.rotated, seen.is_blocked), (0, true));
    }

    #[test]
    fn names_of_rotated_logs() {
        for (name, expected) in
            [("l.1", true), ("l.12.gz", true), ("l-2026", true), ("l", false), ("l.", false), ("l.gz", false), ("x.1", false)]
        {
            assert_eq!(is_rotated(b"l", name.as_bytes()), expected, "{name}");
        }
    }
}
