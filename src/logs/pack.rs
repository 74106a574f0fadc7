//! Lines in little memory: compressed, and read again a chunk at a time.
//!
//! It must never hold what was not cleaned: only lines that were `Shown` go in, and they come out the same.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use jiff::Timestamp;

use super::lines::LONGEST_LINE;
use super::want::Line;
use crate::domain::{LogColor, LogLevel, LogLine, LogLineKind, LogSpan, LogStyle, Shown};

/// What packs. Its tables take some hundred kilobytes, so it is kept.
#[derive(Debug)]
pub(super) struct Packer {
    compress: Compress,
    plain: Vec<u8>,
}

/// Lines that were packed.
#[derive(Debug)]
pub(super) struct Packed {
    bytes: Box<[u8]>,
    /// How many bytes they were.
    plain: usize,
}

/// A line as it was packed.
pub(super) struct Record<'bytes> {
    /// What is looked at to judge it.
    pub line: Line<'bytes>,
    source: u16,
    spans: &'bytes [u8],
}

impl Packer {
    pub fn new() -> Self {
        Self { compress: Compress::new(Compression::fast(), false), plain: Vec::new() }
    }

    /// Packs lines; `None` when the compressor will not, so that they stay as they are.
    pub fn pack(&mut self, lines: &[LogLine]) -> Option<Packed> {
        self.plain.clear();
        for line in lines {
            write(line, &mut self.plain);
        }
        self.compress.reset();
        // Room for what cannot be made smaller, zlib(3) compressBound.
        let mut bytes = Vec::with_capacity(self.plain.len() + self.plain.len() / 1000 + 64);
        let status = self.compress.compress_vec(&self.plain, &mut bytes, FlushCompress::Finish).ok()?;
        (status == Status::StreamEnd).then(|| Packed { bytes: bytes.into_boxed_slice(), plain: self.plain.len() })
    }
}

impl Packed {
    /// How much memory it takes, in bytes.
    pub fn weight(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes that it was made of.
    pub fn unpack(&self) -> Vec<u8> {
        let mut plain = Vec::with_capacity(self.plain + 1);
        // What was packed here is whole: there is nothing to go wrong, and what does shows as no lines.
        let _ = Decompress::new(false).decompress_vec(&self.bytes, &mut plain, FlushDecompress::Finish);
        plain
    }
}

/// The lines in what was unpacked, in their order.
pub(super) fn records(plain: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut reader = Reader(plain);
    std::iter::from_fn(move || reader.record())
}

impl Record<'_> {
    /// The line with this number.
    pub fn to_line(&self, number: u64) -> LogLine {
        let mut spans = Reader(self.spans);
        LogLine {
            kind: self.line.kind,
            at: self.line.at,
            passed: self.line.passed,
            is_gap: self.line.is_gap,
            source: self.source,
            spans: std::iter::from_fn(|| spans.span()).collect(),
            ..LogLine::text(number, self.line.level, Shown::within(self.line.text, LONGEST_LINE + 2))
        }
    }
}

const LEVELS: [Option<LogLevel>; 5] = [None, Some(LogLevel::Error), Some(LogLevel::Warn), Some(LogLevel::Info), Some(LogLevel::Debug)];

fn write(line: &LogLine, out: &mut Vec<u8>) {
    let level = LEVELS.iter().position(|level| *level == line.level).unwrap_or(0);
    let is_mark = line.kind == LogLineKind::Mark;
    out.push(u8::try_from(level).unwrap_or(0) | u8::from(is_mark) << 3 | u8::from(line.at.is_some()) << 4 | u8::from(line.is_gap) << 5);
    out.extend_from_slice(&line.source.to_le_bytes());
    if let Some(at) = line.at {
        out.extend_from_slice(&at.as_second().to_le_bytes());
        out.extend_from_slice(&at.subsec_nanosecond().to_le_bytes());
    }
    if is_mark {
        out.extend_from_slice(&line.passed.to_le_bytes());
    }
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
    let begin = out.len();
    out.extend_from_slice(&length(0));
    for span in &line.spans {
        write_span(span, out);
    }
    let spans = out.len() - begin - 4;
    if let Some(place) = out.get_mut(begin..begin + 4) {
        place.copy_from_slice(&length(spans));
    }
    out.extend_from_slice(&length(line.text.as_str().len()));
    out.extend_from_slice(line.text.as_str().as_bytes());
}

fn write_span(span: &LogSpan, out: &mut Vec<u8>) {
    let style = span.style;
    let attributes = [style.bold, style.dim, style.italic, style.underline, style.reverse];
    out.extend_from_slice(&span.start.to_le_bytes());
    out.push(attributes.iter().enumerate().fold(0, |bits, (index, is_on)| bits | u8::from(*is_on) << index));
    for colour in [style.foreground, style.background] {
        match colour {
            None => out.push(0),
            Some(LogColor::Indexed(index)) => out.extend_from_slice(&[1, index]),
            Some(LogColor::Rgb(red, green, blue)) => out.extend_from_slice(&[2, red, green, blue]),
        }
    }
}

struct Reader<'bytes>(&'bytes [u8]);

impl<'bytes> Reader<'bytes> {
    fn take(&mut self, count: usize) -> Option<&'bytes [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    fn array<const COUNT: usize>(&mut self) -> Option<[u8; COUNT]> {
        self.take(COUNT)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.array()?)).ok()
    }

    fn record(&mut self) -> Option<Record<'bytes>> {
        let flags = self.byte()?;
        let level = LEVELS.get(usize::from(flags & 7)).copied().flatten();
        let source = u16::from_le_bytes(self.array()?);
        let at = if flags & 16 == 0 {
            None
        } else {
            let (second, nanosecond) = (i64::from_le_bytes(self.array()?), i32::from_le_bytes(self.array()?));
            Timestamp::new(second, nanosecond).ok()
        };
        let (kind, passed) = if flags & 8 == 0 { (LogLineKind::Text, 0) } else { (LogLineKind::Mark, u64::from_le_bytes(self.array()?)) };
        let spans = self.length()?;
        let spans = self.take(spans)?;
        let length = self.length()?;
        let text = std::str::from_utf8(self.take(length)?).ok()?;
        Some(Record { line: Line { kind, level, at, passed, is_gap: flags & 32 != 0, text }, source, spans })
    }

    fn span(&mut self) -> Option<LogSpan> {
        let start = u32::from_le_bytes(self.array()?);
        let bits = self.byte()?;
        let is_on = |index: u8| bits >> index & 1 == 1;
        let (foreground, background) = (self.colour()?, self.colour()?);
        let style =
            LogStyle { foreground, background, bold: is_on(0), dim: is_on(1), italic: is_on(2), underline: is_on(3), reverse: is_on(4) };
        Some(LogSpan { start, style })
    }

    fn colour(&mut self) -> Option<Option<LogColor>> {
        Some(match self.byte()? {
            0 => None,
            1 => Some(LogColor::Indexed(self.byte()?)),
            _ => self.array().map(|[red, green, blue]| LogColor::Rgb(red, green, blue)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_packed_comes_out_the_same() {
        let style = LogStyle { foreground: Some(LogColor::Rgb(1, 2, 3)), background: Some(LogColor::Indexed(7)), ..LogStyle::default() };
        let plain = LogStyle { bold: true, reverse: true, ..LogStyle::default() };
        let spans = [LogSpan { start: 0, style }, LogSpan { start: 3, style: plain }].into();
        let at = Some(Timestamp::new(1_700_000_000, 123_456_789).unwrap());
        let lines = [
            LogLine { spans, at, source: 3, ..LogLine::text(7, Some(LogLevel::Warn), Shown::from("größe ␛[2J")) },
            LogLine { is_gap: true, ..LogLine::mark(8, Shown::from("the log was truncated")) },
            LogLine { passed: 99, ..LogLine::mark(9, Shown::from("99 lines were passed over")) },
            LogLine::text(10, None, Shown::from("")),
            LogLine::text(11, Some(LogLevel::Debug), Shown::within(&"x".repeat(LONGEST_LINE + 9), LONGEST_LINE)),
        ];
        let packed = Packer::new().pack(&lines).unwrap();
        let plain = packed.unpack();
        let back: Vec<LogLine> = records(&plain).zip(7..).map(|(record, number)| record.to_line(number)).collect();
        assert_eq!(back, lines);
        assert!(packed.weight() < 1000);
    }

    proptest! {
        #[test]
        fn any_text_comes_back(texts in proptest::collection::vec("\\PC{0,60}", 0..20)) {
            let lines: Vec<LogLine> = texts.iter().map(|text| LogLine::text(1, None, Shown::new(text))).collect();
            let plain = Packer::new().pack(&lines).unwrap().unpack();
            prop_assert_eq!(records(&plain).map(|record| record.to_line(1)).collect::<Vec<_>>(), lines);
        }

        #[test]
        fn broken_bytes_end_it(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(records(&bytes).take(300).count() < 300);
        }
    }
}
