//! secret-shared: instances of two owners use the same credential, so that what one of them does looks like the other's doing.
//!
//! It must never be given a credential: what stands for one is compared, and names are told.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::rule::{Facts, Rule};
use crate::domain::{Code, Finding, Remedy, Shown, words};

/// The rule.
pub(super) struct SecretShared;

impl Rule for SecretShared {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        let subjects = facts.subjects();
        let mut users: HashMap<u128, Vec<(usize, &Shown)>> = HashMap::new();
        for (index, subject) in subjects.iter().enumerate() {
            for credential in &subject.declared.credentials {
                if let Some(mark) = credential.mark {
                    users.entry(mark).or_default().push((index, &credential.name));
                }
            }
        }
        // Those who share several are told once.
        let mut shared: BTreeMap<BTreeSet<usize>, BTreeSet<&Shown>> = BTreeMap::new();
        for same in users.into_values().filter(|same| same.len() > 1) {
            let owners: BTreeSet<&str> = same.iter().map(|(index, _)| subjects[*index].declared.id.owner()).collect();
            if owners.len() > 1 {
                let names = shared.entry(same.iter().map(|(index, _)| *index).collect()).or_default();
                names.extend(same.iter().map(|(_, name)| *name));
            }
        }
        for (whose, names) in shared {
            let ids: Vec<_> = whose.iter().map(|index| subjects[*index].declared.id.clone()).collect();
            let who: Vec<String> = ids.iter().map(ToString::to_string).collect();
            let names: Vec<String> = names.into_iter().map(ToString::to_string).collect();
            let what = if names.len() == 1 { "the same credential" } else { "the same credentials" };
            found.push(Finding {
                code: Code::SecretShared,
                evidence: Shown::new(&format!("the instances of {} use {what}: {}", words::list(&who), words::list(&names))),
                instances: ids,
                port: None,
                processes: Vec::new(),
                since: facts.now(),
                remedies: vec![Remedy::RenewSecret],
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Credential;
    use crate::judge::testing::{Host, findings};

    fn told(all: &[(&str, &[(&str, u128)])]) -> Vec<(String, String)> {
        let mut host = Host::new();
        for (name, credentials) in all {
            host.declare(name, 1001, "127.0.0.1:8081");
            let of = |(name, mark): &(&str, u128)| Credential { name: Shown::new(name), in_env_file: true, mark: Some(*mark) };
            host.redeclare(name, |declared| declared.credentials = credentials.iter().map(of).collect());
        }
        findings(&host.judge(), Code::SecretShared)
    }

    #[test]
    fn two_owners_with_one_credential_are_told_once() {
        assert_eq!(told(&[("alice", &[("A", 1)]), ("bob", &[("A", 2)])]), []);
        assert_eq!(told(&[("alice", &[("A", 1), ("B", 1)]), ("alice/tools", &[("A", 1)])]), [], "both are hers");
        assert_eq!(
            told(&[("alice", &[("A", 1), ("B", 2)]), ("bob", &[("A", 1), ("C", 2)]), ("carol", &[("A", 3)])]),
            [("alice bob".to_owned(), "the instances of alice and bob use the same credentials: A, B and C".to_owned())]
        );
        let three = told(&[("alice", &[("A", 1)]), ("bob", &[("A", 1)]), ("carol", &[("A", 1)])]);
        assert_eq!(three[0].0, "alice bob carol");
    }
}
