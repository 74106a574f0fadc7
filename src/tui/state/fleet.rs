//! The table: which rows in which order, which one is chosen, how far it is scrolled.
//!
//! What is chosen is an instance, not a line: it must never change because rows changed places.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::domain::{InstanceId, Reading, Row, Snapshot, State as Doing};
use crate::tui::keymap::Sort;

use super::filter::Filter;

/// Its state.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// The rows that are kept, in their order.
    pub rows: Vec<Arc<Row>>,
    /// How many there are without the filter.
    pub total: usize,
    /// The chosen instance.
    pub chosen: Option<InstanceId>,
    /// Where the chosen row was last, for when its instance is gone.
    pub index: usize,
    /// The first row that is seen.
    pub top: usize,
    /// What it is sorted by.
    pub sort: Sort,
    /// The greatest first.
    pub descending: bool,
    /// The widest id, so that the column's width stands still.
    pub widest: usize,
}

impl Default for Fleet {
    fn default() -> Self {
        Self { rows: Vec::new(), total: 0, chosen: None, index: 0, top: 0, sort: Sort::Owner, descending: false, widest: 0 }
    }
}

impl Fleet {
    /// Takes over what a snapshot holds, filtered and sorted. The chosen instance stays chosen.
    pub fn arrange(&mut self, snapshot: &Snapshot, filter: &Filter) {
        self.rows.clear();
        self.rows.extend(snapshot.rows.iter().filter(|row| filter.query.keeps(row) && (!filter.problems || has_problem(row))).cloned());
        self.total = snapshot.rows.len();
        self.widest = snapshot.rows.iter().map(|row| row.id.owner().len() + row.id.name().len() + 1).max().unwrap_or(0).max(self.widest);
        let (sort, descending) = (self.sort, self.descending);
        // Stable: what is equal stays in the order of ids.
        self.rows.sort_by(|one, other| compare(one, other, sort, descending));
        self.settle();
    }

    /// Finds the chosen instance again; when it is not kept any more, the row in its place is chosen.
    fn settle(&mut self) {
        let found = self.chosen.as_ref().and_then(|id| self.rows.iter().position(|row| row.id == *id));
        self.index = found.unwrap_or_else(|| self.index.min(self.rows.len().saturating_sub(1)));
        self.chosen = self.rows.get(self.index).map(|row| row.id.clone());
    }

    /// Chooses a row by its place.
    pub fn choose(&mut self, index: usize) {
        self.index = index.min(self.rows.len().saturating_sub(1));
        self.chosen = self.rows.get(self.index).map(|row| row.id.clone());
    }

    /// Scrolls so that the chosen row is seen on a page of this many rows.
    pub fn reveal(&mut self, page: usize) {
        let page = page.max(1);
        self.top = self.top.min(self.index).max((self.index + 1).saturating_sub(page));
        self.top = self.top.min(self.rows.len().saturating_sub(page));
    }
}

/// Whether somebody should look at a row.
pub fn has_problem(row: &Row) -> bool {
    !row.findings.is_empty() || matches!(row.state, Doing::Degraded | Doing::Crashed | Doing::CrashLoop | Doing::Unknown)
}

/// What a column is sorted by first when it is chosen: numbers by the greatest, names by the least.
pub fn descends_first(sort: Sort) -> bool {
    matches!(sort, Sort::Cpu | Sort::Memory | Sort::Age | Sort::Restarts)
}

/// The order of two rows. What is not known comes last, whichever way round.
fn compare(one: &Row, other: &Row, sort: Sort, descending: bool) -> Ordering {
    let by = |a: Option<i64>, b: Option<i64>| match (a, b) {
        (Some(a), Some(b)) if descending => b.cmp(&a),
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    };
    match sort {
        Sort::Owner if descending => other.id.cmp(&one.id),
        Sort::Owner => Ordering::Equal,
        Sort::State => by(Some(urgency(one.state)), Some(urgency(other.state))),
        Sort::Port => by(one.port.map(i64::from), other.port.map(i64::from)),
        Sort::Pid => by(pid(one), pid(other)),
        Sort::Cpu => by(tenths(&one.cpu_percent), tenths(&other.cpu_percent)),
        Sort::Memory => by(tenths_of_mebibytes(&one.memory_bytes), tenths_of_mebibytes(&other.memory_bytes)),
        // The oldest has the least start.
        Sort::Age => by(one.started_at.map(|at| -at.as_second()), other.started_at.map(|at| -at.as_second())),
        Sort::Restarts => by(Some(i64::from(one.restarts)), Some(i64::from(other.restarts))),
        Sort::Findings => by(worst(one), worst(other)),
    }
}

/// States with the worst first.
fn urgency(state: Doing) -> i64 {
    match state {
        Doing::CrashLoop => 0,
        Doing::Crashed => 1,
        Doing::Degraded => 2,
        Doing::Unknown => 3,
        Doing::Starting => 4,
        Doing::Stopping => 5,
        Doing::Running => 6,
        Doing::Stopped => 7,
    }
}

fn pid(row: &Row) -> Option<i64> {
    row.main.known().map(|key| i64::from(key.pid))
}

/// As exact as it is shown: what looks equal must not change places.
#[allow(clippy::cast_possible_truncation)]
fn tenths(value: &Reading<f32>) -> Option<i64> {
    value.known().map(|percent| (percent * 10.0).round() as i64)
}

fn tenths_of_mebibytes(value: &Reading<u64>) -> Option<i64> {
    value.known().and_then(|bytes| i64::try_from(bytes / 104_858).ok())
}

fn worst(row: &Row) -> Option<i64> {
    row.worst().map(|level| level as i64)
}
