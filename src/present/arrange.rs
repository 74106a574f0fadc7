//! Which columns there is room for, and how wide each is.
//!
//! It must never let a column's width follow its values: numbers stand still.

use super::columns::Column;

/// The gap between columns.
pub const GAP: usize = 2;

/// A column in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Which.
    pub column: Column,
    /// Cells before it.
    pub x: usize,
    /// Cells of its text.
    pub width: usize,
    /// Cells of the picture that follows the text after one blank; 0 for none.
    pub picture: usize,
}

/// The columns that fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrangement {
    /// From left to right.
    pub columns: Vec<Placed>,
    /// Whether FINDINGS has room for words; else it is a count.
    pub finding_words: bool,
}

/// What leaves when it gets narrow, first what is missed least.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaving {
    Column(Column),
    Pictures,
    FindingWords,
}

const LEAVING: [Leaving; 11] = [
    Leaving::Column(Column::Pid),
    Leaving::Column(Column::Disk),
    Leaving::Column(Column::Restarts),
    Leaving::Pictures,
    Leaving::Column(Column::By),
    Leaving::FindingWords,
    Leaving::Column(Column::Up),
    Leaving::Column(Column::Health),
    Leaving::Column(Column::Memory),
    Leaving::Column(Column::Cpu),
    Leaving::Column(Column::Port),
];

/// The width of FINDINGS as a count: "✖12".
const COUNT_WIDTH: usize = 3;

/// The widest that OWNER grows to.
const WIDEST_OWNER: usize = 24;

/// The columns for `cells` cells, where the longest id takes `longest_owner`. OWNER grows to it if there is room; FINDINGS takes the rest.
pub fn arrange(cells: usize, longest_owner: usize) -> Arrangement {
    let mut gone = 0;
    while gone < LEAVING.len() && needed(&LEAVING[..gone]) > cells {
        gone += 1;
    }
    let left = &LEAVING[..gone];
    let finding_words = !left.contains(&Leaving::FindingWords);
    let mut room = cells.saturating_sub(needed(left));
    let grown = longest_owner.min(WIDEST_OWNER).saturating_sub(Column::Owner.width()).min(room);
    room -= grown;

    let mut columns = Vec::new();
    let mut x = 0;
    for column in staying(left) {
        let (mut width, picture) = size(column, left);
        match column {
            Column::Owner => width += grown,
            Column::Findings if finding_words => width += room,
            _ => {}
        }
        columns.push(Placed { column, x, width, picture });
        x += width + if picture > 0 { picture + 1 } else { 0 } + GAP;
    }
    Arrangement { columns, finding_words }
}

fn staying(left: &[Leaving]) -> impl Iterator<Item = Column> {
    Column::ALL.into_iter().filter(|column| !left.contains(&Leaving::Column(*column)))
}

/// A column's own width and its picture's.
fn size(column: Column, left: &[Leaving]) -> (usize, usize) {
    let width = match column {
        Column::Findings if left.contains(&Leaving::FindingWords) => COUNT_WIDTH,
        other => other.width(),
    };
    (width, if left.contains(&Leaving::Pictures) { 0 } else { column.picture() })
}

fn needed(left: &[Leaving]) -> usize {
    let of = |column| match size(column, left) {
        (width, 0) => width + GAP,
        (width, picture) => width + 1 + picture + GAP,
    };
    staying(left).map(of).sum::<usize>().saturating_sub(GAP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn titles(cells: usize) -> String {
        let arrangement = arrange(cells, 9);
        let mut titles: Vec<&str> = arrangement.columns.iter().map(|placed| placed.column.title()).collect();
        if arrangement.columns.iter().any(|placed| placed.picture > 0) {
            titles.push("+pictures");
        }
        if !arrangement.finding_words {
            titles.push("+count");
        }
        titles.join(" ")
    }

    #[test]
    fn columns_leave_in_order() {
        let cases = [
            (198, "OWNER STATE PORT PID HEALTH CPU % MEMORY DISK UP RESTARTS BY FINDINGS +pictures"),
            (118, "OWNER STATE PORT HEALTH CPU % MEMORY UP RESTARTS BY FINDINGS +pictures"),
            (110, "OWNER STATE PORT HEALTH CPU % MEMORY UP BY FINDINGS +pictures"),
            (100, "OWNER STATE PORT HEALTH CPU % MEMORY UP BY FINDINGS"),
            (88, "OWNER STATE PORT HEALTH CPU % MEMORY UP FINDINGS"),
            (78, "OWNER STATE PORT HEALTH CPU % MEMORY UP FINDINGS +count"),
            (70, "OWNER STATE PORT HEALTH CPU % MEMORY FINDINGS +count"),
            (38, "OWNER STATE PORT FINDINGS +count"),
            (0, "OWNER STATE FINDINGS +count"),
        ];
        for (cells, expected) in cases {
            assert_eq!(titles(cells), expected, "{cells}");
        }
    }

    #[test]
    fn a_long_owner_gets_what_is_left_before_the_findings_do() {
        let owner = |cells, longest| arrange(cells, longest).columns[0].width;
        assert_eq!((owner(198, 15), owner(198, 80), owner(118, 10), owner(198, 3)), (15, WIDEST_OWNER, 10, 9));
    }

    proptest! {
        #[test]
        fn nothing_overlaps_or_sticks_out(cells in 33usize..300, longest in 0usize..100) {
            let arrangement = arrange(cells, longest);
            let mut end = 0;
            for placed in &arrangement.columns {
                prop_assert!(placed.x >= end);
                end = placed.x + placed.width + if placed.picture > 0 { placed.picture + 1 } else { 0 };
            }
            prop_assert!(end <= cells, "{end} of {cells}");
        }
    }
}
