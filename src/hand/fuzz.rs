//! Fuzzing door: stat and status of a process, by which it is decided whether it may be signalled.
//!
//! It must never look at a process: the bytes are given.

use super::signal::{facts_in, uid_in};

/// Where the kernel's own fields stand, whatever the process calls itself. Tells start time, parent and state, to be compared.
pub fn process_files(data: &[u8]) -> Option<(u64, i32, char)> {
    if let Some(uid) = uid_in(data) {
        let text = String::from_utf8_lossy(data);
        assert!(text.contains("Uid:") && text.contains(&uid.to_string()));
    }
    // However it is called, what comes after the last parenthesis is the kernel's.
    let line = [b"7 (".as_slice(), data, b") S 12 4711 4711 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99 0 0\n"].concat();
    let facts = facts_in(&line);
    assert!(facts.is_some_and(|facts| (facts.key.pid, facts.key.start_time, facts.parent, facts.state) == (7, 99, 12, 'S')));
    facts_in(data).map(|facts| (facts.key.start_time, facts.parent, facts.state))
}
