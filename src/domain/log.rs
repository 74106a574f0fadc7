//! Lines of an instance's log, as a presenter gets them.
//!
//! It must never hold bytes: lines are cleaned where they are read.

use super::Shown;

/// How serious a log line says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something may.
    Warn,
    /// Told in passing.
    Info,
    /// For developers.
    Debug,
}

/// What a line in a log window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLineKind {
    /// A line that the server wrote.
    Text,
    /// berth's own mark: the file was rotated, truncated, appeared, or lines were dropped.
    Mark,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Its number since following began, from 1; marks have one too. Never used twice.
    pub number: u64,
    /// Whether the server or berth wrote it.
    pub kind: LogLineKind,
    /// The level that it names, if it does.
    pub level: Option<LogLevel>,
    /// The text, without its line end.
    pub text: Shown,
}

/// A piece of a followed log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogView {
    /// The lines asked for, oldest first.
    pub lines: Vec<LogLine>,
    /// The number of the oldest line that is still kept; 0 when there is none.
    pub oldest: u64,
    /// The number of the newest line; 0 when there is none.
    pub newest: u64,
    /// How many lines were dropped because they came faster than they could be kept.
    pub dropped: u64,
    /// Why there is nothing, in words: "there is no log yet at /…", "may not be read".
    pub notice: Option<Shown>,
}
