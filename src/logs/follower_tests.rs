//! A log that is written to by a thread of its own, rotated under the follower: what is shown is held against what was written.

use super::*;
use crate::domain::{LogLine, LogLineKind};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

struct Plain(PathBuf);

impl Opener for Plain {
    fn open(&self) -> io::Result<File> {
        self.beside("")
    }
    fn beside(&self, suffix: &str) -> io::Result<File> {
        File::open(format!("{}{suffix}", self.0.display()))
    }
}

/// A presenter that takes down all that it is shown, as `berth logs -f` does.
struct Reader {
    follower: Follower,
    last: u64,
    accounted: u64,
    gaps: u64,
    begun: bool,
    seen: Vec<Seen>,
}

#[derive(Debug, PartialEq)]
enum Seen {
    Line(u64),
    /// So many lines are told to be missing.
    Missing(u64),
    /// It is told that there may be some missing.
    Perhaps,
}

impl Reader {
    fn new(path: &Path, keep: usize) -> Self {
        let follower = follow(Arc::new(Plain(path.to_owned())), Shown::new("/log"), Shown::new("alice"), keep).unwrap();
        Self { follower, last: 0, accounted: 0, gaps: 0, begun: false, seen: Vec::new() }
    }

    fn read(&mut self) {
        let newest = self.follower.lines(None, 0).newest;
        let view = self.follower.lines(Some(newest), usize::MAX);
        let stands_for = |line: &LogLine| if line.kind == LogLineKind::Text { 1 } else { line.passed };
        let whole = view.lines.iter().filter(|line| !(view.unfinished && line.number == view.newest));
        let (told, fresh): (Vec<_>, Vec<_>) = whole.partition(|line| line.number <= self.last);
        let before = view.before + told.iter().copied().map(stands_for).sum::<u64>();
        if self.begun && before > self.accounted {
            self.seen.push(Seen::Missing(before - self.accounted));
        }
        let gaps = |lines: &[&LogLine]| lines.iter().filter(|line| line.is_gap).count() as u64;
        let gaps_before = view.gaps_before + gaps(&told);
        if self.begun && gaps_before > self.gaps {
            self.seen.push(Seen::Perhaps);
        }
        self.gaps = gaps_before + gaps(&fresh);
        self.begun |= !view.lines.is_empty();
        self.accounted = before;
        for line in fresh {
            self.last = line.number;
            self.accounted += stands_for(line);
            match line.text.as_str().strip_prefix("line ") {
                // Of a line that was torn by a truncation nothing is left but its beginning.
                Some("") => {}
                Some(number) if line.kind == LogLineKind::Text => self.seen.push(Seen::Line(number.parse().unwrap())),
                _ if line.passed > 0 => self.seen.push(Seen::Missing(line.passed)),
                _ if line.is_gap => {
                    assert!(line.text.as_str().contains("may be missing"), "{}", line.text);
                    self.seen.push(Seen::Perhaps);
                }
                _ => {}
            }
        }
    }

    /// Reads on until this line is seen; then holds everything against what was written.
    fn check(&mut self, last: u64, what: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.seen.iter().rev().take(5).all(|seen| *seen != Seen::Line(last)) {
            assert!(
                Instant::now() < deadline,
                "{what}: line {last} never came; the last were {:?}",
                self.seen.iter().rev().take(5).collect::<Vec<_>>()
            );
            self.read();
            thread::sleep(Duration::from_millis(10));
        }
        let (mut expected, mut missing, mut perhaps) = (None, 0, false);
        for seen in &self.seen {
            match *seen {
                Seen::Line(number) => {
                    // What was before the first line depends on when it was first looked.
                    missing = if expected.is_none() { 0 } else { missing };
                    let gap = number
                        .checked_sub(expected.unwrap_or(number))
                        .unwrap_or_else(|| panic!("{what}: {number} came after {expected:?}"));
                    assert!(
                        gap == missing || (perhaps && gap > missing),
                        "{what}: {gap} lines before {number} are gone, {missing} were told"
                    );
                    (expected, missing, perhaps) = (Some(number + 1), 0, false);
                }
                Seen::Missing(lines) => missing += lines,
                Seen::Perhaps => perhaps = true,
            }
        }
    }

    fn lines(&self) -> usize {
        self.seen.iter().filter(|seen| matches!(seen, Seen::Line(_))).count()
    }
}

/// How often it is rotated at least, every ten milliseconds at most.
const ROTATIONS: usize = 100;

/// How many rotations the reader may be behind where nothing may be missing: fewer than older files are kept or looked for.
const BEHIND: usize = 12;

/// Writes numbered lines and rotates now and then; says which line was the last. `seen` is the last line that was shown, where it is
/// waited for.
fn write(path: &Path, seen: Option<&AtomicU64>, time: Duration, rotate: impl Fn()) -> u64 {
    let began = Instant::now();
    let (mut number, mut rotated) = (0, Vec::new());
    let append = || OpenOptions::new().append(true).create(true).open(path).unwrap();
    let (mut log, mut last) = (append(), Instant::now());
    while rotated.len() < ROTATIONS || began.elapsed() < time {
        for _ in 0..10 {
            number += 1;
            // In two halves, and never at once.
            log.write_all(b"line ").unwrap();
            log.write_all(format!("{number}\n").as_bytes()).unwrap();
        }
        if last.elapsed() > Duration::from_millis(10) {
            let due = rotated.len().checked_sub(BEHIND).map_or(0, |index| rotated[index]);
            let begin = Instant::now();
            while seen.is_some_and(|seen| seen.load(Ordering::SeqCst) < due) {
                assert!(begin.elapsed() < Duration::from_secs(60), "line {due} is not shown");
                thread::sleep(Duration::from_millis(1));
            }
            rotate();
            rotated.push(number);
            (log, last) = (append(), Instant::now());
        }
        thread::sleep(Duration::from_millis(1));
    }
    number += 1;
    log.write_all(format!("line {number}\n").as_bytes()).unwrap();
    number
}

fn number(path: &Path, number: u32) -> PathBuf {
    PathBuf::from(format!("{}.{number}", path.display()))
}

fn shift(path: &Path, keep: u32) {
    for index in (1..keep).rev() {
        let _ = fs::rename(number(path, index), number(path, index + 1));
    }
}

/// Follows while it is written and rotated. `is_exact`: the writer waits when it is far ahead, and nothing may be missing at all.
fn race(keep_lines: usize, is_exact: bool, time: Duration, what: &str, rotate: impl Fn(&Path) + Send + 'static) -> (usize, u64) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let mut reader = Reader::new(&path, keep_lines);
    let (writing, seen) = (path.clone(), Arc::new(AtomicU64::new(0)));
    let shown = is_exact.then(|| Arc::clone(&seen));
    let writer = thread::spawn(move || write(&writing, shown.as_deref(), time, || rotate(&writing)));
    while !writer.is_finished() {
        reader.read();
        if let Some(Seen::Line(last)) = reader.seen.last() {
            seen.store(*last, Ordering::SeqCst);
        }
        thread::sleep(Duration::from_millis(7));
    }
    let last = writer.join().unwrap();
    reader.check(last, what);
    if is_exact {
        let other = reader.seen.iter().find(|seen| !matches!(seen, Seen::Line(_)));
        assert_eq!(other, None, "{what}");
    }
    (reader.lines(), last)
}

#[path = "../../tests/support/race.rs"]
mod race;

/// How long each of `races` lasts that are one after the other in a test.
fn time(races: u32) -> Duration {
    (race::length() / races).max(Duration::from_secs(1))
}

#[test]
fn f16_renamed_every_ten_milliseconds() {
    race(10_000, true, time(2), "30 kept", |path| {
        shift(path, 30);
        fs::rename(path, number(path, 1)).unwrap();
    });
    race(10_000, false, time(2), "one kept", |path| fs::rename(path, number(path, 1)).unwrap());
}

#[test]
fn f16_copied_and_truncated_every_ten_milliseconds() {
    for keep in [1, 4, 30] {
        race(10_000, false, time(3), &format!("{keep} copies"), move |path| {
            shift(path, keep);
            fs::copy(path, number(path, 1)).unwrap();
            OpenOptions::new().write(true).open(path).unwrap().set_len(0).unwrap();
        });
    }
}

#[test]
fn f16_removed_and_emptied_every_ten_milliseconds() {
    race(10_000, false, time(2), "removed", |path| fs::remove_file(path).unwrap());
    race(10_000, false, time(2), "emptied", |path| File::create(path).map(drop).unwrap());
}

#[test]
fn more_than_is_kept_is_counted_line_by_line() {
    let (lines, last) = race(20, false, Duration::from_secs(2), "few kept", |path| {
        shift(path, 8);
        fs::rename(path, number(path, 1)).unwrap();
    });
    assert!((lines as u64) < last);
}

#[test]
fn a_storm_is_accounted_for_to_the_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let mut log = File::create(&path).unwrap();
    let mut reader = Reader::new(&path, 1000);
    let mut next = 0;
    for _ in 0..40 {
        let block: String = (next..next + 20_000).map(|number| format!("line {number}\n")).collect();
        next += 20_000;
        log.write_all(block.as_bytes()).unwrap();
        reader.read();
        thread::sleep(Duration::from_millis(20));
    }
    reader.check(next - 1, "storm");
    assert!(reader.lines() < 100_000);
}
