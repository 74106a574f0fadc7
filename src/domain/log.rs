//! Lines of an instance's log, as a presenter gets them.
//!
//! It must never hold bytes: lines are cleaned where they are read, and a server's colours are facts beside the text, not sequences in it.

use jiff::Timestamp;

use super::Shown;

/// How serious a log line says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something may.
    Warn,
    /// Told in passing.
    Info,
    /// For developers.
    Debug,
}

/// What a line in a log window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLineKind {
    /// A line that the server wrote.
    Text,
    /// berth's own mark: the file was rotated, truncated, appeared, or lines were dropped.
    Mark,
}

/// A colour that a server chose for its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogColor {
    /// One of the 256; the first 16 are what the terminal makes of them.
    Indexed(u8),
    /// Red, green, blue.
    Rgb(u8, u8, u8),
}

/// How a server wants its words to look. There is no concealing and no blinking: neither can be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogStyle {
    /// The letters' colour; `None` is the terminal's own.
    pub foreground: Option<LogColor>,
    /// The colour behind them, never the letters' own.
    pub background: Option<LogColor>,
    /// Bold.
    pub bold: bool,
    /// Dim.
    pub dim: bool,
    /// Italic.
    pub italic: bool,
    /// Underlined.
    pub underline: bool,
    /// Letters and background change places.
    pub reverse: bool,
}

/// A style that holds from a place in a line's text to the next span, or to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSpan {
    /// Where it begins, in bytes of the text; always at a character.
    pub start: u32,
    /// How it looks from there on.
    pub style: LogStyle,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Its number since following began, from 1; marks have one too. Never used twice.
    pub number: u64,
    /// Whether the server or berth wrote it.
    pub kind: LogLineKind,
    /// The level that it names, if it does.
    pub level: Option<LogLevel>,
    /// When it says it was written; of a line that does not say, when the one before it was.
    pub at: Option<Timestamp>,
    /// The text, without its line end.
    pub text: Shown,
    /// The server's own colours, in the order of the text. What lies before the first one has none.
    pub spans: Box<[LogSpan]>,
    /// How many of the server's lines a mark stands for, which were not kept.
    pub passed: u64,
    /// It is the mark of a place where lines may be missing and nobody knows how many: the file was truncated, or rotated too fast.
    pub is_gap: bool,
    /// Which of the logs it is from that are read as one; 0 where it is one alone.
    pub source: u16,
}

impl LogLine {
    /// A server's line in one colour.
    pub fn text(number: u64, level: Option<LogLevel>, text: Shown) -> Self {
        Self { number, kind: LogLineKind::Text, level, at: None, text, spans: Box::default(), passed: 0, is_gap: false, source: 0 }
    }

    /// berth's own mark.
    pub fn mark(number: u64, text: Shown) -> Self {
        Self { kind: LogLineKind::Mark, ..Self::text(number, None, text) }
    }

    /// The text in pieces of one style each, none of them empty.
    pub fn pieces(&self) -> impl Iterator<Item = (&str, LogStyle)> {
        let text = self.text.as_str();
        let ends = self.spans.iter().map(|span| span.start as usize).chain([text.len()]);
        let begins = [0].into_iter().chain(self.spans.iter().map(|span| span.start as usize));
        let styles = [LogStyle::default()].into_iter().chain(self.spans.iter().map(|span| span.style));
        begins.zip(ends).zip(styles).filter_map(move |((begin, end), style)| {
            let piece = text.get(begin..end)?;
            (!piece.is_empty()).then_some((piece, style))
        })
    }
}

/// A piece of a followed log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogView {
    /// The lines asked for, oldest first.
    pub lines: Vec<LogLine>,
    /// The number of the oldest line that is still kept; 0 when there is none.
    pub oldest: u64,
    /// The number of the newest line; 0 when there is none.
    pub newest: u64,
    /// How many lines were dropped because they came faster than they could be kept.
    pub dropped: u64,
    /// How many bytes were passed over without even counting their lines.
    pub dropped_bytes: u64,
    /// Before the first of these lines: marks of places where lines may be missing and nobody knows how many, kept or not.
    pub gaps_before: u64,
    /// How many of the server's lines came before the first one of `lines`, dropped ones included, since following began.
    pub before: u64,
    /// The newest line has no end yet: it is seen again, longer, with the same number.
    pub unfinished: bool,
    /// Why there is nothing, in words: "there is no log yet at /…", "may not be read".
    pub notice: Option<Shown>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_falls_into_pieces_where_its_style_changes() {
        let bold = LogStyle { bold: true, ..LogStyle::default() };
        let mut line = LogLine::text(1, None, Shown::from("a größe b"));
        assert_eq!(line.pieces().collect::<Vec<_>>(), [("a größe b", LogStyle::default())]);
        line.spans = [LogSpan { start: 2, style: bold }, LogSpan { start: 9, style: LogStyle::default() }].into();
        assert_eq!(
            line.pieces().map(|(piece, style)| (piece, style.bold)).collect::<Vec<_>>(),
            [("a ", false), ("größe", true), (" b", false)]
        );
        line.spans = [LogSpan { start: 0, style: bold }, LogSpan { start: 0, style: bold }].into();
        assert_eq!(line.pieces().count(), 1);
        assert_eq!(LogLine::text(1, None, Shown::from("")).pieces().count(), 0);
    }
}
