//! What a log holds already, its older files included: the last lines, those since a moment, those of the run before, those that match.
//!
//! It must never hold more lines than were asked for, nor read a file from its beginning when its end will do.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use jiff::{Timestamp, ToSpan};

use super::Opener;
use super::followed::Begin;
use super::lines::{Piece, Splitter};
use super::pattern::Pattern;
use super::ring::line;
use super::seek::{Found, first_since, time_before};
use super::siblings::{self, Older};
use super::tail::{LOOK_BACK, Range, count_lines, last_matches, window};
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

fn plan(opener: &dyn Opener, query: Query, mut begin: Option<&Begin>) -> io::Result<History> {
    let times = Times::of_host();
    let mut plan = Plan {
        query: &query,
        times: &times,
        parts: VecDeque::new(),
        left: query.last.unwrap_or(usize::MAX),
        enough: false,
        untimed: false,
    };
    let mut first = match opener.open() {
        Ok(file) => Some(Ok(Older::Plain(file))),
        // It may have been renamed a moment ago.
        Err(error) => Some(Err(error)),
    };
    let mut missing = None;
    let mut any = false;
    for older in std::iter::from_fn(|| first.take()).chain(siblings::all(opener).map(Ok)) {
        match older {
            Ok(older) => {
                any = true;
                match (begin, &older) {
                    (None, older) => plan.add(older)?,
                    // Younger ones are what was followed since.
                    (Some(from), Older::Plain(file)) => {
                        if let Some(to) = from.up_to(file)? {
                            begin = None;
                            plan.take_range(file, &older, 0, to)?;
                        }
                    }
                    (Some(_), Older::Packed(_)) => {}
                }
            }
            Err(error) => missing = Some(error),
        }
        if plan.enough {
            break;
        }
    }
    if let (Some(error), false) = (missing, any) {
        return Err(error);
    }
    let (untimed, parts) = (plan.untimed, plan.parts);
    if untimed && query.previous {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "its lines have no times, so that nobody can tell where the run before ended",
        ));
    }
    let begun = query.since.is_none() || untimed;
    Ok(History::of(query, parts, times, begun))
}

/// Finds the pieces, the youngest first.
struct Plan<'query> {
    query: &'query Query,
    times: &'query Times,
    parts: VecDeque<Part>,
    left: usize,
    enough: bool,
    untimed: bool,
}

impl Plan<'_> {
    fn add(&mut self, older: &Older) -> io::Result<()> {
        match older {
            Older::Plain(file) => self.add_plain(file, older),
            Older::Packed(_) => self.add_packed(older),
        }
    }

    fn add_plain(&mut self, file: &File, older: &Older) -> io::Result<()> {
        let mut to = file.metadata()?.len();
        if let Some(end) = self.query.end() {
            match first_since(file, to, self.times, end)? {
                Found::At(offset) | Found::AtLatest(offset) => to = offset,
                Found::NoTimes if to == 0 => {}
                Found::NoTimes => {
                    (self.untimed, self.enough) = (true, true);
                    return Ok(());
                }
            }
        }
        let mut from = 0;
        if let Some(since) = self.query.since {
            match first_since(file, to, self.times, since)? {
                Found::At(offset) => {
                    (from, self.enough) = (offset, offset > 0);
                }
                Found::AtLatest(offset) => {
                    (from, self.enough) = (offset, true);
                    self.take_range(file, older, from, to)?;
                    self.parts
                        .push_front(Part::Mark("what is older has no times, so that nobody can tell whether it belongs here".to_owned()));
                    return Ok(());
                }
                Found::NoTimes if to == 0 => {}
                Found::NoTimes => return self.without_times(file, older, to),
            }
        }
        self.take_range(file, older, from, to)
    }

    /// Lines of no time: the last ones, as if no moment had been named.
    fn without_times(&mut self, file: &File, older: &Older, to: u64) -> io::Result<()> {
        if self.parts.is_empty() {
            (self.untimed, self.enough) = (true, true);
            self.left = self.left.min(50);
            self.take_range(file, older, 0, to)?;
            self.parts.push_front(Part::Mark("the lines of this log have no times: these are the last ones".to_owned()));
        }
        self.enough = true;
        Ok(())
    }

    /// Takes what is wanted of `from..to`.
    fn take_range(&mut self, file: &File, older: &Older, from: u64, to: u64) -> io::Result<()> {
        if self.left == usize::MAX {
            self.take_bytes(file, older, from, to, false)
        } else if let Some(pattern) = &self.query.grep {
            let found = last_matches(file, Range { from, to }, self.left, self.times, |piece| matches(pattern, piece))?;
            self.take_lines(found);
            Ok(())
        } else {
            // A line of a kilobyte is long: what is asked for beyond that is a file without line ends.
            let most = LOOK_BACK.max((self.left as u64).saturating_mul(1024));
            let window = window(file, from, to, self.left, most)?;
            self.take_bytes(file, older, window.start, to, window.headless)?;
            if window.start > from {
                (self.left, self.enough) = (0, true);
            } else {
                let lines = count_lines(file, window.start, to)? + u64::from(ends_open(file, window.start, to)?);
                self.left = self.left.saturating_sub(usize::try_from(lines).unwrap_or(usize::MAX));
                self.enough |= self.left == 0;
            }
            Ok(())
        }
    }

    fn take_bytes(&mut self, file: &File, older: &Older, from: u64, to: u64, headless: bool) -> io::Result<()> {
        let before = time_before(file, from, self.times)?;
        self.parts.push_front(Part::Bytes { reader: older.reader(from, Some(to))?, headless, before, length: to - from });
        Ok(())
    }

    fn take_lines(&mut self, lines: Vec<LogLine>) {
        self.left -= lines.len().min(self.left);
        self.enough |= self.left == 0;
        self.parts.push_front(Part::Lines(lines));
    }

    /// What is compressed can only be read through.
    fn add_packed(&mut self, older: &Older) -> io::Result<()> {
        use std::os::unix::fs::MetadataExt;
        // Compressing comes after writing: this is the latest that its lines can be.
        let latest = Timestamp::from_second(older.file().metadata()?.mtime()).ok();
        if let (Some(since), Some(latest)) = (self.query.since, latest)
            && latest + 1.minute() < since
        {
            self.enough = true;
            return Ok(());
        }
        let reader = older.reader(0, None)?;
        if self.left == usize::MAX && self.query.end().is_none() {
            self.parts.push_front(Part::Bytes { reader, headless: false, before: None, length: 0 });
            return Ok(());
        }
        let query = Query { last: None, ..self.query.clone() };
        let parts = VecDeque::from([Part::Bytes { reader, headless: false, before: None, length: 0 }]);
        let begun = query.since.is_none();
        let mut lines = VecDeque::new();
        let times = self.times.clone();
        for line in History::of(query, parts, times, begun) {
            if lines.len() >= self.left {
                lines.pop_front();
            }
            lines.push_back(line?);
        }
        self.take_lines(lines.into());
        Ok(())
    }
}

/// Whether the last line of a stretch has no end.
fn ends_open(file: &File, from: u64, to: u64) -> io::Result<bool> {
    let mut last = [b'\n'];
    if to > from {
        file.read_exact_at(&mut last, to - 1)?;
    }
    Ok(last != [b'\n'])
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
