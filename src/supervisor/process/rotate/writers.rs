//! Who has a log open for writing, and how.
//!
//! It must never take a writer for harmless that it could not look at: what the kernel does not show is refused.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;

use super::tree::below;

/// How far is looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope<'a> {
    /// Every process that may be looked at.
    Everyone,
    /// The tree alone, but for the guards that watch over it: quick, for when it is frozen.
    Tree(&'a [i32]),
}

/// Whether a log may be cut: all its writers are in the tree below `top` and append.
///
/// # Errors
/// In words, who writes it in another way; or that a process of the tree may not be looked at.
pub(super) fn check(log: &File, top: i32, scope: Scope<'_>) -> io::Result<()> {
    let facts = log.metadata()?;
    let file = (facts.dev(), facts.ino());
    let guards = if let Scope::Tree(guards) = scope { guards } else { &[] };
    let tree: HashSet<i32> = below(top).iter().map(|(key, _)| key.pid).filter(|pid| !guards.contains(pid)).collect();
    for pid in &tree {
        match flags(*pid, file) {
            Ok(flags) => {
                if let Some(wrong) = flags.iter().find(|flags| *flags & libc::O_APPEND == 0) {
                    return Err(io::Error::other(format!("pid {pid} does not append to it (flags 0{wrong:o})")));
                }
            }
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH)) => {}
            Err(error) => return Err(error),
        }
    }
    if scope == Scope::Everyone {
        let own = std::process::id().cast_signed();
        let pids = fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        for pid in pids.filter(|pid| *pid != own && !tree.contains(pid)) {
            // Others' processes may not be looked at, and may not write a log of mode 0640 either.
            if flags(pid, file).is_ok_and(|flags| !flags.is_empty()) {
                return Err(io::Error::other(format!("pid {pid}, which is not the instance's, writes it too")));
            }
        }
    }
    Ok(())
}

/// The flags with which a process has a file open for writing (proc_pid_fdinfo(5)).
fn flags(pid: i32, file: (u64, u64)) -> io::Result<Vec<i32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        let path = entry?.path();
        // Only what has a path can be a log; pipes and sockets need not be asked.
        let is_path = fs::read_link(&path).is_ok_and(|target| target.is_absolute());
        if !is_path || !fs::metadata(&path).is_ok_and(|facts| (facts.dev(), facts.ino()) == file) {
            continue;
        }
        let number = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = match fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let flags = text.lines().find_map(|line| line.strip_prefix("flags:")).and_then(|flags| i32::from_str_radix(flags.trim(), 8).ok());
        let flags = flags.ok_or_else(|| io::Error::other("the kernel tells no flags"))?;
        if matches!(flags & libc::O_ACCMODE, libc::O_WRONLY | libc::O_RDWR) {
            found.push(flags);
        }
    }
    Ok(found)
}
