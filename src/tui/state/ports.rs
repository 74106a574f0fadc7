//! The map of the range: where its cursor is and how far it is scrolled.
//!
//! It must never judge what holds a port: the map is made from the snapshot that is shown.

use std::sync::Arc;

use jiff::Timestamp;

use crate::config::Strategy;
use crate::domain::{InstanceId, PortRange, Snapshot};
use crate::present::plan_map::PlanMap;
use crate::present::ports::PortMap;

use super::State;

/// Its state.
#[derive(Clone, Debug, Default)]
pub struct Ports {
    /// The port under the cursor; `None` before the map was ever shown.
    pub cursor: Option<u16>,
    /// The first line of the map that is seen.
    pub top: usize,
    /// The plan that lies over the map, and when it was made.
    pub plan: Option<(PlanMap, Timestamp)>,
    /// By what it is made again when the fleet changes.
    pub following: Option<Following>,
    /// The map and the picture that it was made from; `None` while the tab is not shown.
    pub shown: Option<(Arc<Snapshot>, PortMap)>,
}

/// A plan that follows the fleet.
#[derive(Clone, Debug)]
pub struct Following {
    /// What it is made by.
    pub strategy: Strategy,
    /// The picture for which it was asked for last; `None` where the answer came to nothing.
    pub of: Option<Arc<Snapshot>>,
    /// The answer is not there yet.
    pub waits: bool,
}

impl Ports {
    /// The map, while the tab is shown.
    pub fn map(&self) -> Option<&PortMap> {
        self.shown.as_ref().map(|(_, map)| map)
    }

    /// The instance under the cursor: whose the port is, or the row of the stranger that listens there.
    pub fn target<'state>(&self, state: &'state State) -> Option<&'state InstanceId> {
        let (snapshot, map) = state.ports.shown.as_ref()?;
        let port = self.cursor?;
        let stranger = || {
            let rows = map.rows(port).iter().filter_map(|place| snapshot.rows.get(*place));
            rows.map(|row| (&row.id, row.port)).find(|(id, has)| id.is_unmanaged() && *has == Some(port)).map(|(id, _)| id)
        };
        map.taken(port).and_then(|facts| facts.instance.as_ref()).or_else(stranger)
    }
}

/// How the ports stand in lines: so many blocks of ten side by side, each line beginning with a multiple of ten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// The ports.
    pub range: PortRange,
    /// Blocks of ten in a line, 1 to 10.
    pub blocks: u16,
}

impl Grid {
    /// How many lines there are.
    pub fn lines(self) -> usize {
        self.line_of(self.range.last) + 1
    }

    /// The line that a port of the range stands in.
    pub fn line_of(self, port: u16) -> usize {
        usize::from((port.saturating_sub(self.origin())) / self.per_line())
    }

    /// The first cell of a line; before the range's first port where that is no multiple of ten. `None` behind the last port.
    pub fn first_of(self, line: usize) -> Option<u16> {
        let first = usize::from(self.origin()) + line * usize::from(self.per_line());
        u16::try_from(first).ok().filter(|first| *first <= self.range.last)
    }

    /// Ports in a line.
    pub fn per_line(self) -> u16 {
        self.blocks.clamp(1, 10) * 10
    }

    fn origin(self) -> u16 {
        self.range.first / 10 * 10
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_begin_with_a_multiple_of_ten() {
        let grid = Grid { range: PortRange { first: 8085, last: 8141 }, blocks: 2 };
        assert_eq!((grid.lines(), grid.first_of(0), grid.first_of(1), grid.first_of(3)), (4, Some(8080), Some(8100), Some(8140)));
        assert_eq!((grid.line_of(8085), grid.line_of(8099), grid.line_of(8100), grid.line_of(8141)), (0, 0, 1, 3));
        assert_eq!(grid.first_of(4), None);
        let all = Grid { range: PortRange { first: 1, last: u16::MAX }, blocks: 10 };
        assert_eq!((all.lines(), all.first_of(655), all.first_of(656)), (656, Some(65_500), None));
    }
}
