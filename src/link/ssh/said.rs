//! What ssh says while it works: kept in memory, and told in one line.
//!
//! It must never hold more than a page of it, nor pass on what a terminal obeys.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::process::Stdio;

use rustix::fs::{MemfdFlags, memfd_create};

use crate::domain::Shown;
use crate::error::{Context, Result};

/// How much of what it says is read.
const MOST_SAID: u64 = 4096;

/// What ssh says is written to memory: a pipe would have to be read all the time.
pub(super) fn spool() -> Result<(File, Stdio)> {
    let made = memfd_create("berth-ssh", MemfdFlags::CLOEXEC).map_err(io::Error::from);
    let file = File::from(made.while_doing(|| "cannot hear what ssh says".to_owned())?);
    let write = file.try_clone().while_doing(|| "cannot hear what ssh says".to_owned())?;
    Ok((file, Stdio::from(write)))
}

/// What was said in one line: berth's own sentence, else the last line that says something.
pub(super) fn read(said: &File) -> String {
    let mut text = Vec::new();
    // Opened anew: whoever writes has the place in this one.
    let opened = File::open(format!("/proc/self/fd/{}", said.as_fd().as_raw_fd()));
    if opened.and_then(|file| file.take(MOST_SAID).read_to_end(&mut text)).is_err() {
        return String::new();
    }
    let text = String::from_utf8_lossy(&text);
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("Connection closed"));
    let line = lines().find_map(|line| line.strip_prefix("berth: ")).or_else(|| lines().next_back()).unwrap_or_default();
    Shown::within(line, 400).as_str().to_owned()
}

/// Whether it ended because there was nobody to ask: for a password, a passphrase, or whether a key is the host's.
pub(super) fn wants_somebody(said: &str) -> bool {
    ["Permission denied", "Host key verification failed", "Too many authentication failures"].iter().any(|words| said.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ssh_says_last_is_told_and_nothing_that_a_terminal_obeys() {
        let (mut said, _) = spool().unwrap();
        io::Write::write_all(&mut said, b"Warning: x\r\nberth: no daemon answers at /run\x1b[2J\r\nConnection closed.\n\n").unwrap();
        assert_eq!(read(&said), "no daemon answers at /run\u{241b}[2J");
    }

    #[test]
    fn what_somebody_could_have_answered_is_told_apart() {
        for (said, wants) in [
            ("root@web1: Permission denied (publickey,password).", true),
            ("Host key verification failed.", true),
            ("ssh: connect to host web1 port 22: Connection refused", false),
            ("ssh: Could not resolve hostname web1: Name or service not known", false),
        ] {
            assert_eq!(wants_somebody(said), wants, "{said}");
        }
    }
}
