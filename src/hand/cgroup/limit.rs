//! One limit written into one controller, of whichever version has it.
//!
//! It must never count a limit as set that the kernel did not take.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::domain::cgroup::{Hierarchies, Hierarchy};

use super::{FOLDER, GroupOrder, directory};

/// The length over which the share of a core is counted, microseconds: the kernel's own default.
const PERIOD: u64 = 100_000;

/// The least share that the kernel takes, microseconds.
const LEAST_QUOTA: u64 = 1_000;

/// A limit that is asked for.
pub(super) struct Wanted {
    /// What is limited, in a sentence.
    pub word: &'static str,
    /// The controller's name in both versions.
    pub controller: &'static str,
    value: u64,
}

/// The limits that an order asks for.
pub(super) fn wanted(order: &GroupOrder) -> impl Iterator<Item = Wanted> + use<> {
    let of = |word, controller, value: Option<u64>| value.map(|value| Wanted { word, controller, value });
    [of("memory", "memory", order.memory_max), of("CPU", "cpu", order.cpu_max.map(u64::from)), of("tasks", "pids", order.tasks_max)]
        .into_iter()
        .flatten()
}

/// Sets it and gives the group's directory.
pub(super) fn set(wanted: &Wanted, hierarchies: &Hierarchies, name: &str) -> Result<PathBuf, String> {
    if let Some(hierarchy) = hierarchies.with(wanted.controller) {
        let group = directory(hierarchy, name).map_err(|error| told(&hierarchy.point.join(FOLDER), &error))?;
        write_first_version(wanted, &group)?;
        return Ok(group);
    }
    let Some(hierarchy) = hierarchies.unified() else {
        return Err(format!("no control group hierarchy with the {} controller is mounted", wanted.controller));
    };
    let group = directory(hierarchy, name).map_err(|error| told(&hierarchy.point.join(FOLDER), &error))?;
    enable(hierarchy, wanted.controller)?;
    write_second_version(wanted, &group)?;
    Ok(group)
}

/// Turns a controller on for the groups below, from the top on.
fn enable(hierarchy: &Hierarchy, controller: &str) -> Result<(), String> {
    let offered = fs::read_to_string(hierarchy.point.join("cgroup.controllers")).unwrap_or_default();
    if !offered.split_ascii_whitespace().any(|name| name == controller) {
        return Err(format!("{} has no {controller} controller, and none is mounted elsewhere", hierarchy.point.display()));
    }
    for folder in [hierarchy.point.clone(), hierarchy.point.join(FOLDER)] {
        let switch = folder.join("cgroup.subtree_control");
        change(&switch, &format!("+{controller}")).map_err(|error| match error.kind() {
            // The rule against processes in inner groups, cgroups(7): in a container they all stand in what it sees as the top.
            io::ErrorKind::ResourceBusy => {
                format!("{}: it cannot be divided while processes are in it, as in a container", folder.display())
            }
            _ => told(&switch, &error),
        })?;
    }
    Ok(())
}

fn write_first_version(wanted: &Wanted, group: &Path) -> Result<(), String> {
    let value = wanted.value.to_string();
    match wanted.controller {
        "memory" => {
            write(&group.join("memory.limit_in_bytes"), &value)?;
            // Only where the kernel counts swap; what it does not count it does not limit either.
            let with_swap = group.join("memory.memsw.limit_in_bytes");
            if with_swap.exists() { write(&with_swap, &value) } else { Ok(()) }
        }
        "cpu" => {
            write(&group.join("cpu.cfs_period_us"), &PERIOD.to_string())?;
            write(&group.join("cpu.cfs_quota_us"), &quota(wanted.value).to_string())
        }
        _ => write(&group.join("pids.max"), &value),
    }
}

fn write_second_version(wanted: &Wanted, group: &Path) -> Result<(), String> {
    match wanted.controller {
        "memory" => {
            write(&group.join("memory.max"), &wanted.value.to_string())?;
            let swap = group.join("memory.swap.max");
            if swap.exists() { write(&swap, "0") } else { Ok(()) }
        }
        "cpu" => write(&group.join("cpu.max"), &format!("{} {PERIOD}", quota(wanted.value))),
        _ => write(&group.join("pids.max"), &wanted.value.to_string()),
    }
}

/// Percent of one core as microseconds of a period.
fn quota(percent: u64) -> u64 {
    (percent.saturating_mul(PERIOD) / 100).max(LEAST_QUOTA)
}

fn write(path: &Path, value: &str) -> Result<(), String> {
    change(path, value).map_err(|error| told(path, &error))
}

fn change(path: &Path, value: &str) -> io::Result<()> {
    // Never made when it is missing: kernfs would refuse that with a reason that says nothing.
    fs::OpenOptions::new().write(true).open(path).and_then(|mut file| io::Write::write_all(&mut file, value.as_bytes()))
}

fn told(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// What could not be limited, and why.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// Reason, and what it kept from being limited.
    reasons: Vec<(String, Vec<&'static str>)>,
}

impl Missing {
    pub(super) fn add(&mut self, word: &'static str, reason: String) {
        match self.reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, words)) => words.push(word),
            None => self.reasons.push((reason, vec![word])),
        }
    }

    /// "no memory or CPU limit is in force: only root makes control groups".
    pub(super) fn sentence(&self) -> Option<String> {
        let one = |(reason, words): &(String, Vec<&str>)| format!("no {} limit is in force: {reason}", words.join(" or "));
        (!self.reasons.is_empty()).then(|| self.reasons.iter().map(one).collect::<Vec<_>>().join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Limits;

    #[test]
    fn what_is_missing_is_told_once_for_a_reason() {
        let mut missing = Missing::default();
        assert_eq!(missing.sentence(), None);
        missing.add("memory", "a".to_owned());
        missing.add("CPU", "a".to_owned());
        assert_eq!(missing.sentence().as_deref(), Some("no memory or CPU limit is in force: a"));
        missing.add("tasks", "b".to_owned());
        assert_eq!(missing.sentence().as_deref(), Some("no memory or CPU limit is in force: a; no tasks limit is in force: b"));
    }

    #[test]
    fn only_what_is_configured_is_wanted() {
        let words = |limits| wanted(&GroupOrder::new("a+default".to_owned(), limits)).map(|wanted| wanted.word).collect::<Vec<_>>();
        assert_eq!(words(Limits::default()), [""; 0]);
        assert_eq!(words(Limits { memory_max: Some(1), cpu_max: Some(20), tasks_max: Some(3) }), ["memory", "CPU", "tasks"]);
    }

    #[test]
    fn a_share_is_a_part_of_the_period() {
        for (percent, expected) in [(20, 20_000), (250, 250_000), (0, LEAST_QUOTA)] {
            assert_eq!(quota(percent), expected);
        }
    }
}
