//! What logs and workspaces take of their file systems, and how fast that grows.
//!
//! It must never hold a size that was not counted to its end: what is still being counted is `Unasked`.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{InstanceId, Reading, Shown};

/// One mounted file system on which instances write.
#[derive(Clone, Debug, PartialEq)]
pub struct FileSystem {
    /// Its device number, stat(2).
    pub device: u64,
    /// Where it is mounted.
    pub mounted_on: Shown,
    /// Its type, as /proc/self/mountinfo names it.
    pub kind: Shown,
    /// Bytes in all.
    pub total: u64,
    /// Bytes that somebody without rights may still write.
    pub free: u64,
    /// Bytes a second by which `free` shrinks; negative when it grows. `None` until there were two readings far enough apart.
    pub filling: Option<f64>,
}

/// What one instance has written.
#[derive(Clone, Debug, PartialEq)]
pub struct DiskUse {
    /// The log, with what was rotated away, bytes on the disk.
    pub log_bytes: Reading<u64>,
    /// The log file itself, bytes: what `log_max` limits.
    pub log_file_bytes: Reading<u64>,
    /// The workspace, bytes on the disk.
    pub workspace_bytes: Reading<u64>,
    /// Bytes a second by which both grow; `None` until there were two readings far enough apart.
    pub growth: Option<f64>,
    /// The devices of the file systems that it writes on.
    pub devices: Vec<u64>,
    /// When it was counted.
    pub counted_at: Timestamp,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Storage {
    /// By instance.
    pub uses: HashMap<InstanceId, Arc<DiskUse>>,
    /// Every file system that one of them writes on.
    pub file_systems: Vec<FileSystem>,
}
