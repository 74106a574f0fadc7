//! A daemon of its own, and what it costs.
//!
//! It must never outlive the measurement: it is ended by its pid.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::measure::{command, resident, ticks};

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What it cost for a while.
pub struct Cost {
    /// Of one core, the daemon and its helpers.
    pub cpu_percent: f64,
    /// Of the daemon, bytes.
    pub resident: u64,
}

/// The daemon.
pub struct Daemon(Child);

impl Daemon {
    /// Starts it and waits until it answers.
    pub fn start(words: &[&str], environment: &[(&str, &str)], socket: &Path) -> Self {
        let words: Vec<&str> = words.iter().copied().chain(["serve"]).collect();
        let mut command = command(crate::BERTH, &words, environment);
        let daemon = Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let begun = Instant::now();
        while UnixStream::connect(socket).is_err() {
            assert!(begun.elapsed() < PATIENCE, "the daemon does not answer at {}", socket.display());
            sleep(Duration::from_millis(20));
        }
        daemon
    }

    /// What it costs from now on for so long.
    pub fn cost(&self, measured: Duration) -> Cost {
        let pid = i32::try_from(self.0.id()).unwrap();
        let (before, begin) = (ticks(pid), Instant::now());
        sleep(measured);
        let cpu_percent = (ticks(pid) - before) / begin.elapsed().as_secs_f64() * 100.0;
        Cost { cpu_percent, resident: resident(pid) }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
