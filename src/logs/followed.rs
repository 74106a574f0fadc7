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
use super::siblings::copies;
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
const TRUNCATED: &str = "the log was truncated: lines may be missing here";

/// What stands where a file was emptied after it was copied: whoever copies it does not know of what is written until it is emptied.
const COPIED: &str = "the log was copied and truncated: lines that were written between the two may be missing here";

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
    /// It was emptied while it was followed: that may happen again before much is written to it.
    emptied: bool,
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
        Ok(Self { file, place, memory: Memory::default(), splitter: Splitter::default(), seen, disturbed: false, start: 0, emptied: false })
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
        let mut refilled = None;
        match change {
            Change::Nothing => return Ok(Some(false)),
            // It was empty or nearly so when it was looked at: what has come since may be its second filling.
            Change::Grown if self.memory.offset() < TELLING && before.1 != -1 => self.suspect(opener, (before.1, before.2), batch)?,
            Change::Grown => {}
            Change::Truncated => refilled = Some(self.catch_up(opener, (before.1, before.2), keep, batch)?),
        }
        let (read, splitter) = self.advance(&self.file, self.seen.0, keep, tell_dropped, batch)?;
        // Still the same beginning and the same end: what was read in between is what followed.
        let size = self.file.metadata()?.len();
        let is_same = |memory: &Memory| Ok::<_, io::Error>(memory.compare(&self.file, size, true)? != Change::Truncated);
        if !is_same(&read.memory)? || !is_same(&self.memory)? {
            return Ok(None);
        }
        if let Some(Refilled { now, pieces }) = refilled {
            // Truncated once more meanwhile: what was in it then is in a copy that was not looked for.
            if !is_same(&now)? || (now.offset() == 0 && size > 0) {
                return Ok(None);
            }
            // A copy that was made anew under the reading: what was read of it came from the file as well.
            for piece in pieces.iter().filter(|piece| piece.offset() >= TELLING) {
                if is_same(piece)? {
                    return Ok(None);
                }
            }
            self.emptied = true;
        }
        if self.memory.offset() == 0 {
            self.start = read.start;
        }
        (self.memory, self.splitter) = (read.memory, splitter);
        Ok(Some(true))
    }

    /// It grew from so little that any filling begins like that: it may have been emptied once more in between. A copy that was made since
    /// then tells; and where it is known to be emptied, nothing need tell.
    fn suspect(&self, opener: &dyn Opener, seen: (i64, i64), batch: &mut Batch) -> io::Result<()> {
        let is_again = self.emptied && self.memory.offset() > 0;
        if is_again || copies(opener, self.place, seen)?.iter().any(|copy| copy.written > seen) {
            batch.gap(TRUNCATED);
        }
        Ok(())
    }

    /// It was emptied. Whoever does that to rotate it has copied it before: what was not read yet is in copies that were written since
    /// the last look. Between any two of them lines may be missing: nobody knows what was written after a copy was made.
    fn catch_up(&mut self, opener: &dyn Opener, seen: (i64, i64), keep: usize, batch: &mut Batch) -> io::Result<Refilled> {
        let found = copies(opener, self.place, seen)?;
        // After the copies: one of what is in the file now is not longer than that.
        let metadata = self.file.metadata()?;
        self.seen = (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
        let mut now = Memory::default();
        now.jump(&self.file, metadata.len())?;
        let is_telling = self.memory.offset() >= TELLING;
        let (mut ours, mut files, mut tied) = (None, Vec::new(), Vec::new());
        for copy in found {
            let size = copy.file.metadata()?.len();
            if now.begins_with(&copy.file, size, &self.file)? {
                continue;
            }
            if is_telling && self.memory.compare(&copy.file, size, true)? != Change::Truncated {
                ours = Some(copy.file);
                break;
            }
            if copy.written > seen { files.push(copy.file) } else { tied.push(copy.file) }
        }
        // Written in one tick of the clock with the last look, they may be of what was read then, and nothing comes twice. Where that is
        // known by its content, they came after it: the oldest of those that did.
        if ours.is_some() {
            files.append(&mut tied);
        }
        if !is_telling && let Some(oldest) = files.pop() {
            if self.memory.compare(&oldest, oldest.metadata()?.len(), true)? == Change::Truncated {
                files.push(oldest);
            } else {
                batch.gap(TRUNCATED);
                ours = Some(oldest);
            }
        }
        let (mut pieces, mut mark) = (Vec::new(), TRUNCATED);
        if let Some(copy) = ours {
            pieces.push(self.read_copy(&copy, keep, batch)?);
            mark = COPIED;
        }
        self.finish(batch);
        for file in files.into_iter().rev() {
            batch.gap(mark);
            mark = COPIED;
            let mut file = Self::new(file)?;
            file.take_in(opener, keep, true, batch)?;
            if file.is_disturbed() {
                return Err(disturbed());
            }
            file.finish(batch);
            pieces.push(file.memory);
        }
        batch.gap(mark);
        self.memory = Memory::default();
        self.splitter = Splitter::default();
        Ok(Refilled { now, pieces })
    }

    /// Goes on in a copy of what was followed.
    fn read_copy(&mut self, copy: &File, keep: usize, batch: &mut Batch) -> io::Result<Memory> {
        let (read, splitter) = self.advance(copy, copy.metadata()?.len(), keep, true, batch)?;
        let size = copy.metadata()?.len();
        for memory in [&self.memory, &read.memory] {
            if memory.compare(copy, size, true)? == Change::Truncated {
                return Err(disturbed());
            }
        }
        self.splitter = splitter;
        Ok(read.memory)
    }

    /// Reads `file` from where this was read up to `size`, or only the last of it when that is more than is kept.
    fn advance(&self, file: &File, size: u64, keep: usize, tell_dropped: bool, batch: &mut Batch) -> io::Result<(Read, Splitter)> {
        let (mut memory, mut splitter) = (self.memory.clone(), self.splitter.clone());
        let (from, mut start) = (memory.offset(), memory.offset());
        if size < from {
            return Err(disturbed());
        }
        if size - from > LITTLE {
            let window = window(file, from, size, keep, MOST)?;
            if window.start > from {
                if tell_dropped {
                    pass_over(file, from, window.start, batch)?;
                }
                memory.jump(file, window.start)?;
                splitter = if window.headless { Splitter::headless() } else { Splitter::default() };
                start = window.start;
            }
        }
        read(file, start, size, |bytes| {
            memory.take(bytes);
            splitter.feed(bytes, |piece| batch.text(piece.read()));
        })?;
        Ok((Read { memory, start }, splitter))
    }
}

/// What was read: as it is known again, and where it began.
struct Read {
    memory: Memory,
    start: u64,
}

/// A file that was emptied: what it held when its copies had been looked for, and what was read of those.
struct Refilled {
    now: Memory,
    pieces: Vec<Memory>,
}

/// A file was changed under the reading.
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
