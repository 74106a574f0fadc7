//! A log that grows by a hundred megabytes a second.
//!
//! It must never write a line whose number was written before: what is missing shows by the numbers.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// What a storm writes a second, in bytes.
const STORM: u64 = 100_000_000;

/// A numbered line of about a hundred bytes.
pub fn line(number: u64, at: Timestamp) -> String {
    format!("{at:.3} INFO  line {number:012} tools/call echo took some milliseconds and told nothing of interest\n")
}

/// A million bytes of lines, whose numbers are put in anew each time.
pub struct Block {
    /// Them.
    pub bytes: Vec<u8>,
    each: usize,
    digits: usize,
}

impl Block {
    /// Lines of one moment.
    pub fn new(at: Timestamp) -> Self {
        let line = line(1, at);
        let digits = line.find("000000000001").unwrap();
        Self { bytes: line.repeat(1_000_000 / line.len()).into_bytes(), each: line.len(), digits }
    }

    /// The next lines; says the number after the last one.
    pub fn fill(&mut self, mut number: u64) -> u64 {
        for line in self.bytes.chunks_exact_mut(self.each) {
            let mut rest = number;
            for digit in line[self.digits..self.digits + 12].iter_mut().rev() {
                *digit = b'0' + u8::try_from(rest % 10).unwrap();
                rest /= 10;
            }
            number += 1;
        }
        number
    }
}

/// What was written.
pub struct Written {
    /// So many lines.
    pub lines: u64,
    /// So many millions of bytes a second.
    pub rate: f64,
}

/// Does something while a log storms.
pub fn during<T>(log: &Path, what: impl FnOnce() -> T) -> (T, Written) {
    let stop = Arc::new(AtomicBool::new(false));
    let (path, stopped, begin): (PathBuf, _, _) = (log.to_owned(), Arc::clone(&stop), Instant::now());
    let writer = thread::spawn(move || write(&path, &stopped));
    let result = what();
    stop.store(true, Ordering::Relaxed);
    let (lines, bytes) = writer.join().unwrap();
    (result, Written { lines, rate: bytes as f64 / begin.elapsed().as_secs_f64() / 1e6 })
}

/// Writes until it is told to stop; says how many lines and bytes that were.
fn write(path: &Path, stop: &AtomicBool) -> (u64, u64) {
    let mut log = OpenOptions::new().append(true).create(true).open(path).unwrap();
    let (mut block, mut number, mut written, begin) = (Block::new(Timestamp::now()), 1, 0_u64, Instant::now());
    while !stop.load(Ordering::Relaxed) {
        number = block.fill(number);
        log.write_all(&block.bytes).unwrap();
        written += block.bytes.len() as u64;
        let due = Duration::from_secs_f64(written as f64 / STORM as f64);
        thread::sleep(due.saturating_sub(begin.elapsed()));
    }
    (number, written)
}
