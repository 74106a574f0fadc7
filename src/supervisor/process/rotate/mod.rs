//! The log kept within `log_max`: a thread of the keeper looks at its length and has it cut when it is too long.
//!
//! The keeper writes no log; its server does, by a descriptor that nobody can make it open anew. So the log is copied and cut short, which
//! loses nothing only while nobody writes: the tree is frozen for that moment. It must never cut a log that somebody writes without
//! O_APPEND (it would get a hole), never wait with the tree frozen for anything but the rest of the copy, and never touch anything that
//! is not the user's own plain file. Runs as the user.

mod compress;
mod copy;
mod cut;
mod freeze;
mod shelf;
mod tree;
mod writers;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cut::Cut;

/// How often a log is looked at that does not grow, and how often at most one that does.
const PACE: [Duration; 2] = [Duration::from_secs(5), Duration::from_millis(200)];

/// How long a log that cannot be cut is left alone, the first time and at most.
const PATIENCE: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(300)];

/// Held while nothing of the tree may begin or go on running: by the rotation while the tree is frozen, by the keeper while it starts,
/// stops or signals anything of it.
#[derive(Clone, Debug, Default)]
pub struct Quiet(Arc<Mutex<()>>);

impl Quiet {
    /// Waits for a rotation that has the tree frozen: a moment.
    pub fn hold(&self) -> MutexGuard<'_, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// The log.
    pub log: PathBuf,
    /// Bytes after which it is cut.
    pub most: u64,
    /// How many rotated logs stay.
    pub keep: u32,
}

/// Keeps a log for as long as this process lives. `top` is the process whose descendants write it: the keeper itself.
///
/// # Errors
/// When no thread can be had.
pub fn start(keeping: Keeping, top: i32, quiet: Quiet) -> io::Result<()> {
    let work = move || keep(&keeping, top, &quiet);
    std::thread::Builder::new().name("rotate".to_owned()).stack_size(128 * 1024).spawn(work).map(drop)
}

fn keep(keeping: &Keeping, top: i32, quiet: &Quiet) {
    let cut = Cut { log: &keeping.log, keep: keeping.keep, top, quiet };
    let mut pace = Pace { last: None };
    let mut patience = PATIENCE[0];
    let mut all_small = false;
    loop {
        let length = length(keeping);
        if length <= keeping.most {
            // What is old is made smaller while there is nothing else to do, and left as it is as soon as there is.
            all_small = all_small || compress::old(&keeping.log, keeping.keep, || self::length(keeping) > keeping.most);
            std::thread::sleep(pace.next(length, keeping.most, Instant::now()));
            continue;
        }
        match cut.make() {
            Ok(()) => (patience, all_small) = (PATIENCE[0], false),
            Err(_) => {
                // What is wrong is told by whoever looks at the log from outside: `log-unbounded`.
                std::thread::sleep(patience);
                patience = (patience * 2).min(PATIENCE[1]);
            }
        }
    }
}

/// The length of what lies at the log's name; 0 for what is not there or is no plain file.
fn length(keeping: &Keeping) -> u64 {
    std::fs::symlink_metadata(&keeping.log).ok().filter(std::fs::Metadata::is_file).map_or(0, |facts| facts.len())
}

/// When to look again: in half the time that the log takes to be full at the rate that it grew by.
struct Pace {
    last: Option<(Instant, u64)>,
}

impl Pace {
    fn next(&mut self, length: u64, most: u64, now: Instant) -> Duration {
        let before = self.last.replace((now, length));
        // What is shorter than it was has been cut, and was written since.
        let grown = before.map(|(then, known)| (then, if known <= length { length - known } else { length }));
        let Some((then, grown)) = grown.filter(|(_, grown)| *grown > 0) else { return PACE[0] };
        let rate = grown as f64 / now.saturating_duration_since(then).as_secs_f64().max(0.001);
        let left = most.saturating_sub(length) as f64 / rate / 2.0;
        Duration::try_from_secs_f64(left).unwrap_or(PACE[0]).clamp(PACE[1], PACE[0])
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
