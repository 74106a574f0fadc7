//! The table: which rows in which order, which one is chosen, how far it is scrolled.
//!
//! What is chosen is an instance, not a line: it must never change because rows changed places.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::domain::{InstanceId, Row, Snapshot, State as Doing};
use crate::present::columns::Column;
use crate::present::units;

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
    pub sort: Column,
    /// The other way round.
    pub reversed: bool,
    /// The widest id, so that the column's width stands still.
    pub widest: usize,
}

impl Default for Fleet {
    fn default() -> Self {
        Self { rows: Vec::new(), total: 0, chosen: None, index: 0, top: 0, sort: Column::Owner, reversed: false, widest: 0 }
    }
}

impl Fleet {
    /// Takes over what a snapshot holds, filtered and sorted. The chosen instance stays chosen.
    pub fn arrange(&mut self, snapshot: &Snapshot, filter: &Filter) {
        self.rows.clear();
        self.rows.extend(snapshot.rows.iter().filter(|row| filter.query.keeps(row) && (!filter.problems || has_problem(row))).cloned());
        self.total = snapshot.rows.len();
        self.widest = snapshot.rows.iter().map(|row| row.id.to_string().len()).max().unwrap_or(0).max(self.widest);
        let (sort, reversed) = (self.sort, self.reversed);
        self.rows.sort_by(|one, other| compare(one, other, sort, reversed));
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

/// Whether the greatest, or what is worst, stands first: names go upwards, numbers and troubles downwards.
pub fn descends(column: Column, reversed: bool) -> bool {
    !matches!(column, Column::Owner | Column::Port | Column::Pid | Column::By) != reversed
}

/// What DISK shows of a row's bytes.
fn disk(row: &Row) -> Option<String> {
    row.disk.as_ref().and_then(|told| told.bytes().0.known()).map(units::bytes)
}

/// The order of two rows. What looks equal does not change places: a reading's noise must not make rows dance.
fn compare(one: &Row, other: &Row, column: Column, reversed: bool) -> Ordering {
    let look_equal = match column {
        Column::Cpu => one.cpu_percent.known().map(units::percent) == other.cpu_percent.known().map(units::percent),
        Column::Disk => disk(one) == disk(other),
        Column::Memory => one.memory_bytes.known().map(units::bytes) == other.memory_bytes.known().map(units::bytes),
        _ => false,
    };
    let column = if look_equal { Column::Owner } else { column };
    column.compare(one, other, reversed && !look_equal)
}
