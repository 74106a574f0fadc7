//! What is known of a process before it is read every second, so that nothing is opened or read twice when a thousand are met at once.
//!
//! It must never take what was listed for what is there now: whoever makes use of it proves that the process is still the same.

use std::io;
use std::os::fd::OwnedFd;

use super::proc::Proc;
use super::process::{LINE, pread};

/// A process's line of numbers, and the file it was read from.
pub(super) struct Opened {
    /// The file; it says ESRCH when the process is gone.
    pub(super) file: OwnedFd,
    /// The line, as it was then.
    pub(super) line: Box<[u8]>,
}

impl Opened {
    /// Opens and reads it.
    pub(super) fn read(proc: &Proc, pid: i32) -> io::Result<Self> {
        let file = proc.open(pid, "stat")?;
        let line = pread(&file, &mut [0; LINE])?.into();
        Ok(Self { file, line })
    }
}

/// The inode number of a process's directory, when it was listed, and what was opened then.
pub(super) type Listed = (u64, Option<Opened>);

/// What is known of a process before it is met, and what is wanted of it.
#[derive(Default)]
pub(super) struct Meeting {
    /// Whether its descriptors may stay open.
    pub(super) keep: bool,
    /// What was read of it when it was listed.
    pub(super) listed: Option<Listed>,
    /// It was found to hold a socket of here. Whether it has gone into another network namespace since is left to the first
    /// refresh: of one that listens here nothing depends on that.
    pub(super) holds_socket: bool,
}
