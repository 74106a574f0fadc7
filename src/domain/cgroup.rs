//! Where control groups are: the mounted hierarchies, of either version or both, and whose group is which.
//!
//! It must never read a file: it is given the text of /proc/PID/mountinfo and /proc/PID/cgroup (proc(5), cgroups(7)).

use std::path::{Component, Path, PathBuf};

/// One mounted hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// Where it is mounted.
    pub point: PathBuf,
    /// Which of its groups is the mount's top; "/" but in a container without a namespace of its own.
    root: PathBuf,
    /// What it controls, in version 1; `None` is version 2.
    controllers: Option<Vec<String>>,
}

/// All that are mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hierarchies {
    mounted: Vec<Hierarchy>,
}

impl Hierarchy {
    /// The directory of a group that /proc/PID/cgroup names; `None` when the mount does not show it.
    pub fn directory(&self, group: &str) -> Option<PathBuf> {
        let below = Path::new(group).strip_prefix(&self.root).ok()?;
        // "/../x" is a group outside of this namespace.
        below.components().all(|part| matches!(part, Component::Normal(_))).then(|| self.point.join(below))
    }

    /// One of version 2 whose top is this directory.
    pub fn unified_at(point: &Path) -> Self {
        Self { point: point.to_owned(), root: "/".into(), controllers: None }
    }

    /// Whether it is of version 2.
    pub fn is_unified(&self) -> bool {
        self.controllers.is_none()
    }
}

impl Hierarchies {
    /// Reads /proc/PID/mountinfo.
    pub fn parse(mountinfo: &str) -> Self {
        let mut mounted: Vec<Hierarchy> = Vec::new();
        for line in mountinfo.lines() {
            let Some((place, kind)) = line.split_once(" - ") else { continue };
            let mut place = place.split(' ').skip(3);
            let (Some(root), Some(point)) = (place.next(), place.next()) else { continue };
            let mut kind = kind.split(' ');
            let controllers = match kind.next() {
                Some("cgroup2") => None,
                Some("cgroup") => Some(kind.nth(1).unwrap_or_default().split(',').map(str::to_owned).collect()),
                _ => continue,
            };
            // What was mounted over counts no more.
            mounted.retain(|known| known.point != Path::new(point));
            mounted.push(Hierarchy { point: point.into(), root: root.into(), controllers });
        }
        Self { mounted }
    }

    /// The hierarchy of version 2.
    pub fn unified(&self) -> Option<&Hierarchy> {
        self.mounted.iter().find(|hierarchy| hierarchy.is_unified())
    }

    /// The hierarchy of version 1 that has this controller.
    pub fn with(&self, controller: &str) -> Option<&Hierarchy> {
        self.mounted.iter().find(|hierarchy| hierarchy.controllers.iter().flatten().any(|name| name == controller))
    }

    /// All of them.
    pub fn all(&self) -> &[Hierarchy] {
        &self.mounted
    }
}

/// The group that a /proc/PID/cgroup names for a controller of version 1, or for version 2 (`None`).
pub fn group_of<'a>(text: &'a str, controller: Option<&str>) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (number, rest) = line.split_once(':')?;
        let (controllers, group) = rest.split_once(':')?;
        let is_it = match controller {
            None => number == "0" && controllers.is_empty(),
            Some(wanted) => controllers.split(',').any(|name| name == wanted),
        };
        is_it.then_some(group)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "24 30 0:22 / /proc rw,relatime - proc proc rw\n\
        31 30 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n\
        32 30 0:27 /docker/ab /sys/fs/cgroup/memory ro - cgroup memory rw,memory\n\
        33 30 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n";

    #[test]
    fn hierarchies_of_both_versions_are_found() {
        let hierarchies = Hierarchies::parse(HYBRID);
        let point = |found: Option<&Hierarchy>| found.map(|one| one.point.display().to_string());
        assert_eq!(point(hierarchies.unified()).as_deref(), Some("/sys/fs/cgroup/unified"));
        assert_eq!(point(hierarchies.with("cpu")).as_deref(), Some("/sys/fs/cgroup/cpu,cpuacct"));
        assert_eq!(point(hierarchies.with("pids")), None);
        // "rw" stands among the options and is no controller's name.
        assert_eq!(hierarchies.all().len(), 3);
    }

    #[test]
    fn a_group_is_a_directory_below_what_is_mounted() {
        let hierarchies = Hierarchies::parse(HYBRID);
        for (controller, group, expected) in [
            ("cpu", "/berth/alice", Some("/sys/fs/cgroup/cpu,cpuacct/berth/alice")),
            ("cpu", "/", Some("/sys/fs/cgroup/cpu,cpuacct")),
            ("cpu", "/../elsewhere", None),
            ("memory", "/docker/ab/x", Some("/sys/fs/cgroup/memory/x")),
            ("memory", "/docker/cd", None),
        ] {
            let found = hierarchies.with(controller).unwrap().directory(group);
            assert_eq!(found.as_deref(), expected.map(Path::new), "{controller} {group}");
        }
    }

    #[test]
    fn the_later_mount_at_a_place_counts() {
        let hierarchies = Hierarchies::parse("1 2 0:1 / /c rw - cgroup a rw,memory\n3 2 0:2 / /c rw - cgroup2 b rw\n");
        assert!(hierarchies.with("memory").is_none() && hierarchies.unified().is_some());
    }

    #[test]
    fn a_process_has_a_group_for_each_controller() {
        let text = "9:name=systemd:/\n5:cpu,cpuacct:/one\n4:memory:/two:with/colon\n0::/three\n";
        assert_eq!(group_of(text, Some("cpu")), Some("/one"));
        assert_eq!(group_of(text, Some("memory")), Some("/two:with/colon"));
        assert_eq!((group_of(text, None), group_of(text, Some("pids"))), (Some("/three"), None));
    }
}
