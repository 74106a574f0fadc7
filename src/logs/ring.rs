//! The lines that are kept of a followed log: the newest, bounded in number and in bytes.
//!
//! It must never touch a file. Numbers are given here, once each, without gaps among the lines that are kept.

use std::collections::VecDeque;

use super::level::level_of;
use crate::domain::{LogLevel, LogLine, LogLineKind, LogView, Shown};

/// The most text that is kept, whatever number of lines was asked for.
pub(super) const MOST_BYTES: usize = 8 * 1024 * 1024;

/// What one wake brought, gathered before the ring is locked: who looks never waits for a file.
#[derive(Debug, Default)]
pub(super) struct Batch {
    lines: Vec<(LogLineKind, Shown)>,
    /// Lines that were passed over.
    pub dropped: u64,
    /// The line that has begun and has no end yet.
    pub open: Option<Shown>,
    /// Why there is nothing, in words.
    pub notice: Option<Shown>,
}

impl Batch {
    /// A line that the server wrote.
    pub fn text(&mut self, text: Shown) {
        self.lines.push((LogLineKind::Text, text));
    }

    /// berth's own mark.
    pub fn mark(&mut self, text: &str) {
        self.lines.push((LogLineKind::Mark, Shown::new(text)));
    }

    /// What it brings, marks told by a leading `#`.
    #[cfg(test)]
    pub fn told(&self) -> Vec<String> {
        self.lines.iter().map(|(kind, text)| if *kind == LogLineKind::Mark { format!("# {text}") } else { text.to_string() }).collect()
    }
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
    open: Option<(Shown, Option<LogLevel>)>,
    notice: Option<Shown>,
}

impl Ring {
    /// One that keeps this many lines, and at least one.
    pub fn new(keep: usize, most_bytes: usize) -> Self {
        Self { lines: VecDeque::new(), keep: keep.max(1), most_bytes, bytes: 0, next: 1, dropped: 0, open: None, notice: None }
    }

    /// Takes in what a wake brought. Says whether a presenter has something new to show.
    pub fn take(&mut self, batch: Batch) -> bool {
        let open = batch.open.map(|text| (level_of(text.as_str()), text)).map(|(level, text)| (text, level));
        let changed = !batch.lines.is_empty() || batch.dropped > 0 || open != self.open || batch.notice != self.notice;
        let first = self.next;
        self.dropped += batch.dropped;
        self.open = open;
        self.notice = batch.notice;
        for (kind, text) in batch.lines {
            let level = if kind == LogLineKind::Text { level_of(text.as_str()) } else { None };
            self.bytes += text.as_str().len();
            self.lines.push_back(LogLine { number: self.next, kind, level, text });
            self.next += 1;
            self.shrink(first);
        }
        changed
    }

    /// Lets the oldest go. One that leaves in the wake that brought it was never to be seen: it counts as dropped.
    fn shrink(&mut self, first_of_wake: u64) {
        while self.lines.len() > self.keep || (self.bytes > self.most_bytes && self.lines.len() > 1) {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.bytes -= oldest.text.as_str().len();
            if oldest.number >= first_of_wake && oldest.kind == LogLineKind::Text {
                self.dropped += 1;
            }
        }
    }

    /// The last `count` lines that end with line `up_to`. A place that is no longer kept gives the oldest lines that are.
    pub fn view(&self, up_to: Option<u64>, count: usize) -> LogView {
        let open = self.open.as_ref().map(|(text, level)| LogLine {
            number: self.next,
            kind: LogLineKind::Text,
            level: *level,
            text: text.clone(),
        });
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
        LogView {
            lines,
            oldest: if total == 0 { 0 } else { first },
            newest: if total == 0 { 0 } else { first + total as u64 - 1 },
            dropped: self.dropped,
            notice: self.notice.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(range: std::ops::Range<usize>) -> Batch {
        let mut batch = Batch::default();
        for number in range {
            batch.text(Shown::new(&format!("line {number}")));
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
        let mut batch = Batch::default();
        batch.text(Shown::new(&"x".repeat(100)));
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
        batch.open = Some(Shown::new("ERROR ha"));
        assert!(ring.take(batch));
        let view = ring.view(None, 2);
        assert_eq!(numbers(&view), [2, 3]);
        assert_eq!((view.newest, view.lines[1].level), (3, Some(LogLevel::Error)));
        let still = Batch { open: Some(Shown::new("ERROR ha")), ..Batch::default() };
        assert!(!ring.take(still));
        let mut batch = Batch::default();
        batch.text(Shown::new("ERROR half"));
        assert!(ring.take(batch));
        let view = ring.view(None, 1);
        assert_eq!((numbers(&view), view.lines[0].text.as_str()), (vec![3], "ERROR half"));
    }

    #[test]
    fn a_notice_comes_and_goes() {
        let mut ring = Ring::new(10, MOST_BYTES);
        assert!(ring.take(Batch { notice: Some(Shown::new("there is no log")), ..Batch::default() }));
        assert!(!ring.take(Batch { notice: Some(Shown::new("there is no log")), ..Batch::default() }));
        assert!(ring.view(None, 1).notice.is_some());
        assert!(ring.take(Batch::default()));
        assert!(ring.view(None, 1).notice.is_none());
    }
}
