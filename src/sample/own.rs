//! What berth itself costs the host: its CPU, its memory, and how long a look takes.
//!
//! It must never cost more than it tells: one system call and one small read a look.

use std::os::fd::OwnedFd;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};

use super::proc::Proc;
use crate::domain::OwnCost;

/// What is kept between two readings: CPU use is a difference.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// When it was read last on the boot clock, and the CPU time until then.
    before: Option<(Duration, Duration)>,
    /// Pages in memory, proc_pid_statm(5).
    memory: Option<OwnedFd>,
    reading: OwnCost,
}

impl Own {
    /// What was read last.
    pub(super) fn reading(&self) -> OwnCost {
        self.reading
    }

    /// Reads anew; `now` on the boot clock.
    pub(super) fn refresh(&mut self, proc: &Proc, now: Duration) {
        let spent = getrusage(UsageWho::RUSAGE_SELF).ok().map(|usage| time(usage.user_time()) + time(usage.system_time()));
        if let (Some(spent), Some((at, before))) = (spent, self.before) {
            self.reading.cpu_percent = percent(spent.saturating_sub(before), now.saturating_sub(at)).or(self.reading.cpu_percent);
        }
        self.before = spent.map(|spent| (now, spent)).or(self.before);
        self.reading.memory_bytes = self.resident(proc);
    }

    /// A whole look took so long. Averaged, because a number that trembles cannot be read.
    pub(super) fn looked(&mut self, took: Duration) {
        self.reading.look = Some(self.reading.look.map_or(took, |before| (before * 7 + took) / 8));
    }

    fn resident(&mut self, proc: &Proc) -> Option<u64> {
        let file = match &mut self.memory {
            Some(file) => file,
            None => self.memory.insert(proc.open_global("self/statm").ok()?),
        };
        let mut buffer = [0u8; 128];
        let length = rustix::io::retry_on_intr(|| rustix::io::pread(&*file, &mut buffer, 0)).ok()?;
        let pages: u64 = std::str::from_utf8(buffer.get(..length)?).ok()?.split(' ').nth(1)?.parse().ok()?;
        Some(pages.saturating_mul(procfs::page_size()))
    }
}

/// Percent of one core; none over no time.
fn percent(spent: Duration, over: Duration) -> Option<f32> {
    (!over.is_zero()).then(|| (spent.as_secs_f64() / over.as_secs_f64() * 100.0) as f32)
}

fn time(value: nix::sys::time::TimeVal) -> Duration {
    let part = |number: i64| u64::try_from(number).unwrap_or(0);
    Duration::from_secs(part(value.tv_sec())) + Duration::from_micros(part(value.tv_usec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_it_costs_is_known_from_the_second_reading_on() {
        let proc = Proc::open_at(Path::new("/proc")).unwrap();
        let mut own = Own::default();
        own.refresh(&proc, Duration::from_secs(10));
        assert_eq!(own.reading().cpu_percent, None);
        assert!(own.reading().memory_bytes.is_some_and(|bytes| bytes > 100_000), "{:?}", own.reading());
        own.refresh(&proc, Duration::from_secs(11));
        assert!(own.reading().cpu_percent.is_some_and(|percent| percent >= 0.0));
    }

    #[test]
    fn cpu_is_a_share_of_one_core() {
        let ms = Duration::from_millis;
        assert_eq!(percent(ms(12), ms(1000)), Some(1.2));
        assert_eq!(percent(ms(3000), ms(1500)), Some(200.0));
        assert_eq!(percent(ms(1), ms(0)), None);
    }

    #[test]
    fn a_look_is_averaged() {
        let mut own = Own::default();
        own.looked(Duration::from_millis(8));
        own.looked(Duration::from_millis(16));
        assert_eq!(own.reading().look, Some(Duration::from_millis(9)));
    }
}
