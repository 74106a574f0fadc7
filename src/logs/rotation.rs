//! Whether a file is still the one that was read, and still holds what was read of it.
//!
//! It must never trust the size alone: a log that is copied and truncated can be longer again than it was before anybody looks.
//! Nor times: two writes in one tick of the clock have the same.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Which file lies at a path. An inode is not given to another file while the first one is held open, and it is, as long as it is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The device.
    pub device: u64,
    /// The inode on it.
    pub inode: u64,
}

/// How much of the file's beginning is remembered.
const HEAD: u64 = 256;

/// How much of what was read last is remembered: two logs may begin alike, with the same banner.
const BEFORE: u64 = 64;

/// What was read, in as few bytes as are needed to know it again.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    head: Vec<u8>,
    before: Vec<u8>,
    offset: u64,
}

/// What a file's writer did since it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing that adds to it.
    Nothing,
    /// It has more.
    Grown,
    /// It was emptied, and perhaps written to again.
    Truncated,
}

impl Memory {
    /// Goes on at `offset` without having read what lies before it.
    ///
    /// # Errors
    /// What pread(2) says; `UnexpectedEof` when the file does not reach that far any more.
    pub fn jump(&mut self, file: &File, offset: u64) -> io::Result<()> {
        let (length, start) = (HEAD.min(offset), offset.saturating_sub(BEFORE));
        let (head, before) = (bytes_at(file, 0, length)?, bytes_at(file, start, offset - start)?);
        if head.len() as u64 != length || before.len() as u64 != offset - start {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (self.head, self.before, self.offset) = (head, before, offset);
        Ok(())
    }

    /// Remembers what was read next. From the bytes themselves: the file may hold others by now.
    pub fn take(&mut self, bytes: &[u8]) {
        if self.head.len() as u64 == self.offset {
            let room = usize::try_from(HEAD).unwrap_or(0).saturating_sub(self.head.len());
            self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        let most = usize::try_from(BEFORE).unwrap_or(0);
        self.before.extend_from_slice(&bytes[bytes.len().saturating_sub(most)..]);
        self.before.drain(..self.before.len().saturating_sub(most));
        self.offset += bytes.len() as u64;
    }

    /// How far it was read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether `copy`, which is `size` long, is how the remembered file begins.
    pub fn begins_with(&self, copy: &File, size: u64, file: &File) -> io::Result<bool> {
        if size > self.offset {
            return Ok(false);
        }
        let start = size.saturating_sub(BEFORE);
        let length = HEAD.min(size);
        Ok(bytes_at(copy, 0, length)? == self.head[..self.head.len().min(usize::try_from(length).unwrap_or(0))]
            && bytes_at(copy, start, size - start)? == bytes_at(file, start, size - start)?)
    }

    /// What was done to the file, which is `size` long now. `touched`: it was changed since the last look, in any way.
    pub fn compare(&self, file: &File, size: u64, touched: bool) -> io::Result<Change> {
        if size < self.offset {
            return Ok(Change::Truncated);
        }
        if !touched && size == self.offset {
            return Ok(Change::Nothing);
        }
        let start = self.offset - self.before.len() as u64;
        let known =
            bytes_at(file, 0, self.head.len() as u64)? == self.head && bytes_at(file, start, self.before.len() as u64)? == self.before;
        Ok(match known {
            false => Change::Truncated,
            true if size > self.offset => Change::Grown,
            true => Change::Nothing,
        })
    }
}

/// Up to `length` bytes from `offset` on; fewer when the file has been cut short.
fn bytes_at(file: &File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    match file.read_exact_at(&mut bytes, offset) {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn log(text: &str) -> (File, Memory) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let mut memory = Memory::default();
        memory.take(text.as_bytes());
        (file, memory)
    }

    fn rewrite(file: &File, text: &str) -> u64 {
        file.set_len(0).unwrap();
        file.write_all_at(text.as_bytes(), 0).unwrap();
        text.len() as u64
    }

    #[test]
    fn what_was_appended_is_growth() {
        let (mut file, memory) = log("one\n");
        assert_eq!(memory.compare(&file, 4, false).unwrap(), Change::Nothing);
        assert_eq!(memory.compare(&file, 4, true).unwrap(), Change::Nothing);
        file.write_all(b"two\n").unwrap();
        assert_eq!(memory.compare(&file, 8, true).unwrap(), Change::Grown);
    }

    #[test]
    fn an_empty_file_that_gets_something_has_grown() {
        let (mut file, memory) = log("");
        assert_eq!(memory.compare(&file, 0, true).unwrap(), Change::Nothing);
        file.write_all(b"x").unwrap();
        assert_eq!(memory.compare(&file, 1, true).unwrap(), Change::Grown);
    }

    #[test]
    fn a_shorter_file_was_truncated() {
        let (file, memory) = log("one\ntwo\n");
        let size = rewrite(&file, "three\n");
        assert_eq!(memory.compare(&file, size, true).unwrap(), Change::Truncated);
    }

    #[test]
    fn a_longer_file_with_another_beginning_was_truncated() {
        let (file, memory) = log("one\n");
        let size = rewrite(&file, "this is longer than before\n");
        assert_eq!(memory.compare(&file, size, true).unwrap(), Change::Truncated);
        let size = rewrite(&file, "two\n");
        assert_eq!(memory.compare(&file, size, true).unwrap(), Change::Truncated);
    }

    #[test]
    fn what_is_read_in_pieces_is_remembered_like_what_is_jumped_over() {
        let text: String = (0..200).map(|number| format!("line {number}\n")).collect();
        for (piece, end) in [(1, 5), (7, 64), (40, 300), (64, 400), (1000, text.len()), (3, text.len())] {
            let (file, mut jumped) = log(&text);
            jumped.jump(&file, end as u64).unwrap();
            let mut read = Memory::default();
            text.as_bytes()[..end].chunks(piece).for_each(|bytes| read.take(bytes));
            assert_eq!((read.head, read.before, read.offset), (jumped.head, jumped.before, jumped.offset), "{piece} {end}");
        }
        let (file, mut memory) = log("short");
        assert_eq!(memory.jump(&file, 6).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn two_logs_that_begin_alike_are_told_apart() {
        let banner = "=".repeat(400);
        let (file, memory) = log(&format!("{banner}\nfirst run, request 1\n"));
        let size = rewrite(&file, &format!("{banner}\nsecond run, and more of it than of the first\n"));
        assert_eq!(memory.compare(&file, size, true).unwrap(), Change::Truncated);
    }
}
