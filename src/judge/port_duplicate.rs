//! port-duplicate: two instances are configured with one port on overlapping addresses.
//!
//! It must never be silent because none of them runs: only one of them ever will.

use std::net::IpAddr;

use super::join::Whose;
use super::rule::{Facts, Rule};
use crate::domain::{Code, Endpoint, Finding, InstanceId, ProcessKey, Remedy, Shown, words};

/// The rule.
pub(super) struct PortDuplicate;

impl Rule for PortDuplicate {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        for (port, configured) in facts.joined.configured_on.iter().filter(|(_, configured)| configured.len() > 1) {
            for group in groups(facts, configured) {
                found.push(finding(facts, *port, &group));
            }
        }
    }
}

/// Splits the instances on one port into groups whose addresses overlap, directly or by way of a wildcard among them.
fn groups(facts: &Facts<'_>, configured: &[usize]) -> Vec<Vec<usize>> {
    let mut groups: Vec<(Vec<Endpoint>, Vec<usize>)> = Vec::new();
    for index in configured {
        let subject = &facts.subjects()[*index];
        let Some(endpoint) = subject.endpoint.filter(|_| !subject.elsewhere) else { continue };
        let (mut endpoints, mut members) = (vec![endpoint], vec![*index]);
        let mut apart = Vec::new();
        for (others, indices) in groups {
            if others.iter().any(|other| other.overlaps(&endpoint)) {
                // Different addresses only: a thousand instances on one address compare once each.
                endpoints.extend(others.into_iter().filter(|other| *other != endpoint));
                members.extend(indices);
            } else {
                apart.push((others, indices));
            }
        }
        apart.push((endpoints, members));
        groups = apart;
    }
    let mut groups: Vec<Vec<usize>> = groups.into_iter().map(|(_, members)| members).filter(|members| members.len() > 1).collect();
    for members in &mut groups {
        members.sort_unstable();
    }
    groups
}

fn finding(facts: &Facts<'_>, port: u16, group: &[usize]) -> Finding {
    let ids: Vec<InstanceId> = group.iter().map(|index| facts.subjects()[*index].declared.id.clone()).collect();
    let names: Vec<String> = ids.iter().map(words::instance).collect();
    let (who, processes) = holding(facts, port, group);
    let evidence = format!("{port} is configured for {}; {who}", words::list(&names));
    Finding {
        code: Code::PortDuplicate,
        instances: ids,
        port: Some(port),
        processes,
        since: facts.now(),
        evidence: Shown::new(&evidence),
        remedies: vec![Remedy::Reassign, Remedy::EditConfig],
    }
}

/// Who of the group has the port, in words, and that one's process.
fn holding(facts: &Facts<'_>, port: u16, group: &[usize]) -> (String, Vec<ProcessKey>) {
    let heard = facts.joined.heard_on.get(&port).map_or(&[][..], Vec::as_slice);
    let own = heard.iter().find_map(|index| match facts.listener(*index).1 {
        Whose::Instance(owner) if group.contains(&owner) => Some(owner),
        Whose::Instance(_) | Whose::OneOfSeveral | Whose::Nobody => None,
    });
    let host: Option<IpAddr> = group.first().and_then(|index| facts.subjects()[*index].declared.host);
    if let Some(owner) = own {
        let subject = &facts.subjects()[owner];
        let main = subject.main.as_ref().known().copied();
        let pid = main.map(|key| format!(" (pid {})", key.pid)).unwrap_or_default();
        return (format!("{} has it{pid}", words::instance(&subject.declared.id)), main.into_iter().collect());
    }
    let foreign = group.iter().flat_map(|index| facts.taken.of(*index)).next();
    match (foreign, host) {
        (Some(index), _) => (format!("{} has it", facts.holder(index)), facts.holders(index)),
        (None, _) if heard.iter().any(|index| facts.listener(*index).1 == Whose::OneOfSeveral) => {
            ("one of them has it; which one may not be seen".to_owned(), Vec::new())
        }
        (None, _) => ("none of them listens on it now".to_owned(), Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Code;
    use crate::judge::testing::{Host, findings, key};

    #[test]
    fn which_addresses_are_in_each_others_way() {
        let cases: [(&[&str], &[&str]); 7] = [
            (&["127.0.0.1:8081", "127.0.0.1:8081"], &["u0 u1"]),
            (&["127.0.0.1:8081", "127.0.0.1:8082"], &[]),
            (&["127.0.0.1:8081", "127.0.0.2:8081"], &[]),
            (&["127.0.0.1:8081", "127.0.0.2:8081", "0.0.0.0:8081"], &["u0 u1 u2"]),
            (&["127.0.0.1:8081", "::1:8081", ":::8081"], &["u0 u1 u2"]),
            (&["127.0.0.1:8081", "::1:8081"], &[]),
            (&["127.0.0.1:8081", "127.0.0.2:8081", "127.0.0.1:8081", "127.0.0.2:8081"], &["u0 u2", "u1 u3"]),
        ];
        for (endpoints, expected) in cases {
            let mut host = Host::new();
            for (index, endpoint) in endpoints.iter().enumerate() {
                host.declare(&format!("u{index}"), 1001, endpoint);
            }
            let mut found: Vec<String> = findings(&host.judge(), Code::PortDuplicate).into_iter().map(|(ids, _)| ids).collect();
            found.sort();
            assert_eq!(found, expected, "{endpoints:?}");
        }
    }

    #[test]
    fn the_same_port_in_another_network_namespace_is_another_port() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").declare("bob", 1002, "127.0.0.1:8081");
        host.keep("alice", 100, None).keep("bob", 200, Some("127.0.0.1:8081"));
        host.sample.processes.get_mut(&101).unwrap().elsewhere = true;
        let snapshot = host.judge();
        assert!(snapshot.findings.is_empty(), "{:?}", snapshot.findings);
    }

    #[test]
    fn the_evidence_says_who_has_it() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").declare("bob/tools", 1002, "127.0.0.1:8081");
        let evidence = |host: &Host| findings(&host.judge(), Code::PortDuplicate).remove(0).1;
        assert_eq!(evidence(&host), "8081 is configured for alice's instance and bob's instance tools; none of them listens on it now");
        host.keep("bob/tools", 200, Some("127.0.0.1:8081"));
        assert_eq!(
            evidence(&host),
            "8081 is configured for alice's instance and bob's instance tools; bob's instance tools has it (pid 201)"
        );
        let snapshot = host.judge();
        assert_eq!(snapshot.findings.iter().find(|finding| finding.code == Code::PortDuplicate).unwrap().processes, [key(201)]);
        // Only the one that cannot have it is told that it is taken.
        assert_eq!(findings(&snapshot, Code::PortTaken).len(), 1);
        assert_eq!(findings(&snapshot, Code::PortTaken)[0].0, "alice");
        host.end(&[200, 201]).process(300, 1, 1003, "python3").listen(300, "127.0.0.1:8081");
        assert!(evidence(&host).ends_with("; pid 300 (python3, carol) has it"), "{}", evidence(&host));
    }

    #[test]
    fn many_on_one_port_are_one_finding_with_a_short_sentence() {
        let mut host = Host::new();
        for index in 0..9 {
            host.declare(&format!("u{index}"), 1001, "127.0.0.1:8081");
        }
        let found = findings(&host.judge(), Code::PortDuplicate);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].1.starts_with("8081 is configured for u0's instance, u1's instance, u2's instance and 6 more; "),
            "{}",
            found[0].1
        );
    }
}
