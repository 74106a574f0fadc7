//! The counts of the header. Unmanaged listeners are no instances and are not counted as such.
//!
//! It must never count what may not be seen as nothing: an unknown instance is one of the unknown.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Input;
use crate::domain::{Finding, Reading, Row, Totals};

/// Counts.
pub(super) fn totals(input: &Input<'_>, rows: &[Arc<Row>], findings: &[Finding]) -> Totals {
    let mut totals = Totals { instances: input.roster.instances.len(), ..Totals::default() };
    for row in rows.iter().filter(|row| !row.id.is_unmanaged()) {
        *totals.states.entry(row.state).or_default() += 1;
    }
    for finding in findings {
        *totals.findings.entry(finding.level()).or_default() += 1;
    }
    totals.conflicts = conflicts(findings);
    let configured = input.roster.instances.iter().filter_map(|declared| declared.port);
    let listeners = match &input.sample.listeners {
        Reading::Known(listeners) => &**listeners,
        Reading::Denied | Reading::Gone | Reading::Unasked => &[],
    };
    let heard = listeners.iter().map(|listener| listener.endpoint.port);
    let mut in_use = vec![false; usize::from(u16::MAX) + 1];
    let assigned = input.allotments.as_ref().known().into_iter().flat_map(|all| all.assigned()).map(|(port, _)| port);
    for port in configured.chain(assigned).chain(heard).filter(|port| input.range.contains(*port)) {
        totals.ports_in_use += usize::from(!std::mem::replace(&mut in_use[usize::from(port)], true));
    }
    totals
}

/// A conflict is a port that more than one claim, whatever is found about it and from whose side: the map shows one cell.
fn conflicts(findings: &[Finding]) -> usize {
    let ports: BTreeSet<Option<u16>> = findings.iter().filter(|finding| finding.code.is_conflict()).map(|finding| finding.port).collect();
    ports.len()
}

#[cfg(test)]
mod tests {
    use crate::domain::{Level, State};
    use crate::judge::testing::Host;

    #[test]
    fn strangers_are_counted_as_findings_and_not_as_instances() {
        let mut host = Host::new();
        host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081"));
        host.declare("bob", 1002, "127.0.0.1:8081");
        host.process(300, 1, 1003, "python3").listen(300, "127.0.0.1:8090").listen(300, "127.0.0.1:22");
        let totals = host.judge().totals;
        assert_eq!((totals.instances, totals.in_state(State::Running), totals.in_state(State::Stopped)), (2, 1, 1));
        // 8081 and 8090; 22 is outside the range.
        assert_eq!(totals.ports_in_use, 2);
        // bob's port is taken by alice's instance, because both are configured with it.
        assert_eq!(totals.conflicts, 1);
        assert_eq!(totals.findings.get(&Level::Error), Some(&2));
        assert_eq!(totals.findings.get(&Level::Warning), Some(&1));
    }
}
