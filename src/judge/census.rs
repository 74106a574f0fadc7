//! Every process of a sample by pid and by parent, whether it was listed or was met as a listener's holder.
//!
//! Sockets are read more often than processes, so a holder can be newer than the listing. It must never say whose a process is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::{Process, ProcessKey, Reading, Sample, Shown, Uid};

/// What is known of one process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Person<'a> {
    /// Which.
    pub key: ProcessKey,
    /// Its parent's pid.
    pub parent: i32,
    /// Its effective uid.
    pub uid: Uid,
    /// `comm`.
    pub name: &'a Shown,
    /// argv joined by spaces.
    pub command: &'a Shown,
    /// When it started.
    pub started_at: Timestamp,
    /// Its counters, when it was in the last listing.
    pub process: Option<&'a Arc<Process>>,
}

/// The processes that are alive.
#[derive(Debug)]
pub(super) struct Census<'a> {
    people: HashMap<i32, Person<'a>>,
    /// (parent's pid, child), ordered: children of one parent are neighbours, the oldest first.
    children: Vec<(i32, ProcessKey)>,
    ticks_per_second: u64,
    gathered: Duration,
}

impl<'a> Census<'a> {
    /// Counts them. Zombies are dead: they hold no socket and answer nobody (proc_pid_stat(5), states Z and X).
    pub(super) fn new(sample: &'a Sample) -> Self {
        let mut people: HashMap<i32, Person<'a>> = HashMap::with_capacity(sample.processes.len());
        for process in sample.processes.values().filter(|process| !process.is_dead()) {
            people.insert(process.key.pid, person_of(process));
        }
        if let Reading::Known(listeners) = &sample.listeners {
            for holder in listeners.iter().filter_map(|listener| listener.holders.as_ref().known()).flat_map(|holders| holders.iter()) {
                let known = people.get(&holder.key.pid);
                // A pid that was given to another process since the listing: the later start is the one that lives.
                if known.is_none_or(|person| person.key.start_time < holder.key.start_time) {
                    people.insert(
                        holder.key.pid,
                        Person {
                            key: holder.key,
                            parent: holder.parent,
                            uid: holder.uid,
                            name: &holder.name,
                            command: &holder.command,
                            started_at: holder.started_at,
                            process: None,
                        },
                    );
                }
            }
        }
        let mut children: Vec<(i32, ProcessKey)> = people.values().map(|person| (person.parent, person.key)).collect();
        children.sort_unstable_by_key(|(parent, key)| (*parent, key.start_time, key.pid));
        Self { people, children, ticks_per_second: sample.ticks_per_second.max(1), gathered: sample.gathered }
    }

    /// The process, if it is alive and no other has its pid.
    pub(super) fn get(&self, key: ProcessKey) -> Option<&Person<'a>> {
        self.people.get(&key.pid).filter(|person| person.key == key)
    }

    /// Everybody, in no order.
    pub(super) fn people(&self) -> impl Iterator<Item = &Person<'a>> {
        self.people.values()
    }

    /// The children of a process, oldest first. Who is older than their parent has inherited its pid, not its children.
    pub(super) fn children(&self, parent: ProcessKey) -> impl Iterator<Item = ProcessKey> {
        let from = self.children.partition_point(|(pid, _)| *pid < parent.pid);
        self.children[from..]
            .iter()
            .take_while(move |(pid, _)| *pid == parent.pid)
            .map(|(_, key)| *key)
            .filter(move |key| key.start_time >= parent.start_time && *key != parent)
    }

    /// When a process started, on the boot clock.
    pub(super) fn started(&self, key: ProcessKey) -> Duration {
        ticks(key.start_time, self.ticks_per_second)
    }

    /// Whether it started after everybody was gathered last, so that its absence there says nothing.
    pub(super) fn is_newer_than_gathered(&self, key: ProcessKey) -> bool {
        ticks(key.start_time.saturating_add(1), self.ticks_per_second) >= self.gathered
    }

    /// Whether a process that somebody vouches for is to be taken as alive.
    pub(super) fn is_alive(&self, key: ProcessKey) -> bool {
        self.get(key).is_some() || (!self.people.contains_key(&key.pid) && self.is_newer_than_gathered(key))
    }
}

/// The first process of a chain that is not merely a shell around the others.
pub(super) fn is_shell(name: &Shown) -> bool {
    matches!(name.as_str(), "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" | "busybox" | "su" | "sudo" | "runuser" | "setpriv" | "env")
}

fn person_of(process: &Arc<Process>) -> Person<'_> {
    Person {
        key: process.key,
        parent: process.parent,
        uid: process.uid,
        name: &process.name,
        command: &process.command,
        started_at: process.started_at,
        process: Some(process),
    }
}

/// Clock ticks as a duration.
fn ticks(count: u64, per_second: u64) -> Duration {
    let rest = (count % per_second).saturating_mul(1_000_000_000) / per_second;
    Duration::from_secs(count / per_second) + Duration::from_nanos(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Host, key};

    #[test]
    fn a_zombie_is_nobody() {
        let mut host = Host::new();
        host.process(10, 1, 1001, "node");
        host.sample.processes.get_mut(&10).unwrap().state = 'Z';
        assert!(Census::new(&host.sample).get(key(10)).is_none());
    }

    #[test]
    fn a_pid_given_to_another_process_is_another_process() {
        let mut host = Host::new();
        host.process(10, 1, 1001, "node");
        let census = Census::new(&host.sample);
        assert!(census.get(key(10)).is_some());
        assert!(census.get(ProcessKey { pid: 10, start_time: 5 }).is_none());
        assert!(!census.is_alive(ProcessKey { pid: 10, start_time: 5 }));
    }

    #[test]
    fn what_started_after_the_listing_is_believed() {
        let host = Host::new();
        let census = Census::new(&host.sample);
        let listed = u64::try_from(host.sample.gathered.as_millis()).unwrap() / 10;
        assert!(census.is_alive(ProcessKey { pid: 77, start_time: listed + 3 }));
        assert!(!census.is_alive(ProcessKey { pid: 77, start_time: listed - 300 }));
    }

    #[test]
    fn what_came_after_a_listing_and_was_gone_when_its_tree_was_gathered_is_gone() {
        let mut host = Host::new();
        host.sample.gathered = host.sample.processes_taken + Duration::from_secs(1);
        let started = u64::try_from(host.sample.processes_taken.as_millis()).unwrap() / 10 + 50;
        assert!(!Census::new(&host.sample).is_alive(ProcessKey { pid: 77, start_time: started }));
    }

    #[test]
    fn a_child_older_than_its_parent_is_not_its_child() {
        let mut host = Host::new();
        host.process(10, 1, 1001, "node").process(11, 10, 1001, "node");
        host.sample.processes.get_mut(&11).unwrap().key.start_time = 1;
        let census = Census::new(&host.sample);
        assert_eq!(census.children(key(10)).count(), 0);
    }
}
