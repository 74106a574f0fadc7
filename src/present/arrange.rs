//! Which columns there is room for, and how wide each is.
//!
//! It must never let a column's width follow its values: numbers stand still.

use super::columns::Column;
use crate::domain::Measure;

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
    /// How many columns after OWNER are scrolled away to the left.
    pub left: usize,
    /// Whether there are columns that are not seen and not scrolled away: scrolling to the right shows them.
    pub more: bool,
}

/// What leaves when it gets narrow, first what is missed least.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaving {
    Column(Column),
    HealthPicture,
    Pictures,
    FindingWords,
}

const LEAVING: [Leaving; 19] = [
    Leaving::HealthPicture,
    Leaving::Column(Column::Pid),
    Leaving::Column(Column::Disk),
    Leaving::Column(Column::Restarts),
    Leaving::Pictures,
    Leaving::Column(Column::Counted(Measure::Cache)),
    Leaving::Column(Column::Counted(Measure::Resources)),
    Leaving::Column(Column::Counted(Measure::Tools)),
    Leaving::Column(Column::Counted(Measure::Latency)),
    Leaving::Column(Column::Counted(Measure::Errors)),
    Leaving::Column(Column::Counted(Measure::Requests)),
    Leaving::Column(Column::By),
    Leaving::FindingWords,
    Leaving::Column(Column::Up),
    Leaving::Column(Column::Health),
    Leaving::Column(Column::Memory),
    Leaving::Column(Column::Cpu),
    Leaving::Column(Column::Port),
    Leaving::Column(Column::Host),
];

/// The width of FINDINGS as a count, "✖12", and of its heading there, "FIND".
const COUNT_WIDTH: usize = 4;

/// What the sign at the right edge takes, with a blank before it.
const EDGE: usize = 2;

/// The widest that OWNER grows to.
const WIDEST_OWNER: usize = 24;

/// The columns that are shown, with HOST behind OWNER where the rows are several hosts'.
pub fn with_host(mut shown: Vec<Column>, hosts: bool) -> Vec<Column> {
    shown.retain(|column| *column != Column::Host);
    if hosts {
        shown.insert(shown.len().min(1), Column::Host);
    }
    shown
}

/// The columns of `shown` for `cells` cells, where the longest id takes `longest_owner`.
///
/// Unscrolled, what is missed least leaves until the rest fits. Scrolled by `left` columns, OWNER stays and the others follow whole, in their
/// order, without pictures; further than to the last column nothing is scrolled. OWNER grows if there is room; FINDINGS takes the rest.
pub fn arrange(cells: usize, longest_owner: usize, shown: &[Column], left: usize) -> Arrangement {
    let unscrolled = |cells| lay_out(cells, longest_owner, shown);
    let arrangement = unscrolled(cells);
    let is_whole = !arrangement.more;
    let rest: Vec<Column> = shown.iter().copied().filter(|column| *column != Column::Owner).collect();
    let left = if is_whole { 0 } else { left.min(furthest(cells, &rest)) };
    if left > 0 {
        return scrolled(cells, longest_owner, rest.get(left..).unwrap_or_default(), left);
    }
    match arrangement.columns.last() {
        // The sign that there are more columns stands at the edge, where a number's heading would be.
        Some(last) if arrangement.more && last.column != Column::Findings => unscrolled(cells.saturating_sub(EDGE)),
        _ => arrangement,
    }
}

/// What is missed least leaves until the rest fits.
fn lay_out(cells: usize, longest_owner: usize, shown: &[Column]) -> Arrangement {
    let mut gone = 0;
    while gone < LEAVING.len() && needed(shown, &LEAVING[..gone]) > cells {
        gone += 1;
    }
    let left = &LEAVING[..gone];
    let finding_words = !left.contains(&Leaving::FindingWords);
    let sized = staying(shown, left).map(|column| (column, size(column, left)));
    let columns = place(sized.collect(), cells, longest_owner, finding_words);
    Arrangement { more: columns.len() < shown.len(), columns, finding_words, left: 0 }
}

/// OWNER and those that follow, as many as fit whole.
fn scrolled(cells: usize, longest_owner: usize, rest: &[Column], left: usize) -> Arrangement {
    let all: Vec<(Column, (usize, usize))> =
        std::iter::once(&Column::Owner).chain(rest).map(|column| (*column, (column.width(), 0))).collect();
    let fit = |cells: usize| (1..=all.len()).rev().find(|count| total(&all[..*count]) <= cells).unwrap_or(1);
    let mut count = fit(cells);
    if count < all.len() {
        count = fit(cells.saturating_sub(EDGE));
    }
    let columns = place(all[..count].to_vec(), cells, longest_owner, true);
    Arrangement { columns, finding_words: true, left, more: count < all.len() }
}

/// How many columns have to be scrolled away until the last one is seen.
fn furthest(cells: usize, rest: &[Column]) -> usize {
    let width = |from: usize| Column::Owner.width() + rest[from..].iter().map(|column| column.width() + GAP).sum::<usize>();
    (0..rest.len()).find(|from| width(*from) <= cells).unwrap_or(rest.len().saturating_sub(1))
}

/// Columns with their sizes, in their places. What is left over goes to OWNER and to FINDINGS' words.
fn place(sized: Vec<(Column, (usize, usize))>, cells: usize, longest_owner: usize, finding_words: bool) -> Vec<Placed> {
    let mut room = cells.saturating_sub(total(&sized));
    let grown = longest_owner.min(WIDEST_OWNER).saturating_sub(Column::Owner.width()).min(room);
    room -= grown;
    let mut x = 0;
    let place = |(column, (mut width, picture)): (Column, (usize, usize))| {
        match column {
            Column::Owner => width += grown,
            Column::Findings if finding_words => width += room,
            _ => {}
        }
        let placed = Placed { column, x, width, picture };
        x += width + if picture > 0 { picture + 1 } else { 0 } + GAP;
        placed
    };
    sized.into_iter().map(place).collect()
}

fn staying(shown: &[Column], left: &[Leaving]) -> impl Iterator<Item = Column> {
    shown.iter().copied().filter(|column| !left.contains(&Leaving::Column(*column)))
}

/// A column's own width and its picture's.
fn size(column: Column, left: &[Leaving]) -> (usize, usize) {
    let width = match column {
        Column::Findings if left.contains(&Leaving::FindingWords) => COUNT_WIDTH,
        other => other.width(),
    };
    let gone = if column == Column::Health { Leaving::HealthPicture } else { Leaving::Pictures };
    (width, if left.contains(&gone) { 0 } else { column.picture() })
}

fn needed(shown: &[Column], left: &[Leaving]) -> usize {
    total(&staying(shown, left).map(|column| (column, size(column, left))).collect::<Vec<_>>())
}

/// The cells that columns take with their pictures and gaps.
fn total(sized: &[(Column, (usize, usize))]) -> usize {
    let of = |(_, (width, picture)): &(Column, (usize, usize))| width + if *picture > 0 { picture + 1 } else { 0 } + GAP;
    sized.iter().map(of).sum::<usize>().saturating_sub(GAP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usual() -> Vec<Column> {
        Column::ALL.into_iter().filter(|column| column.is_usual()).collect()
    }

    fn titles(cells: usize) -> String {
        told(&arrange(cells, 9, &usual(), 0))
    }

    fn told(arrangement: &Arrangement) -> String {
        let mut titles: Vec<&str> = arrangement.columns.iter().map(|placed| placed.column.title()).collect();
        if arrangement.columns.iter().any(|placed| placed.picture > 0) {
            titles.push("+pictures");
        }
        if !arrangement.finding_words {
            titles.push("+count");
        }
        if arrangement.more {
            titles.push(">");
        }
        titles.join(" ")
    }

    #[test]
    fn columns_leave_in_order() {
        let cases = [
            (198, "OWNER STATE PORT PID HEALTH CPU % MEMORY DISK UP RESTARTS BY FINDINGS +pictures"),
            (118, "OWNER STATE PORT HEALTH CPU % MEMORY UP RESTARTS BY FINDINGS +pictures >"),
            (110, "OWNER STATE PORT HEALTH CPU % MEMORY UP BY FINDINGS +pictures >"),
            (100, "OWNER STATE PORT HEALTH CPU % MEMORY UP BY FINDINGS >"),
            (88, "OWNER STATE PORT HEALTH CPU % MEMORY UP FINDINGS >"),
            (78, "OWNER STATE PORT HEALTH CPU % MEMORY UP FINDINGS +count >"),
            (70, "OWNER STATE PORT HEALTH CPU % MEMORY FINDINGS +count >"),
            (38, "OWNER STATE PORT FINDINGS +count >"),
            (0, "OWNER STATE FINDINGS +count >"),
        ];
        for (cells, expected) in cases {
            assert_eq!(titles(cells), expected, "{cells}");
        }
    }

    #[test]
    fn the_host_stays_longer_than_numbers() {
        let titles = |cells| told(&arrange(cells, 9, &with_host(usual(), true), 0));
        assert_eq!(titles(118), "OWNER HOST STATE PORT HEALTH CPU % MEMORY UP BY FINDINGS >");
        assert_eq!(titles(78), "OWNER HOST STATE PORT HEALTH CPU % MEMORY FINDINGS +count >");
        assert_eq!(titles(42), "OWNER HOST STATE FINDINGS +count >");
        assert_eq!(with_host(with_host(usual(), true), false), usual());
    }

    #[test]
    fn a_long_owner_gets_what_is_left_before_the_findings_do() {
        let owner = |cells, longest| arrange(cells, longest, &usual(), 0).columns[0].width;
        assert_eq!((owner(198, 15), owner(198, 80), owner(118, 10), owner(198, 3)), (15, WIDEST_OWNER, 10, 9));
    }

    #[test]
    fn scrolling_shows_one_column_after_the_other_and_ends_at_the_last() {
        let scrolled = |left| {
            let arrangement = arrange(78, 9, &usual(), left);
            (arrangement.left, told(&arrangement))
        };
        assert_eq!(scrolled(1), (1, "OWNER PORT PID HEALTH CPU % MEMORY DISK UP >".to_owned()));
        assert_eq!(scrolled(4), (4, "OWNER CPU % MEMORY DISK UP RESTARTS BY >".to_owned()));
        assert_eq!(scrolled(5), (5, "OWNER MEMORY DISK UP RESTARTS BY FINDINGS".to_owned()));
        assert_eq!(scrolled(9), scrolled(5));
        assert_eq!(arrange(198, 9, &usual(), 3).left, 0, "where all is seen nothing is scrolled");
    }

    #[test]
    fn chosen_columns_keep_their_order() {
        let shown = [Column::Owner, Column::Findings, Column::Cpu, Column::Port];
        assert_eq!(told(&arrange(78, 9, &shown, 0)), "OWNER FINDINGS CPU % PORT +pictures");
        assert_eq!(told(&arrange(28, 9, &shown, 0)), "OWNER FINDINGS PORT +count >");
        assert_eq!(told(&arrange(30, 9, &[Column::Owner], 2)), "OWNER");
    }

    proptest! {
        #[test]
        fn nothing_overlaps_or_sticks_out(
            cells in 33usize..300,
            longest in 0usize..100,
            hidden in proptest::collection::vec(1usize..18, 0..17),
            turned in any::<bool>(),
            left in 0usize..20,
        ) {
            let mut shown: Vec<Column> = Column::ALL.into_iter().enumerate().filter(|(at, _)| !hidden.contains(at)).map(|(_, column)| column).collect();
            if turned {
                shown[1..].reverse();
            }
            let arrangement = arrange(cells, longest, &shown, left);
            prop_assert_eq!(arrangement.columns[0].column, Column::Owner);
            prop_assert!(arrangement.left <= left);
            let mut end = 0;
            for placed in &arrangement.columns {
                prop_assert!(placed.x >= end);
                end = placed.x + placed.width + if placed.picture > 0 { placed.picture + 1 } else { 0 };
            }
            prop_assert!(end <= cells, "{end} of {cells}");
        }
    }
}
