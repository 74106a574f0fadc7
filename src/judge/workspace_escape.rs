//! workspace-escape: the workspace that an instance is configured with lies outside of its owner's directory, links resolved.
//!
//! It must never resolve a path: where it leads was looked up as the account.

use super::rule::{Facts, Rule};
use crate::domain::{Code, Finding, Remedy, Shown, words};

/// The rule.
pub(super) struct WorkspaceEscape;

impl Rule for WorkspaceEscape {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        if facts.input.postures.files.is_empty() {
            return;
        }
        for subject in facts.subjects() {
            let posture = facts.input.postures.files.get(&subject.declared.id);
            let Some(escape) = posture.and_then(|posture| posture.escape.as_ref()) else { continue };
            let who = words::possessive(&subject.declared.id.to_string());
            let leads = if escape.real == escape.configured { String::new() } else { format!(" leads to {} and", escape.real) };
            let evidence = format!("{who} workspace {}{leads} lies outside of {}", escape.configured, escape.own);
            found.push(Finding {
                code: Code::WorkspaceEscape,
                instances: vec![subject.declared.id.clone()],
                port: None,
                processes: Vec::new(),
                since: facts.now(),
                evidence: Shown::new(&evidence),
                remedies: vec![Remedy::MoveWorkspace],
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Escape, Posture};
    use crate::judge::testing::{Host, findings, id};

    #[test]
    fn where_it_leads_is_told() {
        let told = |configured: &str, real: &str| {
            let mut host = Host::new();
            host.declare("al", 1001, "127.0.0.1:8081");
            let escape = Some(Escape { configured: configured.into(), real: real.into(), own: "/users/al".into() });
            host.postures.files.insert(id("al"), Arc::new(Posture { escape, ..Posture::default() }));
            findings(&host.judge(), Code::WorkspaceEscape)[0].1.clone()
        };
        assert_eq!(told("/users/alice/x", "/users/alice/x"), "al's workspace /users/alice/x lies outside of /users/al");
        assert_eq!(told("/users/al/ws", "/etc"), "al's workspace /users/al/ws leads to /etc and lies outside of /users/al");
    }
}
