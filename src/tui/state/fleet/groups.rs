//! Rows under their owner's heading: which line is a heading and which one a row.
//!
//! It must never change the order of rows: it only finds where another owner's begin.

use std::sync::Arc;

use crate::domain::{Code, Level, Row, State};

use super::Fleet;

/// The rows of one owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Whose.
    pub owner: Box<str>,
    /// The line of its heading.
    pub line: usize,
    /// Its instances.
    pub instances: usize,
    /// Its listeners that belong to no instance.
    pub strangers: usize,
    /// How many ended without being asked.
    pub crashed: usize,
    /// How many run badly.
    pub degraded: usize,
    /// How many findings there are about its rows, and the worst one's level.
    pub findings: usize,
    /// The worst one's level.
    pub worst: Option<Level>,
}

/// A line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// The heading of this group.
    Heading(usize),
    /// This row.
    Row(usize),
}

/// Finds the groups of rows that stand together.
pub fn find(rows: &[Arc<Row>], groups: &mut Vec<Group>) {
    for (index, row) in rows.iter().enumerate() {
        if groups.last().is_none_or(|group| *group.owner != *row.id.owner()) {
            let line = index + groups.len();
            let owner = row.id.owner().into();
            groups.push(Group { owner, line, instances: 0, strangers: 0, crashed: 0, degraded: 0, findings: 0, worst: None });
        }
        let Some(group) = groups.last_mut() else { continue };
        group.instances += usize::from(!row.id.is_unmanaged());
        group.strangers += usize::from(row.id.is_unmanaged());
        group.crashed += usize::from(matches!(row.state, State::Crashed | State::CrashLoop));
        group.degraded += usize::from(row.state == State::Degraded);
        group.findings += row.findings.len();
        // The worst level is the least.
        group.worst = row.findings.iter().map(|code: &Code| code.level()).chain(group.worst).min();
    }
}

impl Fleet {
    /// How many lines the table has.
    pub fn lines(&self) -> usize {
        self.rows.len() + self.groups.len()
    }

    /// The line of a row.
    pub fn line_of(&self, index: usize) -> usize {
        // The heading of group n stands before row line - n.
        let mut before = 0;
        let mut after = self.groups.len();
        while before < after {
            let middle = (before + after) / 2;
            let is_before = self.groups.get(middle).is_some_and(|group| group.line - middle <= index);
            (before, after) = if is_before { (middle + 1, after) } else { (before, middle) };
        }
        index + before
    }

    /// What stands on a line.
    pub fn at(&self, line: usize) -> Option<Line> {
        let groups = self.groups.partition_point(|group| group.line <= line);
        match groups.checked_sub(1) {
            Some(last) if self.groups.get(last).is_some_and(|group| group.line == line) => Some(Line::Heading(last)),
            _ => Some(line - groups).filter(|index| *index < self.rows.len()).map(Line::Row),
        }
    }
}
