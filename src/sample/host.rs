//! The host's totals, by `sysinfo`; pressure and berth's own cost beside them.
//!
//! It must never let sysinfo look at processes, disks or networks: that costs more than all the rest of a tick.

use std::time::Duration;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use super::own::Own;
use super::pressure::PressureFiles;
use super::proc::Proc;
use crate::domain::HostReading;

/// What is kept between two readings: CPU use is a difference.
pub(super) struct Host {
    system: Option<System>,
    pressure: PressureFiles,
    own: Own,
    reading: HostReading,
}

impl Host {
    /// Reads for the first time; CPU use is known from the second time on.
    pub(super) fn new() -> Self {
        let mut host = Self {
            system: System::new_with_specifics(what()).ok(),
            pressure: PressureFiles::default(),
            own: Own::default(),
            reading: HostReading::default(),
        };
        host.keep();
        host
    }

    /// Reads anew; `now` on the boot clock.
    pub(super) fn refresh(&mut self, proc: &Proc, now: Duration) {
        if let Some(system) = &mut self.system {
            system.refresh_specifics(what());
        }
        self.pressure.refresh(proc);
        self.own.refresh(proc, now);
        self.keep();
    }

    /// A whole look took so long.
    pub(super) fn looked(&mut self, took: Duration) {
        self.own.looked(took);
    }

    /// What was read last.
    pub(super) fn reading(&self) -> HostReading {
        self.reading.clone()
    }

    fn keep(&mut self) {
        (self.reading.pressure, self.reading.own) = (self.pressure.reading(), self.own.reading());
        let Some(system) = &self.system else {
            return;
        };
        let load = System::load_average().map_or([0.0; 3], |load| [load.one, load.five, load.fifteen]);
        self.reading = HostReading {
            cpu_percent: system.global_cpu_usage(),
            cores: system.cpus().len(),
            memory_used: system.used_memory(),
            memory_total: system.total_memory(),
            memory_available: system.available_memory(),
            swap_used: system.used_swap(),
            swap_total: system.total_swap(),
            load,
            ..self.reading
        };
    }
}

fn what() -> RefreshKind {
    RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing().with_usage()).with_memory(MemoryRefreshKind::nothing().with_ram().with_swap())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn totals_are_plausible() {
        let mut host = Host::new();
        std::thread::sleep(sysinfo::MINIMUM_CPU_UPDATE_INTERVAL);
        host.refresh(&Proc::open_at(Path::new("/proc")).unwrap(), Duration::from_secs(1));
        let reading = host.reading();
        assert!(reading.cores >= 1);
        assert!(reading.memory_used > 0 && reading.memory_used <= reading.memory_total);
        assert!(reading.memory_available <= reading.memory_total && reading.swap_used <= reading.swap_total);
        assert!((0.0..=100.0).contains(&reading.cpu_percent));
        assert!(reading.load.iter().all(|&load| load >= 0.0));
    }
}
