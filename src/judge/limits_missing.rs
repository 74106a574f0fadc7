//! limits-missing: limits are configured, and what runs is not held to them.
//!
//! It must never guess: what the keeper said at the start counts, and of what berth did not start, what the kernel was read to hold.

use super::join::Subject;
use super::rule::{Facts, Rule};
use crate::domain::{Code, Finding, Limits, Remedy, Shown};

/// The rule.
pub(super) struct LimitsMissing;

impl Rule for LimitsMissing {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        for subject in facts.subjects() {
            let limits = subject.declared.limits;
            if limits.is_empty() {
                continue;
            }
            let Some((evidence, remedies)) = missing(facts, subject, limits) else { continue };
            found.push(Finding {
                code: Code::LimitsMissing,
                instances: vec![subject.declared.id.clone()],
                port: None,
                processes: subject.main.known().into_iter().collect(),
                since: facts.now(),
                evidence,
                remedies,
            });
        }
    }
}

fn missing(facts: &Facts<'_>, subject: &Subject<'_>, limits: Limits) -> Option<(Shown, Vec<Remedy>)> {
    let main = subject.main.known()?;
    if subject.keeper.is_some() {
        return subject.claim?.unlimited.clone().map(|reason| (reason, Vec::new()));
    }
    let held = facts.input.sample.limits.get(&main.pid)?;
    let words: Vec<&str> = [
        ("memory", limits.memory_max.is_some() && held.memory_max.is_none()),
        ("CPU", limits.cpu_max.is_some() && held.cpu_max.is_none()),
        ("tasks", limits.tasks_max.is_some() && held.tasks_max.is_none()),
    ]
    .into_iter()
    .filter_map(|(word, is_missing)| is_missing.then_some(word))
    .collect();
    let missing = words.join(" or ");
    if let Some(unit) = subject.declared.unit.as_ref().filter(|_| !words.is_empty()) {
        // Starting it again changes nothing: the host cannot do it, or the unit was changed after the start.
        let reason = format!("no {missing} limit is in force, although {} sets one", unit.name);
        return Some((Shown::new(&reason), Vec::new()));
    }
    let reason = format!("no {missing} limit is in force: it was not started by berth");
    (!words.is_empty()).then(|| (Shown::new(&reason), vec![Remedy::Restart]))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::InForce;
    use crate::judge::testing::{Host, findings};

    const LIMITS: Limits = Limits { memory_max: Some(64), cpu_max: Some(20), tasks_max: None };

    fn kept(limits: Limits, unlimited: Option<&str>) -> Vec<(String, String)> {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081"));
        host.redeclare("alice", |declared| declared.limits = limits);
        host.claim("alice").unlimited = unlimited.map(Shown::new);
        findings(&host.judge(), Code::LimitsMissing)
    }

    #[test]
    fn what_the_keeper_said_is_told_where_limits_are_configured() {
        assert_eq!(kept(LIMITS, Some("no CPU limit is in force: x")), [("alice".to_owned(), "no CPU limit is in force: x".to_owned())]);
        assert_eq!(kept(LIMITS, None), []);
        assert_eq!(kept(Limits::default(), Some("no CPU limit is in force: x")), []);
    }

    #[test]
    fn of_what_berth_did_not_start_the_kernel_is_asked() {
        for (held, expected) in [
            (None, None),
            (Some(InForce::default()), Some("no memory or CPU limit is in force: it was not started by berth")),
            (Some(InForce { memory_max: Some(1), ..InForce::default() }), Some("no CPU limit is in force: it was not started by berth")),
            (Some(InForce { memory_max: Some(1), cpu_max: Some(1), ..InForce::default() }), None),
        ] {
            let mut host = Host::new();
            host.declare("alice", 1001, "127.0.0.1:8081").redeclare("alice", |declared| declared.limits = LIMITS);
            host.process(100, 1, 1001, "node").listen(100, "127.0.0.1:8081");
            host.sample.limits = Arc::new(held.map(|held| (100, Arc::new(held))).into_iter().collect());
            let found = findings(&host.judge(), Code::LimitsMissing);
            assert_eq!(found, expected.map(|text| ("alice".to_owned(), text.to_owned())).into_iter().collect::<Vec<_>>());
        }
    }
}
