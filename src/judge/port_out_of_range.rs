//! port-out-of-range: a port that berth assigns, or is asked to, lies outside the range.
//!
//! berth is asked by a configuration that lies where berth puts its own (`[layout] config`), and assigns by the configured
//! formula. It must never be said of a deployment that was found anywhere else: that was adopted, and may have its own ports.

use super::port_collision_ahead::by_port;
use super::rule::{Facts, Rule};
use crate::domain::{Code, Finding, Formula, InstanceId, Remedy, Shown, words};

/// The rule.
pub(super) struct PortOutOfRange;

impl Rule for PortOutOfRange {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        let (range, plan) = (facts.input.range, facts.input.ports);
        for subject in facts.subjects().iter().filter(|subject| subject.assigned.is_some()) {
            let (id, Some(port)) = (&subject.declared.id, subject.port.filter(|port| !range.contains(*port))) else { continue };
            let evidence = format!("{} is assigned {port}, outside the range {range}", words::instance(id));
            found.push(finding(facts, vec![id.clone()], Some(port), &evidence, vec![Remedy::Reassign]));
        }
        let has_none = |id: &&InstanceId| facts.input.allotments.as_ref().known().is_none_or(|all| all.port_of(id).is_none());
        for id in plan.asks_outside.iter().filter(has_none) {
            let instances = &facts.input.roster.instances;
            let declared = instances.binary_search_by(|declared| declared.id.cmp(id)).ok().map(|index| &instances[index]);
            let Some(port) = declared.and_then(|declared| declared.port).filter(|port| !range.contains(*port)) else { continue };
            let evidence = format!("{} is configured to {port}, outside the range {range}", words::instance(id));
            found.push(finding(facts, vec![id.clone()], Some(port), &evidence, vec![Remedy::Reassign]));
        }
        for (port, owners) in by_port(facts, plan.formula).into_iter().filter(|(port, _)| *port > u32::from(range.last)) {
            let names: Vec<String> = owners.iter().map(|id| id.owner().to_owned()).collect();
            let evidence =
                format!("the formula {} gives {port} to {}, outside the range {range}", plan.formula.words(), words::list(&names));
            found.push(finding(facts, owners.into_iter().cloned().collect(), u16::try_from(port).ok(), &evidence, Vec::new()));
        }
        if let Formula::Block { size } = plan.formula {
            let room = range.count() / usize::from(size.max(1));
            let owners = owners(facts);
            if owners > room {
                let evidence =
                    format!("the formula {} leaves the range {range} after {room} users; {owners} are known", plan.formula.words());
                found.push(finding(facts, Vec::new(), None, &evidence, Vec::new()));
            }
        }
    }
}

/// How many owners there are; the roster is ordered by id.
fn owners(facts: &Facts<'_>) -> usize {
    let instances = &facts.input.roster.instances;
    instances.chunk_by(|one, other| one.id.owner() == other.id.owner()).count()
}

fn finding(facts: &Facts<'_>, instances: Vec<InstanceId>, port: Option<u16>, evidence: &str, remedies: Vec<Remedy>) -> Finding {
    Finding {
        code: Code::PortOutOfRange,
        instances,
        port,
        processes: Vec::new(),
        since: facts.now(),
        evidence: Shown::new(evidence),
        remedies,
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::{Code, Formula};
    use crate::judge::testing::{Host, findings, id};

    #[test]
    fn who_asks_at_berths_own_place_is_told_and_the_adopted_are_not() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:9500").declare("bob", 1002, "127.0.0.1:9501").declare("carol", 1003, "127.0.0.1:8083");
        assert!(findings(&host.judge(), Code::PortOutOfRange).is_empty());
        host.ports.asks_outside = vec![id("alice"), id("carol"), id("gone")];
        assert_eq!(
            findings(&host.judge(), Code::PortOutOfRange),
            [("alice".to_owned(), "alice's instance is configured to 9500, outside the range 8080-9080".to_owned())]
        );
    }

    #[test]
    fn formulas_that_lead_out_of_the_range() {
        let cases: [(Formula, usize, &[&str]); 6] = [
            (Formula::Uid { modulus: 1000 }, 2, &[]),
            (
                Formula::Uid { modulus: 5000 },
                2,
                &[
                    "the formula first + uid % 5000 gives 9081 to u0, outside the range 8080-9080",
                    "the formula first + uid % 5000 gives 9082 to u1, outside the range 8080-9080",
                ],
            ),
            (Formula::Block { size: 10 }, 100, &[]),
            (
                Formula::Block { size: 10 },
                101,
                &["the formula first + index * 10 leaves the range 8080-9080 after 100 users; 101 are known"],
            ),
            (Formula::Block { size: 1001 }, 1, &[]),
            (Formula::None, 200, &[]),
        ];
        for (formula, users, expected) in cases {
            let mut host = Host::new();
            for user in 0..users {
                host.declare(&format!("u{user}"), 1001 + u32::try_from(user).unwrap(), &format!("127.0.0.1:{}", 8100 + user));
            }
            host.ports.formula = formula;
            let found: Vec<String> = findings(&host.judge(), Code::PortOutOfRange).into_iter().map(|(_, evidence)| evidence).collect();
            assert_eq!(found, expected, "{formula:?} {users}");
        }
    }
}
