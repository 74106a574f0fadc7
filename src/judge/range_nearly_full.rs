//! range-nearly-full: 90 % of the range is assigned or taken. What is reserved is not there to be had.
//!
//! It must never count a port twice that is assigned and listened on.

use super::rule::{Facts, Rule};
use crate::domain::{Code, Finding, Shown};

/// From how many percent on.
const NEARLY: usize = 90;

/// The rule.
pub(super) struct RangeNearlyFull;

impl Rule for RangeNearlyFull {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        let (range, plan, joined) = (facts.input.range, facts.input.ports, facts.joined);
        let is_full = |used: usize, all: usize| used * 100 >= all * NEARLY;
        // Nothing of the range is counted as long as all ports together would not do.
        let reserved: usize = plan.reserved.iter().map(|part| part.count()).sum();
        let allotments = facts.input.allotments.as_ref().known();
        let assigned = allotments.map_or(0, |all| all.assigned().len());
        if !is_full(joined.configured_on.len() + joined.heard_on.len() + assigned, range.count().saturating_sub(reserved)) {
            return;
        }
        let (mut all, mut used) = (0, 0);
        for port in (range.first..=range.last).filter(|port| !plan.is_reserved(*port)) {
            all += 1;
            let assigned = allotments.is_some_and(|all| all.of(port).is_some());
            used += usize::from(assigned || joined.configured_on.contains_key(&port) || joined.heard_on.contains_key(&port));
        }
        if all == 0 || !is_full(used, all) {
            return;
        }
        let left = match all - used {
            0 => "none is free".to_owned(),
            1 => "one is free".to_owned(),
            left => format!("{left} are free"),
        };
        found.push(Finding {
            code: Code::RangeNearlyFull,
            instances: Vec::new(),
            port: None,
            processes: Vec::new(),
            since: facts.now(),
            evidence: Shown::new(&format!("{used} of the {all} ports of the range {range} are assigned or taken; {left}")),
            remedies: Vec::new(),
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::{Code, PortRange};
    use crate::judge::testing::{Host, findings};

    /// The range, assigned ports, ports with strangers, reserved ones, and the evidence.
    type Case = (&'static str, &'static [u16], &'static [u16], &'static [&'static str], Option<&'static str>);

    #[test]
    fn cases() {
        let cases: [Case; 8] = [
            ("8080-8089", &[8080, 8081, 8082, 8083], &[], &[], None),
            ("8080-8089", &[8080, 8081, 8082, 8083, 8084, 8085, 8086, 8087], &[], &[], None),
            (
                "8080-8089",
                &[8080, 8081, 8082, 8083, 8084, 8085, 8086, 8087],
                &[8088],
                &[],
                Some("9 of the 10 ports of the range 8080-8089 are assigned or taken; one is free"),
            ),
            // Counted once.
            ("8080-8089", &[8080, 8081, 8082, 8083, 8084, 8085, 8086, 8087], &[8087, 8086, 22], &[], None),
            (
                "8080-8089",
                &[8080, 8081, 8082],
                &[],
                &["8083-8089"],
                Some("3 of the 3 ports of the range 8080-8089 are assigned or taken; none is free"),
            ),
            ("8080-8089", &[], &[], &["8000-9000"], None),
            // Reserved and used all the same is neither.
            ("8080-8089", &[8080, 8089], &[], &["8085-8089"], None),
            (
                "8080-8099",
                &[8080, 8081, 8082, 8083, 8084, 8085, 8086, 8087, 8088, 8089, 8090, 8091, 8092, 8093, 8094, 8095, 8096, 8097],
                &[],
                &[],
                Some("18 of the 20 ports of the range 8080-8099 are assigned or taken; 2 are free"),
            ),
        ];
        for (range, assigned, strangers, reserved, expected) in cases {
            let mut host = Host::new();
            host.range = PortRange::parse(range).unwrap();
            host.ports.reserved = reserved.iter().map(|text| PortRange::parse(text).unwrap()).collect();
            for port in assigned {
                host.declare(&format!("u{port}"), 1001, &format!("127.0.0.1:{port}"));
            }
            host.process(300, 1, 1002, "x");
            for port in strangers {
                host.listen(300, &format!("127.0.0.9:{port}"));
            }
            let found: Vec<String> = findings(&host.judge(), Code::RangeNearlyFull).into_iter().map(|(_, evidence)| evidence).collect();
            assert_eq!(found, expected.map(str::to_owned).into_iter().collect::<Vec<_>>(), "{range} {assigned:?} {strangers:?}");
        }
    }
}
