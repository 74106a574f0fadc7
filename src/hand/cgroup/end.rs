//! The end of a group, as root: what a keeper that was killed or stopped left alive in it, and the empty directories.
//!
//! It must never touch a group that berth did not make, nor remove one whose keeper lives.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::domain::ProcessKey;
use crate::domain::cgroup::{Hierarchies, Hierarchy};

use super::super::signal::{is_alive, open_verified, process_facts, send};
use super::FOLDER;

/// How long the killed are given to be gone.
const KILL_TAKES: Duration = Duration::from_secs(2);

/// Kills what is left in a group, everywhere, and removes it. Gives the pids that would not die.
pub fn end_group(name: &str) -> Vec<i32> {
    let hierarchies = mounted();
    let groups: Vec<(&Hierarchy, PathBuf)> = hierarchies
        .all()
        .iter()
        .map(|hierarchy| (hierarchy, hierarchy.point.join(FOLDER).join(name)))
        .filter(|(_, path)| path.is_dir())
        .collect();
    let begun = Instant::now();
    let left = loop {
        let mut left: Vec<i32> = groups.iter().flat_map(|(_, path)| members(path)).collect();
        left.sort_unstable();
        left.dedup();
        if left.is_empty() || begun.elapsed() > KILL_TAKES {
            break left;
        }
        groups.iter().for_each(|(_, path)| kill(path));
        std::thread::sleep(Duration::from_millis(10));
    };
    for (_, path) in &groups {
        remove(path);
    }
    left
}

/// Removes empty groups whose keepers have ended: at most so many are looked at, in each hierarchy.
pub fn sweep_groups(most: usize) {
    for hierarchy in mounted().all() {
        let folder = hierarchy.point.join(FOLDER);
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let groups = entries.flatten().filter_map(|entry| Some((keeper_of(entry.file_name().to_str()?)?, entry.path())));
        let groups: Vec<_> = groups.collect();
        // Not always the same ones: where a thousand run, what was left behind stands anywhere among them.
        let first = (std::process::id() as usize).checked_rem(groups.len()).unwrap_or(0);
        for (keeper, path) in groups.iter().cycle().skip(first).take(most.min(groups.len())) {
            if !is_alive(*keeper) {
                remove(path);
            }
        }
        // Only an empty one goes.
        drop(fs::remove_dir(&folder));
    }
}

/// Removes a group everywhere, but where something is in it.
pub(super) fn remove_empty(hierarchies: &Hierarchies, name: &str) {
    hierarchies
        .all()
        .iter()
        .map(|hierarchy| hierarchy.point.join(FOLDER).join(name))
        .filter(|path| path.is_dir())
        .for_each(|path| remove(&path));
}

fn mounted() -> Hierarchies {
    Hierarchies::parse(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
}

/// The keeper that a group's name ends with.
pub fn keeper_of(name: &str) -> Option<ProcessKey> {
    let (pid, start_time) = name.rsplit_once('.')?.1.split_once('-')?;
    Some(ProcessKey { pid: pid.parse().ok()?, start_time: start_time.parse().ok()? })
}

fn members(group: &Path) -> Vec<i32> {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 1).collect()
}

fn kill(group: &Path) {
    if group.join("cgroup.kill").exists() {
        drop(write(&group.join("cgroup.kill"), "1"));
        return;
    }
    let freezer = group.join("freezer.state");
    if freezer.exists() {
        drop(write(&freezer, "FROZEN"));
    }
    let own = format!("/{FOLDER}/{}", group.file_name().and_then(|name| name.to_str()).unwrap_or_default());
    for pid in members(group) {
        // A pid may have become somebody else's between two looks: the descriptor holds on to the one that is asked about.
        let Some(process) = process_facts(pid).ok().and_then(|facts| open_verified(facts.key, None).ok()) else { continue };
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        if groups.lines().any(|line| line.ends_with(&own)) {
            drop(send(&process, libc::SIGKILL, 0));
        }
    }
    if freezer.exists() {
        drop(write(&freezer, "THAWED"));
    }
}

fn write(path: &Path, value: &str) -> std::io::Result<()> {
    std::io::Write::write_all(&mut fs::OpenOptions::new().write(true).open(path)?, value.as_bytes())
}

/// A keeper that was killed while it held its group still left it so.
fn remove(group: &Path) {
    let freezer = group.join("freezer.state");
    if freezer.exists() {
        drop(write(&freezer, "THAWED"));
    }
    drop(fs::remove_dir(group));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_names_its_keeper() {
        let keeper = ProcessKey { pid: 12, start_time: 345 };
        assert_eq!(keeper_of(&super::super::group_name("a.b+default", keeper)), Some(keeper));
        for name in ["alice", "alice+default", "alice.x-1", "alice.12"] {
            assert_eq!(keeper_of(name), None, "{name}");
        }
    }
}
