//! auth-missing: an instance answers MCP requests of whoever asks, without credentials. On a host with several users loopback is everybody's.
//!
//! It must never be said of a server that was not asked, nor of what another process than the instance's own answered.

use std::collections::BTreeSet;

use super::bind_public;
use super::join::Subject;
use super::rows::probed;
use super::rule::{Facts, Rule};
use crate::domain::{Code, Finding, Remedy, Shown, Uid, words};

/// The rule.
pub(super) struct AuthMissing;

impl Rule for AuthMissing {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        let mut several = None;
        for subject in facts.subjects() {
            let told = probed(facts.input.probes, &subject.declared.id, &subject.main);
            let Some(server) = told.and_then(|probed| probed.server.as_ref()).filter(|server| !server.wants_key) else { continue };
            let is_public = !bind_public::places(facts, subject).is_empty();
            let is_fenced = is_fenced(facts, subject);
            let has_several = *several.get_or_insert_with(|| has_several_users(facts));
            let who = match (is_fenced, is_public, has_several) {
                (true, ..) => "; berth's rules in the packet filter keep strangers from it",
                (false, true, _) => ", and other hosts reach it",
                (false, false, true) => ", and every account of this host reaches it",
                (false, false, false) => "",
            };
            let evidence =
                format!("{} answers MCP requests at {} without credentials{who}", words::instance(&subject.declared.id), server.path);
            let is_open = !is_fenced && (is_public || has_several);
            found.push(Finding {
                code: if is_open { Code::AuthOpen } else { Code::AuthMissing },
                instances: vec![subject.declared.id.clone()],
                port: subject.listening.iter().map(|heard| facts.listener(*heard).0.endpoint.port).min(),
                processes: subject.main.known().into_iter().collect(),
                since: facts.now(),
                evidence: Shown::new(&evidence),
                remedies: if is_fenced { vec![Remedy::RequireKey] } else { vec![Remedy::RequireKey, Remedy::Fence] },
            });
        }
    }
}

/// Whether each port that it listens on is one that strangers are kept from.
fn is_fenced(facts: &Facts<'_>, subject: &Subject<'_>) -> bool {
    let fenced = &facts.input.postures.around.fenced;
    let mut ports = subject.listening.iter().map(|heard| facts.listener(*heard).0.endpoint.port).peekable();
    ports.peek().is_some() && ports.all(|port| fenced.contains(&port))
}

/// Whether anybody but one user could ask; root may do everything anyway.
fn has_several_users(facts: &Facts<'_>) -> bool {
    let Some(people) = &facts.input.postures.around.people else { return true };
    let mut all: BTreeSet<Uid> = people.clone();
    all.extend(facts.subjects().iter().map(|subject| subject.declared.uid));
    all.remove(&Uid::ROOT);
    all.len() > 1
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Health, HealthState, Level, Probed, Server, Transport};
    use crate::judge::testing::{Host, id, key};

    fn host(place: &str, wants_key: bool) -> Host {
        let mut host = Host::new();
        host.declare("alice", 1001, place).keep("alice", 100, Some(place));
        let server = Server {
            transport: Transport::Http,
            path: "/mcp",
            era: None,
            name: None,
            version: None,
            protocol: None,
            capabilities: Vec::new(),
            sessions: None,
            wants_key,
        };
        let health = Health { state: HealthState::Healthy, ..Health::UNKNOWN };
        let probed = Probed {
            of: key(101),
            health,
            why: None,
            course: Default::default(),
            server: Some(Arc::new(server)),
            metrics: None,
            certificate: None,
        };
        host.probes.insert(id("alice"), Arc::new(probed));
        host.postures.around.people = Some([Uid(1001)].into());
        host
    }

    fn told(host: &Host) -> Option<(Level, String)> {
        let snapshot = host.judge();
        let found = snapshot.findings.iter().find(|finding| finding.code.word() == "auth-missing")?;
        Some((found.level(), found.evidence.to_string()))
    }

    #[test]
    fn who_reaches_it_decides_how_bad_it_is() {
        let said = |level, rest: &str| Some((level, format!("alice's instance answers MCP requests at /mcp without credentials{rest}")));
        assert_eq!(told(&host("127.0.0.1:8081", true)), None);
        let mut host = host("127.0.0.1:8081", false);
        assert_eq!(told(&host), said(Level::Warning, ""), "she is alone");
        host.postures.around.people = Some([Uid(1001), Uid(1002)].into());
        assert_eq!(told(&host), said(Level::Error, ", and every account of this host reaches it"));
        host.postures.around.people = None;
        assert_eq!(told(&host), said(Level::Error, ", and every account of this host reaches it"));
        host.postures.around.fenced = [8081].into();
        assert_eq!(told(&host), said(Level::Warning, "; berth's rules in the packet filter keep strangers from it"));
        host.listen(101, "127.0.0.1:9001");
        assert_eq!(told(&host).unwrap().0, Level::Error, "its other port is not fenced");
    }

    #[test]
    fn a_public_one_is_an_error_for_one_user_too_and_another_process_tells_nothing() {
        let mut host = host("0.0.0.0:8081", false);
        let (level, text) = told(&host).unwrap();
        assert!(level == Level::Error && text.ends_with("without credentials, and other hosts reach it"), "{text}");
        let other = Probed { of: key(999), ..(*host.probes[&id("alice")]).clone() };
        host.probes.insert(id("alice"), Arc::new(other));
        assert_eq!(told(&host), None);
    }
}
