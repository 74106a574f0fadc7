//! Both clocks, and what time it was when a process started.
//!
//! It must never measure a duration by the wall clock, which anybody with the right may set.

use std::time::Duration;

use jiff::Timestamp;
use nix::time::{ClockId, clock_gettime};

use crate::domain::Moment;

/// How far the wall clock may wander against the boot clock before the moment of boot is taken anew. What NTP slews stays
/// below it, so that the start of a process is the same text in every snapshot; a clock that was set goes above it.
const TOLERATED: Duration = Duration::from_secs(1);

/// The present on both clocks. Zero since boot where the kernel has no such clock (before 2.6.39).
pub fn now() -> Moment {
    Moment { boot: since_boot(), wall: Timestamp::now() }
}

fn since_boot() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default()
}

/// Turns ticks after boot into the time of day.
///
/// The kernel's own `btime` (proc_stat(5)) is cut to whole seconds; the difference between the two clocks is not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    booted: Timestamp,
    ticks_per_second: u64,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { booted: booted(now()), ticks_per_second: procfs::ticks_per_second().max(1) }
    }

    pub(super) fn ticks_per_second(&self) -> u64 {
        self.ticks_per_second
    }

    /// Follows a wall clock that was set; true when it was.
    pub(super) fn follow(&mut self, present: Moment) -> bool {
        let fresh = booted(present);
        let was_set = fresh.duration_since(self.booted).unsigned_abs() > TOLERATED;
        if was_set {
            self.booted = fresh;
        }
        was_set
    }

    /// When a process started; `start_time` as in `ProcessKey`.
    pub(super) fn started_at(&self, start_time: u64) -> Timestamp {
        let (seconds, ticks) = (start_time / self.ticks_per_second, start_time % self.ticks_per_second);
        let after_boot = Duration::from_secs(seconds) + Duration::from_nanos(ticks * 1_000_000_000 / self.ticks_per_second);
        self.booted.saturating_add(after_boot).unwrap_or(self.booted)
    }
}

fn booted(present: Moment) -> Timestamp {
    present.wall.saturating_sub(present.boot).unwrap_or(present.wall)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(booted: &str) -> Clock {
        Clock { booted: booted.parse().unwrap(), ticks_per_second: 100 }
    }

    #[test]
    fn ticks_become_the_time_of_day() {
        let clock = clock("2026-11-21T00:00:00Z");
        assert_eq!(clock.started_at(12_345).to_string(), "2026-11-21T00:02:03.45Z");
        assert_eq!(clock.started_at(0).to_string(), "2026-11-21T00:00:00Z");
        // A number that no clock can reach must not end the program.
        let _ = clock.started_at(u64::MAX);
    }

    #[test]
    fn only_a_clock_that_was_set_moves_the_start() {
        let mut clock = clock("2026-11-21T00:00:00Z");
        let at = |wall: &str| Moment { boot: Duration::from_secs(60), wall: wall.parse().unwrap() };
        assert!(!clock.follow(at("2026-11-21T00:01:00.9Z")));
        assert_eq!(clock.started_at(0).to_string(), "2026-11-21T00:00:00Z");
        assert!(clock.follow(at("2027-11-21T00:01:00Z")));
        assert_eq!(clock.started_at(0).to_string(), "2027-11-21T00:00:00Z");
    }

    #[test]
    fn the_boot_clock_runs() {
        let (one, two) = (now(), now());
        assert!(one.boot > Duration::ZERO && two.boot >= one.boot);
        let kernel = i64::try_from(procfs::boot_time_secs().unwrap()).unwrap();
        assert!((booted(one).as_second() - kernel).abs() <= 1);
    }
}
