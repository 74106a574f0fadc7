//! log-unbounded: the log exceeds its limit and nothing rotates it.
//!
//! It must never be said of a log that somebody rotates in turns longer than berth's, nor of one that its keeper is about to cut.

use std::time::Duration;

use super::join::Subject;
use super::rule::{Facts, Rule};
use crate::domain::{Code, DiskUse, Finding, Reading, Remedy, Shown, words};

/// A log without a limit is told from this size on, bytes.
const WITHOUT_LIMIT: u64 = 1 << 30;

/// A log that was rotated within this time is rotated by somebody: logrotate(8) does it daily or weekly.
const ROTATED_WITHIN: Duration = Duration::from_secs(8 * 86_400);

/// How many times its limit such a log may have between two of those turns.
const BETWEEN_TURNS: u64 = 10;

/// How long a keeper may take to cut a log: a large one is copied first.
const KEEPER_TAKES: Duration = Duration::from_secs(60);

/// Who grows by less stands still, bytes a second.
const SOME: f64 = 1.0;

/// The rule.
pub(super) struct LogUnbounded;

impl Rule for LogUnbounded {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        for subject in facts.subjects() {
            let declared = subject.declared;
            let Some(told) = facts.input.storage.uses.get(&declared.id) else { continue };
            let Reading::Known(length) = told.log_file_bytes else { continue };
            let Some(reason) = reason(facts, subject, told, length) else { continue };
            let limit = declared.log_max.map_or_else(|| "has no limit".to_owned(), |most| format!("its limit is {}", words::size(most)));
            let growth = told.log_growth.filter(|rate| *rate >= SOME).map(|rate| format!(", grows by {}", words::rate(rate)));
            let log = declared.log.to_string_lossy();
            let evidence = format!("{log} has {} and {limit}{}; {reason}", words::size(length), growth.unwrap_or_default());
            found.push(Finding {
                code: Code::LogUnbounded,
                instances: vec![declared.id.clone()],
                port: None,
                processes: Vec::new(),
                since: facts.now(),
                evidence: Shown::new(&evidence),
                remedies: vec![Remedy::LimitLog],
            });
        }
    }
}

/// Why nothing keeps the log short; `None` where something does, or it is short.
fn reason(facts: &Facts<'_>, subject: &Subject<'_>, told: &DiskUse, length: u64) -> Option<String> {
    let is_long = match subject.declared.log_max {
        Some(most) => length > most.saturating_add(most / 10),
        None => length >= WITHOUT_LIMIT,
    };
    if !is_long {
        return None;
    }
    let since = |at| facts.now().duration_since(at).unsigned_abs();
    if subject.keeper.is_some() && subject.declared.log_max.is_some() {
        if let Some(uncuttable) = &told.uncuttable {
            return Some(format!("its keeper cannot cut it: {uncuttable}"));
        }
        let long_since = told.long_since.filter(|at| since(*at) >= KEEPER_TAKES)?;
        let free = facts.input.storage.file_systems.iter().filter(|one| told.devices.contains(&one.device)).map(|one| one.free).min();
        let why = if free.is_some_and(|free| free < length) { ": there is no room for a copy" } else { "" };
        return Some(format!("its keeper has not cut it since {}{why}", facts.clock(long_since)));
    }
    let is_rotated = told.rotated_at.is_some_and(|at| since(at) < ROTATED_WITHIN);
    if is_rotated && subject.declared.log_max.is_none_or(|most| length <= most.saturating_mul(BETWEEN_TURNS)) {
        return None;
    }
    let last = told.rotated_at.map(|at| format!("; the last rotated one is of {}", facts.clock(at))).unwrap_or_default();
    Some(format!("nothing rotates it{last}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Host, Make, disk_use, findings, id, wall};

    const M: u64 = 1 << 20;

    #[test]
    fn cases() {
        let kept: Make = |host| host.keep("alice", 100, None);
        let adopted: Make = |host| host;
        let days = |days: u64| wall() - Duration::from_secs(days * 86_400);
        let long = |host_change: fn(&mut DiskUse), length: u64| {
            disk_use(|told| {
                told.log_file_bytes = Reading::Known(length);
                host_change(told);
            })
        };
        type Case = (&'static str, Make, Option<u64>, DiskUse, Option<&'static str>);
        let cases: [Case; 13] = [
            ("short", adopted, Some(10 * M), long(|_| {}, 10 * M), None),
            ("a little over", adopted, Some(10 * M), long(|_| {}, 11 * M), None),
            (
                "over",
                adopted,
                Some(10 * M),
                long(|told| told.log_growth = Some(2048.0), 12 * M),
                Some("/x.log has 12.0 MiB and its limit is 10.0 MiB, grows by 2 KiB/s; nothing rotates it"),
            ),
            ("without a limit", adopted, None, long(|_| {}, 1 << 30), Some("/x.log has 1.0 GiB and has no limit; nothing rotates it")),
            ("without a limit, short", adopted, None, long(|_| {}, 1 << 29), None),
            ("rotated", adopted, Some(10 * M), DiskUse { rotated_at: Some(days(6)), ..long(|_| {}, 90 * M) }, None),
            (
                "rotated, but far over",
                adopted,
                Some(10 * M),
                DiskUse { rotated_at: Some(days(1)), ..long(|_| {}, 200 * M) },
                Some("/x.log has 200 MiB and its limit is 10.0 MiB; nothing rotates it; the last rotated one is of 20 Nov 03:12"),
            ),
            ("rotated without a limit", adopted, None, DiskUse { rotated_at: Some(days(1)), ..long(|_| {}, 9 << 30) }, None),
            (
                "rotated long ago",
                adopted,
                None,
                DiskUse { rotated_at: Some(days(9)), ..long(|_| {}, 9 << 30) },
                Some("/x.log has 9.0 GiB and has no limit; nothing rotates it; the last rotated one is of 12 Nov 03:12"),
            ),
            ("kept, about to be cut", kept, Some(10 * M), long(|told| told.long_since = Some(wall()), 90 * M), None),
            (
                "kept, and not cut",
                kept,
                Some(10 * M),
                DiskUse { long_since: Some(wall() - Duration::from_secs(90)), ..long(|_| {}, 90 * M) },
                Some("/x.log has 90.0 MiB and its limit is 10.0 MiB; its keeper has not cut it since 03:10:34"),
            ),
            (
                "kept, and not to be cut",
                kept,
                Some(10 * M),
                long(|told| told.uncuttable = Some("pid 7 (x) does not append to it".into()), 90 * M),
                Some("/x.log has 90.0 MiB and its limit is 10.0 MiB; its keeper cannot cut it: pid 7 (x) does not append to it"),
            ),
            ("kept, without a limit", kept, None, long(|_| {}, 1 << 30), Some("/x.log has 1.0 GiB and has no limit; nothing rotates it")),
        ];
        for (name, make, log_max, told, expected) in cases {
            let mut host = Host::new();
            host.declare("alice", 1001, "127.0.0.1:8081").redeclare("alice", |declared| declared.log_max = log_max);
            make(&mut host);
            host.storage.uses.insert(id("alice"), told.into());
            let found: Vec<String> = findings(&host.judge(), Code::LogUnbounded).into_iter().map(|(_, evidence)| evidence).collect();
            assert_eq!(found, expected.into_iter().map(str::to_owned).collect::<Vec<_>>(), "{name}");
        }
    }
}
