//! The listening sockets read from /proc/net/tcp and /proc/net/tcp6, and how often: the fallback where sock_diag is refused.
//!
//! It must never cost more than its share: what it took decides when it is read again.

use std::fs::File;
use std::io;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use super::netlink::RawListener;
use super::proc::Proc;
use super::{clock, proc_net};

/// At most this often, whatever it costs.
const SHORTEST: Duration = Duration::from_secs(1);

/// At least this often: a picture that is older is none.
const LONGEST: Duration = Duration::from_secs(60);

/// It may take one part of so many of a core: two percent.
const SHARE: u32 = 50;

/// When it was read and what that took.
#[derive(Debug, Default)]
pub(super) struct Files {
    next: Duration,
    pause: Duration,
}

impl Files {
    /// Whether it is time; `now` on the boot clock.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        now >= self.next
    }

    /// How often it is read, in words.
    pub(super) fn every(&self) -> String {
        match self.pause.as_secs() {
            0 | 1 => "every second".to_owned(),
            seconds => format!("every {seconds} seconds"),
        }
    }

    /// Fills `listeners`. Where there is no IPv6 there is no file of it.
    ///
    /// # Errors
    /// When /proc/net/tcp cannot be read, or /proc/net/tcp6 can be and says nonsense.
    pub(super) fn read(&mut self, proc: &Proc, listeners: &mut Vec<RawListener>) -> io::Result<()> {
        let before = spent();
        listeners.clear();
        let read = read_both(proc, listeners);
        self.pause = pause(spent().saturating_sub(before));
        self.next = clock::now().boot.saturating_add(self.pause);
        read
    }
}

fn read_both(proc: &Proc, listeners: &mut Vec<RawListener>) -> io::Result<()> {
    proc_net::read(File::from(proc.open_global("net/tcp")?), listeners)?;
    match proc.open_global("net/tcp6") {
        Ok(file) => proc_net::read(File::from(file), listeners)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    proc_net::infer_v6only(listeners);
    Ok(())
}

/// Whole seconds, so that a sentence about it does not change with every reading.
fn pause(took: Duration) -> Duration {
    Duration::from_secs((took * SHARE).as_secs_f64().ceil() as u64).clamp(SHORTEST, LONGEST)
}

/// The processor time of this thread.
fn spent() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_is_dear_is_rare() {
        let cases = [(0, 1), (20, 1), (21, 2), (200, 10), (5000, 60)];
        for (milliseconds, seconds) in cases {
            assert_eq!(pause(Duration::from_millis(milliseconds)), Duration::from_secs(seconds), "{milliseconds}");
        }
    }

    #[test]
    fn it_is_due_again_after_its_pause() {
        let mut files = Files::default();
        assert!(files.is_due(Duration::ZERO));
        files.read(&Proc::open_at(Path::new("/proc")).unwrap(), &mut Vec::new()).unwrap();
        let now = clock::now().boot;
        assert!(!files.is_due(now) && files.is_due(now + LONGEST));
    }
}
