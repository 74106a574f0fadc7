//! mdns-name-shared: two servers announce one name on the network. Whoever looks for it finds one of them, or now this one and now that;
//! a library that heeds the standard does not even announce the second.
//!
//! It must never be said of one server that is announced at several addresses, nor of two that have nothing to do with an instance.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::rule::{Facts, Rule};
use crate::domain::{Announcement, Code, Finding, InstanceId, Remedy, Shown, announces, words};

/// The most names that are told.
const MOST: usize = 64;

/// The rule.
pub(super) struct MdnsNameShared;

/// Those who announce one name: instances, and others in words.
#[derive(Default)]
struct Claimants {
    shown: Option<(Shown, Shown)>,
    instances: BTreeSet<InstanceId>,
    others: BTreeSet<String>,
}

impl Rule for MdnsNameShared {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        let mut names: BTreeMap<(String, String), Claimants> = BTreeMap::new();
        for announcement in facts.announced {
            let service = &announcement.service;
            let claimants = names.entry(service.known_as()).or_default();
            claimants.shown.get_or_insert_with(|| (service.kind.clone(), service.name.clone()));
            match &announcement.of {
                Some(id) => drop(claimants.instances.insert(id.clone())),
                None if is_stale(facts, announcement) => {}
                None => drop(claimants.others.insert(other(announcement))),
            }
            claimants.others.extend(beside(facts, announcement).map(|address| format!("a server at {address}")));
        }
        // The second one is often not announced at all: then only its settings tell.
        for subject in facts.subjects().iter().filter(|subject| subject.runs()) {
            if let Some((kind, name)) = announces(subject.declared) {
                let claimants = names.entry((kind.to_lowercase(), name.to_lowercase())).or_default();
                claimants.shown.get_or_insert_with(|| (Shown::new(&kind), Shown::new(&name)));
                claimants.instances.insert(subject.declared.id.clone());
            }
        }
        let shared = names.into_values().filter(|all| !all.instances.is_empty() && all.instances.len() + all.others.len() > 1);
        for Claimants { shown, instances, others } in shared.take(MOST) {
            let Some((kind, name)) = shown else { continue };
            let who: Vec<String> = instances.iter().map(words::instance).chain(others).collect();
            found.push(Finding {
                code: Code::MdnsNameShared,
                evidence: Shown::new(&format!("{} announce one name, {name} ({kind}), and hide each other", words::list(&who))),
                instances: instances.into_iter().collect(),
                port: None,
                processes: Vec::new(),
                since: facts.now(),
                remedies: vec![Remedy::RenameService],
            });
        }
    }
}

/// Whether nobody listens there any more: what was heard may be older than that.
fn is_stale(facts: &Facts<'_>, announcement: &Announcement) -> bool {
    let is_seen = facts.input.sample.listeners.as_ref().known().is_some();
    announcement.is_here && is_seen && !facts.joined.heard_on.contains_key(&announcement.service.port)
}

/// Who announces what is no instance's.
fn other(announcement: &Announcement) -> String {
    let service = &announcement.service;
    match service.addresses.first() {
        Some(address) if !announcement.is_here => format!("a server at {address}, port {}", service.port),
        _ if announcement.is_here => format!("a server on port {} that is no instance's", service.port),
        _ => format!("a server on {}, port {}", service.host, service.port),
    }
}

/// Hosts that answer to the name beside this one: one host has no address that is another's.
fn beside<'a>(facts: &'a Facts<'_>, announcement: &'a Announcement) -> impl Iterator<Item = &'a IpAddr> {
    let own = &facts.input.announced.own;
    let is_anothers = move |address: &&IpAddr| address.is_ipv4() && !address.is_loopback() && own.binary_search(address).is_err();
    announcement.service.addresses.iter().filter(is_anothers).filter(|_| announcement.is_here)
}

#[cfg(test)]
mod tests {
    use crate::domain::{Code, Variables};
    use crate::judge::testing::{Host, Make, findings};

    /// What it is, how it comes about, and the findings.
    type Case = (&'static str, Make, &'static [(&'static str, &'static str)]);

    fn two(host: &mut Host) -> &mut Host {
        host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081"));
        host.declare("bob", 1002, "127.0.0.1:8082").keep("bob", 200, Some("127.0.0.1:8082"))
    }

    fn set(host: &mut Host, name: &str, variables: &[(&str, &str)]) {
        let environment: Variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        host.redeclare(name, |declared| declared.launch.as_mut().unwrap().environment = environment);
    }

    #[test]
    fn cases() {
        let cases: [Case; 9] = [
            (
                "two instances, heard",
                |host| two(host).announce("One", "10.0.0.1", 8081).announce("ONE", "10.0.0.1", 8082),
                &[("alice bob", "alice's instance and bob's instance announce one name, One (_mcp._tcp.local.), and hide each other")],
            ),
            ("two names", |host| two(host).announce("One", "10.0.0.1", 8081).announce("Two", "10.0.0.1", 8082), &[]),
            (
                "an instance and another host",
                |host| two(host).announce("One", "10.0.0.1", 8081).announce("One", "10.0.0.9", 8081),
                &[(
                    "alice",
                    "alice's instance and a server at 10.0.0.9, port 8081 announce one name, One (_mcp._tcp.local.), and hide each other",
                )],
            ),
            ("one that is there no more", |host| two(host).announce("One", "10.0.0.1", 8081).announce("One", "10.0.0.1", 8099), &[]),
            ("two others", |host| two(host).announce("One", "10.0.0.8", 8081).announce("One", "10.0.0.9", 8081), &[]),
            (
                "the second is not announced",
                |host| {
                    two(host);
                    set(host, "alice", &[("MCP_MDNS_ENABLED", "true")]);
                    set(host, "bob", &[("MCP_MDNS_SERVICE_NAME", "mcp memory service")]);
                    host
                },
                &[(
                    "alice bob",
                    "alice's instance and bob's instance announce one name, MCP Memory Service (_mcp-memory._tcp.local.), and hide each other",
                )],
            ),
            (
                "one of them is told not to",
                |host| {
                    two(host);
                    set(host, "alice", &[("MCP_MDNS_ENABLED", "true")]);
                    set(host, "bob", &[("MCP_MDNS_ENABLED", "false")]);
                    host
                },
                &[],
            ),
            (
                "one of them does not run",
                |host| {
                    host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081"));
                    host.declare("bob", 1002, "127.0.0.1:8082");
                    set(host, "alice", &[("MCP_MDNS_ENABLED", "true")]);
                    set(host, "bob", &[("MCP_MDNS_ENABLED", "true")]);
                    host
                },
                &[],
            ),
            (
                "one is heard and set to be",
                |host| {
                    two(host).announce("One", "10.0.0.1", 8081).announce("One", "127.0.0.1", 8081);
                    set(host, "alice", &[("MCP_MDNS_SERVICE_NAME", "One"), ("MCP_MDNS_SERVICE_TYPE", "_mcp._tcp.local.")]);
                    host
                },
                &[],
            ),
        ];
        for (name, make, expected) in cases {
            let mut host = Host::new();
            make(&mut host);
            let expected: Vec<(String, String)> = expected.iter().map(|(ids, text)| ((*ids).into(), (*text).into())).collect();
            assert_eq!(findings(&host.judge(), Code::MdnsNameShared), expected, "{name}");
        }
    }

    #[test]
    fn another_host_that_answers_to_the_name_is_told() {
        let mut host = Host::new();
        two(&mut host).announce_at("One", &["10.0.0.1", "10.0.0.9", "fe80::1"], 8081);
        let told = findings(&host.judge(), Code::MdnsNameShared);
        assert!(told.len() == 1 && told[0].1.starts_with("alice's instance and a server at 10.0.0.9 announce"), "{told:?}");
    }
}
