//! port-drift: the instance listens, but not on its assigned port.
//!
//! It must never be said of an instance that listens on its port at another address: the port is right.

use super::rule::{Facts, Rule, distinct};
use crate::domain::{Code, Finding, Reading, Remedy, Shown, words};

/// The rule.
pub(super) struct PortDrift;

impl Rule for PortDrift {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        for subject in facts.subjects() {
            let Some(port) = subject.declared.port else { continue };
            let endpoints = distinct(subject.listening.iter().map(|index| facts.listener(*index).0.endpoint));
            if endpoints.is_empty() || endpoints.iter().any(|endpoint| endpoint.port == port) {
                continue;
            }
            let places: Vec<String> = endpoints.iter().map(ToString::to_string).collect();
            let owner = words::instance(&subject.declared.id);
            let evidence = format!("{owner} listens on {} and not on {port}, which it is assigned", words::list(&places));
            found.push(Finding {
                code: Code::PortDrift,
                instances: vec![subject.declared.id.clone()],
                port: Some(port),
                processes: match subject.main {
                    Reading::Known(main) => vec![main],
                    Reading::Denied | Reading::Gone | Reading::Unasked => Vec::new(),
                },
                since: facts.now(),
                evidence: Shown::new(&evidence),
                remedies: vec![Remedy::Restart, Remedy::EditConfig],
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::{Code, State};
    use crate::judge::testing::{Host, findings, state};

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
    fn nothing_that_runs_is_no_drift() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081");
        assert!(host.judge().findings.is_empty());
    }
}
