//! The CPU time that each instance has spent since the daemon began, summed up from one asking to the next: a counter that never falls,
//! also when a process of a tree ends.
//!
//! It must never count a process twice, nor hold what is there no more.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::{InstanceId, ProcessKey, Row, Snapshot};

/// The sums.
#[derive(Debug, Default)]
pub struct Spent(Mutex<HashMap<InstanceId, Sum>>);

#[derive(Debug, Default)]
struct Sum {
    ticks: u64,
    /// What each process of its tree had spent when it was last asked for.
    known: HashMap<ProcessKey, u64>,
}

impl Spent {
    /// The seconds of every instance by now, from the newest picture of all.
    pub fn by_now(&self, snapshot: &Snapshot) -> HashMap<InstanceId, f64> {
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *sums);
        let mut seconds = HashMap::new();
        for row in snapshot.rows.iter().filter(|row| !row.id.is_unmanaged()) {
            let mut sum = before.remove(&row.id).unwrap_or_default();
            sum.add(row, snapshot);
            // Of whom nothing was ever seen nothing is known.
            if sum.ticks > 0 || !row.processes.is_empty() {
                seconds.insert(row.id.clone(), sum.ticks as f64 / procfs::ticks_per_second().max(1) as f64);
            }
            sums.insert(row.id.clone(), sum);
        }
        seconds
    }
}

impl Sum {
    fn add(&mut self, row: &Row, snapshot: &Snapshot) {
        let mut known = HashMap::with_capacity(row.processes.len());
        for process in &row.processes {
            let now = snapshot.cpu_baseline.ticks.get(&process.key).copied().unwrap_or(process.cpu_ticks);
            self.ticks += now.saturating_sub(self.known.get(&process.key).copied().unwrap_or(0));
            known.insert(process.key, now);
        }
        self.known = known;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Process;
    use crate::present::fleet;
    use std::sync::Arc;

    #[test]
    fn the_sum_goes_on_when_a_process_of_the_tree_ends() {
        let spent = Spent::default();
        let mut snapshot = fleet::fleet();
        let place = snapshot.rows.iter().position(|row| !row.processes.is_empty()).unwrap();
        let example = Arc::clone(&snapshot.rows[place].processes[0]);
        let id = snapshot.rows[place].id.clone();
        let mut with = |all: &[(i32, u64)]| {
            snapshot.cpu_baseline = Default::default();
            let process = |(pid, ticks): &(i32, u64)| {
                Arc::new(Process { key: ProcessKey { pid: *pid, start_time: 1 }, cpu_ticks: *ticks, ..(*example).clone() })
            };
            Arc::make_mut(&mut snapshot.rows[place]).processes = all.iter().map(process).collect();
            (spent.by_now(&snapshot)[&id] * procfs::ticks_per_second() as f64).round() as u64
        };
        assert_eq!(with(&[(1, 100), (2, 50)]), 150);
        assert_eq!(with(&[(1, 110)]), 160, "what the other had spent stays");
        assert_eq!(with(&[(1, 110), (3, 5)]), 165);
        assert_eq!(with(&[(1, 110), (3, 5)]), 165);
    }
}
