//! Whether a map of ports made from one picture holds for the next one: of ten thousand instances hardly one has another port each second.
//!
//! It must never take for the same what could look different on the map.

use std::sync::Arc;

use super::ports::PortMap;
use crate::domain::{Reading, Row, Snapshot};

impl PortMap {
    /// Whether the map that was made from `before` is also that of `now`.
    pub fn holds_for(&self, before: &Snapshot, now: &Snapshot) -> bool {
        let same_listeners = match (&before.listeners, &now.listeners) {
            (Reading::Known(these), Reading::Known(those)) => Arc::ptr_eq(these, those),
            (these, those) => these == those,
        };
        let same_allotments = match (&before.allotments, &now.allotments) {
            // What is kept for a time goes by itself.
            (Reading::Known(these), Reading::Known(those)) => {
                Arc::ptr_eq(these, those) && these.quarantined(now.range, before.taken.wall).next().is_none()
            }
            (these, those) => these == those,
        };
        same_listeners
            && same_allotments
            && (before.range, &before.reserved, &before.findings) == (now.range, &now.reserved, &now.findings)
            && before.rows.len() == now.rows.len()
            && before.rows.iter().zip(&now.rows).all(|(one, other)| Arc::ptr_eq(one, other) || is_same_on_a_map(one, other))
    }
}

/// Whether two rows look the same on a map, whatever else has changed.
fn is_same_on_a_map(one: &Row, other: &Row) -> bool {
    let facts = |row: &Row| (row.port, row.own_port(), row.uid, row.supervisor, row.declared.as_ref().map(|declared| declared.port));
    one.id == other.id && facts(one) == facts(other) && one.listening == other.listening
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::{Allotments, PortRange, Quarantine};
    use crate::present::fleet;

    #[test]
    fn a_map_holds_until_something_on_it_is_another() {
        let before = fleet::fleet();
        let map = PortMap::of(&before, before.range, &[]);
        let holds = |change: &dyn Fn(&mut Snapshot)| {
            let mut now = before.clone();
            now.taken.wall += Duration::from_secs(1);
            change(&mut now);
            let says = map.holds_for(&before, &now);
            // Where it says so, one that is made anew is the same in all but its time.
            let anew = PortMap::of(&now, now.range, &now.reserved);
            assert!(!says || (now.range.first..=now.range.last).all(|port| map.facts(port) == anew.facts(port)));
            says
        };
        assert!(holds(&|_| ()));
        assert!(holds(&|now| Arc::make_mut(&mut now.rows[0]).restarts += 1));
        assert!(!holds(&|now| Arc::make_mut(&mut now.rows[0]).port = Some(8119)));
        assert!(!holds(&|now| Arc::make_mut(&mut now.rows[0]).listening.clear()));
        assert!(!holds(&|now| _ = now.rows.pop()));
        assert!(!holds(&|now| now.rows.swap(0, 1)));
        assert!(!holds(&|now| now.listeners = Reading::Denied));
        assert!(!holds(&|now| now.allotments = Reading::Denied));
        assert!(!holds(&|now| now.findings.clear()));
        assert!(!holds(&|now| now.reserved = vec![PortRange { first: 8115, last: 8116 }]));
        assert!(!holds(&|now| now.range.last -= 1));
        let mut kept = before.clone();
        let mut all = Allotments::default();
        all.keep(8110, Quarantine { of: fleet::id("bob"), until: before.taken.wall + Duration::from_secs(60) });
        kept.allotments = Reading::Known(Arc::new(all));
        assert!(!PortMap::of(&kept, kept.range, &[]).holds_for(&kept, &kept.clone()), "it may be free by now");
    }
}
