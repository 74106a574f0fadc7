//! config-invalid: the configuration can't be read; the line and the reason.
//!
//! It must never take the row away: what runs goes on running under a broken configuration.

use super::rule::{Facts, Rule};
use crate::domain::{Code, ConfigFault, Finding, Remedy, Shown};

/// The rule.
pub(super) struct ConfigInvalid;

impl Rule for ConfigInvalid {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        for subject in facts.subjects() {
            // What only this caller may not read may well be right.
            let Some(fault) = subject.declared.fault.as_ref().filter(|fault| !fault.denied) else { continue };
            found.push(Finding {
                code: Code::ConfigInvalid,
                instances: vec![subject.declared.id.clone()],
                port: subject.declared.port,
                processes: Vec::new(),
                since: facts.now(),
                evidence: Shown::new(&format!("{}: {}", place(fault), fault.reason)),
                remedies: vec![Remedy::EditConfig],
            });
        }
    }
}

/// `FILE`, `FILE:LINE` or `FILE:LINE:COLUMN`, as editors take it.
pub(super) fn place(fault: &ConfigFault) -> String {
    match (fault.line, fault.column) {
        (Some(line), Some(column)) => format!("{}:{line}:{column}", fault.file),
        (Some(line), None) => format!("{}:{line}", fault.file),
        (None, _) => fault.file.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::State;
    use crate::judge::testing::{Host, findings, row, state};

    #[test]
    fn the_place_is_as_exact_as_it_is_known() {
        let cases = [
            (Some(3), Some(7), "/opt/alice/config.json:3:7: expected a comma"),
            (Some(3), None, "/opt/alice/config.json:3: expected a comma"),
            (None, None, "/opt/alice/config.json: expected a comma"),
        ];
        for (line, column, expected) in cases {
            let mut host = Host::new();
            host.declare("alice", 1001, "127.0.0.1:8081").declare("bob", 1002, "127.0.0.1:8082");
            host.redeclare("alice", |declared| {
                let fault =
                    ConfigFault { file: "/opt/alice/config.json".into(), line, column, reason: "expected a comma".into(), denied: false };
                (declared.fault, declared.port, declared.launch) = (Some(fault), None, None);
            });
            let snapshot = host.judge();
            assert_eq!(findings(&snapshot, Code::ConfigInvalid), [("alice".to_owned(), expected.to_owned())]);
            assert_eq!(state(&snapshot, "alice"), State::Stopped);
            assert_eq!(row(&snapshot, "bob").findings, []);
        }
    }

    #[test]
    fn what_runs_under_a_broken_configuration_runs() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081"));
        host.redeclare("alice", |declared| {
            let fault = ConfigFault { file: "/x".into(), line: None, column: None, reason: "is a directory".into(), denied: false };
            (declared.fault, declared.port, declared.launch) = (Some(fault), None, None);
        });
        let snapshot = host.judge();
        assert_eq!(state(&snapshot, "alice"), State::Running);
        // Not configured any more, so what it listens on is its port.
        assert_eq!(row(&snapshot, "alice").port, Some(8081));
        assert_eq!(row(&snapshot, "alice").findings, [Code::ConfigInvalid]);
    }
}
