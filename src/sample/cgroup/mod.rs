//! The limits in force: what the kernel holds instances' processes to, asked seldom and spread over time.
//!
//! It must never read for all at once in a console's tick, and never tell as a process's own limit what holds for berth's own session.

mod read;

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::cgroup::Hierarchies;
use crate::domain::{InForce, ProcessKey};

/// How many processes are asked about at a tick: about ten small files each, which at a thousand instances is a round in two minutes.
const AT_A_TICK: usize = 16;

/// How many ticks pass before few processes are asked about again.
const TICKS: usize = 10;

/// What was read, and whose turn it is.
pub(super) struct Groups {
    hierarchies: Hierarchies,
    /// /proc/self/cgroup: what holds for this process too is not an instance's.
    own: String,
    known: HashMap<i32, ProcessKey>,
    roots: Vec<ProcessKey>,
    limits: Arc<HashMap<i32, Arc<InForce>>>,
    next: usize,
}

impl Groups {
    pub(super) fn new() -> Self {
        let text = |path| std::fs::read_to_string(path).unwrap_or_default();
        Self {
            hierarchies: Hierarchies::parse(&text("/proc/self/mountinfo")),
            own: text("/proc/self/cgroup"),
            known: HashMap::new(),
            roots: Vec::new(),
            limits: Arc::default(),
            next: 0,
        }
    }

    /// What is known, by pid.
    pub(super) fn limits(&self) -> &Arc<HashMap<i32, Arc<InForce>>> {
        &self.limits
    }

    /// Asks about those whose turn it is; each process again after ten ticks at the soonest.
    pub(super) fn look(&mut self, roots: &[ProcessKey]) {
        let share = roots.len().div_ceil(TICKS).min(AT_A_TICK);
        for _ in 0..share {
            self.next = if self.next + 1 < roots.len() { self.next + 1 } else { 0 };
            self.ask(roots[self.next]);
        }
        self.drop_gone(roots);
    }

    /// Asks about all of them: for a command that looks once.
    pub(super) fn look_at_all(&mut self, roots: &[ProcessKey]) {
        roots.iter().for_each(|key| self.ask(*key));
        self.drop_gone(roots);
    }

    fn ask(&mut self, key: ProcessKey) {
        let read = read::in_force(&self.hierarchies, &self.own, key.pid);
        if read.as_ref() == self.limits.get(&key.pid).map(|known| &**known) && self.known.get(&key.pid) == Some(&key) {
            return;
        }
        let limits = Arc::make_mut(&mut self.limits);
        match read {
            Some(read) => {
                limits.insert(key.pid, Arc::new(read));
                self.known.insert(key.pid, key);
            }
            None => {
                limits.remove(&key.pid);
                self.known.remove(&key.pid);
            }
        }
    }

    /// `roots` is sorted.
    fn drop_gone(&mut self, roots: &[ProcessKey]) {
        if self.roots == roots {
            return;
        }
        roots.clone_into(&mut self.roots);
        self.known.retain(|_, key| roots.binary_search(key).is_ok());
        let known = &self.known;
        Arc::make_mut(&mut self.limits).retain(|pid, _| known.contains_key(pid));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> ProcessKey {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let start_time = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(19).unwrap().parse().unwrap();
        ProcessKey { pid: std::process::id().cast_signed(), start_time }
    }

    #[test]
    fn what_is_not_watched_any_more_is_forgotten() {
        let mut groups = Groups::new();
        groups.look_at_all(&[own()]);
        let known = groups.limits().get(&own().pid).cloned().unwrap();
        assert!(known.open_files_max.is_some());
        assert_eq!((known.memory_max, &known.group), (None, &None), "its own group is its session's");
        groups.look(&[]);
        assert!(groups.limits().is_empty());
    }

    #[test]
    fn few_are_asked_about_at_a_tick() {
        let mut groups = Groups::new();
        let mut roots = vec![own(); 25];
        for (index, root) in roots.iter_mut().enumerate().skip(1) {
            // Nobody's: read, and not there.
            root.start_time += index as u64;
        }
        for expected in [3, 6, 9] {
            groups.look(&roots);
            assert_eq!(groups.next, expected);
        }
    }

    #[test]
    fn unchanged_facts_are_kept_as_they_are() {
        let mut groups = Groups::new();
        groups.look_at_all(&[own()]);
        let before = Arc::clone(groups.limits());
        groups.look_at_all(&[own()]);
        assert!(Arc::ptr_eq(&before, groups.limits()));
    }
}
