//! What a log holds already, its older files included: the last lines, those since a moment, those of the run before, those that match.
//!
//! It must never hold more lines than were asked for, nor read a file from its beginning when its end will do.

mod plan;

use std::collections::VecDeque;
use std::io::{self, Read};

use jiff::Timestamp;

use self::plan::plan;
use super::Opener;
use super::followed::Begin;
use super::lines::{Piece, Splitter};
use super::pattern::Pattern;
use super::ring::line;
use super::time::Times;
use crate::domain::{LogLine, LogLineKind, Shown};

/// How much is read at a time.
const CHUNK: usize = 64 * 1024;

/// What of a log is wanted.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// So many of the last lines; `None` is all of them.
    pub last: Option<usize>,
    /// From this moment on.
    pub since: Option<Timestamp>,
    /// Only what was written before the process that runs now was started.
    pub previous: bool,
    /// When that was.
    pub started: Option<Timestamp>,
    /// Only lines in which this is found.
    pub grep: Option<Pattern>,
}

impl Query {
    /// When the present run's lines begin. Many loggers write whole seconds, so it is the second that counts.
    fn run_begins(&self) -> Option<Timestamp> {
        self.started.and_then(|at| Timestamp::from_second(at.as_second()).ok())
    }

    fn end(&self) -> Option<Timestamp> {
        if self.previous { self.run_begins() } else { None }
    }
}

/// A piece of the answer.
enum Part {
    Mark(String),
    Lines(Vec<LogLine>),
    Bytes { reader: Box<dyn Read + Send>, headless: bool, before: Option<Timestamp>, length: u64 },
}

/// The lines, oldest first. They are read while they are taken.
pub struct History {
    query: Query,
    parts: VecDeque<Part>,
    reading: Option<(Box<dyn Read + Send>, Splitter)>,
    ready: VecDeque<LogLine>,
    times: Times,
    /// A line of the time that is wanted was met: those without a time follow it.
    begun: bool,
    /// Of the run before, if a line of it was met.
    ran_before: bool,
    ended: bool,
    number: u64,
    /// How many bytes were read, of how many as far as that is known.
    read: u64,
    total: u64,
}

/// Asks a log.
///
/// # Errors
/// Those of the opener when there is no file at all, and of pread(2). `InvalidData` when what was asked for needs times and no line has one.
pub fn history(opener: &dyn Opener, query: Query) -> io::Result<History> {
    match plan(opener, query.clone(), None) {
        // It was truncated meanwhile: what it has now is new, and less.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => plan(opener, query, None),
        other => other,
    }
}

/// The last lines that were written before following began, so many of them.
pub(super) fn older(opener: &dyn Opener, last: usize, begin: &Begin) -> io::Result<History> {
    plan(opener, Query { last: Some(last), ..Query::default() }, Some(begin))
}

/// Whether a pattern is found in a line as it is shown; most lines are shown as they came.
fn matches(pattern: &Pattern, piece: &Piece<'_>) -> bool {
    match piece.as_plain() {
        Some(bytes) => pattern.is_in_bytes(bytes),
        None => pattern.is_in(piece.read().text.as_str()),
    }
}

impl History {
    fn of(query: Query, parts: VecDeque<Part>, times: Times, begun: bool) -> Self {
        let length = |part: &Part| if let Part::Bytes { length, .. } = part { *length } else { 0 };
        let total = parts.iter().map(length).sum();
        Self {
            query,
            parts,
            reading: None,
            ready: VecDeque::new(),
            times,
            begun,
            ran_before: false,
            ended: false,
            number: 0,
            read: 0,
            total,
        }
    }

    /// How many bytes were read, and of how many as far as that is known.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.read, self.total)
    }

    /// Reads on until there is something to hand out. Says whether there was anything to read.
    fn read_on(&mut self) -> io::Result<bool> {
        let Some((reader, splitter)) = &mut self.reading else { return Ok(self.next_part()) };
        let mut buffer = vec![0; CHUNK];
        let count = match reader.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(true),
            // A file that was compressed only half-way is told up to there.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) =>
            {
                self.reading = None;
                self.ready.push_back(LogLine::mark(0, Shown::new(&format!("an older file of this log cannot be read further: {error}"))));
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        self.read += count as u64;
        let (times, query, ready) = (&mut self.times, &self.query, &mut self.ready);
        let mut take = |piece: Piece<'_>| {
            // Only who asks for moments needs the times of lines that do not match.
            let is_wanted = query.grep.as_ref().is_none_or(|pattern| matches(pattern, &piece));
            if is_wanted {
                ready.push_back(line(piece.read(), |text| times.next(text)));
            } else {
                times.next(&String::from_utf8_lossy(&piece.bytes[..piece.bytes.len().min(1024)]));
            }
        };
        if count > 0 {
            splitter.feed(&buffer[..count], &mut take);
        } else {
            splitter.finish(&mut take);
            self.reading = None;
        }
        Ok(true)
    }

    fn next_part(&mut self) -> bool {
        match self.parts.pop_front() {
            None => return false,
            Some(Part::Mark(text)) => self.ready.push_back(LogLine::mark(0, Shown::new(&text))),
            Some(Part::Lines(lines)) => self.ready.extend(lines),
            Some(Part::Bytes { reader, headless, before, .. }) => {
                if before.is_some() {
                    self.times.set_last(before);
                }
                self.reading = Some((reader, if headless { Splitter::headless() } else { Splitter::default() }));
            }
        }
        true
    }

    /// Whether a line belongs to the answer, by its time.
    fn is_of_time(&mut self, line: &LogLine) -> bool {
        if line.kind == LogLineKind::Mark {
            return true;
        }
        if let (Some(end), Some(at)) = (self.query.end(), line.at)
            && at >= end
        {
            self.ended = true;
            return false;
        }
        self.begun |= self.query.since.is_none_or(|since| line.at.is_some_and(|at| at >= since));
        self.begun
    }

    /// The mark before the present run's first line.
    fn run_mark(&mut self, line: &LogLine) -> Option<LogLine> {
        let (begins, at) = (self.query.run_begins()?, line.at?);
        if at < begins {
            self.ran_before = true;
            return None;
        }
        // Told once: lines are not always in order.
        self.query.started = None;
        let is_told = self.ran_before && self.query.grep.is_none();
        is_told.then(|| LogLine { at: Some(at), ..LogLine::mark(0, Shown::new("the process that runs now was started here")) })
    }
}

impl Iterator for History {
    type Item = io::Result<LogLine>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            while let Some(line) = self.ready.pop_front() {
                if !self.is_of_time(&line) {
                    continue;
                }
                let line = match self.run_mark(&line) {
                    Some(mark) => {
                        self.ready.push_front(line);
                        mark
                    }
                    None => line,
                };
                self.number += 1;
                return Some(Ok(LogLine { number: self.number, ..line }));
            }
            if self.ended {
                return None;
            }
            match self.read_on() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    (self.ended, self.reading) = (true, None);
                    return Some(Err(error));
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
