//! The next picture where nothing but numbers changed: rows take over what their processes used, everything else stands.
//!
//! It must never be asked where anything else changed, and never guess: what it cannot tell for sure is judged in full.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::Input;
use super::rates::percent;
use super::rows::{health, probed, sum};
use crate::domain::{CpuBaseline, Process, ProcessKey, Reading, Row, Sample, Snapshot, State};

/// The picture after `input.previous`. The caller vouches that the roster, the claims, the storage and the sample's shape are those
/// that the previous picture was judged from. `None`: it is to be judged in full all the same.
pub fn follow(input: &Input<'_>) -> Option<Snapshot> {
    let previous = input.previous?;
    if !input.underway.is_empty() || !previous.underway.is_empty() {
        return None;
    }
    let since = previous.cpu_baseline.at?;
    let elapsed = input.sample.processes_taken.checked_sub(since)?;
    let rows = if elapsed.is_zero() {
        previous.rows.clone()
    } else {
        previous.rows.iter().map(|row| next(row, input, &previous.cpu_baseline, elapsed)).collect::<Option<_>>()?
    };
    Some(Snapshot {
        taken: input.sample.taken,
        rows,
        host_reading: input.sample.host.clone(),
        sequence: previous.sequence + 1,
        cpu_baseline: baseline(&previous.cpu_baseline, input.sample),
        hosts: Default::default(),
        ..previous.clone()
    })
}

/// The row with what its processes used since; the same row where that makes no difference.
fn next(row: &Arc<Row>, input: &Input<'_>, earlier: &CpuBaseline, elapsed: Duration) -> Option<Arc<Row>> {
    if matches!(row.state, State::Starting | State::Stopping) {
        // How long it has been so decides what comes next.
        return None;
    }
    let sample = input.sample;
    let probed = probed(input.probes, &row.id, &row.main).filter(|_| row.state.is_up());
    let is_probed_same = match (probed, &row.probed) {
        (Some(now), Some(then)) => Arc::ptr_eq(now, then),
        (None, None) => true,
        _ => false,
    };
    let health = if row.declared.is_none() { row.health } else { health(row.state, probed) };
    if health.state != row.health.state {
        // What it does may be something else with that.
        return None;
    }
    let mut used = 0;
    let mut is_same = true;
    for known in &row.processes {
        let process = sample.processes.get(known.key.pid)?;
        if Arc::ptr_eq(known, process) {
            continue;
        }
        if !known.differs_in_numbers_only(process) {
            return None;
        }
        used += process.cpu_ticks.saturating_sub(*earlier.ticks.get(&process.key)?);
        is_same = false;
    }
    let cpu_percent = if row.processes.is_empty() { row.cpu_percent } else { percent(used, sample.ticks_per_second, elapsed) };
    let limits = row.main.known().and_then(|main| sample.limits.get(&main.pid));
    if is_same && is_probed_same && cpu_percent == row.cpu_percent && limits == row.limits.as_ref() {
        return Some(Arc::clone(row));
    }
    let processes: Vec<Arc<Process>> = row.processes.iter().filter_map(|known| sample.processes.get(known.key.pid)).cloned().collect();
    let renew = |before: Reading<u64>, of: fn(&Process) -> Reading<u64>| {
        if processes.is_empty() { before } else { sum(&processes, Reading::Gone, of) }
    };
    Some(Arc::new(Row {
        cpu_percent,
        memory_bytes: renew(row.memory_bytes, |process| Reading::Known(process.memory_bytes)),
        tasks: renew(row.tasks, |process| Reading::Known(process.tasks)),
        open_files: renew(row.open_files, |process| process.open_files),
        limits: limits.cloned(),
        health,
        probed: probed.cloned(),
        processes,
        ..(**row).clone()
    }))
}

/// The counters that the next rates are the difference to. They are copied only where one moved.
fn baseline(earlier: &CpuBaseline, sample: &Sample) -> CpuBaseline {
    let moved = sample.processes.values().filter(|process| earlier.ticks.get(&process.key) != Some(&process.cpu_ticks));
    let mut ticks = Arc::clone(&earlier.ticks);
    for process in moved {
        let ticks: &mut HashMap<ProcessKey, u64> = Arc::make_mut(&mut ticks);
        ticks.insert(process.key, process.cpu_ticks);
    }
    CpuBaseline { at: Some(sample.processes_taken), ticks }
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
