//! The host's totals at one moment: CPU, memory, load, pressure, and what berth itself costs.
//!
//! It must never hold a zero for what was not read.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Reading;

/// The host's totals.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostReading {
    /// CPU in use, in percent of all cores.
    pub cpu_percent: f32,
    /// Cores.
    pub cores: usize,
    /// Memory in use, bytes.
    pub memory_used: u64,
    /// Memory in all, bytes.
    pub memory_total: u64,
    /// Memory that can be had without swapping, bytes.
    pub memory_available: u64,
    /// Swap in use, bytes.
    pub swap_used: u64,
    /// Swap in all, bytes; 0 where there is none.
    pub swap_total: u64,
    /// Load over 1, 5 and 15 minutes.
    pub load: [f64; 3],
    /// How long work had to wait for what there was too little of.
    pub pressure: Pressures,
    /// What berth costs.
    pub own: OwnCost,
}

/// /proc/pressure of each resource; `Gone` where the kernel does not offer it, `Unasked` until its turn came.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pressures {
    /// Of processor time.
    pub cpu: Reading<Pressure>,
    /// Of memory.
    pub memory: Reading<Pressure>,
    /// Of disks.
    pub io: Reading<Pressure>,
}

impl Default for Pressures {
    fn default() -> Self {
        Self { cpu: Reading::Unasked, memory: Reading::Unasked, io: Reading::Unasked }
    }
}

/// What share of the time work waited for one resource, as the kernel averages it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pressure {
    /// At least one task waited.
    pub some: Averages,
    /// All of them waited; `None` where the kernel tells none.
    pub full: Option<Averages>,
}

/// Percent of the time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Averages {
    /// Over the last 10 seconds.
    pub ten: f32,
    /// Over the last minute.
    pub sixty: f32,
}

/// What this very process, engine and presenter, takes of the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OwnCost {
    /// CPU in percent of one core; `None` until there were two readings.
    pub cpu_percent: Option<f32>,
    /// Memory that is resident, bytes.
    pub memory_bytes: Option<u64>,
    /// How long a look at everything takes, on the average of the last ones.
    pub look: Option<Duration>,
}
