//! runs-as-root: an instance's process has uid 0.
//!
//! It must never be said because of an account that is configured: what runs counts.

use super::rule::{Facts, Rule};
use crate::domain::{Code, Finding, ProcessKey, Remedy, Shown, words};

/// The rule.
pub(super) struct RunsAsRoot;

impl Rule for RunsAsRoot {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        for subject in facts.subjects() {
            // Root in a container need not be root here: what the kernel says of the process here counts.
            let is_roots = |key: &ProcessKey| {
                facts.census.get(*key).and_then(|person| person.process).is_some_and(|process| process.uid.is_root() && !process.is_dead())
            };
            let Some(main) = subject.main.known().filter(is_roots) else { continue };
            let name = facts.census.get(main).and_then(|person| person.process).map(|process| process.name.clone()).unwrap_or_default();
            let evidence = format!("{} runs as root: {}", words::instance(&subject.declared.id), words::process(main.pid, &name, "root"));
            found.push(Finding {
                code: Code::RunsAsRoot,
                instances: vec![subject.declared.id.clone()],
                port: None,
                processes: vec![main],
                since: facts.now(),
                evidence: Shown::new(&evidence),
                remedies: vec![Remedy::RunAsUser],
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Host, findings};

    #[test]
    fn what_the_administrator_accepts_is_no_finding() {
        let mut host = Host::new();
        host.declare("ops", 0, "127.0.0.1:8082").keep("ops", 200, Some("127.0.0.1:8082"));
        assert_eq!(findings(&host.judge(), Code::RunsAsRoot).len(), 1);
        host.accepted = vec![Code::RunsAsRoot];
        assert_eq!(findings(&host.judge(), Code::RunsAsRoot), []);
    }

    #[test]
    fn what_runs_counts() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").declare("ops", 0, "127.0.0.1:8082").declare("idle", 0, "127.0.0.1:8083");
        host.keep("alice", 100, Some("127.0.0.1:8081")).keep("ops", 200, Some("127.0.0.1:8082"));
        assert_eq!(
            findings(&host.judge(), Code::RunsAsRoot),
            [("ops".to_owned(), "ops's instance runs as root: pid 201 (node, root)".to_owned())]
        );
    }
}
