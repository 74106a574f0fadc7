//! One look at a followed log: what was added, and what became of the file.
//!
//! It must never lock what a presenter reads, and never take more out of a file in one look than it can keep: the rest is counted.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use super::Opener;
use super::lines::Splitter;
use super::ring::Batch;
use super::rotation::{Change, Memory, Place};
use super::tail::{count_lines, read, window};
use crate::domain::Shown;

/// The most that is taken in by one look.
const MOST: u64 = 4 * 1024 * 1024;

/// Up to here nothing is passed over: looking for lines to drop costs more than reading them.
const LITTLE: u64 = 64 * 1024;

/// The most that is read only to count its lines.
const COUNTED: u64 = 64 * 1024 * 1024;

/// How many looks a path must be empty before that is told: a rotation that creates the new file a moment later is none of that.
const PATIENCE: u32 = 5;

/// A log at a path.
pub(super) struct Source {
    opener: Arc<dyn Opener>,
    path: Shown,
    account: Shown,
    keep: usize,
    open: Option<Open>,
    /// Something was said about why there is no log.
    missed: bool,
    /// Looks in a row that found nothing at the path.
    absent: u32,
}

/// An opened file.
struct Open {
    file: File,
    place: Place,
    memory: Memory,
    splitter: Splitter,
    /// Size and time of change at the last look.
    seen: (u64, i64, i64),
}

impl Source {
    /// A log that was not looked at yet.
    pub fn new(opener: Arc<dyn Opener>, path: Shown, account: Shown, keep: usize) -> Self {
        Self { opener, path, account, keep: keep.max(1), open: None, missed: false, absent: 0 }
    }

    /// Looks once.
    pub fn look(&mut self) -> Batch {
        let mut batch = Batch::default();
        let result = match self.open.take() {
            None => self.find(&mut batch),
            Some(open) => self.go_on(open, &mut batch),
        };
        if let Err(error) = result {
            self.missed = true;
            batch.notice = Some(self.why(&error));
        }
        batch.open = self.open.as_ref().and_then(|open| open.splitter.open()).map(|piece| piece.shown());
        batch
    }

    fn find(&mut self, batch: &mut Batch) -> io::Result<()> {
        let mut open = Open::new(self.opener.open()?)?;
        self.absent = 0;
        // Where there was none, all of it is new; else what was written before anybody looked is not dropped when it is not shown.
        let appeared = std::mem::take(&mut self.missed);
        if appeared {
            batch.mark("the log is there now");
        }
        open.take_in(self.keep, appeared, batch)?;
        self.open = Some(open);
        Ok(())
    }

    fn go_on(&mut self, mut open: Open, batch: &mut Batch) -> io::Result<()> {
        let grew = open.take_in(self.keep, true, batch)?;
        match self.opener.place() {
            Ok(place) if place != open.place => return self.change_over(open, grew, batch),
            Ok(_) => self.absent = 0,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.absent = self.absent.saturating_add(1);
                if self.absent == PATIENCE {
                    batch.mark("the log was removed; what is still written to it is shown");
                }
            }
            // It was given to us once, and what is held open goes on.
            Err(_) => {}
        }
        self.open = Some(open);
        Ok(())
    }

    /// Another file lies at the path.
    fn change_over(&mut self, mut open: Open, grew: bool, batch: &mut Batch) -> io::Result<()> {
        let mut new = match self.opener.open().and_then(Open::new) {
            Ok(new) => new,
            Err(_) => {
                self.open = Some(open);
                return Ok(());
            }
        };
        // The writer is told to change over after the files were: until then it writes to the old one.
        if new.place == open.place || (grew && new.seen.0 == 0) {
            self.open = Some(open);
            return Ok(());
        }
        self.absent = 0;
        open.take_in(self.keep, true, batch)?;
        open.splitter.finish(|piece| batch.text(piece.shown()));
        batch.mark("the log was rotated");
        new.take_in(self.keep, true, batch)?;
        self.open = Some(new);
        Ok(())
    }

    /// Why there is nothing to show.
    fn why(&self, error: &io::Error) -> Shown {
        let path = &self.path;
        let text = match error.raw_os_error() {
            Some(libc::ENOENT) => format!("there is no log yet at {path}"),
            Some(libc::EACCES | libc::EPERM) => format!("{path} may not be read by {}", self.account),
            Some(libc::ELOOP) => format!("{path} leads over a symbolic link, which is not followed"),
            Some(libc::EXDEV) => format!("{path} leads out of the tree that it should be in"),
            _ => match error.kind() {
                io::ErrorKind::NotFound => format!("there is no log yet at {path}"),
                // The opener has its own reason, such as a file that is somebody else's.
                io::ErrorKind::PermissionDenied if error.get_ref().is_some() => format!("{path} may not be read: {error}"),
                io::ErrorKind::PermissionDenied => format!("{path} may not be read by {}", self.account),
                io::ErrorKind::TimedOut => format!("{path} did not open in time"),
                _ => format!("{path} cannot be read: {error}"),
            },
        };
        Shown::new(&text)
    }
}

impl Open {
    fn new(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let place = Place::of(&metadata);
        Ok(Self { file, place, memory: Memory::default(), splitter: Splitter::default(), seen: (metadata.len(), -1, -1) })
    }

    /// Takes in what was added. Says whether there was anything.
    fn take_in(&mut self, keep: usize, tell_dropped: bool, batch: &mut Batch) -> io::Result<bool> {
        let metadata = self.file.metadata()?;
        let seen = (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
        let touched = std::mem::replace(&mut self.seen, seen) != seen;
        match self.memory.compare(&self.file, seen.0, touched)? {
            Change::Nothing => return Ok(false),
            Change::Grown => {}
            Change::Truncated => {
                self.splitter.finish(|piece| batch.text(piece.shown()));
                batch.mark("the log was truncated");
                self.memory = Memory::default();
            }
        }
        match self.advance(seen.0, keep, tell_dropped, batch) {
            // Truncated while it was read: the next look tells.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(true),
            other => other.map(|()| true),
        }
    }

    /// Reads up to `size`, or only the last of it when that is more than is kept.
    fn advance(&mut self, size: u64, keep: usize, tell_dropped: bool, batch: &mut Batch) -> io::Result<()> {
        let mut start = self.memory.offset();
        if size - start > LITTLE {
            let window = window(&self.file, start, size, keep, MOST)?;
            if window.start > start {
                if tell_dropped {
                    self.pass_over(start, window.start, batch)?;
                }
                self.splitter = if window.headless { Splitter::headless() } else { Splitter::default() };
                start = window.start;
            }
        }
        let splitter = &mut self.splitter;
        let end = read(&self.file, start, size, |bytes| splitter.feed(bytes, |piece| batch.text(piece.shown())))?;
        self.memory.keep(&self.file, end)
    }

    fn pass_over(&self, from: u64, to: u64, batch: &mut Batch) -> io::Result<()> {
        let lines = if to - from <= COUNTED { count_lines(&self.file, from, to)? } else { 0 };
        batch.dropped += lines;
        batch.mark(&match lines {
            0 => format!("{} MB were passed over: they came faster than they can be kept", (to - from).div_ceil(1_000_000)),
            1 => "1 line was passed over: it came faster than it can be kept".to_owned(),
            _ => format!("{lines} lines were passed over: they came faster than they can be kept"),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
