//! port-shared: several processes that are no one tree share the port by SO_REUSEPORT, so that each gets a part of the
//! connections. The kernel lets only sockets of one uid do that: it is a service account's.
//!
//! It must never be said of a server's own workers, nor where it is not to be seen who listens.

use super::join::Whose;
use super::rule::{Facts, Rule, distinct};
use crate::domain::{Bound, Code, Finding, InstanceId, Listener, Meeting, ProcessKey, Reading, Remedy, Shown, words};

/// The rule.
pub(super) struct PortShared;

impl Rule for PortShared {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        // Nearly every port has one listener, and of the rest nearly all have one for each family.
        for (port, heard) in facts.joined.heard_on.iter().filter(|(_, heard)| heard.len() > 1) {
            if !facts.input.range.contains(*port) && !facts.joined.configured_on.contains_key(port) {
                continue;
            }
            let mut sharers: Vec<usize> = Vec::new();
            for (at, one) in heard.iter().enumerate() {
                for other in heard[at + 1..].iter().filter(|other| shares(facts, *one, **other)) {
                    sharers.extend([*one, *other]);
                }
            }
            sharers.sort_unstable_by_key(|index| (facts.listener(*index).0.endpoint, facts.holders(*index).first().copied()));
            sharers.dedup();
            if let Some(first) = sharers.first().copied() {
                found.push(finding(facts, *port, first, &sharers));
            }
        }
    }
}

/// Whether two sockets share a port and are not of one tree. That both listen there proves SO_REUSEPORT.
fn shares(facts: &Facts<'_>, one: usize, other: usize) -> bool {
    let ((first, whose), (second, others)) = (facts.listener(one), facts.listener(other));
    let bound = |listener: &Listener| Bound { endpoint: listener.endpoint, uid: listener.uid, reuse_port: true };
    if bound(first).meets(&bound(second)) != Meeting::Shared {
        return false;
    }
    match (whose, others) {
        (Whose::Instance(one), Whose::Instance(other)) => one != other,
        (Whose::OneOfSeveral, _) | (_, Whose::OneOfSeveral) => false,
        _ => matches!((&first.holders, &second.holders), (Reading::Known(one), Reading::Known(other)) if !related(one, other)),
    }
}

/// Whether two sockets' holders are one family: one process, a parent and its child, or children of one parent that is not init.
fn related(one: &[crate::domain::Holder], other: &[crate::domain::Holder]) -> bool {
    one.iter().any(|first| {
        other.iter().any(|second| {
            first.key == second.key
                || first.parent == second.key.pid
                || second.parent == first.key.pid
                || (first.parent == second.parent && first.parent > 1)
        })
    })
}

fn finding(facts: &Facts<'_>, port: u16, first: usize, sharers: &[usize]) -> Finding {
    let id = |index: &usize| match facts.listener(*index).1 {
        Whose::Instance(owner) => Some(facts.subjects()[owner].declared.id.clone()),
        Whose::OneOfSeveral | Whose::Nobody => {
            facts.strangers.iter().find(|stranger| stranger.listeners.contains(index)).map(|one| one.id.clone())
        }
    };
    let mut instances: Vec<InstanceId> = sharers.iter().filter_map(id).collect();
    instances.sort_by_cached_key(|id| (id.is_unmanaged(), id.clone()));
    instances.dedup();
    let holders = distinct(sharers.iter().map(|index| facts.holder(*index)));
    let by_instance = sharers.iter().filter(|index| matches!(facts.listener(**index).1, Whose::Instance(_))).count();
    // Where one of them is an instance, the others are in its way; of strangers all are.
    let in_the_way = |index: &&usize| by_instance == 0 || **index != own(facts, sharers).unwrap_or(first);
    let processes: Vec<ProcessKey> = distinct(sharers.iter().filter(in_the_way).flat_map(|index| facts.holders(*index)));
    let since = sharers.iter().map(|index| facts.listener(*index).0.since).max().unwrap_or_else(|| facts.now());
    let evidence = format!(
        "{port} is shared by {} (SO_REUSEPORT), since {}: each gets a part of the connections",
        words::list(&holders),
        facts.clock(since)
    );
    Finding {
        code: Code::PortShared,
        instances,
        port: Some(port),
        processes,
        since,
        evidence: Shown::new(&evidence),
        remedies: if by_instance > 1 { vec![Remedy::Reassign] } else { vec![Remedy::StopHolder] },
    }
}

/// The first of them that is an instance's.
fn own(facts: &Facts<'_>, sharers: &[usize]) -> Option<usize> {
    sharers.iter().copied().find(|index| matches!(facts.listener(*index).1, Whose::Instance(_)))
}

#[cfg(test)]
mod tests {
    use crate::domain::{Code, Remedy};
    use crate::judge::testing::{Host, Make, findings, key};

    /// What it is, how it comes about, and the findings.
    type Case = (&'static str, Make, &'static [(&'static str, &'static str)]);

    #[test]
    fn cases() {
        let cases: [Case; 8] = [
            (
                "two owners under one account",
                |host| {
                    host.declare("alice", 900, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081"));
                    host.declare("bob", 900, "127.0.0.1:8081").keep("bob", 200, Some("127.0.0.1:8081"))
                },
                &[(
                    "alice bob",
                    "8081 is shared by alice's instance, pid 101 (node, svc) and bob's instance, pid 201 (node, svc) (SO_REUSEPORT), since 03:11:54: each gets a part of the connections",
                )],
            ),
            (
                "an instance and what was left of an earlier one",
                |host| {
                    host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081"));
                    host.process(50, 1, 1001, "node").listen(50, "0.0.0.0:8081")
                },
                &[(
                    "alice alice/:8081",
                    "8081 is shared by pid 50 (node, alice) and alice's instance, pid 101 (node, alice) (SO_REUSEPORT), \
                     since 03:11:54: each gets a part of the connections",
                )],
            ),
            (
                "two strangers",
                |host| host.process(300, 1, 1002, "x").process(301, 1, 1002, "y").listen(300, "0.0.0.0:8090").listen(301, "0.0.0.0:8090"),
                &[(
                    "bob/:8090",
                    "8090 is shared by pid 300 (x, bob) and pid 301 (y, bob) (SO_REUSEPORT), since 03:11:54: each gets a part \
                     of the connections",
                )],
            ),
            (
                "workers of one server",
                |host| {
                    host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, None);
                    host.process(102, 101, 1001, "node").process(103, 101, 1001, "node");
                    host.listen(102, "127.0.0.1:8081").listen(103, "127.0.0.1:8081")
                },
                &[],
            ),
            (
                "a stranger's workers",
                |host| {
                    host.process(300, 1, 1002, "x").process(301, 300, 1002, "x").process(302, 300, 1002, "x");
                    host.listen(301, "0.0.0.0:8090").listen(302, "0.0.0.0:8090")
                },
                &[],
            ),
            (
                "one process in two families",
                |host| host.process(300, 1, 1002, "x").listen(300, "0.0.0.0:8090").listen_v6only(300, 8090),
                &[],
            ),
            ("who they are may not be seen", |host| host.hidden(1002, "0.0.0.0:8090").hidden(1002, "0.0.0.0:8090"), &[]),
            (
                "where nobody manages",
                |host| host.process(300, 1, 1002, "x").process(301, 1, 1002, "y").listen(300, "0.0.0.0:22").listen(301, "0.0.0.0:22"),
                &[],
            ),
        ];
        for (name, make, expected) in cases {
            let mut host = Host::new();
            make(&mut host);
            let expected: Vec<(String, String)> = expected.iter().map(|(ids, text)| ((*ids).into(), (*text).into())).collect();
            assert_eq!(findings(&host.judge(), Code::PortShared), expected, "{name}");
        }
    }

    #[test]
    fn who_is_in_the_way_is_who_is_not_the_instance() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081"));
        host.process(50, 1, 1001, "node").listen(50, "127.0.0.1:8081");
        let snapshot = host.judge();
        let shared = snapshot.findings.iter().find(|finding| finding.code == Code::PortShared).unwrap();
        assert_eq!((shared.processes.as_slice(), shared.remedies.as_slice()), (&[key(50)][..], &[Remedy::StopHolder][..]));
        // And it has the instance's port, too.
        assert_eq!(findings(&snapshot, Code::PortTaken).len(), 1);
    }
}
