//! The mark that everything of one demo bears, and ending what bears it.
//!
//! It must never signal a process of another account, nor one whose mark was read before its pidfd was opened.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, geteuid, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// The environment variable that bears it.
pub const VARIABLE: &str = "BERTH_DEMO";

/// A demo's mark: nobody else can guess it, so nobody's process bears it by chance or by malice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark(String);

impl Mark {
    /// A new one.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub fn new() -> io::Result<Self> {
        use io::Read;
        let mut bytes = [0_u8; 16];
        fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// One that is known beforehand.
    #[cfg(any(test, fuzzing))]
    pub(super) fn of(value: &str) -> Self {
        Self(value.to_owned())
    }

    /// The variable's value.
    pub fn value(&self) -> &str {
        &self.0
    }

    /// A few characters of it, for a directory's name: not enough to forge the mark.
    pub fn short(&self) -> &str {
        &self.0[..8]
    }

    /// Whether an environment as /proc/PID/environ shows it bears the mark.
    pub(super) fn is_in(&self, environment: &[u8]) -> bool {
        let entry = format!("{VARIABLE}={}", self.0);
        environment.split(|byte| *byte == 0).any(|variable| variable == entry.as_bytes())
    }

    /// Every process of this account that bears the mark, but this one.
    pub fn bearers(&self) -> Vec<Bearer> {
        let own = std::process::id();
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
            .filter(|pid| *pid > 1 && *pid != own)
            .filter_map(|pid| self.bearer(pid))
            .collect()
    }

    /// The pidfd comes first: if it can still be signalled after the environment was read, the environment was that process's.
    fn bearer(&self, pid: u32) -> Option<Bearer> {
        let directory = format!("/proc/{pid}");
        // Read once without a pidfd, so that a thousand foreign processes do not cost a descriptor each.
        if !self.is_borne(&directory) {
            return None;
        }
        let descriptor = pidfd_open(Pid::from_raw(i32::try_from(pid).ok()?)?, PidfdFlags::empty()).ok()?;
        self.is_borne(&directory).then_some(Bearer { descriptor })
    }

    fn is_borne(&self, directory: &str) -> bool {
        let is_ours = fs::metadata(directory).is_ok_and(|facts| facts.uid() == geteuid().as_raw());
        is_ours && fs::read(format!("{directory}/environ")).is_ok_and(|environment| self.is_in(&environment))
    }

    /// Ends everything that bears the mark: asks, and after `grace` kills, until nothing bears it any more. Whether that is so.
    pub fn end_all(&self, grace: Duration) -> bool {
        let begin = Instant::now();
        for bearer in self.bearers() {
            bearer.signal(Signal::TERM);
        }
        loop {
            let left = self.bearers();
            if left.is_empty() {
                return true;
            }
            if begin.elapsed() > grace {
                for bearer in &left {
                    bearer.signal(Signal::KILL);
                }
            }
            // What cannot be killed, in state D, is not waited for longer.
            if begin.elapsed() > grace + Duration::from_secs(3) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A process that bears the mark.
#[derive(Debug)]
pub struct Bearer {
    descriptor: OwnedFd,
}

impl Bearer {
    fn signal(&self, signal: Signal) {
        // ESRCH: it has ended meanwhile, which is what was wanted.
        let _ = pidfd_send_signal(&self.descriptor, signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn only_the_whole_entry_is_the_mark() {
        let mark = Mark("0123456789abcdef".to_owned());
        assert!(mark.is_in(b"PATH=/bin\0BERTH_DEMO=0123456789abcdef\0"));
        assert!(!mark.is_in(b"BERTH_DEMO=0123456789abcdef0\0"));
        assert!(!mark.is_in(b"NOTE=BERTH_DEMO=0123456789abcdef\0"));
        assert!(!mark.is_in(b""));
        assert_eq!(mark.short().len(), 8);
    }

    #[test]
    fn what_bears_the_mark_is_ended_and_the_rest_lives() {
        let mark = Mark::new().unwrap();
        assert_ne!(mark, Mark::new().unwrap());
        let mut marked = Command::new("sleep").arg("60").env(VARIABLE, mark.value()).spawn().unwrap();
        let mut other = Command::new("sleep").arg("60").env(VARIABLE, "another").spawn().unwrap();
        assert_eq!(mark.bearers().len(), 1);
        // A zombie has no environment, so an unreaped child is not waited for.
        assert!(mark.end_all(Duration::from_secs(2)));
        assert!(marked.wait().is_ok());
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
