//! How long until the screen shows what happened: a foreign listener, a death, a key.
//!
//! It must never wait for berth's own word: the clock runs from the system call to the bytes on the terminal.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::hosts::owner;
use crate::terminal::Terminal;

/// How long anything may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Shows only the rows that the filter lets through.
pub fn filter(terminal: &mut Terminal, text: &str) {
    terminal.keys("\x1b");
    std::thread::sleep(Duration::from_millis(300));
    terminal.keys("/");
    terminal.keys(text);
    terminal.keys("\r");
    std::thread::sleep(Duration::from_millis(500));
}

/// From a foreign listen() on a stopped instance's port to the flagged row.
pub fn foreign_listeners(terminal: &mut Terminal, ports: &[u16], times: usize) -> Vec<f64> {
    filter(terminal, "finding:port-taken");
    let mut taken = Vec::new();
    for port in ports.iter().cycle().take(times) {
        // Not in step with the second nor with the tenth of it.
        std::thread::sleep(Duration::from_millis(137 + taken.len() as u64 % 97));
        let begin = Instant::now();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).unwrap();
        let shows = |text: &str| text.lines().any(|line| line.contains(&owner(*port)) && line.contains("port-taken"));
        terminal.until("the foreign listener", PATIENCE, shows);
        taken.push(begin.elapsed().as_secs_f64() * 1000.0);
        drop(listener);
        terminal.until("its end", PATIENCE, |text| !shows(text));
    }
    taken
}

/// From a server's death to `crashed` in its row. Each can die once.
pub fn deaths(terminal: &mut Terminal, servers: &[(u16, i32)]) -> Vec<f64> {
    filter(terminal, "state:crashed");
    let mut taken = Vec::new();
    for (port, pid) in servers {
        std::thread::sleep(Duration::from_millis(137 + taken.len() as u64 % 97));
        let begin = Instant::now();
        kill(Pid::from_raw(*pid), Signal::SIGKILL).unwrap();
        let shows = |text: &str| text.lines().any(|line| line.contains(&owner(*port)) && line.contains("crashed"));
        terminal.until("the crash", PATIENCE, shows);
        taken.push(begin.elapsed().as_secs_f64() * 1000.0);
    }
    taken
}

/// From a key to the first byte of the frame that it changes.
pub fn keys(terminal: &mut Terminal, times: usize) -> Vec<f64> {
    let mut taken = Vec::new();
    for round in 0..times {
        std::thread::sleep(Duration::from_millis(37 + round as u64 % 29));
        let before = terminal.bytes();
        let begin = Instant::now();
        terminal.keys(if round % 40 < 20 { "j" } else { "k" });
        while terminal.bytes() == before {
            assert!(begin.elapsed() < PATIENCE, "a key changed nothing\n{}", terminal.text());
            std::thread::sleep(Duration::from_micros(100));
        }
        taken.push(begin.elapsed().as_secs_f64() * 1000.0);
    }
    taken
}

/// The value that 99 of a hundred are not above; with fewer than a hundred, the greatest.
pub fn p99(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() * 99).div_ceil(100).saturating_sub(1)]
}
