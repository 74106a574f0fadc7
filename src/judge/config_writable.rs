//! config-writable: others than an instance's account and root may change the files that it is started by, or put others in their place.
//!
//! It must never take a group of the account's own for others.

use super::env_readable::is_shared;
use super::join::Subject;
use super::rule::{Facts, Rule};
use crate::domain::{Code, Finding, Guard, Remedy, Shown, words};

/// The rule.
pub(super) struct ConfigWritable;

impl Rule for ConfigWritable {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        if facts.input.postures.files.is_empty() {
            return;
        }
        for subject in facts.subjects() {
            let Some(posture) = facts.input.postures.files.get(&subject.declared.id) else { continue };
            let all: Vec<String> = posture.guards().filter_map(|guard| said(facts, subject, guard)).collect();
            if all.is_empty() {
                continue;
            }
            found.push(Finding {
                code: Code::ConfigWritable,
                instances: vec![subject.declared.id.clone()],
                port: None,
                processes: Vec::new(),
                since: facts.now(),
                evidence: Shown::new(&all.join("; ")),
                remedies: vec![Remedy::CloseFiles],
            });
        }
    }
}

/// "everybody on this host may write to /opt/x, and so replace /opt/x/config.json, by which alice's instance is started".
fn said(facts: &Facts<'_>, subject: &Subject<'_>, guard: &Guard) -> Option<String> {
    let whose = words::instance(&subject.declared.id);
    let (who, what) = writer(facts, subject, guard)?;
    let verb = if *what == guard.path { "change it".to_owned() } else { format!("replace {}", guard.path) };
    Some(format!("{who} {what}, and so may {verb}, by which {whose} is started"))
}

/// Who may write to what.
pub(super) fn writer<'a>(facts: &Facts<'_>, subject: &Subject<'_>, guard: &'a Guard) -> Option<(String, &'a Shown)> {
    if let Some(what) = &guard.written_by_all {
        return Some(("everybody on this host may write to".to_owned(), what));
    }
    if let Some((what, uid)) = &guard.owned_by {
        return Some((format!("{} owns", facts.account(*uid)), what));
    }
    let (what, gid) = guard.written_by_group.as_ref()?;
    let is_others = (*gid != subject.declared.gid && gid.0 != 0) || is_shared(facts, subject, *gid);
    is_others.then(|| (format!("everybody of group {gid} may write to"), what))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Gid, Posture, Uid};
    use crate::judge::testing::{Host, findings, id};

    fn told(guard: Guard) -> Option<String> {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").declare("bob", 1002, "127.0.0.1:8082");
        host.redeclare("bob", |declared| declared.gid = Gid(100));
        let guard = Guard { path: "/u/c.json".into(), ..guard };
        host.postures.files.insert(id("alice"), Arc::new(Posture { config: Some(guard), ..Posture::default() }));
        findings(&host.judge(), Code::ConfigWritable).into_iter().map(|(_, text)| text).next()
    }

    #[test]
    fn who_may_change_it_is_told() {
        let by_group = |gid| Guard { written_by_group: Some(("/u".into(), Gid(gid))), ..Guard::default() };
        let cases = [
            (Guard { read_by_all: true, ..Guard::default() }, None),
            (
                Guard { written_by_all: Some("/u".into()), ..Guard::default() },
                Some("everybody on this host may write to /u, and so may replace /u/c.json, by which alice's instance is started"),
            ),
            (
                Guard { written_by_all: Some("/u/c.json".into()), ..Guard::default() },
                Some("everybody on this host may write to /u/c.json, and so may change it, by which alice's instance is started"),
            ),
            (
                Guard { owned_by: Some(("/u".into(), Uid(1002))), ..Guard::default() },
                Some("bob owns /u, and so may replace /u/c.json, by which alice's instance is started"),
            ),
            (by_group(1001), None),
            (by_group(0), None),
            (
                by_group(100),
                Some("everybody of group 100 may write to /u, and so may replace /u/c.json, by which alice's instance is started"),
            ),
        ];
        for (guard, expected) in cases {
            assert_eq!(told(guard.clone()).as_deref(), expected, "{guard:?}");
        }
    }
}
