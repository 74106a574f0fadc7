//! What a PID file says that is not its instance. The guide's scripts believe these files; berth does not.
//!
//! It must never be taken for what runs: a user wrote it, or a script that was wrong (DESIGN invariant 1).

use std::collections::HashMap;
use std::time::Duration;

use super::{InstanceId, ProcessKey, Shown, Uid};

/// A PID file that did not name its instance when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PidFile {
    /// Where it lies.
    pub path: Shown,
    /// What it names instead.
    pub names: Named,
    /// When it was read, on the boot clock.
    pub read_at: Duration,
}

/// What a PID file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// Nothing: it is empty.
    Nothing,
    /// Something that is no pid.
    NoPid,
    /// A process that is gone.
    Dead(i32),
    /// A process that runs and was none of the instance's.
    Other {
        /// Which.
        key: ProcessKey,
        /// `comm`.
        name: Shown,
        /// Under which account.
        uid: Uid,
    },
}

/// The PID files that do not name their instance.
pub type PidFiles = HashMap<InstanceId, PidFile>;

impl Named {
    /// Reads a file's text: digits and white space around them are a pid, nothing else is. `None` is none, `Some(None)` no pid.
    pub fn pid_in(text: &[u8]) -> Option<Option<i32>> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return None;
        }
        let digits = text.iter().all(u8::is_ascii_digit);
        let pid = std::str::from_utf8(text).ok().filter(|_| digits).and_then(|text| text.parse().ok());
        // 1 is init: nobody's instance, and nobody's to end.
        Some(pid.filter(|pid| *pid > 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_a_pid() {
        let table: [(&[u8], Option<Option<i32>>); 11] = [
            (b"", None),
            (b" \n", None),
            (b"4711\n", Some(Some(4711))),
            (b"  4711 \r\n", Some(Some(4711))),
            (b"-4711", Some(None)),
            (b"+4711", Some(None)),
            (b"4711 4712", Some(None)),
            (b"1\n", Some(None)),
            (b"0", Some(None)),
            (b"99999999999", Some(None)),
            (b"\xff4711", Some(None)),
        ];
        for (text, expected) in table {
            assert_eq!(Named::pid_in(text), expected, "{text:?}");
        }
    }
}
