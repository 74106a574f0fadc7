//! How long a test waits for what a machine with other work does in its own time.
//!
//! It must never be in the program, and never make a test fail for being slow: what is waited for comes, or it is a fault.

use std::time::{Duration, Instant};

/// As long as anything may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks again and again until something is seen. `None` when it never came.
pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        let seen = look();
        if seen.is_some() || begun.elapsed() > PATIENCE {
            return seen;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Looks again and again until it is so. False when it never was.
pub(crate) fn until_so(mut is_so: impl FnMut() -> bool) -> bool {
    until(|| is_so().then_some(())).is_some()
}

/// How many bytes this thread alone had from files and pipes since it began: `rchar` of proc_pid_io(5).
pub(crate) fn bytes_read() -> u64 {
    let io = std::fs::read_to_string("/proc/thread-self/io").unwrap();
    io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}
