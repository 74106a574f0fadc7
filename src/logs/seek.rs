//! Where in a file the lines of a moment begin, found by the times that its lines have.
//!
//! It must never read a large file through: it halves. Where lines have no times it says so, and does not pretend.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use jiff::Timestamp;

use super::time::Times;

/// How far it is read on for a line with a time.
const PROBE: u64 = 1024 * 1024;

/// How much is read at a time. What is left when it is this little is read through.
const STEP: u64 = 64 * 1024;

/// The most that is read through where halving does not help.
const THROUGH: u64 = 64 * 1024 * 1024;

/// How much of a line is looked at for its time.
const LOOKED_AT: usize = 4096;

/// Where lines since a moment begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Here; 0 when the first line that has a time is young enough, the file's size when none is.
    At(u64),
    /// Here at the latest: before that, lines without times are too many to be read through.
    AtLatest(u64),
    /// No line that was looked at has a time.
    NoTimes,
}

/// Finds the first line at or after `wanted` in the first `size` bytes. Lines are taken to be in order.
///
/// # Errors
/// What pread(2) says.
pub(super) fn first_since(file: &File, size: u64, times: &Times, wanted: Timestamp) -> io::Result<Found> {
    let (mut low, mut high) = (0, size);
    let mut any = false;
    // From the end in growing steps: what is asked for is mostly young.
    let mut back = STEP;
    loop {
        let from = size.saturating_sub(back);
        match timed_after(file, from, size, PROBE, times)? {
            Probe::Line(start, at) => {
                any = true;
                if at < wanted {
                    low = start;
                    break;
                }
                high = high.min(start);
            }
            Probe::End | Probe::Nothing => {}
        }
        if from == 0 {
            break;
        }
        back = back.saturating_mul(4);
    }
    while high - low > STEP {
        let middle = low + (high - low) / 2;
        match timed_after(file, middle, high, PROBE, times)? {
            Probe::Line(start, at) if at < wanted => (low, any) = (start, true),
            Probe::Line(..) => (high, any) = (middle, true),
            // No line from here on to `high` has a time.
            Probe::End => high = middle,
            Probe::Nothing => break,
        }
    }
    if high - low > THROUGH {
        return Ok(if any { Found::AtLatest(high) } else { Found::NoTimes });
    }
    // The first line in what is left, or the first one after it.
    let mut older = low > 0;
    let is_young = |at| {
        older |= at < wanted;
        at >= wanted
    };
    Ok(match timed_where(file, low, size, THROUGH + PROBE, times, is_young)? {
        Probe::Line(start, _) => Found::At(if older { start } else { 0 }),
        Probe::End | Probe::Nothing => {
            if any || older {
                Found::At(size)
            } else {
                Found::NoTimes
            }
        }
    })
}

/// The time of the last line before `offset` that has one, within a step.
///
/// # Errors
/// What pread(2) says.
pub(super) fn time_before(file: &File, offset: u64, times: &Times) -> io::Result<Option<Timestamp>> {
    let from = offset.saturating_sub(STEP);
    let mut bytes = vec![0; usize::try_from(offset - from).unwrap_or(0)];
    match file.read_exact_at(&mut bytes, from) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    // Its beginning is further up.
    if from > 0 {
        lines.remove(0);
    }
    Ok(lines.iter().rev().find_map(|line| own(line, times)))
}

enum Probe {
    /// Where a line with a time begins, and that time.
    Line(u64, Timestamp),
    /// There is none up to the end.
    End,
    /// There is none as far as was looked.
    Nothing,
}

/// The first line that begins in `from..to` and has a time.
fn timed_after(file: &File, from: u64, to: u64, most: u64, times: &Times) -> io::Result<Probe> {
    timed_where(file, from, to, most, times, |_| true)
}

/// The first line that begins in `from..to` and has a time that is wanted.
fn timed_where(file: &File, from: u64, to: u64, most: u64, times: &Times, mut wanted: impl FnMut(Timestamp) -> bool) -> io::Result<Probe> {
    // One byte more tells whether a line begins right there.
    let mut position = from.saturating_sub(1);
    let limit = from.saturating_add(most).min(to);
    let mut begin = (from == 0).then_some(0);
    let mut held: Vec<u8> = Vec::new();
    let mut buffer = vec![0; usize::try_from(STEP.min(to.saturating_sub(position))).unwrap_or(0)];
    while position < limit {
        let length = usize::try_from((to - position).min(STEP)).unwrap_or(0);
        let count = file.read_at(&mut buffer[..length], position)?;
        if count == 0 {
            break;
        }
        let mut rest = &buffer[..count];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            keep(&mut held, &rest[..end]);
            if let Some(at) = begin.and_then(|_| own(&held, times)).filter(|at| wanted(*at)) {
                return Ok(Probe::Line(begin.unwrap_or(from), at));
            }
            held.clear();
            position += end as u64 + 1;
            rest = &rest[end + 1..];
            if position >= to {
                return Ok(Probe::End);
            }
            begin = Some(position);
        }
        keep(&mut held, rest);
        position += rest.len() as u64;
    }
    if position < to {
        return Ok(Probe::Nothing);
    }
    match begin.and_then(|begin| Some((begin, own(&held, times)?))) {
        Some((begin, at)) if begin < to && wanted(at) => Ok(Probe::Line(begin, at)),
        _ => Ok(Probe::End),
    }
}

fn keep(held: &mut Vec<u8>, bytes: &[u8]) {
    let room = LOOKED_AT.saturating_sub(held.len());
    held.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

fn own(line: &[u8], times: &Times) -> Option<Timestamp> {
    times.own(&String::from_utf8_lossy(&line[..line.len().min(LOOKED_AT)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;
    use std::io::Write;

    const BEGIN: Timestamp = Timestamp::constant(1_795_230_000, 0);

    fn times() -> Times {
        Times::new(TimeZone::UTC, BEGIN + 24.hours())
    }

    fn file(text: &str) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn found(text: &str, second: i64) -> Found {
        first_since(&file(text), text.len() as u64, &times(), BEGIN + second.seconds()).unwrap()
    }

    /// A line of a second; of none, a line without a time.
    fn line(second: Option<i64>, pad: usize) -> String {
        let time = second.map(|second| format!("{} ", BEGIN + second.seconds())).unwrap_or_default();
        format!("{time}{}\n", "x".repeat(pad))
    }

    #[test]
    fn the_first_line_of_a_moment_is_found() {
        let text = [line(None, 3), line(Some(1), 3), line(None, 3), line(Some(5), 3), line(Some(5), 3), line(Some(9), 3)].concat();
        let fourth = [line(None, 3), line(Some(1), 3), line(None, 3)].concat().len() as u64;
        assert_eq!(found(&text, 5), Found::At(fourth));
        assert_eq!(found(&text, 2), Found::At(fourth));
        assert_eq!(found(&text, 1), Found::At(0));
        assert_eq!(found(&text, -5), Found::At(0));
        assert_eq!(found(&text, 10), Found::At(text.len() as u64));
        assert_eq!(found("a\nb\n", 1), Found::NoTimes);
        assert_eq!(found("", 1), Found::NoTimes);
        assert_eq!(time_before(&file(&text), fourth, &times()).unwrap(), Some(BEGIN + 1.second()));
        assert_eq!(time_before(&file(&text), 4, &times()).unwrap(), None);
    }

    #[test]
    fn a_large_file_is_halved() {
        let text: String = (0..200_000).map(|second| line(Some(second), 20)).collect();
        let each = line(Some(0), 20).len() as u64;
        for second in [0, 1, 77, 100_000, 199_999] {
            let at = if second == 0 { 0 } else { each * u64::try_from(second).unwrap() };
            assert_eq!(found(&text, second), Found::At(at), "{second}");
        }
    }

    #[test]
    fn a_hole_of_ten_gigabytes_is_not_read() {
        let file = file(&line(Some(1), 3));
        let size = 10 * 1024 * 1024 * 1024;
        file.set_len(size).unwrap();
        let end = format!("\n{}{}", line(Some(5), 3), line(Some(9), 3));
        file.write_all_at(end.as_bytes(), size).unwrap();
        let whole = size + end.len() as u64;
        let since = |second: i64| first_since(&file, whole, &times(), BEGIN + second.seconds()).unwrap();
        assert_eq!(since(9), Found::At(whole - line(Some(9), 3).len() as u64));
        assert_eq!(since(3), Found::AtLatest(size + 1));
        assert_eq!(since(10), Found::At(whole));
    }

    proptest! {
        #[test]
        fn it_finds_what_reading_through_finds(
            lines in proptest::collection::vec((proptest::option::weighted(0.7, 0_i64..3), prop_oneof![9 => 0_usize..200, 1 => 30_000_usize..90_000]), 0..40),
            wanted in -1_i64..60,
        ) {
            let (mut text, mut second, mut expected, mut any) = (String::new(), 0, None, false);
            for (step, pad) in lines {
                let own = step.map(|step| { second += step; second });
                if own.is_some_and(|own| own >= wanted) && expected.is_none() {
                    expected = Some(if any { text.len() as u64 } else { 0 });
                }
                any |= own.is_some();
                text.push_str(&line(own, pad));
            }
            let expected = match (expected, any) {
                (Some(at), _) => Found::At(at),
                (None, true) => Found::At(text.len() as u64),
                (None, false) => Found::NoTimes,
            };
            prop_assert_eq!(found(&text, wanted), expected);
        }
    }
}
