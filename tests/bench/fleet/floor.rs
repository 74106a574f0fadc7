//! What this kernel takes on this machine, and just now, for the least that must be asked once a second: the floor under every program
//! that tells how processes fare. Budgets were set on a machine with a floor of its own; by this one they can be read on another.
//!
//! It must never be part of what is measured of berth: the same calls, in this process.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::FileExt;
use std::thread;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::load::Load;

/// How often each is asked: the median counts.
const ROUNDS: usize = 21;

/// Milliseconds of the processor for one pread(2) of `/proc/PID/stat` of every listener, on descriptors that are kept open.
pub fn stats(load: &Load) -> f64 {
    let files: Vec<File> = load.pids().map(|pid| File::open(format!("/proc/{pid}/stat")).unwrap()).collect();
    let mut line = [0; 1024];
    median(|| files.iter().for_each(|file| assert!(file.read_at(&mut line, 0).unwrap() > 0)))
}

/// Milliseconds of the processor for one listing of `/proc`.
pub fn listing() -> f64 {
    median(|| assert!(std::fs::read_dir("/proc").unwrap().count() > 0))
}

/// Percent of a core for asking a thousand servers over loopback every ten seconds: a connection each, a line sent, the answer read, and
/// nothing else. Ten of the listeners at a time, as often as that is.
pub fn questions(load: &Load) -> f64 {
    const AT_A_TIME: u16 = 10;
    let apart = Duration::from_millis(100);
    let first = load.first();
    let mut asked = 0;
    let each = median(|| {
        for _ in 0..AT_A_TIME {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, first + asked % load.count())).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").unwrap();
            assert!(stream.read(&mut [0; 512]).unwrap() > 0);
            asked += 1;
        }
        thread::sleep(apart);
    });
    each / apart.as_secs_f64() / 10.0
}

fn median(mut work: impl FnMut()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
    };
    let mut taken: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let before = now();
            work();
            now() - before
        })
        .collect();
    taken.sort_by(f64::total_cmp);
    taken[ROUNDS / 2]
}
