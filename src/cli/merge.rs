//! Several logs as one, by the times of their lines.
//!
//! It must never change the order within a log, nor hold more than one line of each.

use jiff::Timestamp;

use crate::domain::LogLine;
use crate::error::Result;
use crate::link::LogLines;

/// The merged lines, each with the number of its log.
pub struct Merge {
    logs: Vec<Log>,
}

struct Log {
    lines: LogLines,
    head: Option<Result<LogLine>>,
    /// The time that counts for its head: never before that of the line before it.
    at: Option<Timestamp>,
}

impl Log {
    fn advance(&mut self) -> Option<Result<LogLine>> {
        let taken = std::mem::replace(&mut self.head, self.lines.next());
        if let Some(Ok(line)) = &self.head {
            self.at = self.at.max(line.at);
        }
        taken
    }
}

impl Merge {
    /// Merges these.
    pub fn new(logs: Vec<LogLines>) -> Self {
        let log = |lines| {
            let mut log = Log { lines, head: None, at: None };
            log.advance();
            log
        };
        Self { logs: logs.into_iter().map(log).collect() }
    }
}

impl Iterator for Merge {
    type Item = Result<(usize, LogLine)>;

    fn next(&mut self) -> Option<Self::Item> {
        // Of several at one time, the first log's; lines before any time come first.
        let waiting = self.logs.iter_mut().enumerate().filter(|(_, log)| log.head.is_some());
        let (index, log) = waiting.min_by_key(|(index, log)| (log.at, *index))?;
        log.advance().map(|line| line.map(|line| (index, line)))
    }
}

/// Lines that several logs brought in one moment, in the order of their times. Each log's own order stays.
pub fn sort(lines: &mut [(usize, LogLine)]) {
    let mut latest: Vec<Option<Timestamp>> = Vec::new();
    for (log, line) in lines.iter_mut() {
        if latest.len() <= *log {
            latest.resize(*log + 1, None);
        }
        if let Some(latest) = latest.get_mut(*log) {
            *latest = (*latest).max(line.at);
            line.at = *latest;
        }
    }
    lines.sort_by_key(|(_, line)| line.at);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Shown;

    fn line(second: Option<i64>, text: &str) -> LogLine {
        LogLine { at: second.map(|second| Timestamp::from_second(second).unwrap()), ..LogLine::text(1, None, Shown::from(text)) }
    }

    fn log(lines: &[(Option<i64>, &str)]) -> Vec<LogLine> {
        lines.iter().map(|(second, text)| line(*second, text)).collect()
    }

    #[test]
    fn lines_come_by_time_and_no_log_is_turned_over() {
        let one = log(&[(None, "a"), (Some(2), "b"), (Some(1), "c late"), (Some(7), "d")]);
        let two = log(&[(Some(1), "p"), (Some(2), "q"), (Some(3), "r")]);
        let boxed = |lines: Vec<LogLine>| Box::new(lines.into_iter().map(Ok)) as LogLines;
        let merged: Vec<_> =
            Merge::new(vec![boxed(one.clone()), boxed(two.clone())]).map(|line| line.unwrap().1.text.to_string()).collect();
        assert_eq!(merged, ["a", "p", "b", "c late", "q", "r", "d"]);
        let mut lines: Vec<_> = one.into_iter().map(|line| (0, line)).chain(two.into_iter().map(|line| (1, line))).collect();
        sort(&mut lines);
        assert_eq!(lines.iter().map(|(_, line)| line.text.as_str()).collect::<Vec<_>>(), merged);
    }
}
