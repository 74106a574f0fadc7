//! The files of one process's groups: version 2 and version 1, each controller wherever it is.
//!
//! It must never take "max", or the huge number by which version 1 says it, for a limit.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::cgroup::{Hierarchies, group_of};
use crate::domain::{InForce, Shown};

/// Version 1 tells "no limit" as the largest multiple of a page; what is as large as this is no limit.
const UNLIMITED: u64 = 1 << 60;

/// How long such files are, and how much of one is read at most: one that goes on and on is none of these.
const ROOM: usize = 4096;
const LONGEST: u64 = 64 * 1024;

/// The limits of a process as they were read, and where the kernel counts what is used of them.
pub(super) struct Held {
    limits: InForce,
    memory: Option<Counter>,
    processor: Option<Counter>,
    tasks: Option<Counter>,
}

/// The directory of a group that is limited, and whether it is of version 2.
struct Counter {
    directory: PathBuf,
    is_second: bool,
}

impl Held {
    /// Reads what holds for a process; `None` when it is gone or hidden. `own` is this process's /proc/self/cgroup.
    pub(super) fn read(hierarchies: &Hierarchies, own: &str, pid: i32) -> Option<Self> {
        let limits = text(format!("/proc/{pid}/limits"))?;
        let groups = text(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        let mut held = Self::by(&Place { hierarchies, own, groups: &groups });
        held.limits.open_files_max = soft_limit(&limits, "Max open files");
        held.limits.resident_max = soft_limit(&limits, "Max resident set");
        Some(held)
    }

    fn by(place: &Place<'_>) -> Self {
        let mut limits = InForce::default();
        let memory = memory(place, &mut limits);
        let processor = processor(place, &mut limits);
        let tasks = tasks(place, &mut limits);
        Self { limits, memory, processor, tasks }
    }

    /// What is used of them now; `None` when a group is gone.
    pub(super) fn now(&self) -> Option<InForce> {
        let mut found = self.limits.clone();
        if let Some(Counter { directory, is_second }) = &self.memory {
            let (now, events) =
                if *is_second { ("memory.current", "memory.events") } else { ("memory.usage_in_bytes", "memory.oom_control") };
            found.memory_now = Some(number(&directory.join(now))?);
            found.oom_kills = field(&directory.join(events), "oom_kill");
        }
        if let Some(Counter { directory, is_second }) = &self.processor {
            let stat = directory.join("cpu.stat");
            found.throttled = Some(if *is_second {
                Duration::from_micros(field(&stat, "throttled_usec")?)
            } else {
                Duration::from_nanos(field(&stat, "throttled_time")?)
            });
        }
        if let Some(Counter { directory, .. }) = &self.tasks {
            found.tasks_now = Some(number(&directory.join("pids.current"))?);
        }
        Some(found)
    }
}

/// The soft limit in a line of /proc/PID/limits.
fn soft_limit(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_ascii_whitespace().next()?.parse().ok()
}

/// Where a process's groups are.
struct Place<'a> {
    hierarchies: &'a Hierarchies,
    own: &'a str,
    groups: &'a str,
}

impl Place<'_> {
    /// The group for a controller with its directory and those above it, and whether it is of version 2. Nothing where it is berth's own.
    fn of(&self, controller: &str) -> Option<(&str, Vec<PathBuf>, bool)> {
        let first = self.hierarchies.with(controller);
        let (hierarchy, version) = match first {
            Some(hierarchy) => (hierarchy, Some(controller)),
            None => (self.hierarchies.unified()?, None),
        };
        let group = group_of(self.groups, version)?;
        if group_of(self.own, version) == Some(group) {
            return None;
        }
        let directory = hierarchy.directory(group)?;
        let above = directory.ancestors().take_while(|path| path.starts_with(&hierarchy.point)).map(Path::to_path_buf).collect();
        Some((group, above, version.is_none()))
    }
}

fn memory(place: &Place<'_>, found: &mut InForce) -> Option<Counter> {
    let (group, above, is_second) = place.of("memory")?;
    let most = if is_second { "memory.max" } else { "memory.limit_in_bytes" };
    let (limit, directory) = above.into_iter().find_map(|path| Some((number(&path.join(most))?, path)))?;
    found.group = Some(Shown::new(group));
    found.memory_max = Some(limit);
    Some(Counter { directory, is_second })
}

fn processor(place: &Place<'_>, found: &mut InForce) -> Option<Counter> {
    let (group, above, is_second) = place.of("cpu")?;
    let share = |path: PathBuf| {
        let (quota, period) = if is_second {
            let text = text(path.join("cpu.max"))?;
            let (quota, period) = text.trim().split_once(' ')?;
            (quota.parse::<u64>().ok()?, period.parse::<u64>().ok()?)
        } else {
            // -1 is no limit, and no number here.
            (number(&path.join("cpu.cfs_quota_us"))?, number(&path.join("cpu.cfs_period_us"))?)
        };
        Some((quota.saturating_mul(10_000).checked_div(period)?, path))
    };
    let (limit, directory) = above.into_iter().find_map(share)?;
    found.group.get_or_insert_with(|| Shown::new(group));
    found.cpu_max = Some(limit);
    Some(Counter { directory, is_second })
}

fn tasks(place: &Place<'_>, found: &mut InForce) -> Option<Counter> {
    let (group, above, is_second) = place.of("pids")?;
    let (limit, directory) = above.into_iter().find_map(|path| Some((number(&path.join("pids.max"))?, path)))?;
    found.group.get_or_insert_with(|| Shown::new(group));
    found.tasks_max = Some(limit);
    Some(Counter { directory, is_second })
}

/// A small file of the kernel's. It has no size to go by: with room enough from the start it is read in one go instead of in many.
fn text(path: impl AsRef<Path>) -> Option<String> {
    let mut text = String::with_capacity(ROOM);
    fs::File::open(path).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
    Some(text)
}

/// A file that holds one number; "max" is none.
fn number(path: &Path) -> Option<u64> {
    text(path)?.trim().parse().ok().filter(|number| *number < UNLIMITED)
}

/// A line "NAME NUMBER" of a file.
fn field(path: &Path, name: &str) -> Option<u64> {
    text(path)?.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).and_then(|value| value.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, files: &[(&str, &str)]) {
        fs::create_dir_all(path).unwrap();
        files.iter().for_each(|(name, text)| fs::write(path.join(name), text).unwrap());
    }

    fn told(mounts: &str, groups: &str) -> InForce {
        let hierarchies = Hierarchies::parse(mounts);
        let own = "0::/session\n4:memory:/session\n";
        Held::by(&Place { hierarchies: &hierarchies, own, groups }).now().unwrap()
    }

    #[test]
    fn version_two_with_the_limit_of_the_nearest_that_has_one() {
        let top = tempfile::tempdir().unwrap();
        let group = top.path().join("berth/alice");
        write(&top.path().join("berth"), &[("pids.max", "99\n"), ("pids.current", "7\n")]);
        write(&group, &[("memory.max", "67108864\n"), ("memory.current", "1000\n"), ("memory.events", "low 0\noom 3\noom_kill 2\n")]);
        write(&group, &[("cpu.max", "20000 100000\n"), ("cpu.stat", "usage_usec 5\nthrottled_usec 1500\n"), ("pids.max", "max\n")]);
        let mounts = format!("1 2 0:1 / {} rw - cgroup2 c rw\n", top.path().display());
        let found = told(&mounts, "0::/berth/alice\n");
        assert_eq!((found.memory_max, found.memory_now, found.oom_kills), (Some(64 << 20), Some(1000), Some(2)));
        assert_eq!((found.cpu_max, found.throttled), (Some(2000), Some(Duration::from_micros(1500))));
        assert_eq!((found.tasks_max, found.tasks_now), (Some(99), Some(7)));
        assert_eq!(found.group.unwrap().as_str(), "/berth/alice");
    }

    #[test]
    fn only_what_is_counted_is_read_again() {
        let top = tempfile::tempdir().unwrap();
        let group = top.path().join("alice");
        write(&group, &[("memory.max", "4096\n"), ("memory.current", "100\n"), ("memory.events", "oom_kill 0\n")]);
        let hierarchies = Hierarchies::parse(&format!("1 2 0:1 / {} rw - cgroup2 c rw\n", top.path().display()));
        let held = Held::by(&Place { hierarchies: &hierarchies, own: "", groups: "0::/alice\n" });
        write(&group, &[("memory.max", "1\n"), ("memory.current", "300\n"), ("memory.events", "oom_kill 1\n")]);
        let now = held.now().unwrap();
        assert_eq!((now.memory_max, now.memory_now, now.oom_kills), (Some(4096), Some(300), Some(1)));
        fs::remove_dir_all(&group).unwrap();
        assert_eq!(held.now(), None, "the group is gone");
    }

    #[test]
    fn version_one_and_both_beside_each_other() {
        let top = tempfile::tempdir().unwrap();
        let group = top.path().join("memory/alice");
        write(&group, &[("memory.limit_in_bytes", "4096\n"), ("memory.usage_in_bytes", "100\n")]);
        write(&group, &[("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n")]);
        write(&top.path().join("cpu/alice"), &[("cpu.cfs_quota_us", "-1\n"), ("cpu.cfs_period_us", "100000\n")]);
        write(&top.path().join("unified/alice"), &[("pids.max", "5\n"), ("pids.current", "1\n")]);
        let at = top.path().display();
        let mounts = format!(
            "1 2 0:1 / {at}/memory rw - cgroup c rw,memory\n2 2 0:2 / {at}/cpu rw - cgroup c rw,cpu\n3 2 0:3 / {at}/unified rw - cgroup2 c rw\n"
        );
        let found = told(&mounts, "4:memory:/alice\n3:cpu:/alice\n0::/alice\n");
        assert_eq!((found.memory_max, found.memory_now, found.oom_kills), (Some(4096), Some(100), Some(1)));
        assert_eq!((found.cpu_max, found.tasks_max), (None, Some(5)));
        fs::write(group.join("memory.limit_in_bytes"), "9223372036854771712\n").unwrap();
        assert_eq!(told(&mounts, "4:memory:/alice\n").memory_max, None);
        assert_eq!(told(&mounts, "4:memory:/session\n"), InForce::default(), "the session's own");
    }

    #[test]
    fn what_ulimit_set_is_read() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
            Max resident set          10485760             unlimited            bytes     \n\
            Max open files            1024                 1048576              files     \n\
            Max core file size        unlimited            unlimited            bytes     \n";
        assert_eq!(soft_limit(text, "Max resident set"), Some(10 << 20));
        assert_eq!(soft_limit(text, "Max open files"), Some(1024));
        assert_eq!(soft_limit(text, "Max core file size"), None);
    }
}
