//! One opened file of a followed log: how far it was read, and what was done to it since.
//!
//! It must never hand out a line twice: what was read while the file was changed under the reading is thrown away and read again. And
//! never take more in at once than it can keep: the rest is counted.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;

use super::lines::{Splitter, Written};
use super::ring::Batch;
use super::rotation::{Change, Memory};
use super::siblings::{self, Older};
use super::tail::{count_lines, read, window};
use super::{Opener, Place};

/// The most that is taken in by one look.
const MOST: u64 = 4 * 1024 * 1024;

/// Up to here nothing is passed over: looking for lines to drop costs more than reading them.
const LITTLE: u64 = 64 * 1024;

/// The most that is read only to count its lines.
const COUNTED: u64 = 64 * 1024 * 1024;

/// An opened file.
pub(super) struct Followed {
    file: File,
    place: Place,
    memory: Memory,
    splitter: Splitter,
    /// Size and time of change at the last look.
    seen: (u64, i64, i64),
    /// It was changed while it was read.
    disturbed: bool,
}

impl Followed {
    /// A file of which nothing was read yet.
    ///
    /// # Errors
    /// What fstat(2) says.
    pub fn new(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let (place, seen) = (Place::of(&metadata), (metadata.len(), -1, -1));
        Ok(Self { file, place, memory: Memory::default(), splitter: Splitter::default(), seen, disturbed: false })
    }

    /// The file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Which file it is.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Whether it had nothing in it when it was last looked at.
    pub fn is_empty(&self) -> bool {
        self.seen.0 == 0
    }

    /// Whether it was changed while it was read, so that what came of it was thrown away.
    pub fn is_disturbed(&self) -> bool {
        self.disturbed
    }

    /// The line that has begun and has no end yet.
    pub fn unfinished(&self) -> Option<Written> {
        self.splitter.open().map(|piece| piece.read())
    }

    /// Nothing more will be written to it.
    pub fn finish(&mut self, batch: &mut Batch) {
        self.splitter.finish(|piece| batch.text(piece.read()));
    }

    /// Takes in what was added. Says whether there was anything.
    ///
    /// # Errors
    /// What pread(2) says.
    pub fn take_in(&mut self, opener: &dyn Opener, keep: usize, tell_dropped: bool, batch: &mut Batch) -> io::Result<bool> {
        let metadata = self.file.metadata()?;
        let seen = (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
        let before = std::mem::replace(&mut self.seen, seen);
        self.disturbed = false;
        match self.memory.compare(&self.file, seen.0, before != seen)? {
            Change::Nothing => return Ok(false),
            Change::Grown => {}
            Change::Truncated => {
                self.was_truncated(opener, (before.1, before.2), keep, batch)?;
                self.memory = Memory::default();
            }
        }
        let (point, splitter) = (batch.point(), self.splitter.clone());
        let end = match self.advance(seen.0, keep, tell_dropped, batch) {
            // Truncated while it was read.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            other => Some(other?),
        };
        // Still the same beginning and the same end: what was read in between is what followed.
        let undisturbed = match end {
            Some(end) => self.memory.compare(&self.file, self.file.metadata()?.len().max(end), true)? != Change::Truncated,
            None => false,
        };
        match end.filter(|_| undisturbed) {
            Some(end) => self.memory.keep(&self.file, end)?,
            None => {
                batch.back_to(point);
                (self.splitter, self.seen, self.disturbed) = (splitter, before, true);
            }
        }
        Ok(true)
    }

    /// Reads up to `size`, or only the last of it when that is more than is kept. Says how far it came.
    fn advance(&mut self, size: u64, keep: usize, tell_dropped: bool, batch: &mut Batch) -> io::Result<u64> {
        let mut start = self.memory.offset();
        if size - start > LITTLE {
            let window = window(&self.file, start, size, keep, MOST)?;
            if window.start > start {
                if tell_dropped {
                    pass_over(&self.file, start, window.start, batch)?;
                }
                self.splitter = if window.headless { Splitter::headless() } else { Splitter::default() };
                start = window.start;
            }
        }
        let splitter = &mut self.splitter;
        read(&self.file, start, size, |bytes| splitter.feed(bytes, |piece| batch.text(piece.read())))
    }

    /// It was emptied. Whoever does that to rotate it has copied it before: what was not read yet is in the copy.
    fn was_truncated(&mut self, opener: &dyn Opener, written: (i64, i64), keep: usize, batch: &mut Batch) -> io::Result<()> {
        let mut later = Vec::new();
        for older in siblings::all(opener) {
            let Older::Plain(file) = older else { break };
            let metadata = file.metadata()?;
            // A file that lay there before the last look is no copy of what was written after it.
            if (metadata.ctime(), metadata.ctime_nsec()) < written || Place::of(&metadata) == self.place {
                break;
            }
            let size = metadata.len();
            if self.memory.compare(&file, size, true)? == Change::Truncated {
                later.push(file);
                continue;
            }
            let (own, end) = (std::mem::replace(&mut self.file, file), self.advance(size, keep, true, batch));
            self.file = own;
            end?;
            self.finish(batch);
            for file in later.into_iter().rev() {
                batch.mark("the log was rotated");
                let mut file = Self::new(file)?;
                file.take_in(opener, keep, true, batch)?;
                file.finish(batch);
            }
            batch.mark("the log was rotated");
            return Ok(());
        }
        self.finish(batch);
        batch.mark("the log was truncated: what was written just before may be missing here");
        Ok(())
    }
}

fn pass_over(file: &File, from: u64, to: u64, batch: &mut Batch) -> io::Result<()> {
    if to - from > COUNTED {
        let text = format!("{} MB were passed over: they came faster than they can be kept", (to - from).div_ceil(1_000_000));
        batch.pass_over(0, to - from, &text);
        return Ok(());
    }
    let lines = count_lines(file, from, to)?;
    let (bytes, text) = match lines {
        0 => {
            (to - from, format!("{} MB were passed over: they came faster than they can be kept", (to - from).div_ceil(1_000_000)))
        }
        1 => (0, "1 line was passed over: it came faster than it can be kept".to_owned()),
        _ => (0, format!("{lines} lines were passed over: they came faster than they can be kept")),
    };
    batch.pass_over(lines, bytes, &text);
    Ok(())
}
