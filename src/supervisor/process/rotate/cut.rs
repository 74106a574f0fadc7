//! One rotation: most of the log is copied while it is written, the rest while nothing runs, then it is cut short.
//!
//! It must never cut what was not copied to the last byte, and never keep the tree frozen for a large copy.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::Duration;

use rustix::fs::OFlags;

use super::freeze::{self, Frozen};
use super::shelf::{Shelf, UNFINISHED};
use super::writers::{self, Scope};
use super::{Quiet, copy};

/// What is copied with the tree frozen is at most about this much, if the copy is faster than the writers.
const LITTLE: u64 = 512 * 1024;

/// How often the copy tries to catch up with the writers before it freezes them anyway.
const CHASES: usize = 12;

/// The most that is copied while frozen: a writer that is faster than the copy would otherwise stand still for long.
const MOST_FROZEN: u64 = 64 << 20;

/// When a frozen tree is given up. Its guard wakes it later than that.
const MOST_FREEZE: Duration = Duration::from_millis(1500);

/// How much is looked through for the end of the last line.
const LAST_LINE: u64 = 64 * 1024;

/// Room that must be left beside a copy.
const SPARE: u64 = 1 << 20;

/// What is cut, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut<'a> {
    /// The log.
    pub log: &'a Path,
    /// How many rotated ones stay; with 0 what was written is thrown away.
    pub keep: u32,
    /// The process whose descendants write it.
    pub top: i32,
    /// Held while they are frozen.
    pub quiet: &'a Quiet,
}

impl Cut<'_> {
    /// Rotates once.
    ///
    /// # Errors
    /// Why nothing was done: somebody writes in another way, there is no room, a name is not the user's own. Nothing is lost then.
    pub fn make(&self) -> io::Result<()> {
        let shelf = Shelf::of(self.log)?;
        let log = shelf.open(&shelf.named(""), OFlags::RDWR)?;
        writers::check(&log, self.top, Scope::Everyone)?;
        if self.keep == 0 {
            return self.frozen(|frozen| truncate(&log, None, log.metadata()?.len(), frozen));
        }
        let unfinished = shelf.named(UNFINISHED);
        shelf.make_room(self.keep)?;
        let facts = log.metadata()?;
        if shelf.room()? < facts.size().min(facts.blocks() * 512) + SPARE {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        let target = shelf.create(&unfinished, facts.mode())?;
        let done = self.copy_and_truncate(&shelf, &log, &target);
        if done.is_err() {
            drop(shelf.remove(&unfinished));
        }
        done
    }

    fn copy_and_truncate(&self, shelf: &Shelf, log: &File, target: &File) -> io::Result<()> {
        let mut copied = 0;
        for _ in 0..CHASES {
            let length = log.metadata()?.len();
            if length.saturating_sub(copied) <= LITTLE {
                break;
            }
            copy::part(log, target, copied, length)?;
            copied = length;
        }
        self.frozen(|frozen| {
            let length = log.metadata()?.len();
            // Shorter than what was copied: somebody else cut it. What is in the copy was his to throw away.
            if length < copied || length - copied > MOST_FROZEN {
                return Err(io::Error::other("it changes faster than it can be copied"));
            }
            writers::check(log, self.top, Scope::Tree(&frozen.guards()))?;
            copy::part(log, target, copied, length)?;
            let newest = shelf.named(".1");
            shelf.rename(&shelf.named(UNFINISHED), &newest)?;
            let cut = truncate(log, Some(target), length, frozen);
            if cut.is_err() && log.metadata()?.len() >= length {
                // Everything is still in the log: the copy would double it.
                drop(shelf.remove(&newest));
            }
            cut
        })
    }

    /// Runs something while the tree is frozen.
    fn frozen(&self, work: impl FnOnce(&Frozen) -> io::Result<()>) -> io::Result<()> {
        let _quiet = self.quiet.hold();
        let frozen = freeze::freeze(self.top)?;
        work(&frozen)
    }
}

/// Empties the log but for a last line that is not finished: that one goes on where it was begun, and leaves the copy.
fn truncate(log: &File, copied: Option<&File>, length: u64, frozen: &Frozen) -> io::Result<()> {
    let open = open_line(log, length)?;
    // After so long the guard may have woken the writers, or is about to.
    if frozen.lasts() > MOST_FREEZE || log.metadata()?.len() != length {
        return Err(io::Error::from(io::ErrorKind::TimedOut));
    }
    log.set_len(0)?;
    if !open.is_empty()
        && log.write_all_at(&open, 0).is_ok()
        && let Some(copied) = copied
    {
        copied.set_len(length - open.len() as u64)?;
    }
    Ok(())
}

/// The last line, if its end was not written yet; empty when it was, or when the line is too long to be moved.
fn open_line(log: &File, length: u64) -> io::Result<Vec<u8>> {
    let from = length.saturating_sub(LAST_LINE);
    let mut last = vec![0; usize::try_from(length - from).unwrap_or(0)];
    log.read_exact_at(&mut last, from)?;
    Ok(match last.iter().rposition(|byte| *byte == b'\n') {
        Some(end) => last.split_off(end + 1),
        None => Vec::new(),
    })
}
