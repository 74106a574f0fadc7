//! The order of the rows.
//!
//! It must never let rows dance: what looks equal does not change places, and no text is made twice for one order.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::domain::Row;
use crate::present::columns::Column;
use crate::present::units;
use crate::tui::preferences::Preferences;

/// A row with what its place depends on.
#[derive(Clone, Debug)]
pub struct Sortable {
    row: Arc<Row>,
    /// The filter's text was found only by its letters.
    near: bool,
    /// What the sorted column shows, where the value behind it is finer.
    looks: Option<String>,
}

impl Sortable {
    /// A row that is sorted by a column.
    pub fn new(row: &Arc<Row>, near: bool, column: Column) -> Self {
        let looks = match column {
            Column::Cpu => row.cpu_percent.known().map(units::percent),
            Column::Memory => row.memory_bytes.known().map(units::bytes),
            Column::Disk => row.disk.as_ref().and_then(|told| told.bytes().0.known()).map(units::bytes),
            _ => None,
        };
        Self { row: Arc::clone(row), near, looks }
    }

    /// The row.
    pub fn into_row(self) -> Arc<Row> {
        self.row
    }
}

/// Whether the greatest, or what is worst, stands first: names go upwards, numbers and troubles downwards.
pub fn descends(column: Column, reversed: bool) -> bool {
    !matches!(column, Column::Owner | Column::Port | Column::Pid | Column::By) != reversed
}

/// Owners' groups stand together; what was typed exactly stands before what has only its letters; then the column decides.
pub fn compare(one: &Sortable, other: &Sortable, liked: &Preferences) -> Ordering {
    let groups = if liked.grouped { one.row.id.owner().cmp(other.row.id.owner()) } else { Ordering::Equal };
    groups.then(one.near.cmp(&other.near)).then_with(|| {
        let is_finer = matches!(liked.sort, Column::Cpu | Column::Memory | Column::Disk);
        let looks_equal = is_finer && one.looks == other.looks;
        let column = if looks_equal { Column::Owner } else { liked.sort };
        column.compare(&one.row, &other.row, liked.reversed && !looks_equal)
    })
}
