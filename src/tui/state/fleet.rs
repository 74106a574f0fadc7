//! The table: which rows in which order, which one is chosen, how far it is scrolled.
//!
//! What is chosen is an instance, not a line: it must never change because rows changed places.

mod groups;
mod order;

use std::sync::Arc;

use crate::domain::{Code, InstanceId, Row, Snapshot, State as Doing};
use crate::tui::preferences::Preferences;
use crate::tui::query::Hit;

use super::filter::Filter;

pub use groups::{Group, Line};
pub use order::descends;

/// Its state.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    /// The rows that are kept, in their order.
    pub rows: Vec<Arc<Row>>,
    /// Where each group of rows begins; none while rows are not grouped.
    pub groups: Vec<Group>,
    /// How many rows there are without the filter.
    pub total: usize,
    /// The chosen instance.
    pub chosen: Option<InstanceId>,
    /// Where the chosen row was last, for when its instance is gone.
    pub index: usize,
    /// The first line that is seen; groups' headings are lines too.
    pub top: usize,
    /// How many columns are scrolled away to the left.
    pub left: usize,
    /// The widest id, so that the column's width stands still.
    pub widest: usize,
    /// Room for sorting, kept from one snapshot to the next.
    sorting: Vec<order::Sortable>,
}

impl Fleet {
    /// Takes over what a snapshot holds, filtered, sorted and grouped. The chosen instance stays chosen.
    pub fn arrange(&mut self, snapshot: &Snapshot, filter: &Filter, liked: &Preferences) {
        let mut scratch = String::new();
        let kept = snapshot.rows.iter().filter(|row| !filter.problems || has_problem(row)).filter_map(|row| {
            let near = !filter.query.is_empty() && filter.query.hit(row, &mut scratch)? == Hit::Near;
            Some(order::Sortable::new(row, near, liked.sort))
        });
        self.sorting.clear();
        self.sorting.extend(kept);
        self.sorting.sort_by(|one, other| order::compare(one, other, liked));
        self.rows.clear();
        self.rows.extend(self.sorting.drain(..).map(order::Sortable::into_row));
        self.groups.clear();
        if liked.grouped {
            groups::find(&self.rows, &mut self.groups);
        }
        self.total = snapshot.rows.len();
        self.widest = snapshot.rows.iter().map(|row| cells(&row.id)).max().unwrap_or(0).max(self.widest);
        self.settle();
    }

    /// Finds the chosen instance again; when it is not kept any more, the row in its place is chosen.
    fn settle(&mut self) {
        let found = self.chosen.as_ref().and_then(|id| self.rows.iter().position(|row| row.id == *id));
        self.choose(found.unwrap_or(self.index));
    }

    /// Chooses a row by its place among the rows.
    pub fn choose(&mut self, index: usize) {
        self.index = index.min(self.rows.len().saturating_sub(1));
        let id = self.rows.get(self.index).map(|row| &row.id);
        if self.chosen.as_ref() != id {
            self.chosen = id.cloned();
        }
    }

    /// Scrolls so that the chosen row is seen on a page of this many lines, the first one of a group with its heading.
    pub fn reveal(&mut self, page: usize) {
        let (page, line) = (page.max(1), self.line_of(self.index));
        let headed = page > 1 && line > 0 && matches!(self.at(line - 1), Some(Line::Heading(_)));
        self.top = self.top.min(line - usize::from(headed)).max((line + 1).saturating_sub(page));
        self.top = self.top.min(self.lines().saturating_sub(page));
    }
}

/// How many cells an id takes: its name is not written where it is the usual one, which counts for nothing here.
fn cells(id: &InstanceId) -> usize {
    let name = if id.name() == "default" { 0 } else { id.name().len() + 1 };
    id.owner().len() + name
}

/// Whether somebody should look at a row.
pub fn has_problem(row: &Row) -> bool {
    // A disk that fills is everybody's on it, and what is too open often is so for all: the filter would keep all rows, and find none.
    // Tab 3 has what is too open.
    let is_its_own = |code: &Code| *code != Code::DiskFilling && !code.is_posture();
    row.findings.iter().any(is_its_own) || matches!(row.state, Doing::Degraded | Doing::Crashed | Doing::CrashLoop | Doing::Unknown)
}
