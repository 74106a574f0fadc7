//! The processes that are read every second: those of the instances' trees and those that hold listeners.
//!
//! It must never open more descriptors than its share: what does not fit is opened and closed each time.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use super::clock::Clock;
use super::halves::in_two;
use super::limits::keepable_processes;
use super::meeting::{Listed, Meeting};
use super::proc::Proc;
use super::process::{Change, Kept, LINE};
use crate::domain::{Holder, Process, ProcessKey};

/// What one round of reading brought.
#[derive(Debug, Default)]
pub(super) struct Refreshed {
    /// Those that are gone.
    pub(super) gone: Vec<ProcessKey>,
    /// Pids with their new parents.
    pub(super) moved: Vec<(i32, i32)>,
    /// Those that executed another program or became another user.
    pub(super) changed: Vec<ProcessKey>,
}

/// The kept processes, by pid.
pub(super) struct KeptSet {
    by_pid: HashMap<i32, Kept>,
    with_descriptors: usize,
    capacity: usize,
    line: Box<[u8; LINE]>,
    /// Whose numbers changed since they were taken over.
    renewed: Vec<i32>,
    /// Rises when a process came, went or became another.
    version: u64,
    /// Something may have been done to processes that did nothing themselves: the next round reads all.
    distrusts: bool,
}

impl KeptSet {
    pub(super) fn new() -> Self {
        Self::with_capacity(keepable_processes())
    }

    fn with_capacity(capacity: usize) -> Self {
        let line = Box::new([0; LINE]);
        Self { by_pid: HashMap::new(), with_descriptors: 0, capacity, line, renewed: Vec::new(), version: 0, distrusts: false }
    }

    /// Whether a process with this pid is kept.
    pub(super) fn has(&self, pid: i32) -> bool {
        self.by_pid.contains_key(&pid)
    }

    /// Keeps the process that has this pid now, and says which it is. `holds_socket`: it was found to hold a listening socket.
    pub(super) fn keep(
        &mut self,
        proc: &Proc,
        clock: &Clock,
        pid: i32,
        listed: Option<Listed>,
        holds_socket: bool,
    ) -> io::Result<ProcessKey> {
        if let Some(kept) = self.by_pid.get(&pid) {
            return Ok(kept.key());
        }
        let meeting = Meeting { keep: self.with_descriptors < self.capacity, listed, holds_socket };
        Ok(self.add(Kept::meet(proc, clock, pid, meeting)?))
    }

    /// Keeps many that were found to hold listening sockets, and are not kept yet. Who has gone meanwhile is not.
    pub(super) fn keep_holders(&mut self, proc: &Proc, clock: &Clock, pids: Vec<(i32, Option<Listed>)>) {
        let room = self.capacity.saturating_sub(self.with_descriptors);
        let meeting = |(index, (pid, listed))| (pid, Meeting { keep: index < room, listed, holds_socket: true });
        let mut meetings: Vec<(i32, Meeting)> = pids.into_iter().enumerate().map(meeting).collect();
        for kept in in_two(&mut meetings, |(pid, meeting)| Kept::meet(proc, clock, *pid, std::mem::take(meeting))).into_iter().flatten() {
            self.add(kept);
        }
    }

    fn add(&mut self, kept: Kept) -> ProcessKey {
        let key = kept.key();
        self.with_descriptors += usize::from(kept.holds_descriptors());
        self.by_pid.insert(key.pid, kept);
        self.version += 1;
        key
    }

    /// Lets go of a process.
    pub(super) fn forget(&mut self, key: ProcessKey) {
        if self.by_pid.get(&key.pid).is_some_and(|kept| kept.key() == key) {
            self.by_pid.remove(&key.pid);
            self.count();
            self.distrust();
        }
    }

    /// Has the next round read all: whose parent ended has another one without having done anything.
    pub(super) fn distrust(&mut self) {
        self.distrusts = true;
    }

    /// Rises when a process came, went or became another.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// The processes whose numbers changed since this was asked last.
    pub(super) fn renewed(&mut self) -> impl Iterator<Item = &Arc<Process>> {
        let Self { renewed, by_pid, .. } = self;
        renewed.drain(..).filter_map(|pid| by_pid.get(&pid)).map(Kept::process)
    }

    /// Lets go of all that are not wanted any more.
    pub(super) fn retain(&mut self, is_wanted: impl Fn(i32) -> bool) {
        let before = self.by_pid.len();
        self.by_pid.retain(|&pid, _| is_wanted(pid));
        if self.by_pid.len() != before {
            self.count();
        }
    }

    fn count(&mut self) {
        self.version += 1;
        self.with_descriptors = self.by_pid.values().filter(|kept| kept.holds_descriptors()).count();
    }

    /// Reads all of them.
    pub(super) fn refresh(&mut self, proc: &Proc) -> Refreshed {
        let mut refreshed = Refreshed::default();
        let all = std::mem::take(&mut self.distrusts);
        self.read(proc, all, &mut refreshed);
        if !refreshed.gone.is_empty() {
            for key in &refreshed.gone {
                self.by_pid.remove(&key.pid);
            }
            self.count();
            if !all {
                // Those that were passed over because they did nothing may have lost their parent.
                self.read(proc, true, &mut refreshed);
            }
        }
        refreshed
    }

    /// Reads one process. True when it is gone.
    pub(super) fn is_gone(&mut self, proc: &Proc, key: ProcessKey) -> bool {
        let Some(kept) = self.by_pid.get_mut(&key.pid).filter(|kept| kept.key() == key) else { return false };
        match kept.refresh(proc, &mut self.line, true) {
            Change::Gone => return true,
            Change::Nothing => {}
            Change::Numbers => self.renewed.push(key.pid),
            Change::Circumstances | Change::Identity => self.version += 1,
        }
        false
    }

    fn read(&mut self, proc: &Proc, all: bool, refreshed: &mut Refreshed) {
        for (&pid, kept) in &mut self.by_pid {
            let parent = kept.process().parent;
            match kept.refresh(proc, &mut self.line, all) {
                Change::Nothing => continue,
                Change::Numbers => self.renewed.push(pid),
                Change::Circumstances => self.version += 1,
                Change::Identity => {
                    self.version += 1;
                    refreshed.changed.push(kept.key());
                }
                Change::Gone => refreshed.gone.push(kept.key()),
            }
            if kept.process().parent != parent {
                refreshed.moved.push((pid, kept.process().parent));
            }
        }
    }

    /// Tells all starts anew, after the wall clock was set.
    pub(super) fn follow(&mut self, clock: &Clock) {
        self.by_pid.values_mut().for_each(|kept| kept.follow(clock));
        self.version += 1;
    }

    /// What is known of each.
    pub(super) fn processes(&self) -> impl Iterator<Item = &Arc<Process>> {
        self.by_pid.values().map(Kept::process)
    }

    /// What a listener's row shows of a process.
    pub(super) fn holder(&self, key: ProcessKey) -> Option<Holder> {
        let process = self.by_pid.get(&key.pid).filter(|kept| kept.key() == key)?.process();
        Some(Holder {
            key,
            parent: process.parent,
            uid: process.uid,
            name: process.name.clone(),
            command: process.command.clone(),
            started_at: process.started_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::process::{Child, Command};

    fn sleeper() -> (Child, i32) {
        let child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        (child, pid)
    }

    #[test]
    fn what_does_not_fit_is_read_all_the_same() {
        let (proc, clock) = (Proc::open_at(Path::new("/proc")).unwrap(), Clock::new());
        let mut kept = KeptSet::with_capacity(1);
        let mut children = [sleeper(), sleeper()];
        let keys: Vec<ProcessKey> = children.iter().map(|(_, pid)| kept.keep(&proc, &clock, *pid, None, false).unwrap()).collect();
        assert_eq!(kept.with_descriptors, 1);
        assert!(kept.refresh(&proc).gone.is_empty());
        assert_eq!(kept.processes().count(), 2);
        assert!(keys.iter().all(|&key| kept.holder(key).is_some()));
        assert!(kept.holder(ProcessKey { start_time: 1, ..keys[0] }).is_none());
        for (child, _) in &mut children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert_eq!(kept.refresh(&proc).gone.len(), 2);
        assert_eq!((kept.processes().count(), kept.with_descriptors), (0, 0));
    }

    #[test]
    fn what_is_not_wanted_is_let_go() {
        let (proc, clock) = (Proc::open_at(Path::new("/proc")).unwrap(), Clock::new());
        let mut kept = KeptSet::with_capacity(8);
        let own = i32::try_from(std::process::id()).unwrap();
        let key = kept.keep(&proc, &clock, own, None, true).unwrap();
        kept.forget(ProcessKey { start_time: 1, ..key });
        assert!(kept.has(own));
        kept.forget(key);
        assert!(!kept.has(own));
        kept.keep(&proc, &clock, own, None, false).unwrap();
        kept.retain(|pid| pid != own);
        assert!(!kept.has(own));
    }
}
