//! One look at the processes: who came and went, which of them belong to trees, and their numbers.
//!
//! It must never read more of a process outside the trees than once its parent, start and uid, unless it holds a listener.

use std::collections::HashSet;
use std::io;

use super::holders::{self, Found};
use super::kept::Refreshed;
use super::table::Changes;
use super::{Sampler, Watched, clock, tree};
use crate::domain::ProcessKey;

/// In how many looks the holder of every listener is checked again: a socket may be handed over while both live.
pub(super) const ROUNDS: usize = 30;

impl Sampler {
    /// Reads the processes: trees, holders and the host's totals. To be called once a second.
    pub fn processes(&mut self, watched: &Watched) {
        let began = clock::now();
        if self.clock.follow(began) {
            self.kept.follow(&self.clock);
            self.listeners.note_change();
        }
        // Whoever is known before the first look was met a moment ago.
        let is_first = !std::mem::replace(&mut self.has_looked, true);
        let refreshed = if is_first { Refreshed::default() } else { self.kept.refresh(&self.proc) };
        self.is_tree_stale |= !refreshed.moved.is_empty() || !refreshed.gone.is_empty();
        for (pid, parent) in refreshed.moved {
            self.table.set_parent(pid, parent);
        }
        for key in refreshed.gone {
            self.forget(key);
        }
        let mut to_check = self.listeners.next_to_check(ROUNDS);
        for key in refreshed.changed {
            self.listeners.note_change();
            to_check.extend(self.listeners.held_by(key.pid));
        }
        for (raw, hold) in to_check {
            let found = Found { pid: hold.key.pid, descriptor: hold.descriptor };
            if holders::still_holds(&self.proc, found, raw.inode) == Some(false) {
                self.listeners.lose(hold.key, Some(raw.cookie));
            }
        }
        if self.gather(watched) {
            self.sample.processes_taken = began.boot;
        }
        self.host.refresh(&self.proc, began.boot);
        self.limited.look(&watched.mains);
    }

    /// Brings those in who came to the trees, and lets go of those who are of interest no longer; reads nobody else. False when not
    /// everybody could be brought in.
    pub fn gather(&mut self, watched: &Watched) -> bool {
        let began = clock::now().boot;
        let listed = self.list_processes();
        if self.is_tree_stale || self.roots != watched.roots {
            self.roots.clone_from(&watched.roots);
            self.members = tree::members(&self.table, &self.roots);
            (self.is_tree_stale, self.is_keeping_stale) = (false, true);
        }
        if self.is_keeping_stale || self.held != self.listeners.version() {
            self.held = self.listeners.version();
            self.is_keeping_stale = !self.keep_members();
        }
        self.table.close();
        let is_whole = listed.is_ok() && !self.is_keeping_stale;
        if is_whole {
            self.sample.gathered = began;
        }
        is_whole
    }

    /// Reads one of those who are kept, and lets go of it when it is gone.
    pub fn check(&mut self, key: ProcessKey) {
        if self.kept.is_gone(&self.proc, key) {
            self.forget(key);
        }
    }

    /// Whether everybody in these trees, as far as they were listed, has been brought in.
    pub fn has_gathered(&self, watched: &Watched) -> bool {
        self.roots == watched.roots || tree::members(&self.table, &watched.roots).into_iter().all(|pid| self.kept.has(pid))
    }

    /// Lists /proc when there may be something new; true when there was. A child of a holder is asked whether it inherited the
    /// socket.
    pub(super) fn list_processes(&mut self) -> io::Result<bool> {
        let changes = self.table.refresh(&mut self.proc)?;
        if !changes.any() {
            return Ok(false);
        }
        self.is_tree_stale = true;
        if changes.moved {
            self.kept.distrust();
        }
        self.ask_heirs(&changes);
        Ok(true)
    }

    fn ask_heirs(&mut self, changes: &Changes) {
        let holding = self.listeners.holding_pids();
        if holding.is_empty() {
            return;
        }
        for &pid in &changes.came {
            let Some(parent) = self.table.get(pid).map(|entry| entry.parent).filter(|parent| holding.contains(parent)) else {
                continue;
            };
            let sockets = self.listeners.held_by(parent);
            let outcome = holders::look_at(&self.proc, pid, sockets.iter().map(|(raw, _)| raw.inode));
            for (raw, _) in sockets {
                for &found in outcome.found.get(&raw.inode).into_iter().flatten() {
                    if let Some(hold) = self.hold(found, raw.inode) {
                        self.listeners.add(raw.cookie, hold);
                    }
                }
            }
        }
    }

    /// Keeps the trees' processes and the holders, and nobody else. False when one of them could not be read for want of
    /// descriptors or memory: then its absence says nothing.
    fn keep_members(&mut self) -> bool {
        let mut is_complete = true;
        for &pid in &self.members {
            if self.kept.has(pid) {
                continue;
            }
            match self.kept.keep(&self.proc, &self.clock, pid, self.table.listed(pid), false) {
                // Somebody else has the pid by now: not a member until the next look says so.
                Ok(key) if !self.table.has(key) => self.kept.forget(key),
                Ok(_) => {}
                Err(error) => is_complete &= matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH | libc::EACCES | libc::EPERM)),
            }
        }
        let holding: HashSet<i32> = self.listeners.holding_pids();
        let members = &self.members;
        self.kept.retain(|pid| members.contains(&pid) || holding.contains(&pid));
        is_complete
    }
}
