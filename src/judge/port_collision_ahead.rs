//! port-collision-ahead: the configured formula gives two known users the same port.
//!
//! It must never wait until both run: that is what `ahead` means.

use std::collections::BTreeMap;

use super::rule::{Facts, Rule};
use crate::domain::{Code, Finding, Formula, InstanceId, Remedy, Shown, words};

/// The rule.
pub(super) struct PortCollisionAhead;

impl Rule for PortCollisionAhead {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        let formula = facts.input.ports.formula;
        if !matches!(formula, Formula::Uid { .. } | Formula::NameHash { .. }) {
            return;
        }
        for (port, owners) in by_port(facts, formula).into_iter().filter(|(_, owners)| owners.len() > 1) {
            let names: Vec<String> = owners.iter().map(|id| id.owner().to_owned()).collect();
            let evidence = format!("the formula {} gives {port} to {}", formula.words(), words::list(&names));
            found.push(Finding {
                code: Code::PortCollisionAhead,
                instances: owners.into_iter().cloned().collect(),
                port: u16::try_from(port).ok(),
                processes: Vec::new(),
                since: facts.now(),
                evidence: Shown::new(&evidence),
                remedies: vec![Remedy::Reassign],
            });
        }
    }
}

/// The first instance of each owner, by the port that the formula gives to the owner.
pub(super) fn by_port<'a>(facts: &Facts<'a>, formula: Formula) -> BTreeMap<u32, Vec<&'a InstanceId>> {
    let mut ports: BTreeMap<u32, Vec<&InstanceId>> = BTreeMap::new();
    let mut before = None;
    // The roster is ordered by id, so that an owner's instances are neighbours.
    for declared in &facts.input.roster.instances {
        let owner = declared.id.owner();
        if before != Some(owner) {
            if let Some(port) = formula.port(facts.input.range.first, owner, declared.uid) {
                ports.entry(port).or_default().push(&declared.id);
            }
            before = Some(owner);
        }
    }
    ports
}

#[cfg(test)]
mod tests {
    use crate::domain::{Code, Formula};
    use crate::judge::testing::{Host, findings};

    /// The formula, the owners with their uids, and the findings.
    type Case = (Formula, &'static [(&'static str, u32)], &'static [(&'static str, &'static str)]);

    #[test]
    fn cases() {
        let name_hash = Formula::NameHash { modulus: 1000 };
        let cases: [Case; 8] = [
            (name_hash, &[("alice", 1001), ("bob", 1002)], &[]),
            // Anagrams have the same sum.
            (
                name_hash,
                &[("amy", 1001), ("may", 1002)],
                &[("amy may", "the formula first + sum of the name % 1000 gives 8407 to amy and may")],
            ),
            (name_hash, &[("amy", 1001), ("amy/tools", 1001)], &[]),
            // The guide's two: 1000 % 1000 and 2000 % 1000 are 0; l, i, s, t, e, n are the letters of silent.
            (
                Formula::Uid { modulus: 1000 },
                &[("alice", 1000), ("bob", 2000)],
                &[("alice bob", "the formula first + uid % 1000 gives 8080 to alice and bob")],
            ),
            (
                name_hash,
                &[("listen", 1001), ("silent", 1002)],
                &[("listen silent", "the formula first + sum of the name % 1000 gives 8735 to listen and silent")],
            ),
            (
                Formula::Uid { modulus: 1000 },
                &[("alice", 1001), ("bob", 2001), ("carol", 1002)],
                &[("alice bob", "the formula first + uid % 1000 gives 8081 to alice and bob")],
            ),
            (
                Formula::Uid { modulus: 1000 },
                &[("alice", 900), ("bob", 900)],
                &[("alice bob", "the formula first + uid % 1000 gives 8980 to alice and bob")],
            ),
            (Formula::None, &[("amy", 1001), ("may", 1002)], &[]),
        ];
        for (formula, owners, expected) in cases {
            let mut host = Host::new();
            for (at, (name, uid)) in owners.iter().enumerate() {
                host.declare(name, *uid, &format!("127.0.0.1:{}", 8100 + at));
            }
            host.ports.formula = formula;
            let expected: Vec<(String, String)> = expected.iter().map(|(ids, text)| ((*ids).into(), (*text).into())).collect();
            assert_eq!(findings(&host.judge(), Code::PortCollisionAhead), expected, "{owners:?}");
        }
    }
}
