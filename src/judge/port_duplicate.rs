//! port-duplicate: two instances are assigned or configured with one port on overlapping addresses.
//!
//! It must never be silent because none of them runs: only one of them ever will. It says whose the port is, which is whom the registry
//! gave it to, else who has it: a server that runs is not moved for one that does not.

use super::join::Whose;
use super::rule::{Facts, Rule};
use crate::domain::{Allotment, Code, Endpoint, Finding, InstanceId, ProcessKey, Remedy, Shown, words};

/// The rule.
pub(super) struct PortDuplicate;

impl Rule for PortDuplicate {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        for (port, configured) in facts.joined.configured_on.iter().filter(|(_, configured)| configured.len() > 1) {
            for group in groups(facts, *port, configured) {
                found.push(finding(facts, *port, &group));
            }
        }
    }
}

/// Splits the instances on one port into groups whose addresses overlap, directly or by way of a wildcard among them.
fn groups(facts: &Facts<'_>, port: u16, configured: &[usize]) -> Vec<Vec<usize>> {
    let mut groups: Vec<(Vec<Endpoint>, Vec<usize>)> = Vec::new();
    for index in configured {
        let subject = &facts.subjects()[*index];
        let Some(endpoint) = subject.at(port).filter(|_| !subject.elsewhere || subject.publishes(port)) else { continue };
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
    let (verdict, processes) = verdict(facts, port, group);
    Finding {
        code: Code::PortDuplicate,
        instances: ids,
        port: Some(port),
        processes,
        since: facts.now(),
        evidence: Shown::new(&format!("{port}: {verdict}")),
        remedies: vec![Remedy::Reassign, Remedy::EditConfig],
    }
}

/// The names of instances in a list, without more words: the sentence is long enough.
fn names<'a>(facts: &Facts<'_>, group: impl IntoIterator<Item = &'a usize>) -> String {
    let names: Vec<String> = group.into_iter().map(|index| facts.subjects()[*index].declared.id.to_string()).collect();
    words::list(&names)
}

/// "both configurations", "9 configurations".
fn configurations(group: &[usize]) -> String {
    if group.len() == 2 { "both configurations".to_owned() } else { format!("{} configurations", group.len()) }
}

/// Whose the port is and who should move, in words; and the process that has it.
fn verdict(facts: &Facts<'_>, port: u16, group: &[usize]) -> (String, Vec<ProcessKey>) {
    let heard = facts.joined.heard_on.get(&port).map_or(&[][..], Vec::as_slice);
    let own = heard.iter().find_map(|index| match facts.listener(*index) {
        (listener, Whose::Instance(owner)) if group.contains(&owner) => Some((owner, listener.since)),
        (_, Whose::Instance(_) | Whose::OneOfSeveral | Whose::Nobody) => None,
    });
    let named = format!("{} name it", configurations(group));
    if let Some(allotment) = facts.assigned(port)
        && let Some(index) = group.iter().find(|index| facts.subjects()[**index].declared.id == allotment.id)
    {
        return assigned(facts, allotment, (port, *index), group, own.map(|(owner, _)| owner));
    }
    if let Some((owner, since)) = own {
        let subject = &facts.subjects()[owner];
        let main = subject.main.as_ref().known().copied();
        let pid = main.map(|key| format!(", pid {}", key.pid)).unwrap_or_default();
        let (first, others) = (&subject.declared.id, names(facts, group.iter().filter(|index| **index != owner)));
        let since = facts.clock(since);
        return (format!("{first} was first (since {since}{pid}), so {others} should move: {named}"), main.into_iter().collect());
    }
    let all = names(facts, group);
    let but_one = if group.len() == 2 { "one of them should move" } else { "all but one should move" };
    let foreign = group.iter().flat_map(|index| facts.taken.of(*index)).next();
    match foreign {
        Some(index) => (format!("{} has it, though it is configured for {all}; {but_one}", facts.holder(index)), facts.holders(index)),
        None if heard.iter().any(|index| facts.listener(*index).1 == Whose::OneOfSeveral) => {
            (format!("one of {all} has it, and which one may not be seen; {but_one}: {named}"), Vec::new())
        }
        None => (format!("who starts first of {all} gets it, so {but_one}: {named}"), Vec::new()),
    }
}

/// The same where the registry has decided it. In the way is who has the port and was not given it.
fn assigned(
    facts: &Facts<'_>,
    allotment: &Allotment,
    (port, index): (u16, usize),
    group: &[usize],
    has: Option<usize>,
) -> (String, Vec<ProcessKey>) {
    let others: Vec<usize> = group.iter().copied().filter(|other| *other != index).collect();
    let configurations = if others.len() == 1 { "the configuration names it" } else { "the configurations name it" };
    let since = facts.clock(allotment.at);
    let moves = format!("{} is assigned it since {since}, so {} should move: {configurations}", allotment.id, names(facts, &others));
    let wrong = has.filter(|has| *has != index).map(|has| &facts.subjects()[has]);
    let Some((wrong, main)) = wrong.and_then(|wrong| Some((wrong, wrong.main.known()?))) else {
        let free = facts.joined.heard_on.contains_key(&port);
        return (if free { moves } else { format!("{moves}; nobody listens on it") }, Vec::new());
    };
    (format!("{moves}; {} has it, pid {}", wrong.declared.id, main.pid), vec![main])
}

#[cfg(test)]
mod tests {
    use crate::domain::{Code, Remedy};
    use crate::judge::testing::{Host, findings, id, key};

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
    fn whom_the_registry_gave_it_to_stays() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").declare("bob", 1002, "127.0.0.1:8081").assign("alice", 8081);
        let found = |host: &Host| findings(&host.judge(), Code::PortDuplicate);
        let moves = "8081: alice is assigned it since 02:00:00, so bob should move: the configuration names it";
        assert_eq!(found(&host), [("alice bob".to_owned(), format!("{moves}; nobody listens on it"))]);
        host.keep("bob", 200, Some("127.0.0.1:8081"));
        assert_eq!(found(&host), [("alice bob".to_owned(), format!("{moves}; bob has it, pid 201"))]);
        let snapshot = host.judge();
        let taken = snapshot.findings.iter().find(|finding| finding.code == Code::PortTaken).unwrap();
        assert_eq!((&taken.instances[0], &*taken.remedies), (&id("alice"), &[Remedy::Reassign, Remedy::StopHolder][..]));
        // Given another one, it is bob's file alone that names alice's.
        host.assign("bob", 8082).end(&[200, 201]).keep("alice", 100, Some("127.0.0.1:8081"));
        assert_eq!(found(&host), [("alice bob".to_owned(), moves.to_owned())]);
        let snapshot = host.judge();
        assert!(snapshot.findings.iter().all(|finding| finding.code != Code::PortTaken), "{:?}", snapshot.findings);
        assert_eq!(findings(&snapshot, Code::PortDrift).len(), 1);
    }

    #[test]
    fn the_one_that_was_given_it_is_not_stopped_for_another() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").declare("bob", 1002, "127.0.0.1:8081").assign("alice", 8081);
        host.keep("alice", 100, Some("127.0.0.1:8081"));
        let snapshot = host.judge();
        let taken = snapshot.findings.iter().find(|finding| finding.code == Code::PortTaken).unwrap();
        assert_eq!((&taken.instances[0], &*taken.remedies), (&id("bob"), &[Remedy::Reassign][..]));
    }

    #[test]
    fn the_evidence_says_whose_it_is_and_who_should_move() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").declare("bob/tools", 1002, "127.0.0.1:8081");
        let evidence = |host: &Host| findings(&host.judge(), Code::PortDuplicate).remove(0).1;
        assert_eq!(
            evidence(&host),
            "8081: who starts first of alice and bob/tools gets it, so one of them should move: both configurations name it"
        );
        host.keep("bob/tools", 200, Some("127.0.0.1:8081"));
        assert_eq!(
            evidence(&host),
            "8081: bob/tools was first (since 03:11:54, pid 201), so alice should move: both configurations name it"
        );
        let snapshot = host.judge();
        assert_eq!(snapshot.findings.iter().find(|finding| finding.code == Code::PortDuplicate).unwrap().processes, [key(201)]);
        host.end(&[200, 201]).process(300, 1, 1003, "python3").listen(300, "127.0.0.1:8081");
        assert_eq!(
            evidence(&host),
            "8081: pid 300 (python3, carol) has it, though it is configured for alice and bob/tools; one of them should move"
        );
    }

    #[test]
    fn one_dispute_is_one_conflict_from_whichever_side_it_is_found() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").declare("bob", 1002, "127.0.0.1:8081");
        host.keep("bob", 200, Some("127.0.0.1:8081"));
        let codes = |host: &Host| host.judge().findings.iter().map(|finding| finding.code).collect::<Vec<_>>();
        assert_eq!((codes(&host), host.judge().totals.conflicts), (vec![Code::PortTaken, Code::PortDuplicate], 1));
        // That somebody else has what both want is another thing to mend, for each of them, about the same port.
        host.end(&[200, 201]).process(300, 1, 1003, "python3").listen(300, "127.0.0.1:8081");
        assert_eq!((findings(&host.judge(), Code::PortTaken).len(), host.judge().totals.conflicts), (2, 1));
        // Whoever is there by mistake is not one of those who want it.
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").declare("bob", 1002, "127.0.0.1:8082");
        host.keep("bob", 200, Some("127.0.0.1:8081"));
        assert_eq!(findings(&host.judge(), Code::PortTaken).len(), 1);
    }

    #[test]
    fn many_on_one_port_are_one_finding_with_a_short_sentence() {
        let mut host = Host::new();
        for index in 0..9 {
            host.declare(&format!("u{index}"), 1001, "127.0.0.1:8081");
        }
        assert_eq!(
            findings(&host.judge(), Code::PortDuplicate).into_iter().map(|(_, evidence)| evidence).collect::<Vec<_>>(),
            ["8081: who starts first of u0, u1, u2 and 6 more gets it, so all but one should move: 9 configurations name it"]
        );
        host.keep("u4", 200, Some("127.0.0.1:8081"));
        assert_eq!(
            findings(&host.judge(), Code::PortDuplicate).remove(0).1,
            "8081: u4 was first (since 03:11:54, pid 201), so u0, u1, u2 and 5 more should move: 9 configurations name it"
        );
    }
}
