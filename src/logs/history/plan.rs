//! Which pieces of which files hold what is asked for, found from the youngest on.
//!
//! It must never read a file from its beginning when its end will do.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use jiff::{Timestamp, ToSpan};

use super::{History, Part, Query, matches};
use crate::domain::LogLine;
use crate::logs::Opener;
use crate::logs::followed::Begin;
use crate::logs::seek::{Found, first_since, time_before};
use crate::logs::siblings::{self, Older};
use crate::logs::tail::{LOOK_BACK, Range, count_lines, last_matches, window};
use crate::logs::time::Times;

pub(super) fn plan(opener: &dyn Opener, query: Query, mut begin: Option<&Begin>) -> io::Result<History> {
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
