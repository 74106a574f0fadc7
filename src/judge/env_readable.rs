//! env-readable: a file with an instance's credentials can be read by others than its account and root.
//!
//! It must never name a value, nor call a file open to which no way is.

use super::join::Subject;
use super::rule::{Facts, Rule};
use crate::domain::{Code, Credential, Finding, Gid, Guard, Remedy, Shown, words};

/// The rule.
pub(super) struct EnvReadable;

impl Rule for EnvReadable {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        for subject in facts.subjects() {
            let declared = subject.declared;
            let Some(posture) = facts.input.postures.files.get(&declared.id).filter(|_| !declared.credentials.is_empty()) else { continue };
            let open = |guard: &Option<Guard>, in_env_file| said(facts, subject, guard.as_ref()?, in_env_file);
            let both: Vec<String> = [open(&posture.config, false), open(&posture.env_file, true)].into_iter().flatten().collect();
            if both.is_empty() {
                continue;
            }
            found.push(Finding {
                code: Code::EnvReadable,
                instances: vec![declared.id.clone()],
                port: None,
                processes: Vec::new(),
                since: facts.now(),
                evidence: Shown::new(&both.join("; ")),
                remedies: vec![Remedy::CloseFiles],
            });
        }
    }
}

/// "/opt/sdp/.env.amy has API_KEY, and everybody on this host may read it".
fn said(facts: &Facts<'_>, subject: &Subject<'_>, guard: &Guard, in_env_file: bool) -> Option<String> {
    let is_there = |credential: &&Credential| credential.in_env_file == in_env_file;
    let names: Vec<String> = subject.declared.credentials.iter().filter(is_there).map(|credential| credential.name.to_string()).collect();
    let who = if guard.read_by_all {
        "everybody on this host".to_owned()
    } else {
        let gid = guard.read_by_group.filter(|gid| is_shared(facts, subject, *gid))?;
        format!("everybody of group {gid}")
    };
    (!names.is_empty()).then(|| format!("{} has {}, and {who} may read it", guard.path, words::list(&names)))
}

/// Whether a group is that of another instance's account, too. What further members it has is not looked up: an administrator who gives a
/// file to a group of its own means that group.
pub(super) fn is_shared(facts: &Facts<'_>, subject: &Subject<'_>, gid: Gid) -> bool {
    let own = subject.declared.uid;
    facts.subjects().iter().any(|other| other.declared.gid == gid && other.declared.uid != own && !other.declared.uid.is_root())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::Posture;
    use crate::judge::testing::{Host, findings, id};

    fn told(guard: Guard, in_env_file: bool, change: impl FnOnce(&mut Host)) -> Option<String> {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").declare("bob", 1002, "127.0.0.1:8082");
        host.redeclare("alice", |declared| {
            declared.credentials = [Credential { name: "API_KEY".into(), in_env_file, mark: None }].into();
        });
        host.postures.files.insert(id("alice"), Arc::new(Posture { config: Some(guard), ..Posture::default() }));
        change(&mut host);
        findings(&host.judge(), Code::EnvReadable).into_iter().map(|(_, text)| text).next()
    }

    #[test]
    fn only_a_file_with_credentials_that_others_may_read_is_open() {
        let path = || Guard { path: "/c.json".into(), ..Guard::default() };
        let all = Guard { read_by_all: true, ..path() };
        let everybody = "/c.json has API_KEY, and everybody on this host may read it";
        assert_eq!(told(all.clone(), false, |_| ()).as_deref(), Some(everybody));
        assert_eq!(told(all.clone(), true, |_| ()), None, "the credential stands in the other file");
        assert_eq!(
            told(all, false, |host| {
                host.redeclare("alice", |one| one.credentials = Box::default());
            }),
            None
        );
        let group = Guard { read_by_group: Some(Gid(1001)), ..path() };
        assert_eq!(told(group.clone(), false, |_| ()), None, "her own group");
        let shared = told(group, false, |host| {
            host.redeclare("bob", |one| one.gid = Gid(1001));
        });
        assert_eq!(shared.as_deref(), Some("/c.json has API_KEY, and everybody of group 1001 may read it"));
        assert_eq!(told(path(), false, |_| ()), None);
    }
}
