//! One process that is read every second, by descriptors that stay open.
//!
//! A descriptor below /proc/PID belongs to the process it was opened for: it never comes to mean another one with the same
//! pid, and says ESRCH when the process is gone (proc(5)). It must never open a file twice while it can be kept.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use procfs::{FromRead, ProcessCGroups};

use super::clock::Clock;
use super::meeting::{Meeting, Opened};
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

/// What did not run since the last time and has one thread is read all the same every so many times: the kernel may take its
/// memory away without it.
const READ_EVERY: u32 = 8;

/// Any other, every so many times: a program may give up its rights whenever it likes. A multiple of [`READ_EVERY`].
const UID_EVERY: u32 = 32;

/// What was kept of a process, and what is known of it.
pub(super) struct Kept {
    process: Arc<Process>,
    /// `None` where descriptors are scarce: then it is opened each time.
    stat: Option<OwnedFd>,
    files: Option<OwnedFd>,
    runs: Option<Runs>,
    name: Vec<u8>,
    image: u64,
    age: u32,
    /// What was left out when it was met has been read.
    is_complete: bool,
    /// It was asked which network namespace it lives in.
    is_placed: bool,
    /// It may have opened or closed a file since they were counted.
    is_count_old: bool,
}

/// What a reading brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing, or it could not be read this time.
    Nothing,
    /// Numbers only.
    Numbers,
    /// It has another parent, or more is known of it than when it was met.
    Circumstances,
    /// It executed another program, was renamed, has another uid (or parent), or ended and waits to be collected.
    Identity,
    /// It is gone.
    Gone,
}

impl Kept {
    /// Reads everything of a process for the first time. `keep`: whether its descriptors may stay open.
    pub(super) fn open(proc: &Proc, clock: &Clock, pid: i32, keep: bool) -> io::Result<Self> {
        let mut kept = Self::meet(proc, clock, pid, Meeting { keep, listed: None, holds_socket: false })?;
        kept.complete(proc);
        // The path still answers: so what was completed was read of the same process.
        proc.identity(pid)?;
        Ok(kept)
    }

    /// Reads who it is, and leaves the rest to the first [`Kept::refresh`]: a thousand that are met at once do not fit in a first frame.
    pub(super) fn meet(proc: &Proc, clock: &Clock, pid: i32, meeting: Meeting) -> io::Result<Self> {
        let Meeting { keep, listed, holds_socket } = meeting;
        let (listed, opened) = listed.map_or((None, None), |(inode, opened)| (Some(inode), opened));
        let Opened { file: stat, line } = opened.map_or_else(|| Opened::read(proc, pid), Ok)?;
        let first = stat::parse(&line).ok_or(io::ErrorKind::InvalidData)?;
        let name = first.name.to_vec();
        let command = command(proc, pid, &name);
        let elsewhere = !holds_socket && proc.is_elsewhere(pid);
        // Last: the directory that was listed before has meant this process ever since.
        let identity = proc.identity(pid)?;
        let process = Process {
            key: ProcessKey { pid, start_time: first.start_time },
            parent: first.parent,
            uid: Uid(identity.st_uid),
            name: Shown::from_bytes(&name),
            command,
            state: char::from(first.state),
            cpu_ticks: first.cpu_ticks,
            memory_bytes: memory(&first),
            tasks: first.tasks,
            open_files: Reading::Unasked,
            cgroup: Reading::Unasked,
            elsewhere,
            started_at: clock.started_at(first.start_time),
        };
        let image = first.image;
        if listed != Some(identity.st_ino) {
            // The kept descriptor still answers: so everything between was read of the same process.
            pread(&stat, &mut [0; LINE])?;
        }
        let stat = keep.then_some(stat);
        let process = Arc::new(process);
        let (is_complete, is_placed) = (false, !holds_socket);
        Ok(Self { process, stat, files: None, runs: None, name, image, age: 0, is_complete, is_placed, is_count_old: true })
    }

    /// Reads what [`Kept::meet`] left out.
    fn complete(&mut self, proc: &Proc) {
        let pid = self.process.key.pid;
        self.is_complete = true;
        if self.stat.is_some() {
            self.files = proc.counts_files().then(|| proc.point_at(pid, "fd").ok()).flatten();
            self.runs = Runs::open(proc, pid);
        }
        let open_files = self.count_files(proc);
        let process = Arc::make_mut(&mut self.process);
        process.cgroup = cgroup(proc, pid);
        process.open_files = open_files;
        if !std::mem::replace(&mut self.is_placed, true) {
            process.elsewhere = proc.is_elsewhere(pid);
        }
    }

    /// Which process it is.
    pub(super) fn key(&self) -> ProcessKey {
        self.process.key
    }

    /// What is known of it.
    pub(super) fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// Whether it has descriptors open.
    pub(super) fn holds_descriptors(&self) -> bool {
        self.stat.is_some()
    }

    /// Tells its start anew, after the wall clock was set.
    pub(super) fn follow(&mut self, clock: &Clock) {
        let started_at = clock.started_at(self.process.key.start_time);
        Arc::make_mut(&mut self.process).started_at = started_at;
    }

    /// Reads what changes. `buffer` is lent so that a thousand processes share one. `all`: also what did not run, because something
    /// may have been done to it.
    pub(super) fn refresh(&mut self, proc: &Proc, buffer: &mut [u8; LINE], all: bool) -> Change {
        self.age = self.age.wrapping_add(1);
        // All of this before the line is read: that it can be read then proves that the path meant this process.
        let was_met = !self.is_complete;
        if was_met {
            self.complete(proc);
        }
        // Asked before the rest is read: what it does in between shows the next time.
        let has_rested = self.process.tasks == 1 && self.runs.as_mut().is_some_and(Runs::has_rested);
        self.is_count_old |= !has_rested;
        if has_rested && !all && self.age > YOUNG && !self.is_turn(READ_EVERY) {
            return Change::Nothing;
        }
        let fresh_uid = self.is_uid_due().then(|| proc.identity(self.process.key.pid).ok()).flatten().map(|stat| Uid(stat.st_uid));
        let opened;
        let file = match &self.stat {
            Some(kept) => kept,
            None => match proc.open(self.process.key.pid, "stat") {
                Ok(file) => {
                    opened = file;
                    &opened
                }
                Err(error) => return if is_gone(&error) { Change::Gone } else { Change::Nothing },
            },
        };
        let line = match pread(file, buffer) {
            Ok(line) => line,
            Err(error) => return if is_gone(&error) { Change::Gone } else { Change::Nothing },
        };
        let Some(fresh) = stat::parse(line) else {
            return Change::Nothing;
        };
        if fresh.start_time != self.process.key.start_time {
            return Change::Gone;
        }
        let mut change = if was_met { Change::Circumstances } else { Change::Nothing };
        let known = &*self.process;
        let (state, memory_bytes) = (char::from(fresh.state), memory(&fresh));
        let has_run = fresh.cpu_ticks != known.cpu_ticks || state != known.state;
        let was_dead = known.is_dead();
        if has_run || memory_bytes != known.memory_bytes || fresh.tasks != known.tasks {
            let process = Arc::make_mut(&mut self.process);
            (process.state, process.cpu_ticks, process.memory_bytes, process.tasks) = (state, fresh.cpu_ticks, memory_bytes, fresh.tasks);
            change = if was_met { change } else { Change::Numbers };
        }
        if fresh.parent != self.process.parent {
            Arc::make_mut(&mut self.process).parent = fresh.parent;
            change = Change::Circumstances;
        }
        if self.take_identity(proc, &fresh, fresh_uid) || was_dead != self.process.is_dead() {
            change = Change::Identity;
        }
        if self.is_count_old && (has_run || change == Change::Identity || self.is_turn(FILES_EVERY)) {
            self.is_count_old = false;
            let open_files = self.count_files(proc);
            if open_files != self.process.open_files {
                Arc::make_mut(&mut self.process).open_files = open_files;
                change = if change == Change::Nothing { Change::Numbers } else { change };
            }
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
            let process = Arc::make_mut(&mut self.process);
            if fresh.name != self.name {
                self.name = fresh.name.to_vec();
                process.name = Shown::from_bytes(&self.name);
            }
            // An empty one is that of a process that began to end after its line was read.
            let arguments = proc.read(pid, "cmdline").unwrap_or_default();
            if !arguments.is_empty() {
                process.command = joined(arguments, &self.name);
            }
            process.cgroup = cgroup(proc, pid);
            // Who goes into another network namespace executes there what it went for.
            process.elsewhere = proc.is_elsewhere(pid);
            changed = true;
        }
        let uid = if changed { proc.identity(pid).ok().map(|stat| Uid(stat.st_uid)).or(uid) } else { uid };
        if let Some(uid) = uid
            && uid != self.process.uid
        {
            Arc::make_mut(&mut self.process).uid = uid;
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

/// How often a thread was given a processor, /proc/PID/schedstat: reading that costs a third of reading the line, and while it
/// stands still a process of one thread has done nothing.
struct Runs {
    file: OwnedFd,
    last: [u8; 64],
    length: usize,
}

impl Runs {
    /// Opens it. `None` where the kernel does not count.
    fn open(proc: &Proc, pid: i32) -> Option<Self> {
        let file = proc.open(pid, "schedstat").ok()?;
        let mut runs = Self { file, last: [0; 64], length: 0 };
        runs.has_rested();
        // Built in, but switched off: then it says three times nothing of everybody (proc_pid_schedstat in fs/proc/base.c).
        let counts = runs.last.get(..runs.length).is_some_and(|line| !line.is_empty() && line != b"0 0 0\n");
        counts.then_some(runs)
    }

    /// Whether it says what it said the last time.
    fn has_rested(&mut self) -> bool {
        let mut line = [0; 64];
        let Ok(length) = rustix::io::pread(&self.file, &mut line, 0) else { return false };
        let same = length == self.length && line == self.last;
        (self.last, self.length) = (line, length);
        same
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

pub(super) fn pread<'buffer>(file: &OwnedFd, buffer: &'buffer mut [u8; LINE]) -> io::Result<&'buffer [u8]> {
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

pub(super) fn joined(mut arguments: Vec<u8>, name: &[u8]) -> Shown {
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
pub(super) fn cgroup_of(text: &[u8]) -> Option<Shown> {
    let ProcessCGroups(groups) = ProcessCGroups::from_read(text).ok()?;
    let unified = groups.iter().find(|group| group.hierarchy == 0);
    let systemd = || groups.iter().find(|group| group.controllers.iter().any(|controller| controller == "name=systemd"));
    unified.or_else(systemd).or(groups.first()).map(|group| Shown::new(&group.pathname))
}

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
