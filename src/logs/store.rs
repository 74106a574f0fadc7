//! The lines of a log that can be scrolled and searched: a million in little memory, the newest as they came, the older ones packed.
//!
//! It must never take long: what one call goes through is bounded, the rest is left to whoever has time and is told as progress.

mod walk;

use std::collections::VecDeque;

use super::chunk::{Bits, Body, Chunk};
use super::pack::Packer;
use super::page::{Ask, At, Page};
use super::want::{Line, Want};
use crate::domain::{LogLevel, LogLine, Shown};

/// How many lines are kept at most.
pub const MOST_KEPT: u64 = 1_000_000;

/// How much memory they may take at most, in bytes.
pub(super) const MOST_BYTES: usize = 24 * 1024 * 1024;

/// How many of the newest chunks stay as they came: what is followed is the last screenful of them, and a line as it came takes several
/// times the memory of a packed one. With sixteen of them the log that happened to be open decided how much a console takes.
const PLAIN_CHUNKS: usize = 4;

/// How much memory those may take, in bytes.
const PLAIN_BYTES: usize = 512 * 1024;

/// The number of the first line that comes in; older ones that are read later count down from it.
const FIRST: u64 = 1 << 40;

/// How many chunks one question may go through itself.
const AT_ONCE: usize = 4;

/// What is there.
#[derive(Debug)]
pub struct Store {
    chunks: VecDeque<Chunk>,
    lines: u64,
    bytes: usize,
    want: Want,
    /// Rise with each change of what is to be seen, and of what is looked for.
    filter_serial: u64,
    search_serial: u64,
    /// The line that has begun and has no end yet.
    open: Option<LogLine>,
    /// Lines were let go for want of room: what is older has no place any more.
    shed: bool,
    timed: bool,
    looked: bool,
    asked: u64,
    reading: Option<u8>,
    dropped: u64,
    dropped_bytes: u64,
    gaps: u64,
    notice: Option<Shown>,
}

impl Default for Store {
    fn default() -> Self {
        let chunk = Chunk::new(FIRST);
        Self {
            bytes: chunk.weight(),
            chunks: VecDeque::from([chunk]),
            lines: 0,
            want: Want::default(),
            filter_serial: 1,
            search_serial: 1,
            open: None,
            shed: false,
            timed: false,
            looked: false,
            asked: u64::MAX,
            reading: None,
            dropped: 0,
            dropped_bytes: 0,
            gaps: 0,
            notice: None,
        }
    }
}

/// A chunk to be gone through away from the store, and what for.
pub(super) struct Job {
    first: u64,
    count: usize,
    body: Body,
    serials: (u64, u64),
}

impl Job {
    /// Goes through it.
    pub fn judge(&self, want: &Want) -> (Bits, Bits) {
        self.body.judge(want)
    }
}

impl Store {
    /// Adds lines that came in, oldest first. They get their numbers here.
    pub fn add(&mut self, lines: impl IntoIterator<Item = LogLine>) {
        let is_sifted = !self.want.is_everything() || self.want.search.is_some();
        for line in lines {
            let verdict = is_sifted.then(|| self.verdict(&Line::of(&line)));
            self.timed |= line.at.is_some();
            let end = self.end();
            if self.chunks.back().is_none_or(Chunk::is_full) {
                let mut chunk = Chunk::new(end);
                (chunk.passing_for, chunk.found_for) = (self.filter_serial, self.search_serial);
                self.bytes += chunk.weight();
                self.chunks.push_back(chunk);
            }
            let Some(chunk) = self.chunks.back_mut() else { return };
            let before = chunk.weight();
            if let Some((passes, finds)) = verdict {
                let index = chunk.count;
                if passes && chunk.passing_for == self.filter_serial {
                    chunk.passing.set(index);
                }
                if finds && chunk.found_for == self.search_serial {
                    chunk.found.set(index);
                }
            }
            chunk.push(line);
            self.bytes += chunk.weight() - before;
            self.lines += 1;
        }
        self.shrink();
    }

    fn verdict(&self, line: &Line<'_>) -> (bool, bool) {
        let passes = self.want.passes(line);
        (passes, passes && self.want.finds(line))
    }

    /// The line that has begun and has no end yet.
    pub fn open(&mut self, open: Option<LogLine>) {
        let number = self.end();
        self.open = open.map(|line| LogLine { number, ..line });
    }

    /// What else a look told. Says whether that is news.
    pub(super) fn learn(&mut self, dropped: u64, dropped_bytes: u64, gaps: u64, notice: Option<Shown>) -> bool {
        let is_news = !self.looked || dropped > 0 || notice != self.notice;
        (self.looked, self.notice) = (true, notice);
        (self.dropped, self.dropped_bytes, self.gaps) = (self.dropped + dropped, self.dropped_bytes + dropped_bytes, self.gaps + gaps);
        is_news
    }

    /// The line that has begun, as it stands.
    pub(super) fn open_line(&self) -> Option<&LogLine> {
        self.open.as_ref()
    }

    /// How far reading older lines is.
    pub(super) fn set_reading(&mut self, reading: Option<u8>) {
        self.reading = reading;
    }

    /// Puts older lines before all others, oldest first.
    pub(super) fn prepend(&mut self, older: VecDeque<Chunk>, timed: bool) {
        self.timed |= timed;
        for mut chunk in older.into_iter().rev().filter(|chunk| chunk.count > 0) {
            let first = self.chunks.front().map_or(FIRST, |chunk| chunk.first);
            chunk.number(first - chunk.count as u64);
            self.bytes += chunk.weight();
            self.lines += chunk.count as u64;
            self.chunks.push_front(chunk);
        }
        self.shrink();
    }

    /// How many older lines there is room for, and how many bytes.
    pub(super) fn room(&self) -> (u64, usize) {
        if self.shed { (0, 0) } else { (MOST_KEPT.saturating_sub(self.lines), MOST_BYTES.saturating_sub(self.bytes)) }
    }

    fn shrink(&mut self) {
        while (self.lines > MOST_KEPT || self.bytes > MOST_BYTES) && self.chunks.len() > 1 {
            let Some(oldest) = self.chunks.pop_front() else { return };
            self.lines -= oldest.count as u64;
            self.bytes -= oldest.weight();
            self.shed = true;
        }
    }

    /// What is to be seen from now on.
    pub fn sift(&mut self, want: Want) {
        if !want.has_same_filter(&self.want) {
            self.filter_serial += 1;
            self.search_serial += 1;
        } else if want.search != self.want.search {
            self.search_serial += 1;
        }
        self.want = want;
    }

    /// Goes through all that is left to be gone through, however long that takes: for whoever has no thread for it.
    pub fn settle(&mut self) {
        while let Some(job) = self.next_job() {
            let verdict = job.judge(&self.want);
            self.judged(&job, verdict);
        }
    }

    /// What is to be seen.
    pub fn want(&self) -> &Want {
        &self.want
    }

    /// A page of what is to be seen.
    pub fn page(&mut self, ask: &Ask) -> Page {
        let mut budget = AT_ONCE;
        let end = match ask.at {
            At::Newest | At::Oldest => None,
            At::Ending(number) => Some(number),
            At::Down(number, count) => Some(self.forward(number.saturating_add(1), count, &mut budget).last().copied().unwrap_or(number)),
            At::Up(number, count) => Some(self.back(number, count + 1, &mut budget).last().copied().unwrap_or(number)),
        };
        let mut numbers = match (ask.at, end) {
            (At::Oldest, _) => self.forward(0, ask.count, &mut budget),
            (_, end) => {
                let end = end.unwrap_or(u64::MAX);
                self.asked = end;
                let mut numbers = self.back(end, ask.count, &mut budget);
                numbers.reverse();
                if numbers.len() < ask.count {
                    numbers.extend(self.forward(end.saturating_add(1), ask.count - numbers.len(), &mut budget));
                }
                numbers
            }
        };
        let (oldest, newest) = (numbers.first().copied().unwrap_or(0), numbers.last().copied().unwrap_or(u64::MAX - 1));
        let is_newest = numbers.is_empty() || self.forward(newest + 1, 1, &mut budget).is_empty();
        let is_oldest = oldest == 0 || self.back(oldest - 1, 1, &mut budget).is_empty();
        let open = self.open.clone().filter(|line| self.want.passes(&Line::of(line)));
        let with_open = is_newest && open.is_some() && end.is_none_or(|end| end >= self.end() || matches!(ask.at, At::Down(..)));
        if with_open && numbers.len() >= ask.count && !numbers.is_empty() {
            numbers.remove(0);
        }
        let mut lines = self.gather(&numbers);
        if with_open && ask.count > 0 {
            lines.extend(open);
        }
        let (found, rank) = self.ranks(ask.current);
        let (unseen, unseen_errors) = ask.since.map_or((0, 0), |since| self.since(since));
        Page {
            lines,
            is_newest,
            is_oldest,
            newest: if self.lines == 0 && self.open.is_none() { 0 } else { self.end() - u64::from(self.open.is_none()) },
            unseen,
            unseen_errors,
            kept: self.lines,
            shown: self.shown(),
            found,
            rank,
            sifting: self.progress(),
            reading: self.reading,
            untimed: self.lines > 0 && !self.timed,
            dropped: self.dropped,
            dropped_bytes: self.dropped_bytes,
            gaps: self.gaps,
            notice: self.notice.clone(),
        }
    }

    /// The lines to be seen of one chunk, from the line of this number up to and with another; and where to go on.
    pub fn slice(&mut self, from: u64, to: u64) -> (Vec<LogLine>, Option<u64>) {
        let Some(index) = self.place(from) else { return (Vec::new(), None) };
        let passing = self.passing(index, &mut 1).unwrap_or_default();
        let Some(chunk) = self.chunks.get(index) else { return (Vec::new(), None) };
        let lines = chunk.body.lines(chunk.first, passing.and(chunk.between(from, to)));
        (lines, Some(chunk.end()).filter(|end| *end <= to && index + 1 < self.chunks.len()))
    }

    /// The number after the newest line's.
    fn end(&self) -> u64 {
        self.chunks.back().map_or(FIRST, Chunk::end)
    }

    /// The chunk that the oldest plain one is, when there are more of those than need be.
    pub(super) fn to_pack(&self) -> Option<Chunk> {
        let plain = self.chunks.iter().rev().take_while(|chunk| matches!(chunk.body, Body::Plain(_)));
        let (count, bytes) = plain.fold((0, 0), |(count, bytes), chunk| (count + 1, bytes + chunk.weight()));
        let is_much = count > PLAIN_CHUNKS || (bytes > PLAIN_BYTES && count > 1);
        if is_much { self.chunks.get(self.chunks.len() - count).cloned() } else { None }
    }

    /// Takes a chunk back that was packed meanwhile.
    pub(super) fn packed(&mut self, packed: Chunk) {
        let place = self.place(packed.first).filter(|index| self.chunks.get(*index).is_some_and(|chunk| chunk.first == packed.first));
        if let Some(chunk) = place.and_then(|index| self.chunks.get_mut(index)) {
            self.bytes = self.bytes + packed.weight() - chunk.weight();
            chunk.body = packed.body;
        }
    }

    /// The next chunk that was not gone through, nearest to what was asked for last.
    pub(super) fn next_job(&self) -> Option<Job> {
        let is_stale = |chunk: &&Chunk| self.is_stale(chunk);
        let below = self.chunks.iter().rev().filter(|chunk| chunk.first <= self.asked).find(is_stale);
        let chunk = below.or_else(|| self.chunks.iter().find(is_stale))?;
        let serials = (self.filter_serial, self.search_serial);
        Some(Job { first: chunk.first, count: chunk.count, body: chunk.body.clone(), serials })
    }

    /// What came of going through a chunk. What it was asked for may have changed meanwhile.
    pub(super) fn judged(&mut self, job: &Job, (passing, found): (Bits, Bits)) {
        let (filter, search) = (self.filter_serial, self.search_serial);
        let Some(chunk) = self.place(job.first).and_then(|index| self.chunks.get_mut(index)) else { return };
        if chunk.first == job.first && chunk.count == job.count && job.serials == (filter, search) {
            (chunk.passing, chunk.passing_for, chunk.found, chunk.found_for) = (passing, filter, found, search);
        }
    }
}

/// Packs what is to go before the store while it is read.
pub(super) struct Older {
    chunks: VecDeque<Chunk>,
    packer: Packer,
    lines: u64,
    bytes: usize,
    room: (u64, usize),
    timed: bool,
}

impl Older {
    /// What there is room for.
    pub fn new(room: (u64, usize)) -> Self {
        Self { chunks: VecDeque::new(), packer: Packer::new(), lines: 0, bytes: 0, room, timed: false }
    }

    /// The next line; the oldest leave when there is no more room.
    pub fn push(&mut self, line: LogLine) {
        self.timed |= line.at.is_some();
        if self.chunks.back().is_none_or(Chunk::is_full) {
            self.seal();
            self.chunks.push_back(Chunk::new(0));
        }
        if let Some(chunk) = self.chunks.back_mut() {
            chunk.push(line);
            self.lines += 1;
        }
        while (self.lines > self.room.0 || self.bytes > self.room.1) && self.chunks.len() > 1 {
            let Some(oldest) = self.chunks.pop_front() else { return };
            self.lines -= oldest.count as u64;
            self.bytes = self.bytes.saturating_sub(oldest.weight());
        }
    }

    fn seal(&mut self) {
        if let Some(chunk) = self.chunks.back_mut() {
            chunk.pack(&mut self.packer);
            self.bytes += chunk.weight();
        }
    }

    /// Puts it before what is there.
    pub fn into_store(mut self, store: &mut Store) {
        self.seal();
        store.prepend(self.chunks, self.timed);
    }
}

/// Whether a line names an error.
fn is_error(line: &LogLine) -> bool {
    line.level == Some(LogLevel::Error)
}

#[cfg(test)]
mod tests;
