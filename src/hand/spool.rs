//! A log in memory: written down here from what has no file of its own, and handed over open to whoever reads it.
//!
//! It must never take more room than two files of it may have, whoever keeps one open for however long, nor let anybody write it to whom it
//! was handed: who has it open could open it anew by way of /proc.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;

use rustix::fs::{MemfdFlags, memfd_create};

/// It is begun anew above this.
const MOST: u64 = 32 * 1024 * 1024;

/// The file, and the one before it: whoever reads that has until the next one to come to its end.
#[derive(Debug)]
pub struct Spool {
    name: &'static str,
    most: u64,
    file: File,
    written: u64,
    before: Option<File>,
}

impl Spool {
    /// An empty one; `name` is what /proc shows.
    ///
    /// # Errors
    /// What memfd_create(2) says.
    pub fn new(name: &'static str) -> io::Result<Self> {
        Ok(Self { name, most: MOST, file: made(name)?, written: 0, before: None })
    }

    /// Opens it, for reading from its beginning: whoever reads has a place of its own in it.
    ///
    /// # Errors
    /// What open(2) says.
    pub fn reopen(&self) -> io::Result<File> {
        File::open(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }

    /// Begins another file where this one is full. To be asked between two lines. Where none can be had this one goes on.
    pub fn turn_over(&mut self) {
        if self.written > self.most
            && let Ok(anew) = made(self.name)
        {
            let full = std::mem::replace(&mut self.file, anew);
            self.written = 0;
            if let Some(before) = self.before.replace(full) {
                empty(&before);
            }
        }
    }
}

/// Only to be read: the mode holds for whoever opens it anew, and what was not made for sealing is sealed against that.
fn made(name: &str) -> io::Result<File> {
    let file = File::from(memfd_create(name, MemfdFlags::CLOEXEC)?);
    file.set_permissions(Permissions::from_mode(0o444))?;
    Ok(file)
}

/// Its room is given back also where somebody keeps it open.
fn empty(file: &File) {
    // A file in memory that is not sealed can be emptied.
    let _ = file.set_len(0);
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        empty(&self.file);
        self.before.iter().for_each(empty);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(file: &File) -> u64 {
        file.metadata().unwrap().len()
    }

    #[test]
    fn who_keeps_all_of_it_open_holds_two_files_at_most() {
        let mut spool = Spool::new("berth-test").unwrap();
        spool.most = 10;
        let mut held = Vec::new();
        for _ in 0..5 {
            spool.write_all(b"eleven byte").unwrap();
            held.push(spool.reopen().unwrap());
            spool.turn_over();
        }
        assert_eq!(held.iter().map(length).collect::<Vec<_>>(), [0, 0, 0, 0, 11], "the last one may still be read to its end");
        spool.write_all(b"more").unwrap();
        assert_eq!(length(&spool.reopen().unwrap()), 4);
        held.push(spool.reopen().unwrap());
        drop(spool);
        assert!(held.iter().all(|file| length(file) == 0), "nor does anybody hold any of it when it is over");
    }

    #[test]
    fn whoever_it_is_handed_to_only_reads() {
        let spool = Spool::new("berth-test").unwrap();
        let handed = spool.reopen().unwrap();
        assert_eq!(handed.metadata().unwrap().permissions().mode() & 0o7777, 0o444);
        assert!((&handed).write_all(b"x").is_err() && handed.set_len(5).is_err());
        // As nobody: permissions do not hold for root, from whom nothing is kept.
        let path = format!("/proc/self/fd/{}", handed.as_raw_fd());
        let opened = std::thread::spawn(move || {
            // SAFETY: a plain number; it changes this thread alone, which ends with it.
            unsafe { libc::syscall(libc::SYS_setfsuid, 65_534) };
            [File::options().write(true).open(&path).is_ok(), File::open(&path).is_ok()]
        });
        assert_eq!(opened.join().unwrap(), [false, true]);
    }
}
