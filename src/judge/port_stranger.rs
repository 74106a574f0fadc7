//! port-stranger: something listens in the managed range and belongs to no instance.
//!
//! It must never be said of a listener that is in an instance's way or mistaken for one: that is port-taken or port-shadowed.

use super::rule::{Facts, Rule, distinct};
use crate::domain::{Code, Finding, Remedy, Shown, words};

/// The rule.
pub(super) struct PortStranger;

impl Rule for PortStranger {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        let roster = facts.input.roster;
        // Whose it is cannot be told where no configuration could be looked at: it may well be an instance's.
        let is_known = !roster.instances.is_empty() || roster.faults.is_empty();
        let whose = if is_known { "it belongs to no instance" } else { "no configuration could be read that would tell whose it is" };
        for stranger in facts.strangers {
            let listeners: Vec<usize> = stranger.listeners.iter().copied().filter(|index| facts.taken.done_by(*index).is_none()).collect();
            let Some(since) = listeners.iter().map(|index| facts.listener(*index).0.since).min() else { continue };
            let holders = words::list(&distinct(listeners.iter().map(|index| facts.holder(*index))));
            let evidence = format!("{} is listened on by {holders}, since {}; {whose}", stranger.port, facts.clock(since));
            found.push(Finding {
                code: Code::PortStranger,
                instances: vec![stranger.id.clone()],
                port: Some(stranger.port),
                processes: distinct(listeners.iter().flat_map(|index| facts.holders(*index))),
                since,
                evidence: Shown::new(&evidence),
                remedies: if is_known { vec![Remedy::StopHolder] } else { Vec::new() },
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::{Code, ConfigFault, Reading, Remedy, State, SupervisorKind, Wish};
    use crate::judge::testing::{Host, Make, findings, key, row};

    #[test]
    fn cases() {
        let cases: [(&str, Make, &[&str]); 8] = [
            ("in the range", |host| host.process(300, 1, 1002, "python3").listen(300, "127.0.0.1:8090"), &["bob/:8090"]),
            ("outside", |host| host.process(300, 1, 1002, "sshd").listen(300, "0.0.0.0:22"), &[]),
            (
                "in somebody's way",
                |host| host.declare("alice", 1001, "127.0.0.1:8090").process(300, 1, 1002, "python3").listen(300, "127.0.0.1:8090"),
                &[],
            ),
            (
                "beside somebody's, at an address that no name has in common with it",
                |host| host.declare("alice", 1001, "127.0.0.1:8090").process(300, 1, 1002, "python3").listen(300, "10.0.0.9:8090"),
                &["bob/:8090"],
            ),
            (
                "beside somebody's, for whom it is mistaken",
                |host| host.declare("alice", 1001, "127.0.0.1:8090").process(300, 1, 1002, "python3").listen(300, "127.0.0.9:8090"),
                &[],
            ),
            (
                "an instance's second listener",
                |host| {
                    host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081")).listen(101, "127.0.0.1:8099")
                },
                &[],
            ),
            ("hidden", |host| host.hidden(1003, "127.0.0.1:8090"), &["carol/:8090"]),
            ("of a nameless account, in two families", |host| host.hidden(77, "0.0.0.0:8090").hidden(77, ":::8090"), &["77/:8090"]),
        ];
        for (name, make, expected) in cases {
            let mut host = Host::new();
            make(&mut host);
            let found: Vec<String> = findings(&host.judge(), Code::PortStranger).into_iter().map(|(id, _)| id).collect();
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn its_row_tells_what_is_known_of_it() {
        let mut host = Host::new();
        host.process(300, 1, 1002, "python3 -m http.server 8090").listen(300, "127.0.0.1:8090").hidden(1003, "127.0.0.1:8085");
        let snapshot = host.judge();
        let ids: Vec<String> = snapshot.rows.iter().map(|row| row.id.to_string()).collect();
        assert_eq!(ids, ["carol/:8085", "bob/:8090"]);
        let seen = row(&snapshot, "bob/:8090");
        assert_eq!((seen.state, seen.wish, seen.supervisor), (State::Running, Some(Wish::None), SupervisorKind::None));
        assert_eq!((seen.main, seen.memory_bytes), (Reading::Known(key(300)), Reading::Known(1 << 20)));
        assert_eq!(seen.findings, [Code::PortStranger]);
        assert_eq!(
            findings(&snapshot, Code::PortStranger)[0].1,
            "8085 is listened on by a process of carol that may not be seen, since 03:11:54; it belongs to no instance"
        );
        let hidden = row(&snapshot, "carol/:8085");
        assert_eq!((hidden.main, hidden.memory_bytes), (Reading::Denied, Reading::Denied));
    }

    #[test]
    fn who_is_in_the_way_has_a_row_that_says_so() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8090").process(300, 1, 1002, "python3").listen(300, "127.0.0.1:8090");
        assert_eq!(row(&host.judge(), "bob/:8090").findings, [Code::PortTaken]);
        host.end(&[300]).process(301, 1, 1002, "python3").listen(301, "::1:8090");
        assert_eq!(row(&host.judge(), "bob/:8090").findings, [Code::PortShadowed]);
    }

    #[test]
    fn nobody_is_told_to_end_what_may_be_an_instance_that_could_not_be_read() {
        let mut host = Host::new();
        host.process(300, 1, 1002, "python3").listen(300, "127.0.0.1:8090");
        assert!(host.judge().findings.iter().all(|finding| finding.remedies == [Remedy::StopHolder]));
        let reason = "the directory cannot be listed: Input/output error".into();
        host.roster.faults.push(ConfigFault { file: "/opt/users".into(), line: None, column: None, reason, denied: false });
        let found = host.judge().findings;
        assert!(found[0].evidence.as_str().ends_with("no configuration could be read that would tell whose it is"), "{found:?}");
        assert_eq!((found.len(), found[0].remedies.len()), (1, 0));
    }
}
