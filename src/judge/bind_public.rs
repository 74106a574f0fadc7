//! bind-public: an instance listens where other hosts can reach it, on a wildcard or an address of the network.
//!
//! It must never be said of an address that leads nowhere but to this host.

use super::join::Subject;
use super::rule::{Facts, Rule, distinct};
use crate::domain::{Code, Endpoint, Finding, Remedy, Shown, words};

/// The rule.
pub(super) struct BindPublic;

impl Rule for BindPublic {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        for subject in facts.subjects() {
            let places = places(facts, subject);
            if places.is_empty() {
                continue;
            }
            let is_configured = subject.endpoint.is_some_and(|endpoint| endpoint.is_public()) && subject.declared.host.is_some();
            let by = if is_configured { ", as its configuration says" } else { "" };
            let shown: Vec<String> = places.iter().map(ToString::to_string).collect();
            let evidence =
                format!("{} listens on {}{by}: other hosts can reach it", words::instance(&subject.declared.id), words::list(&shown));
            let mut remedies = vec![Remedy::Fence];
            if subject.published.is_empty() {
                remedies.insert(0, Remedy::ListenLocally);
            }
            found.push(Finding {
                code: Code::BindPublic,
                instances: vec![subject.declared.id.clone()],
                port: places.first().map(|endpoint| endpoint.port),
                processes: subject.main.known().into_iter().collect(),
                since: facts.now(),
                evidence: Shown::new(&evidence),
                remedies,
            });
        }
    }
}

/// Where other hosts can reach it.
pub(super) fn places(facts: &Facts<'_>, subject: &Subject<'_>) -> Vec<Endpoint> {
    let own = subject.listening.iter().map(|heard| facts.listener(*heard).0.endpoint);
    let published = subject.published.iter().copied().filter(|_| subject.claimed_main.is_some());
    distinct(own.chain(published).filter(Endpoint::is_public))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Host, findings};

    fn told(configured: &str, listens: &[&str]) -> Vec<String> {
        let mut host = Host::new();
        host.declare("alice", 1001, configured).keep("alice", 100, None);
        for place in listens {
            host.listen(101, place);
        }
        findings(&host.judge(), Code::BindPublic).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn wildcards_and_addresses_of_the_network_are_public() {
        assert_eq!(told("127.0.0.1:8081", &["127.0.0.1:8081"]), [""; 0]);
        assert_eq!(told("127.0.0.1:8081", &["::1:8081"]), [""; 0]);
        assert_eq!(told("0.0.0.0:8081", &[]), [""; 0], "it does not listen");
        assert_eq!(
            told("0.0.0.0:8081", &["0.0.0.0:8081"]),
            ["alice's instance listens on 0.0.0.0:8081, as its configuration says: other hosts can reach it"]
        );
        assert_eq!(
            told("127.0.0.1:8081", &["127.0.0.1:8081", ":::8081", "10.0.0.5:9000"]),
            ["alice's instance listens on *:8081 and 10.0.0.5:9000: other hosts can reach it"]
        );
    }
}
