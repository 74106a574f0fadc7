//! Some hundred lines of a log that stay together: which of them are to be seen, which were found, which name an error.
//!
//! It must never be judged twice for the same wish: what was found out is kept as bits.

use std::sync::Arc;

use super::pack::{Packed, Packer, records};
use super::want::{Line, Want};
use crate::domain::{LogLevel, LogLine};

/// How many lines a chunk has at most.
pub(super) const MOST_LINES: usize = 512;

/// From this much text on it takes no more, in bytes.
const MOST_BYTES: usize = 64 * 1024;

/// Beside its text, what a line takes while it is not packed, in bytes.
const LINE: usize = std::mem::size_of::<LogLine>() + 16;

/// One bit for each line of a chunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits([u64; MOST_LINES / 64]);

impl Bits {
    /// The first `count`.
    pub fn first(count: usize) -> Self {
        let mut bits = Self::default();
        for (index, word) in bits.0.iter_mut().enumerate() {
            let here = count.saturating_sub(index * 64).min(64);
            *word = if here == 64 { u64::MAX } else { (1 << here) - 1 };
        }
        bits
    }

    pub fn set(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    pub fn has(&self, index: usize) -> bool {
        self.0.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    pub fn and(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word &= other);
        self
    }

    pub fn without(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word &= !other);
        self
    }

    pub fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Those that are set, in their order.
    pub fn each(self) -> impl DoubleEndedIterator<Item = usize> {
        (0..MOST_LINES).filter(move |index| self.has(*index))
    }
}

/// The lines themselves.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// As they came.
    Plain(Arc<Vec<LogLine>>),
    /// In little memory.
    Packed(Arc<Packed>),
}

impl Body {
    /// Looks at each line.
    pub fn each(&self, mut look: impl FnMut(usize, &Line<'_>)) {
        match self {
            Self::Plain(lines) => lines.iter().enumerate().for_each(|(index, line)| look(index, &Line::of(line))),
            Self::Packed(packed) => records(&packed.unpack()).enumerate().for_each(|(index, record)| look(index, &record.line)),
        }
    }

    /// Those of the lines that are wanted; `first` is the number of the chunk's first one.
    pub fn lines(&self, first: u64, wanted: Bits) -> Vec<LogLine> {
        match self {
            Self::Plain(lines) => wanted.each().filter_map(|index| lines.get(index)).cloned().collect(),
            Self::Packed(packed) => {
                let plain = packed.unpack();
                let numbered = records(&plain).enumerate().filter(|(index, _)| wanted.has(*index));
                numbered.map(|(index, record)| record.to_line(first + index as u64)).collect()
            }
        }
    }

    /// Which lines pass, and in which something is found.
    pub fn judge(&self, want: &Want) -> (Bits, Bits) {
        let (mut passing, mut found) = (Bits::default(), Bits::default());
        self.each(|index, line| {
            if want.passes(line) {
                passing.set(index);
                if want.finds(line) {
                    found.set(index);
                }
            }
        });
        (passing, found)
    }
}

/// A chunk.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    /// The number of its first line; the others follow without gaps.
    pub first: u64,
    /// How many lines it has.
    pub count: usize,
    /// The lines.
    pub body: Body,
    /// Which name an error.
    pub errors: Bits,
    /// Which are to be seen, and for which wish that was found out.
    pub passing: Bits,
    pub passing_for: u64,
    /// In which of those something was found, and for which wish.
    pub found: Bits,
    pub found_for: u64,
    text: usize,
}

impl Chunk {
    /// One without lines.
    pub fn new(first: u64) -> Self {
        let body = Body::Plain(Arc::default());
        let none = Bits::default();
        Self { first, count: 0, body, errors: none, passing: none, passing_for: 0, found: none, found_for: 0, text: 0 }
    }

    /// Whether it takes no more.
    pub fn is_full(&self) -> bool {
        self.count >= MOST_LINES || self.text >= MOST_BYTES || matches!(self.body, Body::Packed(_))
    }

    /// The number after its last line.
    pub fn end(&self) -> u64 {
        self.first + self.count as u64
    }

    /// Adds a line, which gets its number here.
    pub fn push(&mut self, line: LogLine) {
        let Body::Plain(lines) = &mut self.body else { return };
        if line.level == Some(LogLevel::Error) {
            self.errors.set(self.count);
        }
        self.text += weight(&line);
        let number = self.first + self.count as u64;
        Arc::make_mut(lines).push(LogLine { number, ..line });
        self.count += 1;
    }

    /// Gives it other numbers.
    pub fn number(&mut self, first: u64) {
        self.first = first;
        if let Body::Plain(lines) = &mut self.body {
            let lines = Arc::make_mut(lines);
            lines.iter_mut().zip(first..).for_each(|(line, number)| line.number = number);
        }
    }

    /// How much memory it takes, in bytes.
    pub fn weight(&self) -> usize {
        std::mem::size_of::<Self>()
            + match &self.body {
                Body::Plain(_) => self.text + self.count * LINE,
                Body::Packed(packed) => packed.weight(),
            }
    }

    /// Packs its lines.
    pub fn pack(&mut self, packer: &mut Packer) {
        if let Body::Plain(lines) = &self.body
            && let Some(packed) = packer.pack(lines)
        {
            self.body = Body::Packed(Arc::new(packed));
        }
    }

    /// The bits of the lines from `from` up to and with `to`.
    pub fn between(&self, from: u64, to: u64) -> Bits {
        let place = |number: u64| usize::try_from(number.saturating_sub(self.first)).unwrap_or(MOST_LINES).min(self.count);
        Bits::first(place(to.saturating_add(1))).without(Bits::first(place(from)))
    }
}

/// What a line takes, its colours included.
fn weight(line: &LogLine) -> usize {
    line.text.as_str().len() + std::mem::size_of_val(&*line.spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_and_cut() {
        for count in [0, 1, 63, 64, 65, 511, 512] {
            let bits = Bits::first(count);
            assert_eq!((bits.count(), bits.each().last()), (count as u64, count.checked_sub(1)), "{count}");
        }
        let bits = Bits::first(100).without(Bits::first(70));
        assert_eq!((bits.count(), bits.each().next(), bits.has(69), bits.has(70)), (30, Some(70), false, true));
    }

    #[test]
    fn a_chunk_knows_its_lines_before_and_after_packing() {
        let mut chunk = Chunk::new(1000);
        for index in 0..100 {
            let level = (index % 10 == 3).then_some(LogLevel::Error);
            chunk.push(LogLine::text(0, level, format!("line {index}").as_str().into()));
        }
        let want = Want { keep: vec![super::super::Pattern::new("7$").unwrap()], ..Want::default() };
        let before = (chunk.body.lines(1000, chunk.between(1003, 1005)), chunk.body.judge(&want));
        assert_eq!(before.0.iter().map(|line| line.number).collect::<Vec<_>>(), [1003, 1004, 1005]);
        assert_eq!((before.1.0.count(), chunk.errors.count()), (10, 10));
        let plain = chunk.weight();
        chunk.pack(&mut Packer::new());
        assert_eq!((chunk.body.lines(1000, chunk.between(1003, 1005)), chunk.body.judge(&want)), before);
        assert!(chunk.is_full() && chunk.weight() < plain / 3, "{} of {plain}", chunk.weight());
    }

    #[test]
    fn what_is_long_fills_it_early() {
        let mut chunk = Chunk::new(1);
        chunk.push(LogLine::text(0, None, crate::domain::Shown::within(&"x".repeat(90_000), 100_000)));
        assert!(chunk.is_full());
    }
}
