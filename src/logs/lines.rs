//! Lines out of bytes: where one ends, how long it may be, and what of it can be shown.
//!
//! It must never hold more than one line, and never more of it than 128 KiB; bytes become text only when the line is whole, so that no
//! character is split where two reads meet.

use super::colour::separate;
use crate::domain::{LogSpan, Shown};

/// The longest line that is kept, in bytes; what is cut away is marked with `…`.
pub const LONGEST_LINE: usize = 128 * 1024;

/// The bytes of one line, without its line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'bytes> {
    /// The bytes, at most [`LONGEST_LINE`] of them.
    pub bytes: &'bytes [u8],
    /// Its beginning was not read.
    pub headless: bool,
    /// It goes on, further than is kept or than has been written yet.
    pub unfinished: bool,
    /// Its end was cut away.
    pub cut: bool,
}

/// Splits what is fed to it at line ends, however the feeding is cut.
#[derive(Clone, Debug, Default)]
pub(super) struct Splitter {
    held: Vec<u8>,
    cut: bool,
    headless: bool,
}

impl Splitter {
    /// One that begins in the middle of a line.
    pub fn headless() -> Self {
        Self { headless: true, ..Self::default() }
    }

    /// Takes bytes and hands out each line that they complete.
    pub fn feed(&mut self, bytes: &[u8], mut line: impl FnMut(Piece<'_>)) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            if self.held.is_empty() && end <= LONGEST_LINE {
                // Nearly all lines lie whole in what was read: no copy.
                line(Piece { bytes: &rest[..end], headless: self.headless, unfinished: false, cut: self.cut });
            } else {
                self.hold(&rest[..end]);
                line(Piece { bytes: &self.held, headless: self.headless, unfinished: false, cut: self.cut });
            }
            self.clear();
            rest = &rest[end + 1..];
        }
        self.hold(rest);
    }

    /// The line that has no end yet, if it has begun.
    pub fn open(&self) -> Option<Piece<'_>> {
        (!self.held.is_empty()).then_some(Piece { bytes: &self.held, headless: self.headless, unfinished: true, cut: self.cut })
    }

    /// Ends the line that has no end: nothing more will come for it.
    pub fn finish(&mut self, line: impl FnOnce(Piece<'_>)) {
        if let Some(piece) = self.open() {
            line(Piece { unfinished: false, ..piece });
        }
        self.clear();
    }

    fn hold(&mut self, bytes: &[u8]) {
        let room = LONGEST_LINE.saturating_sub(self.held.len());
        self.cut |= bytes.len() > room;
        self.held.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn clear(&mut self) {
        self.held.clear();
        self.cut = false;
        self.headless = false;
    }
}

impl Piece<'_> {
    /// The line as it can be shown: no carriage return at its end, tabs as spaces, colours beside the text, everything else that a
    /// terminal could obey as its picture.
    pub fn read(&self) -> Written {
        let mut bytes = self.bytes;
        if self.headless {
            // At most three bytes of a character whose first one was not read.
            let rest = bytes.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count();
            bytes = &bytes[rest..];
        }
        if self.cut || self.unfinished {
            bytes = without_split_character(bytes);
        } else if let [rest @ .., b'\r'] = bytes {
            bytes = rest;
        }
        let text = String::from_utf8_lossy(bytes);
        let whole = !self.headless && !self.cut;
        if whole && !text.bytes().any(|byte| byte == b'\t' || byte == 0x1b) {
            return Written { text: Shown::within(&text, LONGEST_LINE), spans: Box::default() };
        }
        let mut plain = String::with_capacity(text.len() + 16);
        if self.headless {
            plain.push('…');
        }
        let mut spans = separate(&text, &mut plain);
        // Tabs make a line longer than it was written.
        let cut = match plain.char_indices().nth(LONGEST_LINE) {
            Some((end, _)) if plain.len() > LONGEST_LINE => {
                plain.truncate(end);
                true
            }
            _ => self.cut,
        };
        spans.retain(|span| (span.start as usize) < plain.len());
        if cut {
            plain.push('…');
        }
        Written { text: Shown::within(&plain, LONGEST_LINE + 2), spans: spans.into() }
    }

    /// Its bytes as they came, where nothing in them needs cleaning: what most lines are, and cheap to search.
    pub fn as_plain(&self) -> Option<&[u8]> {
        (!self.headless && !self.cut && self.bytes.iter().all(|byte| (0x20..0x7f).contains(byte))).then_some(self.bytes)
    }
}

/// A line made harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// The text.
    pub text: Shown,
    /// The colours beside it.
    pub spans: Box<[LogSpan]>,
}

/// Leaves out the first bytes of a last character that did not come whole.
fn without_split_character(bytes: &[u8]) -> &[u8] {
    let tail = bytes.len().saturating_sub(3);
    for start in (tail..bytes.len()).rev() {
        if bytes[start] >= 0xc0 {
            return match std::str::from_utf8(&bytes[start..]) {
                Err(fault) if fault.error_len().is_none() => &bytes[..start],
                _ => bytes,
            };
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(chunks: &[&[u8]]) -> Vec<String> {
        let mut splitter = Splitter::default();
        let mut lines = Vec::new();
        for chunk in chunks {
            splitter.feed(chunk, |piece| lines.push(piece.read().text.as_str().to_owned()));
        }
        splitter.finish(|piece| lines.push(piece.read().text.as_str().to_owned()));
        lines
    }

    #[test]
    fn lines_are_split_however_they_come() {
        assert_eq!(split(&[b"a\nb", b"c\n\nd\r\n", b"e"]), ["a", "bc", "", "d", "e"]);
        assert_eq!(split(&[]), Vec::<String>::new());
        assert_eq!(split(&[b"\n"]), [""]);
    }

    #[test]
    fn a_character_split_between_two_reads_is_whole() {
        let bytes = "größe 日本\n".as_bytes();
        for at in 0..bytes.len() {
            assert_eq!(split(&[&bytes[..at], &bytes[at..]]), ["größe 日本"]);
        }
    }

    #[test]
    fn an_open_line_shows_no_half_character() {
        let bytes = "grö€".as_bytes();
        let seen: Vec<_> = (1..=bytes.len())
            .map(|end| {
                let mut splitter = Splitter::default();
                splitter.feed(&bytes[..end], |_| panic!("no line is complete"));
                splitter.open().unwrap().read().text.as_str().to_owned()
            })
            .collect();
        assert_eq!(seen, ["g", "gr", "gr", "grö", "grö", "grö", "grö€"]);
    }

    #[test]
    fn a_long_line_is_cut_and_marked_and_its_end_is_not_a_line() {
        let mut bytes = "ä".repeat(600_000).into_bytes();
        bytes.extend_from_slice(b"\nnext\n");
        let chunks: Vec<&[u8]> = bytes.chunks(1000).collect();
        let lines = split(&chunks);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].chars().count(), LONGEST_LINE / 2 + 1);
        assert!(lines[0].ends_with("ä…"));
        assert_eq!(lines[1], "next");
    }

    #[test]
    fn a_long_line_in_one_read_is_cut_too() {
        let mut bytes = vec![b'x'; 1_000_000];
        bytes.extend_from_slice(b"\ny\n");
        let lines = split(&[&bytes]);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].len(), LONGEST_LINE + '…'.len_utf8());
        let exact = vec![b'x'; LONGEST_LINE];
        assert!(!split(&[&exact, b"\n"])[0].contains('…'));
    }

    #[test]
    fn what_begins_in_the_middle_is_marked() {
        let mut splitter = Splitter::headless();
        let mut lines = Vec::new();
        splitter.feed(&"€ a\nb\n".as_bytes()[1..], |piece| lines.push(piece.read().text.as_str().to_owned()));
        assert_eq!(lines, ["… a", "b"]);
    }

    #[test]
    fn colours_go_and_all_else_is_shown() {
        assert_eq!(split(&[b"\x1b[1;31mred\x1b[0m \x1b[38:5:1mx\x1b[m\n"]), ["red x"]);
        assert_eq!(split(&[b"\x1b[2Jx\x1b]0;t\x07\x1b[31\x1b\x1b[\n"]), ["␛[2Jx␛]0;t␇␛[31␛␛["]);
        assert_eq!(split(&[b"a\rb\0\xff\n"]), ["a␍b␀\u{fffd}"]);
    }

    #[test]
    fn tabs_reach_the_next_stop() {
        assert_eq!(split(&[b"\tx\n"]), ["        x"]);
        assert_eq!(split(&[b"abc\tx\n"]), ["abc     x"]);
        assert_eq!(split(&["日\x1b[31m\tx\n".as_bytes()]), ["日      x"]);
    }

    proptest! {
        #[test]
        fn f15_the_chunks_do_not_matter(bytes in proptest::collection::vec(any::<u8>(), 0..300), size in 1_usize..40) {
            let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
            prop_assert_eq!(split(&chunks), split(&[&bytes]));
        }
    }
}
