//! A keeper's end of its server's group: the descriptors that root opened for it.
//!
//! It must never open anything of a hierarchy by its name: the keeper is the user by then and may not. It stays outside of the group.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use super::{FOLDER, Handed, VARIABLE};

/// How long the kernel is given to hold every task of a group still.
const FREEZING_TAKES: Duration = Duration::from_millis(100);

/// The group, as far as there is one.
#[derive(Debug, Default)]
pub struct Group {
    pub(super) name: String,
    pub(super) enter: Vec<File>,
    pub(super) kill: Option<File>,
    freezer: Option<File>,
    pub(super) members: Option<File>,
    pub(super) events: Option<File>,
    memory_max: Option<u64>,
    without: Option<String>,
    killed_before: u64,
    /// The limits are its unit's: the server is held to them in this group or not.
    is_units: bool,
}

impl Group {
    /// What the zygote handed over to this process; nothing where it handed nothing.
    ///
    /// # Safety
    /// To be called once, before this process has opened anything: the numbers are taken as its own.
    pub unsafe fn inherited() -> Self {
        let handed: Handed = std::env::var(VARIABLE).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let own = |raw: i32| {
            // SAFETY: the caller vouches for it; and a flag on a descriptor that is this process's.
            unsafe {
                libc::fcntl(raw, libc::F_SETFD, libc::FD_CLOEXEC);
                File::from(OwnedFd::from_raw_fd(raw))
            }
        };
        Self {
            name: handed.name,
            enter: handed.enter.into_iter().map(own).collect(),
            kill: handed.kill.map(own),
            freezer: handed.freezer.map(own),
            members: handed.members.map(own),
            events: handed.events.map(own),
            memory_max: handed.memory_max,
            without: handed.without,
            killed_before: 0,
            is_units: false,
        }
    }

    /// The one of a unit that has this limit of memory, and is not held to what the sentence says.
    pub(super) fn of_unit(memory_max: Option<u64>, without: Option<String>) -> Self {
        Self { memory_max, without, is_units: true, ..Self::default() }
    }

    /// Into these descriptors the server writes "0" before it executes. The kernel asks what the one who opened them may do, not the
    /// one who writes (since Linux 5.17, and in the stable kernels of January 2022).
    pub fn entrances(&self) -> Vec<RawFd> {
        self.enter.iter().map(AsRawFd::as_raw_fd).collect()
    }

    /// Which limits the server runs without, and why. `main` is looked at: what it could not enter does not hold it.
    pub fn without(&self, main: i32) -> Option<String> {
        let entered = std::fs::read_to_string(format!("/proc/{main}/cgroup")).unwrap_or_default();
        let group = format!("/{FOLDER}/{}", self.name);
        let count = entered.lines().filter(|line| line.ends_with(&group)).count();
        // A server that has ended already is in no group any more.
        if self.without.is_none() && !self.is_units && count < self.enter.len() && !entered.is_empty() {
            return Some("no limit is in force: the kernel did not let the server enter its control group".to_owned());
        }
        self.without.clone()
    }

    /// Notes how many were killed for memory so far.
    pub fn begin(&mut self) {
        self.killed_before = self.memory_kills();
    }

    /// The limit of memory in bytes, when somebody was killed for exceeding it since the beginning.
    pub fn exceeded_memory(&self) -> Option<u64> {
        self.memory_max.filter(|_| self.memory_kills() > self.killed_before)
    }

    /// `oom_kill` in memory.events and in memory.oom_control alike.
    fn memory_kills(&self) -> u64 {
        let text = self.events.as_ref().and_then(|file| read(file).ok()).unwrap_or_default();
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")).and_then(|count| count.trim().parse().ok()).unwrap_or(0)
    }

    /// The processes in it, its zombies left out (the kernel does not list them in version 1, and version 2 not either).
    pub fn members(&self) -> Vec<i32> {
        let text = self.members.as_ref().and_then(|file| read(file).ok()).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 1).collect()
    }

    /// Kills everything in it, however it forks and wherever its sessions and parents are. To be called until it is empty.
    pub fn kill(&self) {
        if let Some(mut file) = self.kill.as_ref() {
            drop(file.write_all(b"1"));
        } else if self.freezer.is_some() {
            self.freeze(true);
            for pid in self.members() {
                // SAFETY: a plain call. The group stands still, so no pid of it can become somebody else's; and this is the user, who
                // could signal no other's process.
                unsafe { libc::kill(pid, libc::SIGKILL) };
            }
            self.freeze(false);
        }
    }

    fn freeze(&self, still: bool) {
        let Some(mut file) = self.freezer.as_ref() else { return };
        let word: &[u8] = if still { b"FROZEN" } else { b"THAWED" };
        let until = Instant::now() + FREEZING_TAKES;
        while file.write_all(word).is_err() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        if still {
            // There is no descriptor to read the state from: a group whose list stands still is frozen, or has nobody who forks.
            let mut before = self.members();
            while Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
                let now = self.members();
                if now == before {
                    break;
                }
                before = now;
            }
        }
    }
}

/// The whole of a kernel's file, from its beginning, as often as one likes.
fn read(file: &File) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        match file.read_at(&mut buffer, bytes.len() as u64) {
            Ok(0) => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
