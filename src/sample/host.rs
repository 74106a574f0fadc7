//! The host's totals, by `sysinfo`.
//!
//! It must never let sysinfo look at processes, disks or networks: that costs more than all the rest of a tick.

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::domain::HostReading;

/// What is kept between two readings: CPU use is a difference.
pub(super) struct Host {
    system: Option<System>,
    reading: HostReading,
}

impl Host {
    /// Reads for the first time; CPU use is known from the second time on.
    pub(super) fn new() -> Self {
        let mut host = Self { system: System::new_with_specifics(what()).ok(), reading: HostReading::default() };
        host.keep();
        host
    }

    /// Reads anew.
    pub(super) fn refresh(&mut self) {
        if let Some(system) = &mut self.system {
            system.refresh_specifics(what());
        }
        self.keep();
    }

    /// What was read last.
    pub(super) fn reading(&self) -> HostReading {
        self.reading.clone()
    }

    fn keep(&mut self) {
        let Some(system) = &self.system else {
            return;
        };
        let load = System::load_average().map_or([0.0; 3], |load| [load.one, load.five, load.fifteen]);
        self.reading = HostReading {
            cpu_percent: system.global_cpu_usage(),
            cores: system.cpus().len(),
            memory_used: system.used_memory(),
            memory_total: system.total_memory(),
            load,
        };
    }
}

fn what() -> RefreshKind {
    RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing().with_usage()).with_memory(MemoryRefreshKind::nothing().with_ram())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_plausible() {
        let mut host = Host::new();
        std::thread::sleep(sysinfo::MINIMUM_CPU_UPDATE_INTERVAL);
        host.refresh();
        let reading = host.reading();
        assert!(reading.cores >= 1);
        assert!(reading.memory_used > 0 && reading.memory_used <= reading.memory_total);
        assert!((0.0..=100.0).contains(&reading.cpu_percent));
        assert!(reading.load.iter().all(|&load| load >= 0.0));
    }
}
