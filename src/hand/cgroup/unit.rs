//! A keeper that systemd has started in a unit of its own: its descriptors, and its server's group below that unit (DESIGN invariant 10).
//!
//! It must never set a limit there: the unit's are systemd's. What it makes goes with the unit.

use std::fs::{self, File};
use std::path::PathBuf;

use crate::domain::ProcessKey;
use crate::domain::cgroup::{Hierarchies, Hierarchy, group_of};

use super::super::identity::Identity;
use super::super::zygote::null_streams;
use super::limit::{Missing, Wanted, wanted};
use super::{Group, GroupOrder, directory, group_name, writable};

/// The environment variable that holds the identity that a keeper takes on. It is no secret: ids and groups.
pub const IDENTITY: &str = "BERTH_KEEPER_IDENTITY";

/// The environment variable that tells a keeper that it is a unit's, and what its group is to be.
const UNIT: &str = "BERTH_KEEPER_UNIT";

/// What a keeper in a unit of its own finds in its environment.
///
/// # Errors
/// When it cannot be written as text.
pub fn keeper_environment(who: &Identity, group: &GroupOrder) -> crate::error::Result<Vec<String>> {
    use crate::error::Context;
    let doing = || "cannot write what a keeper is told".to_owned();
    let (identity, group) = (serde_json::to_string(who).while_doing(doing)?, serde_json::to_string(group).while_doing(doing)?);
    Ok(vec![format!("{IDENTITY}={identity}"), format!("{UNIT}={group}")])
}

/// A keeper in a unit of its own.
pub struct UnitKeeper(GroupOrder);

impl UnitKeeper {
    /// Puts the three descriptors, which systemd gave this process as standard streams, where every keeper has them; `None` where another
    /// has started it.
    ///
    /// # Safety
    /// To be called once, before this process has opened anything.
    pub unsafe fn inherited() -> Option<Self> {
        let order = serde_json::from_str(&std::env::var(UNIT).ok()?).ok()?;
        for stream in 0..3 {
            // SAFETY: nothing else has these numbers: the caller vouches for it.
            unsafe { libc::dup2(stream, stream + 3) };
        }
        null_streams();
        Some(Self(order))
    }

    /// Makes the server's group below the own unit's. As root, or as the account whose manager started it.
    pub fn group(self, keeper: ProcessKey) -> Group {
        let (mounted, own) = (fs::read_to_string("/proc/self/mountinfo"), fs::read_to_string("/proc/self/cgroup"));
        let (hierarchies, own) = (Hierarchies::parse(&mounted.unwrap_or_default()), own.unwrap_or_default());
        let name = group_name(&self.0.stem, keeper);
        let mut missing = Missing::default();
        for wanted in wanted(&self.0).filter(|wanted| !is_in_force(wanted, &hierarchies, &own)) {
            missing.add(wanted.word, format!("systemd cannot hold a unit to it here: it has no {} controller", wanted.controller));
        }
        let mut group = Group::of_unit(self.0.memory_max, missing.sentence());
        group.events = place(&hierarchies, "memory", &own)
            .and_then(|unit| ["memory.events", "memory.oom_control"].iter().find_map(|name| File::open(unit.join(name)).ok()));
        let unit = hierarchies.unified().and_then(|unified| unified.directory(group_of(&own, None)?));
        let Some(made) = unit.and_then(|unit| directory(&Hierarchy::unified_at(&unit), &name).ok()) else { return group };
        group.name = name;
        group.enter.extend(writable(&made.join("cgroup.procs")).ok());
        group.kill = writable(&made.join("cgroup.kill")).ok();
        group.members = File::open(made.join("cgroup.procs")).ok();
        group
    }
}

/// The own group's directory in the hierarchy that has a controller.
fn place(hierarchies: &Hierarchies, controller: &str, own: &str) -> Option<PathBuf> {
    match hierarchies.with(controller) {
        Some(first) => first.directory(group_of(own, Some(controller))?),
        None => hierarchies.unified()?.directory(group_of(own, None)?),
    }
}

/// Whether the kernel holds the own group to some limit of this kind.
fn is_in_force(wanted: &Wanted, hierarchies: &Hierarchies, own: &str) -> bool {
    let names = match wanted.controller {
        "memory" => ["memory.max", "memory.limit_in_bytes"],
        "cpu" => ["cpu.max", "cpu.cfs_quota_us"],
        _ => ["pids.max", "pids.max"],
    };
    let Some(unit) = place(hierarchies, wanted.controller, own) else { return false };
    names.iter().any(|name| fs::read_to_string(unit.join(name)).is_ok_and(|text| is_limit(&text)))
}

/// What a limit's file says where there is one: neither version's word for none.
fn is_limit(text: &str) -> bool {
    text.split_ascii_whitespace().next().and_then(|word| word.parse::<i64>().ok()).is_some_and(|number| number > 0 && number < 1 << 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_no_limit_in_either_version() {
        for (text, expected) in [
            ("max\n", false),
            ("max 100000\n", false),
            ("-1\n", false),
            ("9223372036854771712\n", false),
            ("", false),
            ("512\n", true),
            ("50000 100000\n", true),
        ] {
            assert_eq!(is_limit(text), expected, "{text:?}");
        }
    }
}
