//! Every process of the host, with the little that tells trees apart: read once, when it is first listed.
//!
//! It must never take a pid for a process: the inode number of /proc/PID, which the listing tells for nothing, is another
//! one when another process got the pid.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;

use super::halves::in_two;
use super::limits::keepable_processes;
use super::meeting::{Listed, Opened};
use super::proc::Proc;
use super::stat;
use crate::domain::{ProcessKey, Uid};

/// What is known of a process that nobody asked more about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Ticks after boot.
    pub(super) start_time: u64,
    /// Its parent's pid. May be out of date when the parent is gone.
    pub(super) parent: i32,
    /// Its effective uid when it was first seen.
    pub(super) uid: Uid,
    inode: u64,
    seen: u32,
}

/// What a listing brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// The pids of processes that were not there before.
    pub(super) came: Vec<i32>,
    /// The pids of processes that are not there any more.
    pub(super) went: Vec<i32>,
    /// Whether a process changed its parent.
    pub(super) moved: bool,
}

impl Changes {
    /// Whether there was any.
    pub(super) fn any(&self) -> bool {
        self.moved || !self.came.is_empty() || !self.went.is_empty()
    }
}

/// A listing is done at least every so many times, to notice what the newest pid does not tell: a process that was given
/// its pid by clone3(2)'s `set_tid`, which moves no counter, and what ended.
const SKIPPED_AT_MOST: u32 = 9;

/// The kept table.
pub(super) struct Table {
    entries: HashMap<i32, Entry>,
    listed: Vec<(i32, u64)>,
    generation: u32,
    newest: Newest,
    skipped: u32,
    /// Of those that were listed for the first time, until it is known who of them is to be read further.
    opened: HashMap<i32, Opened>,
    most_open: usize,
}

impl Table {
    pub(super) fn new(proc: &Proc) -> Self {
        Self {
            entries: HashMap::new(),
            listed: Vec::new(),
            generation: 0,
            newest: Newest::open(proc),
            skipped: SKIPPED_AT_MOST,
            opened: HashMap::new(),
            most_open: keepable_processes(),
        }
    }

    /// What is known of a pid.
    pub(super) fn get(&self, pid: i32) -> Option<&Entry> {
        self.entries.get(&pid)
    }

    /// What is known of a process that is to be read further.
    pub(super) fn listed(&mut self, pid: i32) -> Option<Listed> {
        let inode = self.entries.get(&pid)?.inode;
        Some((inode, self.opened.remove(&pid)))
    }

    /// Closes what nobody wanted.
    pub(super) fn close(&mut self) {
        self.opened = HashMap::new();
    }

    /// Whether this very process is there.
    pub(super) fn has(&self, key: ProcessKey) -> bool {
        self.entries.get(&key.pid).is_some_and(|entry| entry.start_time == key.start_time)
    }

    /// Every process.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i32, &Entry)> {
        self.entries.iter().map(|(&pid, entry)| (pid, entry))
    }

    /// Takes over what was read of a process elsewhere.
    pub(super) fn set_parent(&mut self, pid: i32, parent: i32) {
        if let Some(entry) = self.entries.get_mut(&pid) {
            entry.parent = parent;
        }
    }

    /// Drops a process that is known to be gone.
    pub(super) fn forget(&mut self, key: ProcessKey) {
        if self.has(key) {
            self.entries.remove(&key.pid);
        }
    }

    /// Lists /proc when a process may have come since the last time.
    pub(super) fn refresh(&mut self, proc: &mut Proc) -> io::Result<Changes> {
        // Asked before listing: what comes in between moves it again, and is listed twice rather than never.
        let moved = self.newest.moved();
        if !moved && self.skipped < SKIPPED_AT_MOST {
            self.skipped += 1;
            return Ok(Changes::default());
        }
        self.skipped = 0;
        self.list(proc)
    }

    /// Lists /proc.
    fn list(&mut self, proc: &mut Proc) -> io::Result<Changes> {
        let mut listed = std::mem::take(&mut self.listed);
        listed.clear();
        let listing = proc.list(|pid, inode| listed.push((pid, inode)));
        let changes = listing.map(|()| self.compare(proc, &listed));
        self.listed = listed;
        if changes.is_err() {
            self.skipped = SKIPPED_AT_MOST;
        }
        changes
    }

    fn compare(&mut self, proc: &Proc, listed: &[(i32, u64)]) -> Changes {
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        let mut changes = Changes::default();
        let mut unknown = Vec::new();
        for &(pid, inode) in listed {
            match self.entries.get_mut(&pid) {
                Some(entry) if entry.inode == inode => entry.seen = generation,
                _ => unknown.push(pid),
            }
        }
        // A process that is gone before it is read is one that never was; so is one that may not be read.
        let room = self.most_open.saturating_sub(self.opened.len());
        let mut unknown: Vec<(i32, bool)> = unknown.into_iter().enumerate().map(|(index, pid)| (pid, index < room)).collect();
        let read = in_two(&mut unknown, |(pid, stays_open)| {
            let (entry, opened) = read(proc, *pid, generation)?;
            Some((*pid, entry, stays_open.then_some(opened)))
        });
        for (pid, fresh, opened) in read.into_iter().flatten() {
            self.opened.extend(opened.map(|opened| (pid, opened)));
            let before = self.entries.insert(pid, fresh);
            // The kernel may give a directory a new inode number after it forgot it for want of memory.
            if before.is_none_or(|before| before.start_time != fresh.start_time) {
                changes.came.push(pid);
                changes.went.extend(before.map(|_| pid));
            }
        }
        self.entries.retain(|&pid, entry| {
            let stays = entry.seen == generation;
            if !stays {
                changes.went.push(pid);
            }
            stays
        });
        self.adopt_orphans(proc, &mut changes);
        changes
    }

    /// Whose parent ended has another one now.
    fn adopt_orphans(&mut self, proc: &Proc, changes: &mut Changes) {
        if changes.went.is_empty() {
            return;
        }
        for (&pid, entry) in &mut self.entries {
            if changes.went.contains(&entry.parent)
                && let Some((fresh, _)) = read(proc, pid, entry.seen)
                && fresh.parent != entry.parent
            {
                entry.parent = fresh.parent;
                changes.moved = true;
            }
        }
    }
}

/// Reads a process for the first time.
fn read(proc: &Proc, pid: i32, generation: u32) -> Option<(Entry, Opened)> {
    let identity = proc.identity(pid).ok()?;
    let opened = Opened::read(proc, pid).ok()?;
    let stat = stat::parse(&opened.line)?;
    let entry =
        Entry { start_time: stat.start_time, parent: stat.parent, uid: Uid(identity.st_uid), inode: identity.st_ino, seen: generation };
    Some((entry, opened))
}

/// The pid that was given last, the fifth field of /proc/loadavg (proc(5)): while it stands still, no process came.
struct Newest {
    file: Option<OwnedFd>,
    last: Vec<u8>,
}

impl Newest {
    fn open(proc: &Proc) -> Self {
        // It is counted in the reader's pid namespace, and says nothing about a /proc of another one.
        let is_ours = proc.own_pid() == i32::try_from(std::process::id()).ok();
        Self { file: is_ours.then(|| proc.open_global("loadavg").ok()).flatten(), last: Vec::new() }
    }

    fn moved(&mut self) -> bool {
        let Some(file) = &self.file else {
            return true;
        };
        let mut buffer = [0; 128];
        let line = rustix::io::pread(file, &mut buffer, 0).ok().and_then(|length| buffer.get(..length)).unwrap_or_default();
        let pid = last_field(line);
        let moved = pid.is_empty() || pid != self.last;
        self.last.clear();
        self.last.extend_from_slice(pid);
        moved
    }
}

fn last_field(line: &[u8]) -> &[u8] {
    line.trim_ascii_end().rsplit(|&byte| byte == b' ').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn stat(pid: i32, parent: i32, start_time: u64) -> String {
        format!(
            "{pid} (x) S {parent} 1 1 0 -1 0 0 0 0 0 1 1 0 0 20 0 1 0 {start_time} 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
        )
    }

    fn put(root: &Path, pid: i32, parent: i32, start_time: u64) {
        let directory = root.join(pid.to_string());
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("stat"), stat(pid, parent, start_time)).unwrap();
    }

    #[test]
    fn comings_and_goings_are_told_once() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), 10, 1, 100);
        put(root.path(), 11, 10, 110);
        let mut proc = Proc::open_at(root.path()).unwrap();
        let mut table = Table::new(&proc);
        let mut first = table.refresh(&mut proc).unwrap();
        first.came.sort_unstable();
        assert_eq!(first, Changes { came: vec![10, 11], went: vec![], moved: false });
        assert!(!table.refresh(&mut proc).unwrap().any());
        std::fs::remove_dir_all(root.path().join("11")).unwrap();
        assert_eq!(table.refresh(&mut proc).unwrap().went, [11]);
        assert!(table.has(ProcessKey { pid: 10, start_time: 100 }));
        assert!(!table.has(ProcessKey { pid: 10, start_time: 101 }));
    }

    #[test]
    fn a02_f11_a_pid_that_was_given_again_is_another_process() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), 10, 1, 100);
        let mut proc = Proc::open_at(root.path()).unwrap();
        let mut table = Table::new(&proc);
        table.refresh(&mut proc).unwrap();
        std::fs::rename(root.path().join("10"), root.path().join("old")).unwrap();
        put(root.path(), 10, 7, 200);
        let changes = table.refresh(&mut proc).unwrap();
        assert_eq!((changes.came, changes.went), (vec![10], vec![10]));
        assert_eq!(table.get(10).map(|entry| (entry.parent, entry.start_time)), Some((7, 200)));
    }

    #[test]
    fn an_orphan_gets_its_new_parent() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), 10, 1, 100);
        put(root.path(), 11, 10, 110);
        let mut proc = Proc::open_at(root.path()).unwrap();
        let mut table = Table::new(&proc);
        table.refresh(&mut proc).unwrap();
        std::fs::remove_dir_all(root.path().join("10")).unwrap();
        put(root.path(), 11, 1, 110);
        let changes = table.refresh(&mut proc).unwrap();
        assert!(changes.moved);
        assert_eq!(table.get(11).map(|entry| entry.parent), Some(1));
    }

    #[test]
    fn a_child_is_listed_although_listings_are_skipped() {
        let mut proc = Proc::open_at(Path::new("/proc")).unwrap();
        let mut table = Table::new(&proc);
        table.refresh(&mut proc).unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let changes = table.refresh(&mut proc).unwrap();
        assert!(changes.came.contains(&pid));
        let entry = table.get(pid).unwrap();
        assert_eq!(entry.parent, i32::try_from(std::process::id()).unwrap());
        assert_eq!(entry.uid, Uid(nix::unistd::geteuid().as_raw()));
        child.kill().unwrap();
        child.wait().unwrap();
        let went = (0..=SKIPPED_AT_MOST).any(|_| table.refresh(&mut proc).unwrap().went.contains(&pid));
        assert!(went);
    }

    #[test]
    fn what_was_opened_is_given_away_once() {
        let mut proc = Proc::open_at(Path::new("/proc")).unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        let mut table = Table::new(&proc);
        table.refresh(&mut proc).unwrap();
        let (inode, opened) = table.listed(own).unwrap();
        assert_eq!(inode, proc.identity(own).unwrap().st_ino);
        assert_eq!(stat::parse(&opened.unwrap().line).unwrap().start_time, table.get(own).unwrap().start_time);
        assert!(matches!(table.listed(own), Some((same, None)) if same == inode));
        table.close();
        assert!(matches!(table.listed(std::os::unix::process::parent_id().cast_signed()), Some((_, None))));
        assert!(table.listed(-1).is_none());

        let mut scarce = Table::new(&proc);
        scarce.most_open = 0;
        scarce.refresh(&mut proc).unwrap();
        assert!(matches!(scarce.listed(own), Some((_, None))));
    }

    #[test]
    fn the_newest_pid_is_the_last_field() {
        assert_eq!(last_field(b"0.00 0.01 0.05 1/123 4711\n"), b"4711");
        assert_eq!(last_field(b""), b"");
    }
}
