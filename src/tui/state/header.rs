//! The first line: who, where, how it stands, what time it is; and what the banner below it says.
//!
//! It must never compute a finding: it picks the worst of those there are.

use std::time::Duration;

use crate::domain::{Finding, Level, Moment, Row, Shown, Snapshot, State as Doing};

/// Its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The time, as the loop told it last.
    pub now: Moment,
    /// Changes are locked.
    pub locked: bool,
    /// The picture is held.
    pub held: bool,
}

/// What the banner says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Banner<'a> {
    /// The worst finding.
    Finding(&'a Finding),
    /// An instance that ended without being asked.
    Down(&'a Row),
    /// Something that could not be read.
    Notice(&'a Shown),
}

/// The worst thing: an error, then a crash, then a warning, then what could not be read.
pub fn banner(snapshot: &Snapshot) -> Option<Banner<'_>> {
    let of = |level| snapshot.findings.iter().find(move |finding| finding.level() == level).map(Banner::Finding);
    let down = || snapshot.rows.iter().find(|row| is_down(row.state)).map(|row| Banner::Down(row));
    of(Level::Error).or_else(down).or_else(|| of(Level::Warning)).or_else(|| snapshot.notices.first().map(Banner::Notice))
}

/// Whether an instance in this state ended without being asked.
pub fn is_down(state: Doing) -> bool {
    matches!(state, Doing::Crashed | Doing::CrashLoop)
}

/// A picture older than this is said to be old: the engine publishes every second.
const OLD: Duration = Duration::from_secs(4);

impl Header {
    /// How old the picture is, when that is worth a word.
    pub fn lag(&self, snapshot: &Snapshot) -> Option<Duration> {
        let age = self.now.boot.saturating_sub(snapshot.taken.boot);
        (age >= OLD).then_some(age)
    }
}
