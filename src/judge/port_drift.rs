//! port-drift: the instance listens, but not on its assigned port; or its configuration says another one than it is assigned.
//!
//! A user's own file shows drift and decides nothing: what it says is offered, not taken. It must never be said of an instance that listens
//! on its port at another address: the port is right.

use super::join::Subject;
use super::rule::{Facts, Rule, distinct};
use crate::domain::{Code, Endpoint, Finding, Reading, Remedy, Shown, straying, uncovered, words};

/// The rule.
pub(super) struct PortDrift;

impl Rule for PortDrift {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        for subject in facts.subjects() {
            let Some(port) = subject.port else { continue };
            let endpoints = distinct(subject.listening.iter().map(|index| facts.listener(*index).0.endpoint));
            let strays = !endpoints.is_empty() && endpoints.iter().all(|endpoint| endpoint.port != port);
            if !strays && subject.astray.is_none() {
                continue;
            }
            found.push(Finding {
                code: Code::PortDrift,
                instances: vec![subject.declared.id.clone()],
                port: Some(port),
                processes: match subject.main {
                    Reading::Known(main) if strays => vec![main],
                    _ => Vec::new(),
                },
                since: facts.now(),
                evidence: Shown::new(&evidence(facts, subject, port, strays.then_some(&*endpoints))),
                remedies: remedies(facts, subject, port, &endpoints),
            });
        }
    }
}

fn evidence(facts: &Facts<'_>, subject: &Subject<'_>, port: u16, strays: Option<&[Endpoint]>) -> String {
    let owner = words::instance(&subject.declared.id);
    let since = subject.assigned.map(|allotment| format!(" since {}", facts.clock(allotment.at))).unwrap_or_default();
    let said = subject.astray.map(|said| said.port);
    match (strays, said) {
        (Some(endpoints), _) => {
            let places: Vec<String> = endpoints.iter().map(ToString::to_string).collect();
            let said = said.map(|said| format!("; its configuration says {said}")).unwrap_or_default();
            format!("{owner} listens on {} and not on {port}, which it is assigned{since}{said}", words::list(&places))
        }
        (None, said) => {
            let whose = words::possessive(&subject.declared.id.to_string());
            let said = said.map(|said| said.to_string()).unwrap_or_default();
            format!("{whose} configuration says {said} and not {port}, which it is assigned{since}")
        }
    }
}

/// What helps: to have the port that it strays to be its port, where that is nobody's; to bring it back.
fn remedies(facts: &Facts<'_>, subject: &Subject<'_>, port: u16, endpoints: &[Endpoint]) -> Vec<Remedy> {
    let listening: Vec<u16> = endpoints.iter().map(|endpoint| endpoint.port).collect();
    let actual = straying(port, subject.declared.port, &listening, facts.input.range);
    let adopt = actual.filter(|actual| can_have(facts, subject, *actual)).map(|_| Remedy::AdoptPort);
    // Its file says the right port: a restart may be enough, unless something else has it listen elsewhere.
    let back = if subject.astray.is_some() { vec![Remedy::KeepPort] } else { vec![Remedy::Restart, Remedy::EditConfig] };
    adopt.into_iter().chain(back).collect()
}

/// Whether the registry could give it this port, as far as is known here.
fn can_have(facts: &Facts<'_>, subject: &Subject<'_>, port: u16) -> bool {
    let (input, id) = (facts.input, &subject.declared.id);
    let Reading::Known(allotments) = input.allotments else { return false };
    let is_ephemeral = || {
        let ephemeral = input.ports.ephemeral.filter(|ephemeral| ephemeral.contains(port));
        ephemeral.is_some_and(|ephemeral| uncovered(ephemeral, &input.ports.kept_free).iter().any(|part| part.contains(port)))
    };
    let anothers = |index: &usize| facts.subjects()[*index].declared.id != *id;
    input.range.contains(port)
        && !input.ports.is_reserved(port)
        && !is_ephemeral()
        && allotments.of(port).is_none_or(|allotment| allotment.id == *id)
        && allotments.quarantine(port, facts.now()).is_none_or(|kept| kept.of == *id)
        && !facts.joined.configured_on.get(&port).is_some_and(|all| all.iter().any(anothers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Quarantine, State};
    use crate::judge::testing::{Host, Make, findings, id, row, state};
    use std::sync::Arc;

    #[test]
    fn cases() {
        let cases: [(&str, &[&str], Option<&str>); 5] = [
            ("on its port", &["127.0.0.1:8081"], None),
            ("on its port, elsewhere", &["0.0.0.0:8081"], None),
            ("on its port and another", &["127.0.0.1:9229", "127.0.0.1:8081"], None),
            ("on another", &["127.0.0.1:8085"], Some("alice's instance listens on 127.0.0.1:8085 and not on 8081, which it is assigned")),
            (
                "on others",
                &["127.0.0.1:9229", "127.0.0.1:8085"],
                Some("alice's instance listens on 127.0.0.1:8085 and 127.0.0.1:9229 and not on 8081, which it is assigned"),
            ),
        ];
        for (name, endpoints, expected) in cases {
            let mut host = Host::new();
            host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, None);
            for endpoint in endpoints {
                host.listen(101, endpoint);
            }
            let snapshot = host.judge();
            let found: Vec<String> = findings(&snapshot, Code::PortDrift).into_iter().map(|(_, evidence)| evidence).collect();
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{name}");
            assert_eq!(state(&snapshot, "alice"), State::Running, "{name}");
        }
    }

    #[test]
    fn what_a_file_says_against_the_registry() {
        const SAYS: &str = "alice's configuration says 8085 and not 8081, which it is assigned since 02:00:00";
        const LISTENS: &str = "alice's instance listens on 127.0.0.1:8085 and not on 8081, which it is assigned since 02:00:00; its \
                               configuration says 8085";
        let both: &[Remedy] = &[Remedy::AdoptPort, Remedy::KeepPort];
        let cases: [(&str, Make, &str, &[Remedy]); 9] = [
            ("stopped", |host| host, SAYS, both),
            ("as the file says", |host| host.keep("alice", 100, Some("127.0.0.1:8085")), LISTENS, both),
            ("as the registry says", |host| host.keep("alice", 100, Some("127.0.0.1:8081")), SAYS, both),
            ("adopted by the file's port", |host| host.process(300, 1, 1001, "node").listen(300, "127.0.0.1:8085"), LISTENS, both),
            ("another's by the registry", |host| host.assign("bob", 8085), SAYS, &[Remedy::KeepPort]),
            ("another's by its file", |host| host.declare("bob", 1002, "127.0.0.1:8085"), SAYS, &[Remedy::KeepPort]),
            ("another's until lately", |host| host.quarantine("bob", 8085), SAYS, &[Remedy::KeepPort]),
            ("its own until lately", |host| host.quarantine("alice", 8085), SAYS, both),
            (
                "reserved",
                |host| {
                    host.ports.reserved = vec![crate::domain::PortRange { first: 8085, last: 8086 }];
                    host
                },
                SAYS,
                &[Remedy::KeepPort],
            ),
        ];
        for (name, make, evidence, remedies) in cases {
            let mut host = Host::new();
            host.declare("alice", 1001, "127.0.0.1:8085").assign("alice", 8081);
            make(&mut host);
            let snapshot = host.judge();
            assert_eq!(findings(&snapshot, Code::PortDrift), [("alice".to_owned(), evidence.to_owned())], "{name}");
            let found = snapshot.findings.iter().find(|finding| finding.code == Code::PortDrift).unwrap();
            assert_eq!((found.port, &*found.remedies), (Some(8081), remedies), "{name}");
            assert_eq!(row(&snapshot, "alice").port, Some(8081), "{name}");
        }
    }

    #[test]
    fn nothing_that_runs_is_no_drift() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081");
        assert!(host.judge().findings.is_empty());
        host.assign("alice", 8081);
        assert!(host.judge().findings.is_empty());
        // What the registry says is not known: the file is all that there is.
        host.redeclare("alice", |declared| declared.port = Some(8085));
        (host.allotments, host.registry_notice) = (Reading::Denied, Some("who is assigned which port is not known".into()));
        let snapshot = host.judge();
        assert!(snapshot.findings.is_empty());
        assert_eq!((snapshot.notices.len(), row(&snapshot, "alice").port), (1, Some(8085)));
    }

    #[test]
    fn a_port_that_the_registry_took_is_kept_for_its_time_only() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8085").assign("alice", 8081);
        let mut all = host.allotments.as_ref().known().map(|all| (**all).clone()).unwrap();
        all.keep(8085, Quarantine { of: id("bob"), until: host.sample.taken.wall });
        host.allotments = Reading::Known(Arc::new(all));
        assert_eq!(host.judge().findings[0].remedies, [Remedy::AdoptPort, Remedy::KeepPort]);
    }
}
