//! The names of control groups by their numbers: the kernel tells a socket's group by number only, and everybody may list the groups.
//!
//! A group's number is its directory's inode number (cgroup_id in include/linux/cgroup.h). It must never list them for a number that
//! it looked for already.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};

use procfs::FromRead;
use procfs::process::MountInfos;

use crate::domain::Shown;

/// Far more than a host has; whoever may make groups must not be able to keep berth busy.
const MOST_GROUPS: usize = 50_000;

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// `None`: there is none with this number.
    names: HashMap<u64, Option<Shown>>,
    /// `None` until it was looked for.
    root: Option<Option<PathBuf>>,
}

impl Groups {
    /// Looks for those numbers that were not looked for before.
    pub(super) fn learn(&mut self, numbers: impl Iterator<Item = u64>) {
        let mut missing: Vec<u64> = numbers.filter(|number| !self.names.contains_key(number)).collect();
        if missing.is_empty() {
            return;
        }
        let root = self.root.get_or_insert_with(mounted).clone();
        if let Some(root) = root {
            walk(&root, &mut missing, &mut self.names);
        }
        self.names.extend(missing.into_iter().map(|number| (number, None)));
    }

    /// A group's path below the root group, beginning with a slash, as /proc/PID/cgroup has it.
    pub(super) fn name(&self, number: u64) -> Option<&Shown> {
        self.names.get(&number)?.as_ref()
    }
}

/// Where the unified hierarchy is mounted.
fn mounted() -> Option<PathBuf> {
    let text = fs::read("/proc/self/mountinfo").ok()?;
    let MountInfos(mounts) = MountInfos::from_read(text.as_slice()).ok()?;
    mounts.into_iter().find(|mount| mount.fs_type == "cgroup2").map(|mount| mount.mount_point)
}

/// Lists directories until every number is found. The listing tells inode numbers without asking for each.
fn walk(root: &Path, missing: &mut Vec<u64>, names: &mut HashMap<u64, Option<Shown>>) {
    let mut waiting = vec![root.to_owned()];
    let mut seen = 0;
    while let (Some(directory), false) = (waiting.pop(), missing.is_empty()) {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            seen += 1;
            if seen > MOST_GROUPS {
                return;
            }
            let path = entry.path();
            if let Some(at) = missing.iter().position(|number| *number == entry.ino()) {
                missing.swap_remove(at);
                let below = path.strip_prefix(root).unwrap_or(&path);
                names.insert(entry.ino(), Some(Shown::from_bytes(&[b"/", below.as_os_str().as_encoded_bytes()].concat())));
            }
            waiting.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_number_is_a_directorys_inode() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("user.slice/mcp@bob.service");
        fs::create_dir_all(&deep).unwrap();
        fs::write(root.path().join("cgroup.procs"), "").unwrap();
        let inode = |path: &Path| fs::metadata(path).unwrap().ino();
        let mut groups = Groups { root: Some(Some(root.path().to_owned())), ..Groups::default() };
        let file = inode(&root.path().join("cgroup.procs"));
        groups.learn([inode(&deep), file].into_iter());
        assert_eq!(groups.name(inode(&deep)).map(Shown::as_str), Some("/user.slice/mcp@bob.service"));
        assert_eq!(groups.name(file), None);
        // Looked for once.
        fs::remove_dir_all(&deep).unwrap();
        groups.learn([inode(root.path().join("user.slice").as_path()), inode(root.path())].into_iter());
        assert_eq!(groups.names.len(), 4);
    }

    #[test]
    fn without_the_hierarchy_nothing_has_a_name() {
        let mut groups = Groups { root: Some(None), ..Groups::default() };
        groups.learn([7].into_iter());
        assert_eq!(groups.name(7), None);
    }
}
