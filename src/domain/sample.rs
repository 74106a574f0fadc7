//! The raw facts of one moment, as the kernel told them.
//!
//! It must never interpret: whose a process is and what a port means is for `judge`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Endpoint, InForce, ProcessKey, Reading, Shown, Uid};

/// A point in time on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// CLOCK_BOOTTIME: for durations and deadlines; nobody can set it.
    pub boot: Duration,
    /// The wall clock: for showing only.
    pub wall: Timestamp,
}

/// A process that holds a listening socket.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// When berth first saw it.
    pub since: Timestamp,
}

/// One process of an instance's tree, or one that holds a listener in the range.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// When it started.
    pub started_at: Timestamp,
}

/// The host's totals.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostReading {
    /// CPU in use, in percent of all cores.
    pub cpu_percent: f32,
    /// Cores.
    pub cores: usize,
    /// Memory in use, bytes.
    pub memory_used: u64,
    /// Memory in all, bytes.
    pub memory_total: u64,
    /// Load over 1, 5 and 15 minutes.
    pub load: [f64; 3],
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
    pub processes: HashMap<i32, Process>,
    /// When the last listing of processes began, on the boot clock: sockets are read far more often, and a rate needs two
    /// listings, not two samples.
    pub processes_taken: Duration,
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
}
