//! What an instance may use, and how near it is to that.
//!
//! It must never say that a limit holds because it was configured: what is in force is what the kernel was read to hold.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Shown;

/// The limits that a configuration asks for. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of memory.
    pub memory_max: Option<u64>,
    /// Percent of one core.
    pub cpu_max: Option<u32>,
    /// Threads and processes.
    pub tasks_max: Option<u64>,
}

impl Limits {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// When a server that ended is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// Never.
    #[default]
    No,
    /// When it ended with an error or by a signal that nobody asked for.
    OnFailure,
    /// Whenever it ended without being asked.
    Always,
}

/// The limits that the kernel holds an instance to, and what it uses of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// The control group, as /proc/PID/cgroup names it.
    pub group: Option<Shown>,
    /// Bytes of memory that the group may use.
    pub memory_max: Option<u64>,
    /// Bytes that it uses.
    pub memory_now: Option<u64>,
    /// Hundredths of a percent of one core that the group may use.
    pub cpu_max: Option<u64>,
    /// How long it was made to wait for its share since the group exists.
    pub throttled: Option<Duration>,
    /// Threads and processes that it may have.
    pub tasks_max: Option<u64>,
    /// How many it has.
    pub tasks_now: Option<u64>,
    /// How many of its processes the kernel killed for memory.
    pub oom_kills: Option<u64>,
    /// Descriptors that the main process may open (RLIMIT_NOFILE, soft).
    pub open_files_max: Option<u64>,
    /// What `ulimit -m` was set to (RLIMIT_RSS), bytes. It has no effect: Linux has not looked at it since 2.4.30, getrlimit(2).
    pub resident_max: Option<u64>,
}
