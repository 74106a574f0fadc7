//! What an instance's processes have open: database files, and how its log is written.
//!
//! It must never open what they have open: the kernel's links and flags are enough.

use std::ffi::OsStr;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, openat, readlinkat, statx};

use super::measure::{FACTS, device, mount_of};
use crate::domain::{ProcessKey, Shown};
use crate::hand::process_facts;

/// How many descriptors of one process are looked at.
const MOST_DESCRIPTORS: usize = 20_000;

/// How names of database files end. A write-ahead log beside its database tells nothing more, alone it tells the same.
const DATABASES: [&str; 5] = [".db", ".sqlite", ".sqlite3", ".db3", "-wal"];

/// What is looked for in a process.
#[derive(Clone, Debug)]
pub(super) struct Sought {
    /// The processes.
    pub processes: Vec<(ProcessKey, Shown)>,
    /// The log: its file name, device and inode.
    pub log: Option<(Vec<u8>, u64, u64)>,
}

/// A database that one process has open for writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Database {
    /// Device and inode.
    pub file: (u64, u64),
    /// The mount.
    pub mount: u64,
    /// As the kernel names it.
    pub path: Shown,
    /// Who.
    pub holder: ProcessKey,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The databases.
    pub databases: Vec<Database>,
    /// A process that writes the log at places of its own choosing instead of at the end.
    pub overwriter: Option<(ProcessKey, Shown)>,
}

/// Looks through the processes; `proc` is /proc. What has ended or may not be looked into has nothing.
pub(super) fn look(proc: BorrowedFd<'_>, sought: &Sought) -> Found {
    let mut found = Found::default();
    for (key, name) in &sought.processes {
        let from = found.databases.len();
        let overwriter = found.overwriter.clone();
        let seen = process(proc, *key, name, sought, &mut found);
        if seen.is_err() || process_facts(key.pid).map_or(true, |facts| facts.key != *key) {
            found.databases.truncate(from);
            found.overwriter = overwriter;
        }
        drop_companions(&mut found.databases, from);
    }
    found
}

fn process(proc: BorrowedFd<'_>, key: ProcessKey, name: &Shown, sought: &Sought, found: &mut Found) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = openat(proc, format!("{}/fd", key.pid), flags, Mode::empty())?;
    let mut link = Vec::with_capacity(512);
    for entry in Dir::read_from(&directory)?.take(MOST_DESCRIPTORS) {
        let entry = entry?;
        let number = entry.file_name();
        let Ok(target) = readlinkat(&directory, number, std::mem::take(&mut link)) else { continue };
        let path = target.to_bytes();
        if path.first() == Some(&b'/') {
            let is_log =
                sought.log.as_ref().is_some_and(|(log, ..)| path.strip_suffix(log.as_slice()).is_some_and(|rest| rest.ends_with(b"/")));
            let is_database = is_database(path);
            if is_log || is_database {
                // The link itself leads to the very file, whatever lies at its name by now (proc_pid_fd(5)).
                if let Ok(facts) = statx(&directory, number, AtFlags::NO_AUTOMOUNT, FACTS) {
                    let file = (device(&facts), facts.stx_ino);
                    let mode = flags_of(proc, key.pid, number.to_bytes()).unwrap_or(0);
                    let writes = matches!(mode & libc::O_ACCMODE, libc::O_WRONLY | libc::O_RDWR);
                    if is_database && writes {
                        found.databases.push(Database { file, mount: mount_of(&facts), path: Shown::from_bytes(path), holder: key });
                    }
                    let is_that_log = is_log && sought.log.as_ref().is_some_and(|(_, device, inode)| file == (*device, *inode));
                    if is_that_log && writes && mode & libc::O_APPEND == 0 {
                        found.overwriter.get_or_insert_with(|| (key, name.clone()));
                    }
                }
            }
        }
        link = target.into_bytes();
        link.clear();
    }
    Ok(())
}

/// The flags of an open file, /proc/PID/fdinfo/N (proc_pid_fdinfo(5)): octal.
fn flags_of(proc: BorrowedFd<'_>, pid: i32, number: &[u8]) -> Option<i32> {
    let path = format!("{pid}/fdinfo/{}", std::str::from_utf8(number).ok()?);
    let file = std::fs::File::from(openat(proc, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?);
    let text = io::read_to_string(file).ok()?;
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"))?;
    i32::from_str_radix(flags.trim(), 8).ok()
}

fn is_database(path: &[u8]) -> bool {
    DATABASES.iter().any(|ending| path.ends_with(ending.as_bytes()))
}

/// Takes out each write-ahead log whose database the same process has open too, and what it has open twice.
fn drop_companions(databases: &mut Vec<Database>, from: usize) {
    let own = databases.split_off(from);
    for database in &own {
        let is_companion =
            database.path.as_str().strip_suffix("-wal").is_some_and(|main| own.iter().any(|other| other.path.as_str() == main));
        if !is_companion && !databases[from..].iter().any(|other| other.file == database.file) {
            databases.push(database.clone());
        }
    }
}

/// The file name of a path, as it stands at the end of the kernel's links.
pub(super) fn name_of(path: &Path) -> Vec<u8> {
    path.file_name().map(OsStr::as_bytes).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::os::fd::AsFd;

    use super::*;

    fn own(log: Option<&Path>) -> Sought {
        let key = process_facts(std::process::id().cast_signed()).unwrap().key;
        let log = log.map(|path| {
            let facts = statx(rustix::fs::CWD, path, AtFlags::empty(), FACTS).unwrap();
            (name_of(path), device(&facts), facts.stx_ino)
        });
        Sought { processes: vec![(key, "test".into())], log }
    }

    /// What this process has open below a directory.
    fn found(tree: &Path, log: Option<&Path>) -> (Vec<String>, bool) {
        let found = look(File::open("/proc").unwrap().as_fd(), &own(log));
        let tree = tree.to_str().unwrap();
        let mut names: Vec<String> =
            found.databases.iter().filter_map(|database| database.path.as_str().strip_prefix(tree).map(str::to_owned)).collect();
        names.sort();
        (names, found.overwriter.is_some())
    }

    #[test]
    fn databases_open_for_writing_are_found_once() {
        let tree = tempfile::tempdir().unwrap();
        let open = |name: &str| OpenOptions::new().write(true).create(true).truncate(false).open(tree.path().join(name)).unwrap();
        let _kept = [open("m.db"), open("m.db"), open("m.db-wal"), open("alone.db-wal"), open("x.sqlite3"), open("notes.txt")];
        let read = File::open(tree.path().join("notes.txt")).unwrap();
        drop(open("geo.db"));
        let _geo = File::open(tree.path().join("geo.db")).unwrap();
        assert_eq!(found(tree.path(), None).0, ["/alone.db-wal", "/m.db", "/x.sqlite3"]);
        drop(read);
    }

    #[test]
    fn who_writes_a_log_and_does_not_append_is_told() {
        let tree = tempfile::tempdir().unwrap();
        let path = tree.path().join("server.log");
        let appends = OpenOptions::new().append(true).create(true).open(&path).unwrap();
        assert!(!found(tree.path(), Some(&path)).1);
        let writes = OpenOptions::new().write(true).open(&path).unwrap();
        assert!(found(tree.path(), Some(&path)).1);
        drop((appends, writes));
    }

    #[test]
    fn another_process_under_the_same_pid_has_nothing() {
        let tree = tempfile::tempdir().unwrap();
        let _kept = File::create(tree.path().join("m.db")).unwrap();
        let mut sought = own(None);
        sought.processes[0].0.start_time += 1;
        assert_eq!(look(File::open("/proc").unwrap().as_fd(), &sought), Found::default());
    }
}
