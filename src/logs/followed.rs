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
use super::siblings::{Copied, copies};
use super::tail::{count_lines, read, window};
use super::{Opener, Place};

/// The most that is taken in by one look.
const MOST: u64 = 4 * 1024 * 1024;

/// Up to here nothing is passed over: looking for lines to drop costs more than reading them.
const LITTLE: u64 = 64 * 1024;

/// The most that is read only to count its lines.
const COUNTED: u64 = 64 * 1024 * 1024;

/// So many bytes are told apart from another file's: what is shorter may be anything's beginning.
const TELLING: u64 = 16;

/// What stands where a file went on in another one.
pub(super) const ROTATED: &str = "the log was rotated";

/// What stands where a file was emptied and no copy of it is left.
const TRUNCATED: &str = "the log was truncated: what was written just before may be missing here";

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
    /// Where reading it began, when it was not at its beginning.
    start: u64,
}

/// Where following began: what was written before that is in the same file up to there, and in older ones.
#[derive(Clone, Debug)]
pub(super) struct Begin {
    place: Place,
    offset: u64,
    memory: Memory,
}

impl Begin {
    /// How far a file belongs to what was before; `None` for one that came later.
    pub fn up_to(&self, file: &File) -> io::Result<Option<u64>> {
        let metadata = file.metadata()?;
        // A copy has another place, and the same beginning and end of what was read of it.
        let may_be = Place::of(&metadata) == self.place || self.memory.offset() >= TELLING;
        let is_it = may_be && self.memory.compare(file, metadata.len(), true)? != Change::Truncated;
        Ok(is_it.then_some(self.offset))
    }
}

impl Followed {
    /// A file of which nothing was read yet.
    ///
    /// # Errors
    /// What fstat(2) says.
    pub fn new(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let (place, seen) = (Place::of(&metadata), (metadata.len(), -1, -1));
        Ok(Self { file, place, memory: Memory::default(), splitter: Splitter::default(), seen, disturbed: false, start: 0 })
    }

    /// Where reading it began, as it can be found again.
    pub fn begin(&self) -> Begin {
        Begin { place: self.place, offset: self.start, memory: self.memory.clone() }
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
        let before = (self.memory.clone(), self.splitter.clone(), self.seen);
        let point = batch.point();
        let grew = match self.try_take_in(opener, keep, tell_dropped, batch) {
            // Cut short while it was read.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            other => other?,
        };
        self.disturbed = grew.is_none();
        if self.disturbed {
            batch.back_to(point);
            (self.memory, self.splitter, self.seen) = before;
        }
        Ok(grew.unwrap_or(true))
    }

    /// The same; `None` when the file was changed under the reading.
    fn try_take_in(&mut self, opener: &dyn Opener, keep: usize, tell_dropped: bool, batch: &mut Batch) -> io::Result<Option<bool>> {
        let metadata = self.file.metadata()?;
        let seen = (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
        let before = std::mem::replace(&mut self.seen, seen);
        let change = self.memory.compare(&self.file, seen.0, before != seen)?;
        match change {
            Change::Nothing => return Ok(Some(false)),
            // It was empty or nearly so when it was looked at: what has come since may be its second filling.
            Change::Grown if self.memory.offset() < TELLING && before.1 != -1 => self.suspect(opener, (before.1, before.2), batch)?,
            Change::Grown => {}
            Change::Truncated => {
                let mut now = Memory::default();
                now.keep(&self.file, seen.0)?;
                self.catch_up(opener, &now, (before.1, before.2), keep, batch)?;
                // Truncated once more meanwhile: what was in it then is in a copy that was not looked for.
                let again = self.file.metadata()?.len();
                if now.compare(&self.file, again, true)? == Change::Truncated || (seen.0 == 0 && again > 0) {
                    return Ok(None);
                }
                self.memory = Memory::default();
            }
        }
        let end = self.advance(seen.0, keep, tell_dropped, batch)?;
        // Still the same beginning and the same end: what was read in between is what followed.
        let size = self.file.metadata()?.len();
        if size < end || self.memory.compare(&self.file, size, true)? == Change::Truncated {
            return Ok(None);
        }
        self.memory.keep(&self.file, end)?;
        Ok(Some(true))
    }

    /// Reads up to `size`, or only the last of it when that is more than is kept. Says how far it came.
    fn advance(&mut self, size: u64, keep: usize, tell_dropped: bool, batch: &mut Batch) -> io::Result<u64> {
        let mut start = self.memory.offset();
        if size < start {
            return Err(disturbed());
        }
        if size - start > LITTLE {
            let window = window(&self.file, start, size, keep, MOST)?;
            if window.start > start {
                if tell_dropped {
                    pass_over(&self.file, start, window.start, batch)?;
                }
                if start == 0 {
                    self.start = window.start;
                }
                self.splitter = if window.headless { Splitter::headless() } else { Splitter::default() };
                start = window.start;
            }
        }
        let splitter = &mut self.splitter;
        read(&self.file, start, size, |bytes| splitter.feed(bytes, |piece| batch.text(piece.read())))
    }

    /// So little was read of it that any filling begins like that. A copy made since then tells that it was emptied once more.
    fn suspect(&self, opener: &dyn Opener, emptied: (i64, i64), batch: &mut Batch) -> io::Result<()> {
        let found = copies(opener, self.place, emptied, |_, _| Ok(Copied::Since))?;
        if found.is_some_and(|found| !found.files.is_empty()) {
            batch.mark(TRUNCATED);
        }
        Ok(())
    }

    /// It was emptied. Whoever does that to rotate it has copied it before: what was not read yet is in copies that were written since
    /// the last look.
    fn catch_up(&mut self, opener: &dyn Opener, now: &Memory, seen: (i64, i64), keep: usize, batch: &mut Batch) -> io::Result<()> {
        let is_telling = self.memory.offset() >= TELLING;
        let mut files = copies(opener, self.place, seen, |file, size| {
            // What is in the file itself is just being copied.
            if now.begins_with(file, size, &self.file)? {
                return Ok(Copied::FromNow);
            }
            let is_ours = is_telling && self.memory.compare(file, size, true)? != Change::Truncated;
            Ok(if is_ours { Copied::FromOurs } else { Copied::Since })
        })?
        .unwrap_or_default();
        match files.ours.take().or_else(|| if is_telling { None } else { files.files.pop() }) {
            Some(file) if self.memory.compare(&file, file.metadata()?.len(), true)? != Change::Truncated => {
                if !is_telling {
                    batch.mark(TRUNCATED);
                }
                self.read_copy(file, keep, batch)?;
            }
            other => {
                self.finish(batch);
                batch.mark(TRUNCATED);
                if files.files.is_empty() && other.is_none() {
                    return Ok(());
                }
                files.files.extend(other);
            }
        }
        for file in files.files.into_iter().rev() {
            batch.mark(ROTATED);
            let mut file = Self::new(file)?;
            file.take_in(opener, keep, true, batch)?;
            if file.is_disturbed() {
                return Err(disturbed());
            }
            file.finish(batch);
        }
        batch.mark(ROTATED);
        Ok(())
    }

    /// Goes on in a copy of what was followed.
    fn read_copy(&mut self, copy: File, keep: usize, batch: &mut Batch) -> io::Result<()> {
        let size = copy.metadata()?.len();
        let own = std::mem::replace(&mut self.file, copy);
        let end = self.advance(size, keep, true, batch);
        let copy = std::mem::replace(&mut self.file, own);
        end?;
        if self.memory.compare(&copy, copy.metadata()?.len(), true)? == Change::Truncated {
            return Err(disturbed());
        }
        self.finish(batch);
        Ok(())
    }
}

/// A copy was overwritten under the reading.
fn disturbed() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

fn pass_over(file: &File, from: u64, to: u64, batch: &mut Batch) -> io::Result<()> {
    if to - from > COUNTED {
        let text = format!("{} MB were passed over: they came faster than they can be kept", (to - from).div_ceil(1_000_000));
        batch.pass_over(0, to - from, &text);
        return Ok(());
    }
    let lines = count_lines(file, from, to)?;
    let (bytes, text) = match lines {
        0 => (to - from, format!("{} MB were passed over: they came faster than they can be kept", (to - from).div_ceil(1_000_000))),
        1 => (0, "1 line was passed over: it came faster than it can be kept".to_owned()),
        _ => (0, format!("{lines} lines were passed over: they came faster than they can be kept")),
    };
    batch.pass_over(lines, bytes, &text);
    Ok(())
}
