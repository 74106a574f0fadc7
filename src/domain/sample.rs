//! The raw facts of one moment, as the kernel told them.
//!
//! It must never interpret: whose a process is and what a port means is for `judge`.

use std::collections::HashMap;
use std::ops::Index;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Endpoint, HostReading, InForce, ProcessKey, Reading, Shown, Uid};

/// A point in time on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// CLOCK_BOOTTIME: for durations and deadlines; nobody can set it.
    pub boot: Duration,
    /// The wall clock: for showing only.
    pub wall: Timestamp,
}

/// A process that holds a listening socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Which process.
    pub key: ProcessKey,
    /// Its parent's pid.
    pub parent: i32,
    /// Its effective uid.
    pub uid: Uid,
    /// `comm`: the short name (which the process itself can set).
    pub name: Shown,
    /// argv, joined by spaces (which the process itself can set); the name in brackets when it has none.
    pub command: Shown,
    /// When it started.
    pub started_at: Timestamp,
}

/// One socket in state LISTEN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// The uid that the socket belongs to: the kernel's word, also where its process is hidden.
    pub uid: Uid,
    /// The socket's inode.
    pub inode: u64,
    /// The processes that hold it; several when they were forked with it. Denied when descriptors may not be read,
    /// gone when no process of this pid namespace has it.
    pub holders: Reading<Arc<[Holder]>>,
    /// The control group that it was made in, where nothing better is known: `None` unless its holders are hidden or not here.
    pub group: Option<Shown>,
    /// When berth first saw it.
    pub since: Timestamp,
}

/// One process of an instance's tree, or one that holds a listener in the range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Which.
    pub key: ProcessKey,
    /// Its parent's pid.
    pub parent: i32,
    /// Its effective uid.
    pub uid: Uid,
    /// `comm`.
    pub name: Shown,
    /// argv joined by spaces.
    pub command: Shown,
    /// The state letter of proc_pid_stat(5): `R S D Z T`.
    pub state: char,
    /// User and system time since its start, in clock ticks.
    pub cpu_ticks: u64,
    /// VmRSS in bytes.
    pub memory_bytes: u64,
    /// Its threads.
    pub tasks: u64,
    /// Its open descriptors.
    pub open_files: Reading<u64>,
    /// Its cgroup, as /proc/PID/cgroup names it.
    pub cgroup: Reading<Shown>,
    /// Whether it lives in another network namespace than berth: where it listens there is not among the listeners.
    pub elsewhere: bool,
    /// When it started.
    pub started_at: Timestamp,
}

impl Process {
    /// Whether both are the same process in the same circumstances: what may differ are numbers that change from second to second.
    pub fn differs_in_numbers_only(&self, other: &Self) -> bool {
        let Self { cpu_ticks, memory_bytes, tasks, open_files, .. } = *other;
        let state = if self.is_dead() == other.is_dead() { other.state } else { self.state };
        *other == Self { cpu_ticks, memory_bytes, tasks, open_files, state, ..self.clone() }
    }

    /// Whether it has ended and is only not collected yet (proc_pid_stat(5), states Z and X).
    pub fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }
}

/// Processes by pid, each shared with the rows that show it: what did not change is the same from reading to reading.
#[derive(Clone, Debug, Default)]
pub struct Processes(HashMap<i32, Arc<Process>>);

impl Processes {
    /// Adds a process, or takes it for the one that was there.
    pub fn insert(&mut self, pid: i32, process: impl Into<Arc<Process>>) {
        self.0.insert(pid, process.into());
    }

    /// The process with this pid.
    pub fn get(&self, pid: i32) -> Option<&Arc<Process>> {
        self.0.get(&pid)
    }

    /// The process with this pid, to be changed. Who shares it keeps what it was.
    pub fn get_mut(&mut self, pid: &i32) -> Option<&mut Process> {
        self.0.get_mut(pid).map(Arc::make_mut)
    }

    /// Takes a process out.
    pub fn remove(&mut self, pid: &i32) {
        self.0.remove(pid);
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// All of them, in no order.
    pub fn values(&self) -> impl Iterator<Item = &Arc<Process>> {
        self.0.values()
    }

    /// Whether there is one with this pid.
    pub fn contains_key(&self, pid: &i32) -> bool {
        self.0.contains_key(pid)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Index<&i32> for Processes {
    type Output = Process;

    fn index(&self, pid: &i32) -> &Process {
        &self.0[pid]
    }
}

/// The names of accounts, looked up once and kept.
pub type Accounts = HashMap<Uid, Shown>;

/// Everything that was read at one moment.
#[derive(Clone, Debug)]
pub struct Sample {
    /// When.
    pub taken: Moment,
    /// Every listening socket; denied when the kernel told none.
    pub listeners: Reading<Arc<[Listener]>>,
    /// The processes of trees and holders, by pid.
    pub processes: Processes,
    /// When the last listing of processes began, on the boot clock: sockets are read far more often, and a rate needs two
    /// listings, not two samples.
    pub processes_taken: Duration,
    /// When it was last made sure, on the boot clock, that everybody in the trees is in `processes`: who had started by then and is not
    /// there has ended. Later than `processes_taken` where only who came and went was looked at.
    pub gathered: Duration,
    /// Whether processes of other users can be seen at all (`hidepid` hides them).
    pub sees_all: bool,
    /// The host.
    pub host: HostReading,
    /// The names of the accounts that occur.
    pub accounts: Accounts,
    /// The limits in force, by the main process that they hold for; read far more seldom than the rest.
    pub limits: Arc<HashMap<i32, Arc<InForce>>>,
    /// Clock ticks a second.
    pub ticks_per_second: u64,
    /// Another number than before whenever anything but the processes' numbers, the host's totals and the limits may have changed: a
    /// process or a listener came, went or became another.
    pub shape: u64,
}
