//! port-shadowed: another owner's process listens on the same port at another address or family, and so gets what is meant for
//! the instance (`[::1]` beside `127.0.0.1`, `127.0.0.2` beside it).
//!
//! It must never be said where only one of them could listen: that is port-taken.

use super::join::Subject;
use super::rule::{Facts, Rule, distinct};
use crate::domain::{Bound, Code, CommonName, Endpoint, Finding, Meeting, Remedy, Shown, words};

/// The rule.
pub(super) struct PortShadowed;

impl Rule for PortShadowed {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        for (index, subject) in facts.subjects().iter().enumerate() {
            let shadows = facts.taken.shadows_of(index);
            let Some(since) = shadows.clone().map(|heard| facts.listener(heard).0.since).min() else { continue };
            let (Some(port), Some(meant)) = (subject.port, meant(facts, subject)) else { continue };
            let places: Vec<String> =
                distinct(shadows.clone().map(|heard| facts.listener(heard).0.endpoint)).iter().map(ToString::to_string).collect();
            let holders = words::list(&distinct(shadows.clone().map(|heard| facts.holder(heard))));
            let name = shadows.clone().filter_map(|heard| common_name(facts, subject, meant, heard)).min();
            let asked = if name == Some(CommonName::HostName) { "this host's name" } else { "localhost" };
            let evidence = format!(
                "{} is listened on by {holders}, since {}, beside {} at {meant}: who asks for {asked}:{port} may reach the wrong one",
                words::list(&places),
                facts.clock(since),
                words::instance(&subject.declared.id),
            );
            let by_instance = shadows.clone().any(|heard| facts.is_in_the_way(port, facts.listener(heard).1));
            found.push(Finding {
                code: Code::PortShadowed,
                instances: vec![subject.declared.id.clone()],
                port: Some(port),
                processes: distinct(shadows.flat_map(|heard| facts.holders(heard))),
                since,
                evidence: Shown::new(&evidence),
                remedies: if by_instance { vec![Remedy::Reassign, Remedy::StopHolder] } else { vec![Remedy::Reassign] },
            });
        }
    }
}

/// Where the instance is to be found: where it is configured to, or, where that names no address, where it listens.
fn meant(facts: &Facts<'_>, subject: &Subject<'_>) -> Option<Endpoint> {
    let configured = subject.endpoint?;
    let own = subject.listening.iter().map(|heard| facts.listener(*heard).0.endpoint).find(|endpoint| endpoint.port == configured.port);
    if subject.declared.host.is_some() { Some(configured) } else { own.or(Some(configured)) }
}

fn common_name(facts: &Facts<'_>, subject: &Subject<'_>, meant: Endpoint, heard: usize) -> Option<CommonName> {
    let listener = facts.listener(heard).0;
    let own = Bound { endpoint: meant, uid: subject.declared.uid, reuse_port: false };
    match own.meets(&Bound { endpoint: listener.endpoint, uid: listener.uid, reuse_port: false }) {
        Meeting::Mistakable(name) => Some(name),
        Meeting::Apart | Meeting::Shared | Meeting::Exclusive => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::{Code, Remedy, State};
    use crate::judge::testing::{Host, Make, findings, key, row, state};

    #[test]
    fn cases() {
        const BESIDE: &str =
            "since 03:11:54, beside alice's instance at 127.0.0.1:8081: who asks for localhost:8081 may reach the wrong one";
        let cases: [(&str, &str, Make, Option<String>); 11] = [
            (
                "the other family",
                "127.0.0.1:8081",
                |host| host.process(4711, 1, 1002, "python3").listen(4711, "::1:8081"),
                Some(format!("[::1]:8081 is listened on by pid 4711 (python3, bob), {BESIDE}")),
            ),
            (
                "another address of the loopback",
                "127.0.0.1:8081",
                |host| host.process(4711, 1, 1002, "python3").listen(4711, "127.0.0.2:8081"),
                Some(format!("127.0.0.2:8081 is listened on by pid 4711 (python3, bob), {BESIDE}")),
            ),
            (
                "the wildcard of the other family, alone",
                "127.0.0.1:8081",
                |host| host.process(4711, 1, 1002, "python3").listen_v6only(4711, 8081),
                Some(format!("[::]:8081 is listened on by pid 4711 (python3, bob), {BESIDE}")),
            ),
            (
                "a specific one of the other family beside a wildcard",
                "0.0.0.0:8081",
                |host| host.process(4711, 1, 1002, "python3").listen(4711, "2001:db8::5:8081"),
                Some(
                    "[2001:db8::5]:8081 is listened on by pid 4711 (python3, bob), since 03:11:54, beside alice's instance at \
                     0.0.0.0:8081: who asks for this host's name:8081 may reach the wrong one"
                        .to_owned(),
                ),
            ),
            (
                "hidden, in a group that is known",
                "127.0.0.1:8081",
                |host| host.hidden(1002, "::1:8081").grouped("/user.slice/mcp@bob.service"),
                Some(format!(
                    "[::1]:8081 is listened on by a process of bob that may not be seen, made in /user.slice/mcp@bob.service, {BESIDE}"
                )),
            ),
            ("the same address", "127.0.0.1:8081", |host| host.process(4711, 1, 1002, "x").listen(4711, "127.0.0.1:8081"), None),
            ("both families at once", "127.0.0.1:8081", |host| host.process(4711, 1, 1002, "x").listen(4711, ":::8081"), None),
            ("a proxy before it", "127.0.0.1:8081", |host| host.process(4711, 1, 0, "nginx").listen(4711, "10.0.0.5:8081"), None),
            ("another port", "127.0.0.1:8081", |host| host.process(4711, 1, 1002, "x").listen(4711, "::1:8082"), None),
            ("her own", "127.0.0.1:8081", |host| host.keep("alice", 100, Some("127.0.0.1:8081")).listen(101, "::1:8081"), None),
            ("her account's", "127.0.0.1:8081", |host| host.process(4711, 1, 1001, "x").listen(4711, "::1:8081"), None),
        ];
        for (name, endpoint, make, expected) in cases {
            let mut host = Host::new();
            host.declare("alice", 1001, endpoint);
            make(&mut host);
            let found: Vec<String> = findings(&host.judge(), Code::PortShadowed).into_iter().map(|(_, evidence)| evidence).collect();
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn a_running_one_is_degraded_and_it_counts_as_a_conflict() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081"));
        host.declare("bob", 1002, "::1:8081").keep("bob", 200, Some("::1:8081"));
        let snapshot = host.judge();
        assert_eq!((state(&snapshot, "alice"), state(&snapshot, "bob")), (State::Degraded, State::Degraded));
        assert_eq!(row(&snapshot, "alice").findings, [Code::PortShadowed]);
        // Told from both sides, and one conflict.
        assert_eq!(snapshot.totals.conflicts, 1);
        let about_alice = snapshot.findings.iter().find(|finding| finding.instances[0].owner() == "alice").unwrap();
        assert_eq!(
            (about_alice.processes.as_slice(), about_alice.remedies.as_slice()),
            (&[key(201)][..], &[Remedy::Reassign, Remedy::StopHolder][..])
        );
        assert!(about_alice.evidence.as_str().starts_with("[::1]:8081 is listened on by bob's instance, pid 201 (node, bob), since"));
    }

    #[test]
    fn two_of_one_owner_do_not_shadow_each_other() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081"));
        host.declare("alice/tools", 1001, "::1:8081").keep("alice/tools", 200, Some("::1:8081"));
        assert!(host.judge().findings.is_empty());
        // Two owners under one service account do.
        let mut host = Host::new();
        host.declare("alice", 900, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081"));
        host.declare("bob", 900, "::1:8081").keep("bob", 200, Some("::1:8081"));
        assert_eq!(findings(&host.judge(), Code::PortShadowed).len(), 2);
    }

    #[test]
    fn an_address_that_is_not_configured_is_the_one_that_is_listened_on() {
        let mut host = Host::new();
        host.declare("alice", 1001, "?:8081").keep("alice", 100, Some("127.0.0.1:8081"));
        host.process(4711, 1, 1002, "python3").listen(4711, "::1:8081");
        let snapshot = host.judge();
        assert!(findings(&snapshot, Code::PortTaken).is_empty());
        assert!(findings(&snapshot, Code::PortShadowed)[0].1.contains("beside alice's instance at 127.0.0.1:8081"));
    }
}
