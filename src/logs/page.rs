//! What a screen asks of a log and what it gets: pages, places, and how far looking is.
//!
//! It must never hold a log: these are plain facts.

use crate::domain::{LogLine, Shown};

/// Where a page of a log is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum At {
    /// It ends with the newest line.
    #[default]
    Newest,
    /// It begins with the oldest line there is.
    Oldest,
    /// It ends with the line of this number, or the last one before it that is to be seen.
    Ending(u64),
    /// It ends so many lines after that one.
    Down(u64, usize),
    /// It ends so many lines before that one.
    Up(u64, usize),
}

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// Where.
    pub at: At,
    /// How many lines.
    pub count: usize,
    /// New is what came after the line of this number.
    pub since: Option<u64>,
    /// The line that was found last, of which the place among all that were found is wanted.
    pub current: Option<u64>,
}

/// A page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The lines, oldest first.
    pub lines: Vec<LogLine>,
    /// Nothing that is to be seen comes after them.
    pub is_newest: bool,
    /// Nothing that is to be seen comes before them.
    pub is_oldest: bool,
    /// The number of the newest line, whether it is to be seen or not; 0 when there is none.
    pub newest: u64,
    /// How many lines to be seen came since.
    pub unseen: u64,
    /// How many of those name an error.
    pub unseen_errors: u64,
    /// How many lines there are.
    pub kept: u64,
    /// How many of them are to be seen.
    pub shown: u64,
    /// In how many of those something was found.
    pub found: u64,
    /// Which of them the current one is, from 1; 0 when it is none of them.
    pub rank: u64,
    /// How far going through the lines is, in percent; `None` when nothing is left to go through.
    pub sifting: Option<u8>,
    /// How far reading older lines is, in percent; `None` when none are being read.
    pub reading: Option<u8>,
    /// No line says when it was written.
    pub untimed: bool,
    /// How many lines were dropped because they came faster than they could be kept.
    pub dropped: u64,
    /// How many bytes were passed over without even counting their lines.
    pub dropped_bytes: u64,
    /// Places, each with its mark, where lines may be missing and nobody knows how many: the file was truncated, or rotated too fast.
    pub gaps: u64,
    /// Why there is nothing, in words.
    pub notice: Option<Shown>,
}

/// What a line is looked for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// What is searched is in it.
    Match,
    /// It names an error.
    Error,
}

/// A line that is looked for among those to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sought {
    /// By what.
    pub goal: Goal,
    /// From here; `None` is from the newest.
    pub from: Option<u64>,
    /// Towards newer lines.
    pub forward: bool,
    /// The line of that number itself counts, too.
    pub inclusive: bool,
    /// Over the end and on from the other one, when there is none on the way.
    pub wraps: bool,
}

/// Where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// In the line of this number.
    At {
        /// Its number.
        number: u64,
        /// It was come to over the end.
        wrapped: bool,
    },
    /// Nowhere.
    Nowhere,
    /// It cannot be told yet: lines on the way were not gone through.
    Later,
}
