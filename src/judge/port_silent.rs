//! port-silent: the instance runs and, after the grace time, listens on nothing.
//!
//! It must never be said where a listener may be the instance's and its holder may not be seen.

use super::join::{Subject, Whose};
use super::port_taken::is_hidden;
use super::rule::{Facts, Rule};
use crate::domain::{Code, Finding, Reading, Remedy, Shown, words};

/// The rule.
pub(super) struct PortSilent;

impl Rule for PortSilent {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        if !matches!(facts.input.sample.listeners, Reading::Known(_)) {
            return;
        }
        for subject in facts.subjects().iter().filter(|subject| is_silent(facts, subject)) {
            let (Some(port), Reading::Known(main)) = (subject.port, subject.main) else { continue };
            let owner = words::instance(&subject.declared.id);
            let started = facts.census.get(main).map(|person| facts.clock(person.started_at));
            let since = started.map(|at| format!(" since {at}")).unwrap_or_default();
            let evidence = format!("{owner} runs{since} (pid {}) and listens on nothing; it is assigned {port}", main.pid);
            found.push(Finding {
                code: Code::PortSilent,
                instances: vec![subject.declared.id.clone()],
                port: Some(port),
                processes: vec![main],
                since: facts.now(),
                evidence: Shown::new(&evidence),
                remedies: vec![Remedy::ReadLog, Remedy::Restart],
            });
        }
    }
}

fn is_silent(facts: &Facts<'_>, subject: &Subject<'_>) -> bool {
    subject.listening.is_empty()
        && facts.is_past_grace(subject)
        && !subject.ambiguous
        && !subject.elsewhere
        && !may_listen_hidden(facts, subject)
}

/// Whether some listener of the instance's uid has holders that may not be seen.
fn may_listen_hidden(facts: &Facts<'_>, subject: &Subject<'_>) -> bool {
    facts.joined.listeners.iter().zip(&facts.joined.whose).any(|(listener, whose)| {
        listener.uid == subject.declared.uid && is_hidden(&listener.holders) && !matches!(whose, Whose::Instance(_))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::domain::{Code, State};
    use crate::judge::testing::{Host, NOW, findings, state};

    #[test]
    fn cases() {
        let young = i32::try_from(NOW).unwrap() - 30;
        let cases: [(&str, i32, Option<&str>, State, usize); 4] = [
            ("listens", 100, Some("127.0.0.1:8081"), State::Running, 0),
            ("listens elsewhere", 100, Some("127.0.0.1:8085"), State::Running, 0),
            ("young", young, None, State::Starting, 0),
            ("old", 100, None, State::Running, 1),
        ];
        for (name, pid, endpoint, expected, count) in cases {
            let mut host = Host::new();
            host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", pid, endpoint);
            let snapshot = host.judge();
            assert_eq!(state(&snapshot, "alice"), expected, "{name}");
            assert_eq!(findings(&snapshot, Code::PortSilent).len(), count, "{name}");
        }
    }

    #[test]
    fn the_evidence_names_the_process_and_the_port() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 9000, None);
        assert_eq!(
            findings(&host.judge(), Code::PortSilent)[0].1,
            "alice's instance runs since 02:55:25 (pid 9001) and listens on nothing; it is assigned 8081"
        );
    }

    #[test]
    fn a_longer_start_timeout_is_waited_for() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, None);
        host.redeclare("alice", |declared| declared.launch.as_mut().unwrap().start_timeout = Duration::from_secs(NOW));
        assert_eq!(state(&host.judge(), "alice"), State::Starting);
    }

    #[test]
    fn who_listens_in_another_network_namespace_is_not_silent() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, None);
        host.sample.processes.get_mut(&101).unwrap().elsewhere = true;
        assert!(findings(&host.judge(), Code::PortSilent).is_empty());
        assert_eq!(state(&host.judge(), "alice"), State::Running);
        // Nor is it waited for: whether it listens there is not to be seen.
        let young = i32::try_from(NOW).unwrap() - 30;
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", young, None);
        host.sample.processes.get_mut(&(young + 1)).unwrap().elsewhere = true;
        assert_eq!(state(&host.judge(), "alice"), State::Running);
    }

    #[test]
    fn what_is_hidden_is_not_silent() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, None).hidden(1001, "127.0.0.1:4000");
        assert!(findings(&host.judge(), Code::PortSilent).is_empty());
    }
}
