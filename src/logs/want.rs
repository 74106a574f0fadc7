//! What of a log is to be seen, and what is looked for in it.
//!
//! It must never change a line: it says yes or no.

use jiff::Timestamp;

use super::pattern::Pattern;
use crate::domain::{LogLevel, LogLine, LogLineKind};

/// What is to be seen. What is empty leaves nothing out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// Only lines in which each of these is found.
    pub keep: Vec<Pattern>,
    /// No lines in which any of these is found.
    pub drop: Vec<Pattern>,
    /// Only lines that name this level or a worse one.
    pub level: Option<LogLevel>,
    /// Only lines from this moment on.
    pub since: Option<Timestamp>,
    /// Only lines before this moment.
    pub until: Option<Timestamp>,
    /// What is looked for among the lines that are left.
    pub search: Option<Pattern>,
}

/// What of a line is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'line> {
    pub kind: LogLineKind,
    pub level: Option<LogLevel>,
    pub at: Option<Timestamp>,
    pub passed: u64,
    pub is_gap: bool,
    pub text: &'line str,
}

impl<'line> Line<'line> {
    pub fn of(line: &'line LogLine) -> Self {
        Self { kind: line.kind, level: line.level, at: line.at, passed: line.passed, is_gap: line.is_gap, text: line.text.as_str() }
    }
}

impl Want {
    /// Whether nothing is left out.
    pub fn is_everything(&self) -> bool {
        self.has_same_filter(&Self::default())
    }

    /// Whether the same is left out, whatever is looked for.
    pub fn has_same_filter(&self, other: &Self) -> bool {
        let parts = |want: &Self| (want.level, want.since, want.until);
        parts(self) == parts(other) && self.keep == other.keep && self.drop == other.drop
    }

    /// Whether a line is to be seen. Marks that stand for lines which are missing or may be always are; the others while nothing is left out.
    pub(super) fn passes(&self, line: &Line<'_>) -> bool {
        if line.kind == LogLineKind::Mark {
            return line.passed > 0 || line.is_gap || self.is_everything();
        }
        self.level.is_none_or(|least| line.level.is_some_and(|level| level <= least))
            && self.since.is_none_or(|since| line.at.is_some_and(|at| at >= since))
            && self.until.is_none_or(|until| line.at.is_some_and(|at| at < until))
            && self.keep.iter().all(|pattern| pattern.is_in(line.text))
            && !self.drop.iter().any(|pattern| pattern.is_in(line.text))
    }

    /// Whether what is looked for is in a line.
    pub(super) fn finds(&self, line: &Line<'_>) -> bool {
        line.kind == LogLineKind::Text && self.search.as_ref().is_some_and(|pattern| pattern.is_in(line.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: Option<LogLevel>, second: Option<i64>, text: &str) -> Line<'_> {
        let at = second.map(|second| Timestamp::from_second(second).unwrap());
        Line { kind: LogLineKind::Text, level, at, passed: 0, is_gap: false, text }
    }

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).unwrap()
    }

    #[test]
    fn each_part_leaves_out_what_it_says() {
        let at = |second| Timestamp::from_second(second).ok();
        let table = [
            (Want::default(), "abc", true),
            (Want { keep: vec![pattern("b"), pattern("c")], ..Want::default() }, "abc", true),
            (Want { keep: vec![pattern("b"), pattern("d")], ..Want::default() }, "abc", false),
            (Want { drop: vec![pattern("d")], ..Want::default() }, "abc", true),
            (Want { drop: vec![pattern("d"), pattern("a")], ..Want::default() }, "abc", false),
            (Want { level: Some(LogLevel::Warn), ..Want::default() }, "abc", true),
            (Want { level: Some(LogLevel::Error), ..Want::default() }, "abc", false),
            (Want { since: at(100), ..Want::default() }, "abc", true),
            (Want { since: at(101), ..Want::default() }, "abc", false),
            (Want { until: at(100), ..Want::default() }, "abc", false),
            (Want { until: at(101), ..Want::default() }, "abc", true),
            (Want { search: Some(pattern("zzz")), ..Want::default() }, "abc", true),
        ];
        for (want, text, expected) in table {
            assert_eq!(want.passes(&line(Some(LogLevel::Warn), Some(100), text)), expected, "{want:?}");
        }
    }

    #[test]
    fn what_names_no_level_or_time_is_not_of_it() {
        assert!(!Want { level: Some(LogLevel::Debug), ..Want::default() }.passes(&line(None, None, "x")));
        assert!(!Want { since: Some(Timestamp::UNIX_EPOCH), ..Want::default() }.passes(&line(None, None, "x")));
    }

    #[test]
    fn a_gap_is_always_told() {
        let mark = |passed| Line { kind: LogLineKind::Mark, passed, ..line(None, None, "rotated") };
        let want = Want { keep: vec![pattern("never")], ..Want::default() };
        assert!(Want::default().passes(&mark(0)) && !want.passes(&mark(0)) && want.passes(&mark(7)));
        assert!(want.passes(&Line { is_gap: true, ..mark(0) }));
        assert!(!Want { search: Some(pattern("rotated")), ..Want::default() }.finds(&mark(0)));
    }
}
