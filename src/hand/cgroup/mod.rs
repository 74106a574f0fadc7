//! An instance's control group: made by root before its keeper is executed, and handed to the keeper as open descriptors.
//!
//! It must never make a directory where systemd manages the groups (they are its own, cgroups(7) "delegation"), and never write to a group
//! that it did not make. That no group can be had is no error: the server starts without limits, and the reason is told.

mod end;
mod group;
mod limit;
mod unit;

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::domain::cgroup::{Hierarchies, Hierarchy};
use crate::domain::{Limits, ProcessKey};

pub use end::{end_group, keeper_of, sweep_groups};
pub use group::Group;
pub use unit::{IDENTITY, UnitKeeper, keeper_environment};

/// The directory of all of berth's groups in a hierarchy.
const FOLDER: &str = "berth";

/// The environment variable that tells a keeper what its further descriptors are.
pub(super) const VARIABLE: &str = "BERTH_KEEPER_GROUP";

/// The first of them; below it are the three that every keeper has.
pub(super) const FIRST: i32 = 6;

/// What group a keeper is to have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupOrder {
    /// The instance, in characters that a file's name may have.
    stem: String,
    /// The group of the run before, whose keeper has ended: it goes if nothing is in it.
    before: Option<String>,
    memory_max: Option<u64>,
    cpu_max: Option<u32>,
    tasks_max: Option<u64>,
}

impl GroupOrder {
    /// The group of an instance with these limits.
    pub fn new(stem: String, limits: Limits) -> Self {
        Self { stem, before: None, memory_max: limits.memory_max, cpu_max: limits.cpu_max, tasks_max: limits.tasks_max }
    }

    /// In place of the group of a keeper that has ended: a server that crashes every minute must not leave a group every minute.
    pub fn after(self, keeper: Option<ProcessKey>) -> Self {
        Self { before: keeper.map(|keeper| group_name(&self.stem, keeper)), ..self }
    }
}

/// The name of the group of an instance's keeper: two berths may run instances of one name, and a pid comes back.
pub fn group_name(stem: &str, keeper: ProcessKey) -> String {
    format!("{stem}.{}-{}", keeper.pid, keeper.start_time)
}

/// What a keeper is told of its group: the descriptors by their place after the first.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Handed {
    name: String,
    /// Where a process enters by writing "0".
    enter: Vec<i32>,
    /// cgroup.kill, or else freezer.state.
    kill: Option<i32>,
    freezer: Option<i32>,
    /// Who is in it.
    members: Option<i32>,
    /// Where the kernel counts whom it killed for memory.
    events: Option<i32>,
    memory_max: Option<u64>,
    without: Option<String>,
}

/// A group and its open files.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub handed: Handed,
    pub files: Vec<File>,
}

impl Made {
    fn add(&mut self, file: File) -> i32 {
        self.files.push(file);
        FIRST + i32::try_from(self.files.len()).unwrap_or(1) - 1
    }
}

/// Makes the group of this process, which is about to become a keeper.
pub(super) fn make(order: &GroupOrder, keeper: ProcessKey) -> Made {
    let mut made = Made::default();
    made.handed.name = group_name(&order.stem, keeper);
    let mut missing = limit::Missing::default();
    match hierarchies() {
        Ok(hierarchies) => {
            if let Some(before) = &order.before {
                end::remove_empty(&hierarchies, before);
            }
            build(order, &hierarchies, &mut made, &mut missing);
        }
        Err(reason) => limit::wanted(order).for_each(|wanted| missing.add(wanted.word, reason.clone())),
    }
    made.handed.without = missing.sentence();
    made
}

/// Where groups may be made.
fn hierarchies() -> Result<Hierarchies, String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("only root makes control groups".to_owned());
    }
    // sd_booted(3).
    if Path::new("/run/systemd/system").is_dir() {
        return Err("systemd manages the control groups of this host, and berth has no unit of its own".to_owned());
    }
    let text = fs::read_to_string("/proc/self/mountinfo").map_err(|error| format!("/proc/self/mountinfo: {error}"))?;
    Ok(Hierarchies::parse(&text))
}

fn build(order: &GroupOrder, hierarchies: &Hierarchies, made: &mut Made, missing: &mut limit::Missing) {
    let mut entered = HashSet::new();
    for wanted in limit::wanted(order) {
        match limit::set(&wanted, hierarchies, &made.handed.name) {
            Ok(directory) => {
                if wanted.controller == "memory" {
                    let events = ["memory.events", "memory.oom_control"].iter().find_map(|name| File::open(directory.join(name)).ok());
                    made.handed.events = events.map(|file| made.add(file));
                    made.handed.memory_max = order.memory_max;
                }
                entered.insert(directory);
            }
            Err(reason) => missing.add(wanted.word, reason),
        }
    }
    // For ending all of it at once: version 2 kills a group itself, version 1 holds it still meanwhile.
    for (hierarchy, switch) in [(hierarchies.unified(), "cgroup.kill"), (hierarchies.with("freezer"), "freezer.state")] {
        let Some(directory) = hierarchy.and_then(|hierarchy| directory(hierarchy, &made.handed.name).ok()) else { continue };
        if let (None, None, Ok(file)) = (made.handed.kill, made.handed.freezer, writable(&directory.join(switch))) {
            let number = Some(made.add(file));
            if switch == "cgroup.kill" {
                made.handed.kill = number;
            } else {
                made.handed.freezer = number;
            }
            made.handed.members = File::open(directory.join("cgroup.procs")).ok().map(|file| made.add(file));
            entered.insert(directory);
        }
    }
    for directory in entered {
        if let Ok(file) = writable(&directory.join("cgroup.procs")) {
            let number = made.add(file);
            made.handed.enter.push(number);
        }
    }
}

fn writable(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}

/// The group's directory in a hierarchy, made where it is not there. Somebody may be removing the empty parent just now.
fn directory(hierarchy: &Hierarchy, name: &str) -> io::Result<PathBuf> {
    let folder = hierarchy.point.join(FOLDER);
    let path = folder.join(name);
    let mut result = Ok(());
    for _ in 0..5 {
        for made in [&folder, &path] {
            result = match fs::create_dir(made) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                other => other,
            };
        }
        if result.is_ok() {
            break;
        }
    }
    result.map(|()| path)
}
