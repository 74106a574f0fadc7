//! The log: whose it is, which lines are seen, what of them is left out, looked for, marked and chosen.
//!
//! It must never hold more lines than a screen shows: the rest is the reel's.

use jiff::Timestamp;

use crate::domain::{InstanceId, LogLevel, Shown};
use crate::link::{Ask, At, Page, Pattern, Sought, Want};

/// Its state.
#[derive(Clone, Debug)]
pub struct Log {
    /// The chosen instance, whose log it is.
    pub of: Option<InstanceId>,
    /// Whose logs are read as one; empty where it is that one's alone.
    pub together: Vec<InstanceId>,
    /// Rises with each log that is asked for; answers about an earlier one are dropped.
    pub serial: u64,
    /// How far opening it is.
    pub phase: Phase,
    /// The lines that are seen.
    pub view: Page,
    /// Where they are; the newest are followed.
    pub at: At,
    /// The newest line when following was paused.
    pub paused_at: Option<u64>,
    /// Long lines are wrapped.
    pub wrap: bool,
    /// How many rows of the last line, which is wrapped, are below the screen.
    pub below: usize,
    /// What was asked for last.
    pub asked: Option<Ask>,
    /// How many columns are scrolled away on the left.
    pub left: usize,
    /// Which times stand before the lines.
    pub times: Times,
    /// What is left out, the newest wish last.
    pub sieves: Vec<Sieve>,
    /// What is looked for.
    pub search: Option<Pattern>,
    /// The line that was found last.
    pub current: Option<u64>,
    /// A line that is still looked for.
    pub seeking: Option<Sought>,
    /// Marks that were put.
    pub marks: Vec<Mark>,
    /// The mark that was jumped to last.
    pub mark: usize,
    /// Lines that are being chosen.
    pub select: Option<Select>,
}

/// How far opening a log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// None was asked for.
    Closed,
    /// It was asked for.
    Opening,
    /// It is followed.
    Open,
    /// It cannot be read; why.
    Failed(Shown),
}

/// Which times stand before the lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Times {
    /// None but those in the lines.
    #[default]
    Off,
    /// In the zone of whoever looks.
    Local,
    /// In UTC.
    Utc,
    /// How long ago.
    Age,
}

impl Times {
    /// The next way.
    pub fn next(self) -> Self {
        match self {
            Self::Off => Self::Local,
            Self::Local => Self::Utc,
            Self::Utc => Self::Age,
            Self::Age => Self::Off,
        }
    }
}

/// One wish about what is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sieve {
    /// Only lines in which this is found.
    Keep(Pattern),
    /// No lines in which this is found.
    Drop(Pattern),
    /// Only lines that name this level or a worse one.
    Level(LogLevel),
    /// Only lines of this time.
    Range(Range),
}

/// A stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// From this moment on.
    pub since: Option<Timestamp>,
    /// Up to this one.
    pub until: Option<Timestamp>,
    /// It is what was written before the process that runs now.
    pub previous: bool,
    /// In words, for the title.
    pub words: String,
}

/// A mark: a rule with the time at which it was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The line after which it stands.
    pub after: u64,
    /// When it was put.
    pub at: Timestamp,
}

/// Lines that are being chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Select {
    /// Where it began.
    pub anchor: u64,
    /// Where it is now.
    pub cursor: u64,
    /// The cursor goes to the first or to the last line of the page that was asked for.
    pub stick: Option<Edge>,
}

/// An end of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The first line.
    First,
    /// The last line.
    Last,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            of: None,
            together: Vec::new(),
            serial: 0,
            phase: Phase::Closed,
            view: Page::default(),
            at: At::Newest,
            paused_at: None,
            wrap: false,
            below: 0,
            asked: None,
            left: 0,
            times: Times::Off,
            sieves: Vec::new(),
            search: None,
            current: None,
            seeking: None,
            marks: Vec::new(),
            mark: 0,
            select: None,
        }
    }
}

impl Log {
    /// Whether the newest line is followed.
    pub fn is_following(&self) -> bool {
        self.at == At::Newest
    }

    /// Stops following at what is seen.
    pub fn pause(&mut self) {
        if self.is_following()
            && let Some(last) = self.view.lines.last()
        {
            self.at = At::Ending(last.number);
            self.paused_at = Some(self.view.newest);
        }
    }

    /// Follows the newest line.
    pub fn follow(&mut self) {
        (self.at, self.paused_at, self.below) = (At::Newest, None, 0);
    }

    /// The last line that is seen.
    pub fn bottom(&self) -> Option<u64> {
        self.view.lines.last().map(|line| line.number)
    }

    /// Whether a line is on the page.
    pub fn sees(&self, number: u64) -> bool {
        self.view.lines.iter().any(|line| line.number == number)
    }

    /// Whether a line is among those that are being chosen.
    pub fn is_selected(&self, number: u64) -> bool {
        self.select.is_some_and(|select| (select.anchor.min(select.cursor)..=select.anchor.max(select.cursor)).contains(&number))
    }

    /// What is to be seen, of all wishes together.
    pub fn want(&self) -> Want {
        let mut want = Want { search: self.search.clone(), ..Want::default() };
        for sieve in &self.sieves {
            match sieve {
                Sieve::Keep(pattern) => want.keep.push(pattern.clone()),
                Sieve::Drop(pattern) => want.drop.push(pattern.clone()),
                Sieve::Level(level) => want.level = Some(*level),
                Sieve::Range(range) => (want.since, want.until) = (range.since, range.until),
            }
        }
        want
    }

    /// The stretch of time that is seen, if not all.
    pub fn range(&self) -> Option<&Range> {
        self.sieves.iter().find_map(|sieve| if let Sieve::Range(range) = sieve { Some(range) } else { None })
    }
}
