//! CPU from two listings of processes: percent of one core, by process, summed over a tree by who asks.
//!
//! It must never show a rate from one reading, nor a zero because ports were read again and processes were not.

use std::sync::Arc;
use std::time::Duration;

use super::Input;
use crate::domain::{CpuBaseline, Process, Reading, Row};

/// Two listings beside each other.
#[derive(Debug)]
pub(super) struct Rates {
    earlier: CpuBaseline,
    /// The newer listing; `None` when processes were not listed since.
    current: Option<CpuBaseline>,
    now: Duration,
    ticks_per_second: u64,
}

impl Rates {
    /// Compares the sample with what the snapshot before kept.
    pub(super) fn new(input: &Input<'_>) -> Self {
        let earlier = input.previous.map(|previous| previous.cpu_baseline.clone()).unwrap_or_default();
        let now = input.sample.processes_taken;
        let is_newer = earlier.at.is_none_or(|at| now > at);
        let reading = |process: &Arc<Process>| (process.key, process.cpu_ticks);
        let ticks = || Arc::new(input.sample.processes.values().map(reading).collect());
        // Before anything was listed there is nothing to compare with.
        let current = is_newer.then(|| CpuBaseline { at: (now > Duration::ZERO).then_some(now), ticks: ticks() });
        Self { earlier, current, now, ticks_per_second: input.sample.ticks_per_second.max(1) }
    }

    /// What the next snapshot compares with.
    pub(super) fn baseline(&self) -> CpuBaseline {
        self.current.as_ref().unwrap_or(&self.earlier).clone()
    }

    /// The percentage of a tree. Without a newer listing it is what the row before showed, if that was of the same process.
    pub(super) fn percent(&self, tree: &[Arc<Process>], previous: Option<&Row>) -> Reading<f32> {
        let Some(since) = self.earlier.at else { return Reading::Unasked };
        if self.current.is_none() {
            let main = tree.first().map(|process| process.key);
            let same = previous.filter(|row| main.is_some() && row.processes.first().map(|process| process.key) == main);
            return same.map_or(Reading::Unasked, |row| row.cpu_percent);
        }
        if !tree.iter().any(|process| self.earlier.ticks.contains_key(&process.key)) {
            return Reading::Unasked;
        }
        let used: u64 = tree.iter().filter_map(|process| self.ticks_since(process, since)).sum();
        percent(used, self.ticks_per_second, self.now.saturating_sub(since))
    }

    /// What a process used between the listings; all of it when it started in between, nothing known when it was merely not listed.
    fn ticks_since(&self, process: &Process, since: Duration) -> Option<u64> {
        if let Some(ticks) = self.earlier.ticks.get(&process.key) {
            return Some(process.cpu_ticks.saturating_sub(*ticks));
        }
        let started = Duration::from_millis(process.key.start_time.saturating_mul(1000) / self.ticks_per_second);
        (started >= since).then_some(process.cpu_ticks)
    }
}

/// Ticks that were used in a time, as percent of one core.
pub(super) fn percent(used: u64, per_second: u64, elapsed: Duration) -> Reading<f32> {
    if elapsed.is_zero() {
        return Reading::Unasked;
    }
    // Ticks in one interval are few: the loss of precision from u64 is none.
    let percent = used as f64 / per_second.max(1) as f64 / elapsed.as_secs_f64() * 100.0;
    Reading::Known(percent as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Snapshot;
    use crate::judge::testing::{Host, row};

    fn busy(host: &mut Host, pid: i32, ticks: u64) {
        host.sample.processes.get_mut(&pid).unwrap().cpu_ticks += ticks;
    }

    fn cpu(snapshot: &Snapshot) -> Reading<f32> {
        row(snapshot, "alice").cpu_percent
    }

    fn running() -> Host {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081")).process(102, 101, 1001, "worker");
        host
    }

    #[test]
    fn one_reading_is_no_rate_and_two_are_summed_over_the_tree() {
        let mut host = running();
        let first = host.judge();
        assert_eq!(cpu(&first), Reading::Unasked);
        busy(&mut host, 101, 30);
        busy(&mut host, 102, 70);
        busy(&mut host, 100, 999); // the keeper does not count
        let second = host.pass(2).judge_after(Some(&first));
        assert_eq!(cpu(&second), Reading::Known(50.0));
    }

    #[test]
    fn a_look_at_the_ports_alone_keeps_the_percentage() {
        let mut host = running();
        let first = host.judge();
        busy(&mut host, 101, 50);
        let second = host.pass(1).judge_after(Some(&first));
        host.sample.taken.boot += Duration::from_millis(100);
        let third = host.judge_after(Some(&second));
        assert_eq!(cpu(&third), Reading::Known(50.0));
        busy(&mut host, 101, 10);
        host.sample.taken.boot += Duration::from_millis(900);
        host.sample.processes_taken += Duration::from_secs(1);
        assert_eq!(cpu(&host.judge_after(Some(&third))), Reading::Known(10.0));
    }

    #[test]
    fn a_child_born_in_between_counts_and_one_that_was_only_found_does_not() {
        let mut host = running();
        let first = host.judge();
        host.pass(1).process(103, 101, 1001, "child").process(104, 101, 1001, "found");
        host.sample.processes.get_mut(&103).unwrap().key.start_time = 1_000_050;
        let second = host.judge_after(Some(&first));
        assert_eq!(cpu(&second), Reading::Known(100.0));
    }

    #[test]
    fn another_process_under_the_same_pid_starts_anew() {
        let mut host = running();
        let first = host.judge();
        host.end(&[101, 102]).process(101, 100, 1001, "node main.js");
        host.sample.processes.get_mut(&101).unwrap().key.start_time = 999_000;
        let second = host.pass(1).judge_after(Some(&first));
        assert_eq!(cpu(&second), Reading::Unasked);
    }
}
