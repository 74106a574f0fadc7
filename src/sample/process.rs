//! One process that is read every second, by descriptors that stay open.
//!
//! A descriptor below /proc/PID belongs to the process it was opened for: it never comes to mean another one with the same
//! pid, and says ESRCH when the process is gone (proc(5)). It must never open a file twice while it can be kept.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use procfs::{FromRead, ProcessCGroups};

use super::clock::Clock;
use super::proc::{Proc, each_number};
use super::stat::{self, Stat};
use crate::domain::{Process, ProcessKey, Reading, Shown, Uid};

/// Long enough for a line of /proc/PID/stat: 52 numbers of at most 20 digits and a name.
pub(super) const LINE: usize = 1280;

/// A process that is new is asked for its uid each time: who starts it sets that after the fork and before the exec.
const YOUNG: u32 = 4;

/// Who used no processor since the last time has hardly opened a file, and is only asked every so many times. (A tick of the
/// processor's clock is long; hence not never.) Asking costs a fifth of all the rest.
const FILES_EVERY: u32 = 4;

/// Any other, every so many times: a program may give up its rights whenever it likes.
const UID_EVERY: u32 = 32;

/// What was kept of a process, and what is known of it.
pub(super) struct Kept {
    process: Process,
    /// `None` where descriptors are scarce: then it is opened each time.
    stat: Option<OwnedFd>,
    files: Option<OwnedFd>,
    name: Vec<u8>,
    image: u64,
    age: u32,
}

/// What a reading brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Numbers at most.
    Numbers,
    /// It has another parent.
    Parent,
    /// It executed another program, was renamed, or has another uid (or parent).
    Identity,
    /// It is gone.
    Gone,
}

impl Kept {
    /// Reads everything of a process for the first time. `keep`: whether its descriptors may stay open.
    pub(super) fn open(proc: &Proc, clock: &Clock, pid: i32, keep: bool) -> io::Result<Self> {
        let stat = proc.open(pid, "stat")?;
        let mut buffer = [0; LINE];
        let line = pread(&stat, &mut buffer)?;
        let first = stat::parse(line).ok_or(io::ErrorKind::InvalidData)?;
        let uid = Uid(proc.identity(pid)?.st_uid);
        let name = first.name.to_vec();
        let process = Process {
            key: ProcessKey { pid, start_time: first.start_time },
            parent: first.parent,
            uid,
            name: Shown::from_bytes(&name),
            command: command(proc, pid, &name),
            state: char::from(first.state),
            cpu_ticks: first.cpu_ticks,
            memory_bytes: memory(&first),
            tasks: first.tasks,
            open_files: Reading::Unasked,
            cgroup: cgroup(proc, pid),
            elsewhere: proc.is_elsewhere(pid),
            started_at: clock.started_at(first.start_time),
        };
        let image = first.image;
        let files = proc.counts_files().then(|| proc.point_at(pid, "fd").ok()).flatten();
        let mut kept = Self { process, stat: None, files, name, image, age: 0 };
        kept.process.open_files = kept.count_files(proc);
        // The kept descriptor still answers: so everything between was read of the same process.
        pread(&stat, &mut buffer)?;
        if keep {
            kept.stat = Some(stat);
        } else {
            kept.files = None;
        }
        Ok(kept)
    }

    /// Which process it is.
    pub(super) fn key(&self) -> ProcessKey {
        self.process.key
    }

    /// What is known of it.
    pub(super) fn process(&self) -> &Process {
        &self.process
    }

    /// Whether it has descriptors open.
    pub(super) fn holds_descriptors(&self) -> bool {
        self.stat.is_some()
    }

    /// Tells its start anew, after the wall clock was set.
    pub(super) fn follow(&mut self, clock: &Clock) {
        self.process.started_at = clock.started_at(self.process.key.start_time);
    }

    /// Reads what changes. `buffer` is lent so that a thousand processes share one.
    pub(super) fn refresh(&mut self, proc: &Proc, buffer: &mut [u8; LINE]) -> Change {
        self.age = self.age.wrapping_add(1);
        // Before the line is read: that it can be read then proves that the path meant this process.
        let fresh_uid = self.is_uid_due().then(|| proc.identity(self.process.key.pid).ok()).flatten().map(|stat| Uid(stat.st_uid));
        let opened;
        let file = match &self.stat {
            Some(kept) => kept,
            None => match proc.open(self.process.key.pid, "stat") {
                Ok(file) => {
                    opened = file;
                    &opened
                }
                Err(error) => return if is_gone(&error) { Change::Gone } else { Change::Numbers },
            },
        };
        let line = match pread(file, buffer) {
            Ok(line) => line,
            Err(error) => return if is_gone(&error) { Change::Gone } else { Change::Numbers },
        };
        let Some(fresh) = stat::parse(line) else {
            return Change::Numbers;
        };
        if fresh.start_time != self.process.key.start_time {
            return Change::Gone;
        }
        let mut change = Change::Numbers;
        if fresh.parent != self.process.parent {
            self.process.parent = fresh.parent;
            change = Change::Parent;
        }
        if self.take_identity(proc, &fresh, fresh_uid) {
            change = Change::Identity;
        }
        let has_run = fresh.cpu_ticks != self.process.cpu_ticks || char::from(fresh.state) != self.process.state;
        self.process.state = char::from(fresh.state);
        self.process.cpu_ticks = fresh.cpu_ticks;
        self.process.memory_bytes = memory(&fresh);
        self.process.tasks = fresh.tasks;
        if has_run || change == Change::Identity || self.is_turn(FILES_EVERY) {
            self.process.open_files = self.count_files(proc);
        }
        change
    }

    fn is_uid_due(&self) -> bool {
        self.age <= YOUNG || self.is_turn(UID_EVERY)
    }

    /// Once in so many readings, and not for all processes in the same one.
    fn is_turn(&self, every: u32) -> bool {
        self.age.wrapping_add(self.process.key.pid.unsigned_abs()).is_multiple_of(every)
    }

    /// Reads anew what an exec changes; true when something did.
    fn take_identity(&mut self, proc: &Proc, fresh: &Stat<'_>, uid: Option<Uid>) -> bool {
        let pid = self.process.key.pid;
        let mut changed = false;
        // What is ending has no program any more; what it was is what one wants to know.
        let is_other = fresh.image != self.image || fresh.name != self.name;
        // Met in the middle of an exec it had no command line yet, and kernel threads never have one.
        let may_come = self.age <= YOUNG && self.process.command.as_str().starts_with('[');
        if !fresh.is_ending && (is_other || may_come) {
            self.image = fresh.image;
            if fresh.name != self.name {
                self.name = fresh.name.to_vec();
                self.process.name = Shown::from_bytes(&self.name);
            }
            // An empty one is that of a process that began to end after its line was read.
            let arguments = proc.read(pid, "cmdline").unwrap_or_default();
            if !arguments.is_empty() {
                self.process.command = joined(arguments, &self.name);
            }
            self.process.cgroup = cgroup(proc, pid);
            // Who goes into another network namespace executes there what it went for.
            self.process.elsewhere = proc.is_elsewhere(pid);
            changed = true;
        }
        let uid = if changed { proc.identity(pid).ok().map(|stat| Uid(stat.st_uid)).or(uid) } else { uid };
        if let Some(uid) = uid
            && uid != self.process.uid
        {
            self.process.uid = uid;
            changed = true;
        }
        changed
    }

    /// The count of open descriptors is the size of the directory since Linux 6.2 (proc_fd_getattr in fs/proc/fd.c); before
    /// that, they are counted one by one, which takes permission.
    fn count_files(&self, proc: &Proc) -> Reading<u64> {
        if matches!(self.process.state, 'Z' | 'X') {
            return Reading::Known(0);
        }
        let pid = self.process.key.pid;
        let counted = match &self.files {
            Some(kept) => rustix::fs::fstat(kept).map(|stat| u64::try_from(stat.st_size).unwrap_or(0)).map_err(io::Error::from),
            None if proc.counts_files() => proc.size(pid, "fd"),
            None => count_entries(proc, pid),
        };
        match counted {
            Ok(count) => Reading::Known(count),
            Err(error) => Reading::from_error(&error).unwrap_or(self.process.open_files),
        }
    }
}

fn count_entries(proc: &Proc, pid: i32) -> io::Result<u64> {
    let directory = proc.open(pid, "fd")?;
    let mut count = 0;
    each_number(&directory, &mut [MaybeUninit::uninit(); 4096], |_, _, _| {
        count += 1;
        true
    })?;
    Ok(count)
}

fn pread<'buffer>(file: &OwnedFd, buffer: &'buffer mut [u8; LINE]) -> io::Result<&'buffer [u8]> {
    let length = rustix::io::retry_on_intr(|| rustix::io::pread(file, &mut *buffer, 0))?;
    buffer.get(..length).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Without descriptors, or without memory, a process is not gone: it is only not read.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ESRCH | libc::ENOENT))
}

fn memory(stat: &Stat<'_>) -> u64 {
    stat.resident_pages.saturating_mul(procfs::page_size())
}

/// argv joined by spaces; the name in brackets where there is none, as ps(1) shows it.
fn command(proc: &Proc, pid: i32, name: &[u8]) -> Shown {
    joined(proc.read(pid, "cmdline").unwrap_or_default(), name)
}

fn joined(mut arguments: Vec<u8>, name: &[u8]) -> Shown {
    while arguments.last() == Some(&0) {
        arguments.pop();
    }
    if arguments.is_empty() {
        return Shown::from_bytes(&[b"[", name, b"]"].concat());
    }
    arguments.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b' ');
    Shown::from_bytes(&arguments)
}

fn cgroup(proc: &Proc, pid: i32) -> Reading<Shown> {
    match proc.read(pid, "cgroup") {
        Ok(text) => cgroup_of(&text).map_or(Reading::Gone, Reading::Known),
        Err(error) => Reading::from_error(&error).unwrap_or(Reading::Unasked),
    }
}

/// The path in the unified hierarchy (number 0); where only the old ones are, systemd's own, else the first.
fn cgroup_of(text: &[u8]) -> Option<Shown> {
    let ProcessCGroups(groups) = ProcessCGroups::from_read(text).ok()?;
    let unified = groups.iter().find(|group| group.hierarchy == 0);
    let systemd = || groups.iter().find(|group| group.controllers.iter().any(|controller| controller == "name=systemd"));
    unified.or_else(systemd).or(groups.first()).map(|group| Shown::new(&group.pathname))
}

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
