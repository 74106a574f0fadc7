//! How much of the managed range is used, counted in one pass: the Host tab asks at every frame.
//!
//! It must never call a port free because its listeners may not be seen.

use crate::domain::{PortRange, Reading, Snapshot, SupervisorKind};

/// How many ports of the range are what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RangeUse {
    /// All of it.
    pub all: usize,
    /// An instance's, whether it listens or not.
    pub assigned: usize,
    /// An instance listens on it.
    pub listening: usize,
    /// Somebody listens who is no instance; `None` when listeners may not be seen.
    pub strangers: Option<usize>,
    /// Nobody's, and nobody listens; `None` when listeners may not be seen.
    pub free: Option<usize>,
    /// Those that the kernel may give to outgoing connections; `None` when it does not tell which it gives.
    pub ephemeral: Option<usize>,
}

/// A port is some instance's.
const ASSIGNED: u8 = 1;
/// An instance listens on it.
const LISTENING: u8 = 2;
/// Somebody listens on it.
const HEARD: u8 = 4;
/// It was some instance's until lately.
const KEPT: u8 = 8;

/// Counts.
pub fn range_use(snapshot: &Snapshot) -> RangeUse {
    let range = snapshot.range;
    let mut marks = vec![0u8; range.count()];
    let mut mark = |port: u16, bit: u8| {
        if let Some(mark) = port.checked_sub(range.first).and_then(|index| marks.get_mut(usize::from(index))) {
            *mark |= bit;
        }
    };
    for row in snapshot.rows.iter().filter(|row| row.supervisor != SupervisorKind::None) {
        row.port.into_iter().for_each(|port| mark(port, ASSIGNED));
        row.listening.iter().for_each(|(endpoint, _)| mark(endpoint.port, LISTENING));
    }
    if let Some(all) = snapshot.allotted() {
        all.assigned_in(range).for_each(|(port, _)| mark(port, ASSIGNED));
        all.quarantined(range, snapshot.taken.wall).for_each(|(port, _)| mark(port, KEPT));
    }
    let is_denied = snapshot.allotments == Reading::Denied;
    let known = match &snapshot.listeners {
        Reading::Known(listeners) => {
            listeners.iter().for_each(|listener| mark(listener.endpoint.port, HEARD));
            true
        }
        _ => false,
    };
    let count = |holds: fn(u8) -> bool| marks.iter().filter(|mark| holds(**mark)).count();
    RangeUse {
        all: range.count(),
        assigned: count(|mark| mark & (ASSIGNED | LISTENING) != 0),
        listening: count(|mark| mark & LISTENING != 0),
        strangers: known.then(|| count(|mark| mark & HEARD != 0 && mark & (ASSIGNED | LISTENING) == 0)),
        free: (known && !is_denied).then(|| count(|mark| mark == 0)),
        ephemeral: snapshot.ephemeral.map(|ephemeral| common(range, ephemeral)),
    }
}

/// How many ports two ranges have in common.
fn common(one: PortRange, other: PortRange) -> usize {
    let (first, last) = (one.first.max(other.first), one.last.min(other.last));
    if first > last { 0 } else { PortRange { first, last }.count() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::present::fleet;

    #[test]
    fn each_port_is_counted_once() {
        let used = range_use(&fleet::fleet());
        let expected = RangeUse { all: 1001, assigned: 8, listening: 4, strangers: Some(1), free: Some(992), ephemeral: Some(0) };
        assert_eq!(used, expected);
        assert_eq!(used.assigned + used.strangers.unwrap() + used.free.unwrap(), used.all);
    }

    #[test]
    fn what_may_not_be_seen_is_not_free() {
        let mut snapshot = fleet::fleet();
        snapshot.listeners = Reading::Denied;
        let used = range_use(&snapshot);
        assert_eq!((used.assigned, used.strangers, used.free), (8, None, None));
    }

    #[test]
    fn the_kernels_ports_among_the_range_are_counted() {
        let cases = [("9000-60999", 81), ("8000-9999", 1001), ("1024-8080", 1), ("9081-9090", 0), ("1-8079", 0)];
        for (ephemeral, expected) in cases {
            assert_eq!(common(PortRange { first: 8080, last: 9080 }, PortRange::parse(ephemeral).unwrap()), expected, "{ephemeral}");
        }
    }
}
