//! Fuzzing door: /proc/PID/environ, of which the demo takes its own processes from.
//!
//! It must never look at a process: the bytes are given.

use super::mark::Mark;

/// Only the very variable marks a process, whatever stands before and after it.
pub fn environ(data: &[u8]) {
    let mark = Mark::of("00ff");
    let is_marked = data.split(|byte| *byte == 0).any(|entry| entry == b"BERTH_DEMO=00ff");
    assert_eq!(mark.is_in(data), is_marked);
    let joined = [data, b"\0BERTH_DEMO=00ff\0", data].concat();
    assert!(mark.is_in(&joined));
}
