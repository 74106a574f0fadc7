//! The lines that are kept of a followed log: the newest, bounded in number and in bytes.
//!
//! It must never touch a file. Numbers are given here, once each, without gaps among the lines that are kept.

use std::collections::VecDeque;

use super::level::level_of;
use super::lines::Written;
use super::time::Times;
use crate::domain::{LogLine, LogLineKind, LogView, Shown};

/// The most text that is kept, whatever number of lines was asked for.
pub(super) const MOST_BYTES: usize = 8 * 1024 * 1024;

/// What one wake brought, gathered and understood before the ring is locked: who looks never waits for a file.
#[derive(Debug)]
pub(super) struct Batch {
    lines: Vec<LogLine>,
    times: Times,
    /// Lines that were passed over.
    pub dropped: u64,
    /// Bytes that were passed over without counting their lines.
    pub dropped_bytes: u64,
    /// Places where lines may be missing of which nobody knows how many.
    pub gaps: u64,
    /// The line that has begun and has no end yet.
    open: Option<LogLine>,
    /// Why there is nothing, in words.
    pub notice: Option<Shown>,
}

/// A batch's state, to go back to.
#[derive(Clone, Debug)]
pub(super) struct Point(usize, Times, u64, u64, u64);

impl Batch {
    /// One whose first lines inherit from these times.
    pub fn new(times: Times) -> Self {
        Self { lines: Vec::new(), times, dropped: 0, dropped_bytes: 0, gaps: 0, open: None, notice: None }
    }

    /// A line that the server wrote.
    pub fn text(&mut self, written: Written) {
        let line = line(written, |text| self.times.next(text));
        self.lines.push(line);
    }

    /// The line that has begun and has no end yet, if there is one.
    pub fn open(&mut self, written: Option<Written>) {
        self.open = written.map(|written| line(written, |text| self.times.own(text)));
    }

    /// berth's own mark.
    pub fn mark(&mut self, text: &str) {
        self.lines.push(LogLine::mark(0, Shown::new(text)));
    }

    /// The mark of a place where lines may be missing.
    pub fn gap(&mut self, text: &str) {
        self.gaps += 1;
        self.lines.push(LogLine { is_gap: true, ..LogLine::mark(0, Shown::new(text)) });
    }

    /// Lines that were not taken in, with the mark that says so.
    pub fn pass_over(&mut self, lines: u64, bytes: u64, text: &str) {
        self.dropped += lines;
        self.dropped_bytes += bytes;
        self.lines.push(LogLine { passed: lines, ..LogLine::mark(0, Shown::new(text)) });
        // What comes now is younger than what was before, by nobody knows how much.
        self.times.set_last(None);
    }

    /// Its lines, and the one that has begun.
    pub fn into_lines(self) -> (Vec<LogLine>, Option<LogLine>) {
        (self.lines, self.open)
    }

    /// What the next batch is to inherit.
    pub fn times(&self) -> &Times {
        &self.times
    }

    /// Where it stands.
    pub fn point(&self) -> Point {
        Point(self.lines.len(), self.times.clone(), self.dropped, self.dropped_bytes, self.gaps)
    }

    /// Forgets what was added since.
    pub fn back_to(&mut self, point: Point) {
        self.lines.truncate(point.0);
        (self.times, self.dropped, self.dropped_bytes, self.gaps) = (point.1, point.2, point.3, point.4);
    }

    /// What it brings, marks told by a leading `#`.
    #[cfg(test)]
    pub fn told(&self) -> Vec<String> {
        let told = |line: &LogLine| if line.kind == LogLineKind::Mark { format!("# {}", line.text) } else { line.text.to_string() };
        self.lines.iter().map(told).collect()
    }

    /// The text of the line without an end.
    #[cfg(test)]
    pub fn open_text(&self) -> Option<&str> {
        self.open.as_ref().map(|line| line.text.as_str())
    }
}

/// What a line says beside its words. It gets its number when it is kept.
pub(super) fn line(written: Written, at: impl FnOnce(&str) -> Option<jiff::Timestamp>) -> LogLine {
    let text = written.text.as_str();
    let (level, at) = (level_of(text), at(text));
    LogLine { at, spans: written.spans, ..LogLine::text(0, level, written.text) }
}

/// The newest lines of a log.
#[derive(Debug)]
pub(super) struct Ring {
    lines: VecDeque<LogLine>,
    keep: usize,
    most_bytes: usize,
    bytes: usize,
    next: u64,
    dropped: u64,
    dropped_bytes: u64,
    /// The server's lines that are not kept any more or never were, before the oldest that is.
    gone: u64,
    /// Marks of gaps that are not kept any more.
    gaps_gone: u64,
    looked: bool,
    open: Option<LogLine>,
    notice: Option<Shown>,
}

impl Ring {
    /// One that keeps this many lines, and at least one.
    pub fn new(keep: usize, most_bytes: usize) -> Self {
        let (keep, lines) = (keep.max(1), VecDeque::new());
        Self {
            lines,
            keep,
            most_bytes,
            bytes: 0,
            next: 1,
            dropped: 0,
            dropped_bytes: 0,
            gone: 0,
            gaps_gone: 0,
            looked: false,
            open: None,
            notice: None,
        }
    }

    /// Takes in what a wake brought. Says whether a presenter has something new to show.
    pub fn take(&mut self, batch: Batch) -> bool {
        // That it was looked at all is news, too.
        let changed = !std::mem::replace(&mut self.looked, true)
            || !batch.lines.is_empty()
            || batch.dropped > 0
            || batch.open != self.open
            || batch.notice != self.notice;
        let first = self.next;
        self.dropped += batch.dropped;
        self.dropped_bytes += batch.dropped_bytes;
        self.open = batch.open;
        self.notice = batch.notice;
        for line in batch.lines {
            self.bytes += weight(&line);
            self.lines.push_back(LogLine { number: self.next, ..line });
            self.next += 1;
            self.shrink(first);
        }
        changed
    }

    /// Lets the oldest go. One that leaves in the wake that brought it was never to be seen: it counts as dropped.
    fn shrink(&mut self, first_of_wake: u64) {
        while self.lines.len() > self.keep || (self.bytes > self.most_bytes && self.lines.len() > 1) {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.bytes -= weight(&oldest);
            self.gone += stands_for(&oldest);
            self.gaps_gone += u64::from(oldest.is_gap);
            if oldest.number >= first_of_wake && oldest.kind == LogLineKind::Text {
                self.dropped += 1;
            }
        }
    }

    /// The last `count` lines that end with line `up_to`. A place that is no longer kept gives the oldest lines that are.
    pub fn view(&self, up_to: Option<u64>, count: usize) -> LogView {
        let open = self.open.as_ref().map(|line| LogLine { number: self.next, ..line.clone() });
        let kept = self.lines.len();
        let total = kept + usize::from(open.is_some());
        let first = self.next - kept as u64;
        let end = match up_to {
            None => total,
            Some(up_to) => {
                let asked = usize::try_from((up_to + 1).saturating_sub(first)).unwrap_or(usize::MAX);
                asked.max(count).min(total)
            }
        };
        let begin = end.saturating_sub(count);
        let lines = self.lines.range(begin.min(kept)..end.min(kept)).cloned().chain(open.filter(|_| end > kept && begin <= kept)).collect();
        let gaps_before = self.gaps_gone + self.lines.range(..begin.min(kept)).filter(|line| line.is_gap).count() as u64;
        let before = self.gone + self.lines.range(..begin.min(kept)).map(stands_for).sum::<u64>();
        LogView {
            lines,
            before,
            dropped_bytes: self.dropped_bytes,
            unfinished: self.open.is_some(),
            oldest: if total == 0 { 0 } else { first },
            newest: if total == 0 { 0 } else { first + total as u64 - 1 },
            dropped: self.dropped,
            gaps_before,
            notice: self.notice.clone(),
        }
    }
}

/// How many of the server's lines a kept one stands for.
fn stands_for(line: &LogLine) -> u64 {
    if line.kind == LogLineKind::Text { 1 } else { line.passed }
}

/// What a line takes, its colours included.
fn weight(line: &LogLine) -> usize {
    line.text.as_str().len() + std::mem::size_of_val(&*line.spans)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::LogLevel;

    fn empty() -> Batch {
        Batch::new(Times::new(jiff::tz::TimeZone::UTC, jiff::Timestamp::UNIX_EPOCH))
    }

    fn written(text: &str) -> Written {
        Written { text: Shown::new(text), spans: Box::default() }
    }

    fn lines(range: std::ops::Range<usize>) -> Batch {
        let mut batch = empty();
        for number in range {
            batch.text(written(&format!("line {number}")));
        }
        batch
    }

    fn numbers(view: &LogView) -> Vec<u64> {
        view.lines.iter().map(|line| line.number).collect()
    }

    #[test]
    fn an_empty_ring_has_no_numbers() {
        let view = Ring::new(10, MOST_BYTES).view(None, 5);
        assert_eq!(view, LogView::default());
    }

    #[test]
    fn old_lines_leave_uncounted_and_a_storm_is_counted() {
        let mut ring = Ring::new(10, MOST_BYTES);
        assert!(ring.take(lines(0..8)));
        assert!(ring.take(lines(8..16)));
        let view = ring.view(None, 100);
        assert_eq!((view.oldest, view.newest, view.dropped), (7, 16, 0));
        ring.take(lines(16..41));
        let view = ring.view(None, 100);
        assert_eq!((view.oldest, view.newest, view.dropped), (32, 41, 15));
        assert_eq!(view.lines[0].text.as_str(), "line 31");
    }

    #[test]
    fn bytes_are_bounded_too_but_one_line_stays() {
        let mut ring = Ring::new(1000, 30);
        ring.take(lines(0..10));
        assert!(ring.view(None, 100).lines.len() <= 5);
        let mut batch = empty();
        batch.text(written(&"x".repeat(100)));
        ring.take(batch);
        assert_eq!(ring.view(None, 100).lines.len(), 1);
    }

    #[test]
    fn a_window_ends_where_it_is_asked_to() {
        let mut ring = Ring::new(10, MOST_BYTES);
        ring.take(lines(0..20));
        assert_eq!(numbers(&ring.view(None, 3)), [18, 19, 20]);
        assert_eq!(numbers(&ring.view(Some(15), 3)), [13, 14, 15]);
        assert_eq!(numbers(&ring.view(Some(12), 5)), [11, 12, 13, 14, 15]);
        assert_eq!(numbers(&ring.view(Some(2), 3)), [11, 12, 13]);
        assert_eq!(numbers(&ring.view(Some(u64::MAX - 1), 3)), [18, 19, 20]);
        assert_eq!(numbers(&ring.view(Some(15), 0)), [] as [u64; 0]);
        assert_eq!(ring.view(None, 1000).lines.len(), 10);
    }

    #[test]
    fn a_line_that_has_no_end_grows_in_its_place() {
        let mut ring = Ring::new(10, MOST_BYTES);
        let mut batch = lines(0..2);
        batch.open(Some(written("ERROR ha")));
        assert!(ring.take(batch));
        let view = ring.view(None, 2);
        assert_eq!(numbers(&view), [2, 3]);
        assert_eq!((view.newest, view.lines[1].level, view.unfinished), (3, Some(LogLevel::Error), true));
        let mut still = empty();
        still.open(Some(written("ERROR ha")));
        assert!(!ring.take(still));
        let mut batch = empty();
        batch.text(written("ERROR half"));
        assert!(ring.take(batch));
        let view = ring.view(None, 1);
        assert_eq!((numbers(&view), view.lines[0].text.as_str(), view.unfinished), (vec![3], "ERROR half", false));
    }

    #[test]
    fn every_line_is_accounted_for() {
        let mut ring = Ring::new(10, MOST_BYTES);
        ring.take(lines(0..4));
        assert_eq!((ring.view(None, 2).before, ring.view(None, 100).before), (2, 0));
        let mut batch = empty();
        batch.pass_over(500, 0, "500 lines were passed over");
        batch.text(written("on"));
        ring.take(batch);
        // The mark is seen and stands for its lines: they are not before itself.
        assert_eq!((ring.view(None, 2).before, ring.view(None, 1).before, ring.view(None, 0).before), (4, 504, 505));
        ring.take(lines(0..30));
        assert_eq!((ring.view(None, 100).before, ring.view(None, 100).dropped), (525, 520));
    }

    #[test]
    fn a_notice_comes_and_goes() {
        let mut ring = Ring::new(10, MOST_BYTES);
        assert!(ring.take(Batch { notice: Some(Shown::new("there is no log")), ..empty() }));
        assert!(!ring.take(Batch { notice: Some(Shown::new("there is no log")), ..empty() }));
        assert!(ring.view(None, 1).notice.is_some());
        assert!(ring.take(empty()));
        assert!(ring.view(None, 1).notice.is_none());
    }
}
