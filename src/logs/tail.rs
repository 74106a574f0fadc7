//! The end of a file, read from its end.
//!
//! It must never read what it does not show beyond a bound that is named: a log of 10 GB costs what one of 10 KB does. Positions are
//! given with every read (pread(2)), so that a descriptor's own offset is never in anybody's way.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::lines::{Piece, Splitter};
use super::ring::line;
use super::seek::time_before;
use super::time::Times;
use crate::domain::LogLine;

/// How much is read at a time.
const CHUNK: usize = 64 * 1024;

/// How far it is looked back for line ends when few lines are wanted.
pub(super) const LOOK_BACK: u64 = 64 * 1024 * 1024;

/// Where the last lines of a stretch of a file begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The first byte of the first line.
    pub start: u64,
    /// There was no line end as far as was looked: it begins in the middle of a line.
    pub headless: bool,
}

/// Finds where the last `count` lines between `from` and `to` begin, looking back at most `most` bytes.
///
/// `from` counts as the beginning of a line. A line end that is the very last byte ends the last line and begins none.
pub(super) fn window(file: &File, from: u64, to: u64, count: usize, most: u64) -> io::Result<Window> {
    if count == 0 || from >= to {
        return Ok(Window { start: to.max(from), headless: false });
    }
    let floor = to.saturating_sub(most).max(from);
    let mut buffer = vec![0; CHUNK];
    let mut position = to;
    let mut found = 0;
    let mut first = None;
    while position > floor {
        let start = position.saturating_sub(CHUNK as u64).max(floor);
        let length = usize::try_from(position - start).unwrap_or(CHUNK);
        let chunk = &mut buffer[..length];
        file.read_exact_at(chunk, start)?;
        let mut rest = &*chunk;
        while let Some(index) = rest.iter().rposition(|byte| *byte == b'\n') {
            rest = &rest[..index];
            let after = start + index as u64 + 1;
            if after == to {
                continue;
            }
            first = Some(after);
            found += 1;
            if found == count {
                return Ok(Window { start: after, headless: false });
            }
        }
        position = start;
    }
    Ok(match first {
        _ if floor == from => Window { start: from, headless: false },
        Some(start) => Window { start, headless: false },
        None => Window { start: floor, headless: true },
    })
}

/// Reads `from..to` in pieces and hands each to `take`. Ends early, without an error, where the file ends early. Returns how far it came.
pub(super) fn read(file: &File, from: u64, to: u64, mut take: impl FnMut(&[u8])) -> io::Result<u64> {
    let mut buffer = vec![0; CHUNK.min(usize::try_from(to.saturating_sub(from)).unwrap_or(CHUNK))];
    let mut position = from;
    while position < to {
        let length = usize::try_from(to - position).unwrap_or(CHUNK).min(CHUNK);
        match file.read_at(&mut buffer[..length], position) {
            Ok(0) => break,
            Ok(count) => {
                take(&buffer[..count]);
                position += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(position)
}

/// How many lines end between `from` and `to`.
pub(super) fn count_lines(file: &File, from: u64, to: u64) -> io::Result<u64> {
    let mut lines = 0;
    read(file, from, to, |bytes| lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u64)?;
    Ok(lines)
}

/// A stretch of a file, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    /// Its first byte, which begins a line.
    pub from: u64,
    /// The byte after its last one.
    pub to: u64,
}

/// How much is searched at a time from the end.
const BLOCK: u64 = 1024 * 1024;

/// The last `count` lines of a stretch that are wanted. Reads backwards as far as it has to.
pub(super) fn last_matches(
    file: &File,
    range: Range,
    count: usize,
    times: &Times,
    mut wanted: impl FnMut(&Piece<'_>) -> bool,
) -> io::Result<Vec<LogLine>> {
    let mut blocks: Vec<VecDeque<LogLine>> = Vec::new();
    let (mut left, mut to) = (count, range.to);
    while left > 0 && to > range.from {
        let (start, headless) = block_start(file, range.from, to)?;
        let mut times = times.clone();
        times.set_last(time_before(file, start, &times)?);
        let mut splitter = if headless { Splitter::headless() } else { Splitter::default() };
        let mut found = VecDeque::new();
        let mut take = |piece: Piece<'_>| {
            if !wanted(&piece) {
                times.next(&String::from_utf8_lossy(&piece.bytes[..piece.bytes.len().min(1024)]));
                return;
            }
            if found.len() == left {
                found.pop_front();
            }
            found.push_back(line(piece.read(), |text| times.next(text)));
        };
        read(file, start, to, |bytes| splitter.feed(bytes, &mut take))?;
        splitter.finish(&mut take);
        left -= found.len();
        blocks.push(found);
        to = start;
    }
    Ok(blocks.into_iter().rev().flatten().collect())
}

/// Where the lines of the last block before `to` begin; a line that is longer than a block makes it longer, up to a bound.
fn block_start(file: &File, from: u64, to: u64) -> io::Result<(u64, bool)> {
    let mut buffer = vec![0; CHUNK];
    let mut back = BLOCK;
    loop {
        let start = to.saturating_sub(back).max(from);
        if start == from {
            return Ok((start, false));
        }
        let mut position = start;
        // The line that `start` lies in is the next block's; one that ends right before `to` is none to begin with.
        while position < to.saturating_sub(back / 2) {
            let length = usize::try_from((to - position).min(CHUNK as u64)).unwrap_or(CHUNK);
            file.read_exact_at(&mut buffer[..length], position)?;
            if let Some(index) = buffer[..length].iter().position(|byte| *byte == b'\n')
                && position + (index as u64) + 1 < to
            {
                return Ok((position + index as u64 + 1, false));
            }
            position += length as u64;
        }
        if back >= LOOK_BACK {
            return Ok((start, true));
        }
        back *= 2;
    }
}

/// The last `count` lines of a file as it is now, numbered from 1.
///
/// Of lines without an end for more than 64 MiB only the last part is told, with `…` before it.
///
/// # Errors
/// Those of fstat(2) and pread(2).
pub fn last_lines(file: &File, count: usize) -> io::Result<Vec<LogLine>> {
    let size = file.metadata()?.len();
    let window = match window(file, 0, size, count, LOOK_BACK) {
        // It was truncated meanwhile: all that it has now is new, and less.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => window(file, 0, file.metadata()?.len(), count, LOOK_BACK),
        other => other,
    }?;
    let mut splitter = if window.headless { Splitter::headless() } else { Splitter::default() };
    let (mut lines, mut times) = (Vec::new(), Times::of_host());
    let mut keep = |piece: Piece<'_>| {
        let read = line(piece.read(), |text| times.next(text));
        lines.push(LogLine { number: lines.len() as u64 + 1, ..read });
    };
    read(file, window.start, size, |bytes| splitter.feed(bytes, &mut keep))?;
    splitter.finish(&mut keep);
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::LogLevel;
    use crate::logs::LONGEST_LINE;
    use crate::patience::bytes_read;
    use std::io::Write;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn texts(file: &File, count: usize) -> Vec<String> {
        last_lines(file, count).unwrap().into_iter().map(|line| line.text.as_str().to_owned()).collect()
    }

    #[test]
    fn the_last_lines_come_in_their_order() {
        let log = file(b"one\ntwo\nthree\n");
        assert_eq!(texts(&log, 2), ["two", "three"]);
        assert_eq!(texts(&log, 3), ["one", "two", "three"]);
        assert_eq!(texts(&log, 100), ["one", "two", "three"]);
        assert!(texts(&log, 0).is_empty());
        assert!(texts(&file(b""), 5).is_empty());
    }

    #[test]
    fn a_last_line_without_an_end_counts() {
        assert_eq!(texts(&file(b"one\ntwo"), 1), ["two"]);
        assert_eq!(texts(&file(b"\n\n"), 5), ["", ""]);
        assert_eq!(texts(&file(b"\n\n"), 1), [""]);
    }

    #[test]
    fn numbers_and_levels_are_told() {
        let lines = last_lines(&file(b"INFO a\nERROR b\n"), 2).unwrap();
        assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(lines[1].level, Some(LogLevel::Error));
    }

    #[test]
    fn chunk_borders_are_not_seen() {
        for length in [CHUNK - 2, CHUNK - 1, CHUNK, CHUNK + 1] {
            let line = "x".repeat(length - 1);
            let log = file(format!("a\n{line}\nb\n").as_bytes());
            assert_eq!(texts(&log, 2), [line.as_str(), "b"], "{length}");
            assert_eq!(texts(&log, 3).len(), 3);
        }
        let many: String = (0..50_000).map(|number| format!("line {number} größe\n")).collect();
        let log = file(many.as_bytes());
        let last = texts(&log, 20_000);
        assert_eq!((last.len(), last[0].as_str()), (20_000, "line 30000 größe"));
        assert_eq!(count_lines(&log, 0, many.len() as u64).unwrap(), 50_000);
    }

    #[test]
    fn f15_a_megabyte_in_one_line_is_cut() {
        let mut bytes = vec![b'x'; 1_000_000];
        bytes.extend_from_slice(b"\nend\n");
        let lines = texts(&file(&bytes), 2);
        assert_eq!(lines[0].chars().count(), LONGEST_LINE + 1);
        assert_eq!(lines[1], "end");
    }

    #[test]
    fn ten_gigabytes_are_as_fast_as_ten_kilobytes() {
        let log = tempfile::tempfile().unwrap();
        let size = 10 * 1024 * 1024 * 1024;
        log.set_len(size).unwrap();
        log.write_all_at(b"\nlast but one\nlast\n", size).unwrap();
        let before = bytes_read();
        assert_eq!(texts(&log, 2), ["last but one", "last"]);
        assert!(bytes_read() - before < 1 << 20);
    }

    #[test]
    fn looking_back_has_an_end() {
        let log = file(&[b'x'; 10_000]);
        assert_eq!(window(&log, 0, 10_000, 1, 100).unwrap(), Window { start: 9_900, headless: true });
        assert_eq!(window(&log, 9_950, 10_000, 1, 100).unwrap(), Window { start: 9_950, headless: false });
        let log = file(b"aaaa\nbbbb\ncccc\n");
        assert_eq!(window(&log, 0, 15, 9, 7).unwrap(), Window { start: 10, headless: false });
        assert_eq!(window(&log, 0, 15, 9, 15).unwrap(), Window { start: 0, headless: false });
        assert_eq!(window(&log, 5, 15, 1, 100).unwrap(), Window { start: 10, headless: false });
        assert_eq!(window(&log, 15, 15, 1, 100).unwrap(), Window { start: 15, headless: false });
    }
}
