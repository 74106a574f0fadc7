//! disk-filling: the file system of an instance's log or workspace is nearly full, or will be within a day at the present rate.
//!
//! It must never be said of a file system on which no instance writes, nor tell a time from one reading.

use std::time::Duration;

use super::rule::{Facts, Rule};
use crate::domain::{Code, DiskUse, FileSystem, Finding, InstanceId, Remedy, Shown, words};

/// The part of a file system at which it is nearly full. It is the number that df(1) tells.
const NEARLY_FULL: f64 = 0.9;

/// Within this time a file system that fills is told, however much room there still is: somebody has to see it by daylight.
const SOON: Duration = Duration::from_secs(86_400);

/// Times beyond this are not worth telling.
const FAR: Duration = Duration::from_secs(60 * 86_400);

/// Who grows by less is not said to write most, bytes a second.
const SOME: f64 = 64.0;

/// The rule.
pub(super) struct DiskFilling;

impl Rule for DiskFilling {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        for file_system in &facts.input.storage.file_systems {
            let is_soon = file_system.lasts().is_some_and(|left| left <= SOON);
            if file_system.total == 0 || (file_system.used() < NEARLY_FULL && !is_soon) {
                continue;
            }
            let writes_there = |told: &DiskUse| told.devices.contains(&file_system.device);
            let uses = &facts.input.storage.uses;
            let subjects = facts.subjects().iter().map(|subject| &subject.declared.id);
            let mut on_it: Vec<(&InstanceId, &DiskUse)> =
                subjects.filter_map(|id| uses.get(id).map(|told| (id, &**told))).filter(|(_, told)| writes_there(told)).collect();
            on_it.sort_by(|one, other| one.0.cmp(other.0));
            if on_it.is_empty() {
                continue;
            }
            found.push(Finding {
                code: Code::DiskFilling,
                instances: on_it.iter().map(|(id, _)| (*id).clone()).collect(),
                port: None,
                processes: Vec::new(),
                since: facts.now(),
                evidence: Shown::new(&evidence(file_system, &on_it)),
                remedies: vec![Remedy::FreeSpace],
            });
        }
    }
}

/// "/var is 94 % full, 1.2 GiB left: full in 3 h at 120 KiB/s; carol writes most (96 KiB/s)".
fn evidence(file_system: &FileSystem, on_it: &[(&InstanceId, &DiskUse)]) -> String {
    let place = match file_system.mounted_on.as_str() {
        "" => on_it.first().map_or_else(String::new, |(id, _)| format!("the file system of {}", words::instance(id))),
        mounted_on => mounted_on.to_owned(),
    };
    let percent = file_system.percent();
    let mut text = format!("{place} is {percent} % full, {} left", words::size(file_system.free));
    if let (Some(left), Some(rate)) = (file_system.lasts().filter(|left| *left < FAR), file_system.filling) {
        text.push_str(&format!(": full in {} at {}", words::span(left), words::rate(rate)));
    }
    text.push_str(&writers(file_system, on_it));
    text
}

/// Who writes most, where the instances write most of what fills it; else that it is none of them.
fn writers(file_system: &FileSystem, on_it: &[(&InstanceId, &DiskUse)]) -> String {
    let growing = || on_it.iter().filter_map(|(id, told)| Some((told.growth.filter(|rate| *rate >= SOME)?, *id)));
    let together: f64 = growing().map(|(rate, _)| rate).sum();
    let filling = file_system.filling.filter(|rate| *rate > 0.0);
    match growing().max_by(|one, other| one.0.total_cmp(&other.0)) {
        Some((rate, id)) if filling.is_none_or(|filling| together >= filling / 2.0) => {
            format!("; {id} writes most ({})", words::rate(rate))
        }
        // What was not counted may be what fills it.
        _ if filling.is_none() || on_it.iter().all(|(_, told)| told.growth.is_none()) => String::new(),
        None => "; none of the instances writes that".to_owned(),
        Some(_) => format!("; it is none of the instances: they write {} together", words::rate(together)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Host, disk_use, findings, id};

    const G: u64 = 1 << 30;

    fn file_system(free: u64, filling: Option<f64>) -> FileSystem {
        FileSystem { device: 7, mounted_on: "/var".into(), kind: "ext4".into(), total: 20 * G, taken: 20 * G - free, free, filling }
    }

    fn found(file_system: FileSystem, growths: &[(&str, Option<f64>)]) -> Vec<(String, String)> {
        let mut host = Host::new();
        for (index, (name, growth)) in growths.iter().enumerate() {
            host.declare(name, 1001, &format!("127.0.0.1:{}", 8081 + index));
            host.storage.uses.insert(id(name), disk_use(|told| (told.growth, told.devices) = (*growth, vec![7])).into());
        }
        host.storage.file_systems.push(file_system);
        findings(&host.judge(), Code::DiskFilling)
    }

    #[test]
    fn cases() {
        let some: &[(&str, Option<f64>)] = &[("alice", Some(1024.0)), ("carol", Some(98_304.0))];
        let unknown: &[(&str, Option<f64>)] = &[("alice", None), ("carol", None)];
        type Case<'a> = (&'a str, FileSystem, &'a [(&'a str, Option<f64>)], Option<&'a str>);
        let none: &[(&str, Option<f64>)] = &[("alice", Some(143.0)), ("carol", Some(0.0))];
        let cases: [Case<'_>; 10] = [
            (
                "filled by somebody else",
                file_system(10 * G, Some(1_887_437.0)),
                none,
                Some(
                    "/var is 50 % full, 10.0 GiB left: full in 1 h at 1.8 MiB/s; it is none of the instances: they write 143 B/s together",
                ),
            ),
            (
                "filled while nobody writes",
                file_system(10 * G, Some(1_887_437.0)),
                &[("alice", Some(0.0))],
                Some("/var is 50 % full, 10.0 GiB left: full in 1 h at 1.8 MiB/s; none of the instances writes that"),
            ),
            ("room enough", file_system(3 * G, None), some, None),
            (
                "nearly full and filling",
                file_system(6 * G / 5, Some(122_880.0)),
                some,
                Some("/var is 95 % full, 1.2 GiB left: full in 2 h at 120 KiB/s; carol writes most (96 KiB/s)"),
            ),
            ("nearly full", file_system(2 * G, None), unknown, Some("/var is 90 % full, 2.0 GiB left")),
            ("nearly full and emptying", file_system(2 * G, Some(-9.0)), unknown, Some("/var is 90 % full, 2.0 GiB left")),
            ("full", file_system(0, None), unknown, Some("/var is 100 % full, 0 KiB left")),
            (
                "full by tomorrow",
                file_system(10 * G, Some(1_048_576.0)),
                unknown,
                Some("/var is 50 % full, 10.0 GiB left: full in 2 h at 1.0 MiB/s"),
            ),
            ("full the day after", file_system(10 * G, Some(65_536.0)), unknown, None),
            ("nobody writes there", file_system(0, None), &[], None),
        ];
        for (name, file_system, growths, expected) in cases {
            let evidence: Vec<String> = found(file_system, growths).into_iter().map(|(_, evidence)| evidence).collect();
            assert_eq!(evidence, expected.into_iter().map(str::to_owned).collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn it_is_about_everybody_who_writes_there() {
        let found = found(file_system(0, None), &[("carol", None), ("alice", None)]);
        assert_eq!(found[0].0, "alice carol");
    }
}
