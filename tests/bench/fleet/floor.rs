//! What this kernel takes on this machine, and just now, for the least that must be asked once a second: the floor under every program
//! that tells how processes fare. Budgets were set on a machine with a floor of its own; by this one they can be read on another.
//!
//! It must never be part of what is measured of berth: the same calls, in this process.

use std::fs::File;
use std::os::unix::fs::FileExt;

use rustix::time::{ClockId, clock_gettime};

use super::load::Load;

/// How often each is asked: the median counts.
const ROUNDS: usize = 21;

/// Milliseconds of the processor for one pread(2) of `/proc/PID/stat` of every listener, on descriptors that are kept open.
pub fn stats(load: &Load) -> f64 {
    let files: Vec<File> = load.pids().map(|pid| File::open(format!("/proc/{pid}/stat")).unwrap()).collect();
    let mut line = [0; 1024];
    median(|| files.iter().for_each(|file| assert!(file.read_at(&mut line, 0).unwrap() > 0)))
}

/// Milliseconds of the processor for one listing of `/proc`.
pub fn listing() -> f64 {
    median(|| assert!(std::fs::read_dir("/proc").unwrap().count() > 0))
}

fn median(mut work: impl FnMut()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
    };
    let mut taken: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let before = now();
            work();
            now() - before
        })
        .collect();
    taken.sort_by(f64::total_cmp);
    taken[ROUNDS / 2]
}
