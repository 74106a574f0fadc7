//! The limits in force: what the kernel holds instances' processes to, asked seldom and spread over time.
//!
//! It must never read for all at once in a console's tick, and never tell as a process's own limit what holds for berth's own session.

mod read;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::domain::cgroup::Hierarchies;
use crate::domain::{InForce, ProcessKey};

use read::Held;

/// How many processes are asked about at a tick: about four small files each (0.05 % of a core), a thousand in a minute.
const AT_A_TICK: usize = 16;

/// How many ticks pass before few processes are asked about again.
const TICKS: usize = 10;

/// How often what is used is read before the limits themselves are: they are three times as many files, and change when somebody
/// changes them.
const COUNTS: u8 = 4;

/// What was read, and whose turn it is.
pub(super) struct Groups {
    hierarchies: Hierarchies,
    /// /proc/self/cgroup: what holds for this process too is not an instance's.
    own: String,
    /// What holds each, and how often what it uses was read since.
    held: HashMap<ProcessKey, (Held, u8)>,
    mains: Vec<ProcessKey>,
    /// Those of them that were not asked about yet.
    unread: Vec<ProcessKey>,
    limits: Arc<HashMap<i32, Arc<InForce>>>,
    next: usize,
}

impl Groups {
    pub(super) fn new() -> Self {
        let text = |path| std::fs::read_to_string(path).unwrap_or_default();
        Self {
            hierarchies: Hierarchies::parse(&text("/proc/self/mountinfo")),
            own: text("/proc/self/cgroup"),
            held: HashMap::new(),
            mains: Vec::new(),
            unread: Vec::new(),
            limits: Arc::default(),
            next: 0,
        }
    }

    /// What is known, by pid.
    pub(super) fn limits(&self) -> &Arc<HashMap<i32, Arc<InForce>>> {
        &self.limits
    }

    /// Asks about those whose turn it is: who came first, and each again after ten ticks at the soonest. `mains` is sorted.
    pub(super) fn look(&mut self, mains: &[ProcessKey]) {
        self.follow(mains);
        let came = self.unread.split_off(self.unread.len().saturating_sub(AT_A_TICK));
        let share = mains.len().div_ceil(TICKS).min(AT_A_TICK).saturating_sub(came.len());
        self.ask(&came);
        for _ in 0..share {
            self.next = if self.next + 1 < mains.len() { self.next + 1 } else { 0 };
            self.ask(&mains[self.next..=self.next]);
        }
    }

    /// Asks about these now.
    pub(super) fn ask(&mut self, keys: &[ProcessKey]) {
        for key in keys {
            let found = self.find(*key);
            if found.as_ref() == self.limits.get(&key.pid).map(|known| &**known) {
                continue;
            }
            let limits = Arc::make_mut(&mut self.limits);
            match found {
                Some(found) => drop(limits.insert(key.pid, Arc::new(found))),
                None => drop(limits.remove(&key.pid)),
            }
        }
    }

    fn find(&mut self, key: ProcessKey) -> Option<InForce> {
        if let Some((held, counts)) = self.held.get_mut(&key)
            && *counts < COUNTS
            && let Some(found) = held.now()
        {
            *counts += 1;
            return Some(found);
        }
        let held = Held::read(&self.hierarchies, &self.own, key.pid);
        let found = held.as_ref().and_then(Held::now);
        match held {
            Some(held) => drop(self.held.insert(key, (held, 0))),
            None => drop(self.held.remove(&key)),
        }
        found
    }

    /// Takes note of who came and forgets who went.
    fn follow(&mut self, mains: &[ProcessKey]) {
        if self.mains == mains {
            return;
        }
        mains.clone_into(&mut self.mains);
        self.held.retain(|key, _| mains.binary_search(key).is_ok());
        self.unread = mains.iter().filter(|key| !self.held.contains_key(key)).copied().collect();
        if self.limits.len() > self.held.len() {
            let pids: HashSet<i32> = self.held.keys().map(|key| key.pid).collect();
            Arc::make_mut(&mut self.limits).retain(|pid, _| pids.contains(pid));
        }
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
        groups.ask(&[own()]);
        let known = groups.limits().get(&own().pid).cloned().unwrap();
        assert!(known.open_files_max.is_some());
        assert_eq!((known.memory_max, &known.group), (None, &None), "its own group is its session's");
        groups.look(&[own()]);
        assert!(groups.limits().contains_key(&own().pid));
        groups.look(&[]);
        assert!(groups.limits().is_empty() && groups.held.is_empty());
    }

    #[test]
    fn few_are_asked_about_at_a_tick_and_who_came_before_the_others() {
        let mut groups = Groups::new();
        let mut mains = vec![own(); 25];
        for (index, main) in mains.iter_mut().enumerate() {
            main.start_time += index as u64;
        }
        for (unread, next) in [(9, 0), (0, 0), (0, 3), (0, 6)] {
            groups.look(&mains);
            assert_eq!((groups.unread.len(), groups.next), (unread, next));
        }
        assert_eq!(groups.held.len(), 25);
        mains.push(ProcessKey { start_time: u64::MAX, ..own() });
        groups.look(&mains);
        assert_eq!((groups.unread.len(), groups.next, groups.held.len()), (0, 8, 26));
    }

    #[test]
    fn limits_are_read_again_after_what_is_used_was_read_some_times() {
        let mut groups = Groups::new();
        for expected in [0, 1, 2, 3, 4, 0, 1] {
            groups.ask(&[own()]);
            assert_eq!(groups.held[&own()].1, expected);
        }
    }

    #[test]
    fn unchanged_facts_are_kept_as_they_are() {
        let mut groups = Groups::new();
        groups.ask(&[own()]);
        let before = Arc::clone(groups.limits());
        groups.ask(&[own()]);
        assert!(Arc::ptr_eq(&before, groups.limits()));
    }
}
