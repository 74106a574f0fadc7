//! How long keys take: typed into a program, timed until what they change stands on the screen.
//!
//! It must never take another change for a key's: each key is known by what it changes, and a frame that comes anyway does not count.

use std::time::{Duration, Instant};

use crate::terminal::Terminal;

/// How long a key may take before the run is given up.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How often it is looked whether a key was answered.
const BLINK: Duration = Duration::from_micros(200);

/// How long each of some keys took, in milliseconds.
#[derive(Default)]
pub struct Delays(Vec<f64>);

impl Delays {
    /// One more.
    pub fn add(&mut self, taken: Duration) {
        self.0.push(taken.as_secs_f64() * 1000.0);
    }

    /// Types a key and waits for what it changes.
    pub fn key(&mut self, terminal: &mut Terminal, key: &str, shown: impl Fn(&str) -> bool) {
        self.add(answer(terminal, key, shown));
        // Not in step with anything that is done by the second, and as slowly as one who holds a key down.
        std::thread::sleep(Duration::from_millis(23 + self.0.len() as u64 % 17));
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The value that so many of a hundred are not above.
    pub fn percent(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[(sorted.len() * percent).div_ceil(100).saturating_sub(1)]
    }
}

/// Types, and waits for the screen that answers. Says how long that took from before the key was written.
fn answer(terminal: &mut Terminal, key: &str, shown: impl Fn(&str) -> bool) -> Duration {
    let begin = Instant::now();
    terminal.keys(key);
    let mut seen = None;
    loop {
        // Looking takes longer than most answers: only at what is new.
        let (elapsed, bytes) = (begin.elapsed(), terminal.bytes());
        if seen != Some(bytes) && shown(&terminal.text()) {
            return elapsed;
        }
        seen = Some(bytes);
        assert!(elapsed < PATIENCE, "no answer to {key:?} within {PATIENCE:?}:\n{}", terminal.text());
        std::thread::sleep(BLINK);
    }
}

/// Wraps the lines of the log that has the keys and does not, for as long as it is told to.
pub fn wrapping(terminal: &mut Terminal, mut goes_on: impl FnMut(&Terminal, usize) -> bool) -> Delays {
    let (mut delays, mut wrapped) = (Delays::default(), terminal.text().contains("wrapped"));
    while goes_on(terminal, delays.count()) {
        wrapped = !wrapped;
        delays.key(terminal, "w", |text| text.contains("wrapped") == wrapped);
    }
    delays
}

/// What a key takes through the smallest program there is: the terminal's and the machine's own part.
pub fn through_cat(times: usize) -> Delays {
    let mut terminal = Terminal::start(160, 45, "sh", &["-c", "stty raw -echo; echo ready; exec cat"], &[]);
    terminal.until("cat", PATIENCE, |text| text.contains("ready"));
    let mut delays = Delays::default();
    for number in 0..times {
        let sign = format!("<{number}>");
        delays.key(&mut terminal, &format!("\r{sign}"), |text| text.contains(&sign));
    }
    delays
}

/// Until something is so, or the run is given up.
pub fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE * 3, "{what} never came");
        std::thread::sleep(Duration::from_millis(20));
    }
}
