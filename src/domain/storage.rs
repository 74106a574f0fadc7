//! What logs and workspaces take of their file systems, and how fast that grows.
//!
//! It must never hold a size that was not counted to its end: what is still being counted is `Unasked`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{InstanceId, ProcessKey, Reading, Shown};

/// One mounted file system on which instances write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileSystem {
    /// Its device number, stat(2).
    pub device: u64,
    /// Where it is mounted.
    pub mounted_on: Shown,
    /// Its type, as /proc/self/mountinfo names it.
    pub kind: Shown,
    /// Bytes in all.
    pub total: u64,
    /// Bytes that are written to, by whomever.
    pub taken: u64,
    /// Bytes that somebody without rights may still write. With `taken` less than `total` where something is kept for root, or a quota is.
    pub free: u64,
    /// Bytes a second by which `free` shrinks; negative when it grows. `None` until there were two readings far enough apart.
    pub filling: Option<f64>,
}

/// What one instance has written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiskUse {
    /// The log, with what was rotated away, bytes on the disk.
    pub log_bytes: Reading<u64>,
    /// The log file itself, bytes: what `log_max` limits.
    pub log_file_bytes: Reading<u64>,
    /// The workspace, bytes on the disk.
    pub workspace_bytes: Reading<u64>,
    /// Bytes a second by which both grow; `None` until there were two readings far enough apart.
    pub growth: Option<f64>,
    /// Bytes a second by which the log file grows.
    pub log_growth: Option<f64>,
    /// How many rotated logs lie beside the log.
    pub rotated: u32,
    /// When the newest of them was last written.
    pub rotated_at: Option<Timestamp>,
    /// Since when the log has been longer than its limit at every look.
    pub long_since: Option<Timestamp>,
    /// Why the log cannot be cut without losing lines, as far as was seen.
    pub uncuttable: Option<Shown>,
    /// The devices of the file systems that it writes on.
    pub devices: Vec<u64>,
    /// When it was counted; numbers that did not change may have been counted again within a minute.
    pub counted_at: Timestamp,
}

/// A database file that an instance has open for writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenDatabase {
    /// Its path, as its first holder's kernel names it.
    pub path: Shown,
    /// The type of its file system, as /proc/self/mountinfo names it; empty where that is not known.
    pub kind: Shown,
    /// Who has it open, ordered by instance.
    pub holders: Vec<(InstanceId, ProcessKey)>,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Storage {
    /// By instance.
    pub uses: HashMap<InstanceId, Arc<DiskUse>>,
    /// Every file system that one of them writes on.
    pub file_systems: Vec<FileSystem>,
    /// The database files that they have open.
    pub databases: Vec<OpenDatabase>,
    /// What was not counted, in sentences.
    pub notices: Vec<Shown>,
}

impl FileSystem {
    /// The part that is used, 0 to 1, as df(1) has it: of what is used and what may still be written. What is kept for root is neither.
    pub fn used(&self) -> f64 {
        let all = self.taken.saturating_add(self.free);
        if all == 0 { 0.0 } else { self.taken as f64 / all as f64 }
    }

    /// The same in percent, rounded up as df(1) does.
    pub fn percent(&self) -> u32 {
        let all = u128::from(self.taken) + u128::from(self.free);
        if all == 0 { 0 } else { u32::try_from((u128::from(self.taken) * 100).div_ceil(all)).unwrap_or(100) }
    }

    /// How long it lasts at the present rate; `None` when it does not fill, or that is not known yet.
    pub fn lasts(&self) -> Option<Duration> {
        let rate = self.filling.filter(|rate| *rate >= 1.0)?;
        Duration::try_from_secs_f64(self.free as f64 / rate).ok()
    }
}

impl DiskUse {
    /// What log and workspace take, as far as it was counted, and whether that is all of it. What is not there takes nothing.
    pub fn bytes(&self) -> (Reading<u64>, bool) {
        let parts = [self.log_bytes, self.workspace_bytes];
        let known: Vec<u64> = parts.into_iter().filter_map(Reading::known).collect();
        let whole = parts.iter().all(|part| matches!(part, Reading::Known(_) | Reading::Gone));
        let sum = known.iter().sum();
        let bytes = match (known.is_empty(), whole) {
            (false, _) => Reading::Known(sum),
            (true, true) => Reading::Gone,
            (true, false) if parts.contains(&Reading::Denied) => Reading::Denied,
            (true, false) => Reading::Unasked,
        };
        (bytes, whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_percentage_is_dfs() {
        let percent = |total: u64, taken: u64, free: u64| {
            FileSystem { device: 1, mounted_on: "/".into(), kind: "ext4".into(), total, taken, free, filling: None }.percent()
        };
        // 34 of 252 G used, 58 G available to everybody.
        assert_eq!([percent(252, 34, 58), percent(252, 34, 218), percent(100, 0, 95), percent(100, 100, 0)], [37, 14, 0, 100]);
        assert_eq!((percent(0, 0, 0), percent(u64::MAX, u64::MAX, u64::MAX), percent(1000, 1, 999)), (0, 50, 1));
    }
}
