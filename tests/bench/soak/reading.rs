//! What the console holds at a moment, and what that was over a stretch of time.
//!
//! It must never count what is not the console's: servers and their keepers are nobody's children of it.

use std::collections::{HashMap, HashSet};
use std::fs;

/// One look at the console and what it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Memory of the console, bytes.
    pub resident: u64,
    /// Memory of the console and of those below it, shared pages counted for each, bytes.
    pub resident_of_all: u64,
    /// Open descriptors of the console and of those below it.
    pub descriptors: u64,
    /// Threads of the console.
    pub threads: u64,
    /// Processes below it.
    pub children: u64,
    /// Those of them that ended and were not waited for.
    pub zombies: u64,
}

impl Reading {
    /// Looks; `None` when the console is gone.
    pub fn of(pid: i32) -> Option<Self> {
        let mut reading = Self { threads: field(pid, "Threads:")?, ..Self::default() };
        for member in own(pid) {
            // What ended meanwhile holds nothing.
            let resident = field(member, "VmRSS:").unwrap_or(0) * 1024;
            reading.resident_of_all += resident;
            reading.descriptors += descriptors(member).len() as u64;
            if member == pid {
                reading.resident = resident;
            } else {
                reading.children += 1;
                reading.zombies += u64::from(state(member) == Some('Z'));
            }
        }
        Some(reading)
    }
}

/// What the descriptors of the console and of those below it are, the most frequent first: what to look at where some leaked.
pub fn kinds(pid: i32) -> Vec<(String, usize)> {
    let mut kinds = HashMap::<String, usize>::new();
    for name in own(pid).into_iter().flat_map(descriptors) {
        // Pids and inodes are different ones each time.
        *kinds.entry(name.chars().filter(|character| !character.is_ascii_digit()).collect()).or_default() += 1;
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    kinds
}

/// The console and what it started for itself. A keeper that it started is nobody's child soon, and outlives it.
fn own(pid: i32) -> HashSet<i32> {
    let mut own = crate::measure::tree(pid);
    for keeper in own.clone().into_iter().filter(|member| crate::chaos::is_keeper(*member)) {
        let kept = crate::measure::tree(keeper);
        own.retain(|member| !kept.contains(member));
    }
    own
}

fn descriptors(pid: i32) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    entries.map(|entry| fs::read_link(entry.path()).map_or_else(|_| "gone".to_owned(), |link| link.display().to_string())).collect()
}

/// A number of /proc/PID/status.
fn field(pid: i32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

fn state(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}
