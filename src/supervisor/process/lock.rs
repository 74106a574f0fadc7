//! One acts on an instance at a time: a lock that the kernel holds on the instance's configuration, so that a user's own console
//! and root's exclude each other. Whoever comes second is told who was first.
//!
//! It must never wait, and never outlive the process that holds it: it goes with the descriptor.

use std::fs::File;
use std::os::unix::fs::MetadataExt;

use nix::fcntl::{Flock, FlockArg};

use crate::domain::{Shown, Uid};

/// How often a lock is tried whose holder cannot be named.
const TRIES: u32 = 5;

/// How often the file may be replaced while its lock is being taken. An editor does so once.
const REPLACED: u32 = 5;

/// Between two tries.
const BETWEEN_TRIES: std::time::Duration = std::time::Duration::from_millis(5);

/// A lock that is held until it is dropped.
pub struct InstanceLock {
    _held: Flock<File>,
}

/// Who holds a lock. What a user's own file is locked by, a user can have this say: it is to be told, and nothing follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The process that took it, where /proc/locks names it; it may have ended since, and left it to a child.
    pub pid: Option<i32>,
    /// In words: "pid 4711 (berth, uid 0)".
    pub words: Shown,
}

/// Why a lock is not had.
#[derive(Debug, PartialEq, Eq)]
pub enum Untaken<E> {
    /// Somebody has it.
    Held(Held),
    /// Each time that it was had, another file was in its place.
    Replaced,
    /// The file cannot be opened.
    Closed(E),
}

impl InstanceLock {
    /// Takes the lock on an open file, flock(2). Reading rights are enough.
    ///
    /// # Errors
    /// Who holds it.
    pub fn take(file: File) -> Result<Self, Held> {
        let mut file = file;
        for _ in 0..TRIES {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(held) => return Ok(Self { _held: held }),
                Err((back, _)) => file = back,
            }
            if let Some(held) = holder(&file) {
                return Err(held);
            }
            // Nobody is named: it was let go between the two looks, and may be had now.
            std::thread::sleep(BETWEEN_TRIES);
        }
        Err(Held { pid: None, words: Shown::new("another process, which may not be seen,") })
    }

    /// Takes the lock on the file that is in its place once it is locked: whoever had it before may have put another one there, which
    /// others lock by now. `open` opens what is there.
    ///
    /// # Errors
    /// Why it is not had.
    pub fn take_in_place<E>(open: impl Fn() -> Result<File, E>) -> Result<Self, Untaken<E>> {
        for _ in 0..REPLACED {
            let file = open().map_err(Untaken::Closed)?;
            let locked = place_of(&file);
            let lock = Self::take(file).map_err(Untaken::Held)?;
            if locked == place_of(&open().map_err(Untaken::Closed)?) {
                return Ok(lock);
            }
        }
        Err(Untaken::Replaced)
    }
}

/// Which file it is, whatever it is called: its device and inode.
fn place_of(file: &File) -> Option<(u64, u64)> {
    file.metadata().ok().map(|facts| (facts.dev(), facts.ino()))
}

/// Who holds the lock on a file, without taking it: whoever tries meanwhile gets it.
pub fn held(file: &File) -> Option<Held> {
    holder(file)
}

/// Looks the holder up in /proc/locks, proc_locks(5).
fn holder(file: &File) -> Option<Held> {
    let facts = file.metadata().ok()?;
    let pid = taker(&std::fs::read_to_string("/proc/locks").ok()?, facts.dev(), facts.ino())?;
    // Of who has ended, and of whom another namespace has, there is nothing to be told but that.
    let Ok(uid) = std::fs::metadata(format!("/proc/{pid}")).map(|facts| Uid(facts.uid())) else {
        return Some(Held { pid: Some(pid), words: Shown::new("what was started by a process that has ended") });
    };
    let name = std::fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    let name = Shown::from_bytes(name.trim_ascii_end());
    let account = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid.0)).ok().flatten();
    let whose = account.map_or_else(|| format!("uid {uid}"), |account| account.name);
    Some(Held { pid: Some(pid), words: Shown::new(&format!("pid {pid} ({name}, {whose})")) })
}

/// The pid of a line like `1: FLOCK ADVISORY WRITE 4711 fe:01:1234 0 EOF`: of the file's own, else, since some file systems have a device
/// of their own for stat(2), of one with its inode.
fn taker(locks: &str, device: u64, inode: u64) -> Option<i32> {
    let place = format!("{:02x}:{:02x}:{inode}", nix::sys::stat::major(device), nix::sys::stat::minor(device));
    let taken = || {
        locks.lines().filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [_, "FLOCK", _, _, pid, place, ..] = words[..] else { return None };
            Some((place, pid.parse().ok()?))
        })
    };
    let same = |one: &str| one.rsplit(':').next().and_then(|one| one.parse().ok()) == Some(inode);
    taken().find(|(at, _)| *at == place).or_else(|| taken().find(|(at, _)| same(at))).map(|(_, pid)| pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_was_first() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let first = InstanceLock::take(File::open(file.path()).unwrap()).unwrap_or_else(|held| panic!("{held:?}"));
        let Err(held) = InstanceLock::take(File::open(file.path()).unwrap()) else { panic!("both got it") };
        assert_eq!(held.pid, Some(std::process::id().cast_signed()));
        drop(first);
        assert!(InstanceLock::take(File::open(file.path()).unwrap()).is_ok());
    }

    #[test]
    fn a_lock_on_another_file_system_is_another_one() {
        let locks = "1: POSIX  ADVISORY  WRITE 11 fe:01:1234 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 12 00:1b:1234 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 13 fe:01:1234 0 EOF\n\
                     3: -> FLOCK  ADVISORY  WRITE 14 fe:01:1234 0 EOF\n";
        let device = |major, minor| nix::sys::stat::makedev(major, minor);
        assert_eq!(taker(locks, device(0xfe, 1), 1234), Some(13));
        assert_eq!(taker(locks, device(0, 0x1b), 1234), Some(12));
        assert_eq!(taker(locks, device(0, 0x2c), 1234), Some(12), "where stat(2) says another device, the inode");
        assert_eq!(taker(locks, device(0xfe, 1), 12), None);
    }

    /// Opens a file of which the first `times` are replaced before anybody can lock them.
    fn replaced<'a>(path: &'a std::path::Path, times: &'a std::cell::Cell<usize>) -> impl Fn() -> std::io::Result<File> + 'a {
        move || {
            let file = File::open(path)?;
            if let Some(left) = times.get().checked_sub(1) {
                times.set(left);
                let new = path.with_extension("new");
                std::fs::write(&new, "")?;
                std::fs::rename(new, path)?;
            }
            Ok(file)
        }
    }

    #[test]
    fn a_lock_on_a_file_that_was_replaced_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        std::fs::write(&path, "").unwrap();
        let lock = InstanceLock::take_in_place(replaced(&path, &std::cell::Cell::new(1))).unwrap_or_else(|why| panic!("{why:?}"));
        assert!(InstanceLock::take(File::open(&path).unwrap()).is_err(), "two had it");
        drop(lock);
        assert!(matches!(InstanceLock::take_in_place(replaced(&path, &std::cell::Cell::new(usize::MAX))), Err(Untaken::Replaced)));
        // What it had on the way is let go.
        assert!(InstanceLock::take(File::open(&path).unwrap()).is_ok());
    }
}
