//! Fuzzing door: a log's bytes, however they come.
//!
//! It must never follow a file that it did not make: the bytes are given, and lie in memory.

use std::cell::RefCell;
use std::fs::File;
use std::os::unix::fs::FileExt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::lines::{Piece, Splitter, Written};
use super::pack::{Packer, records};
use super::time::Times;
use super::{last_lines, ring};
use crate::domain::{LogLine, Shown};

thread_local! {
    /// Its tables are large; it is kept, as it is in the program.
    static PACKER: RefCell<Packer> = RefCell::new(Packer::new());
}

/// How it is cut makes no difference: fed in pieces, read from a file's end or packed, the lines are the same; and all are harmless.
pub fn log_lines(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else { return };
    let whole = split(bytes, bytes.len().max(1));
    assert_eq!(split(bytes, usize::from(*first).max(1)), whole);
    whole.iter().for_each(is_right);
    let mut headless = Splitter::headless();
    headless.feed(bytes, |piece| is_right(&piece.read()));
    headless.open().iter().for_each(|piece| is_right(&piece.read()));

    let mut times = Times::new(TimeZone::UTC, Timestamp::UNIX_EPOCH);
    let lines: Vec<LogLine> = whole.into_iter().map(|written| ring::line(written, |text| times.next(text))).collect();
    // Whatever berth itself packed comes out as it was; what it did not is only not to be believed.
    if let Some(packed) = PACKER.with_borrow_mut(|packer| packer.pack(&lines)) {
        let again: Vec<LogLine> = records(&packed.unpack()).map(|record| record.to_line(0)).collect();
        assert_eq!(again, lines);
    }
    records(bytes).for_each(|record| is_harmless(&record.to_line(1).text));

    let Some(file) = memory(bytes) else { return };
    let count = usize::from(*first) % 8;
    let Ok(last) = last_lines(&file, count) else { unreachable!("memory can be read") };
    let texts = |lines: &[LogLine]| lines.iter().map(|line| (line.text.clone(), line.spans.clone())).collect::<Vec<_>>();
    assert_eq!(texts(&last), texts(lines.get(lines.len().saturating_sub(count)..).unwrap_or_default()));
}

fn split(bytes: &[u8], size: usize) -> Vec<Written> {
    let mut splitter = Splitter::default();
    let mut lines = Vec::new();
    for chunk in bytes.chunks(size) {
        splitter.feed(chunk, |piece| {
            if let Some(plain) = piece.as_plain() {
                assert_eq!(piece.read().text.as_str().as_bytes(), plain);
            }
            lines.push(piece.read());
        });
        splitter.open().iter().for_each(|open: &Piece<'_>| is_right(&open.read()));
    }
    splitter.finish(|piece| lines.push(piece.read()));
    lines
}

fn is_harmless(text: &Shown) {
    crate::domain::fuzz::is_fit_to_be_seen(text.as_str());
}

fn is_right(written: &Written) {
    is_harmless(&written.text);
    let text = written.text.as_str();
    let begins: Vec<usize> = written.spans.iter().map(|span| span.start as usize).collect();
    assert!(begins.iter().all(|begin| text.is_char_boundary(*begin) && *begin < text.len()), "{written:?}");
    assert!(begins.is_sorted_by(|one, next| one < next), "{written:?}");
    assert!(written.spans.iter().all(|span| span.style.foreground.is_none() || span.style.foreground != span.style.background));
}

fn memory(bytes: &[u8]) -> Option<File> {
    let file = File::from(rustix::fs::memfd_create("log", rustix::fs::MemfdFlags::CLOEXEC).ok()?);
    file.write_all_at(bytes, 0).ok()?;
    Some(file)
}
