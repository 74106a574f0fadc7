//! Which ports of the managed range could be given to somebody.
//!
//! It must never call a port free while what listens, or what is assigned, may not be seen.

use crate::domain::{PortRange, Reading, Snapshot};

/// The next port of the range behind `after`, else from its beginning, that is nobody's, on which nobody listens, and that is not
/// reserved or in quarantine. `None` where there is none, and where what listens or what is assigned may not be seen.
pub fn next_free(snapshot: &Snapshot, after: u16) -> Option<u16> {
    Occupied::of(snapshot)?.next_free(after)
}

/// Which ports of the managed range may not be given: a mark for each. The map asks at every frame, and of ten thousand instances looking at
/// each would take longer than the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Occupied {
    range: PortRange,
    marks: Vec<bool>,
}

impl Occupied {
    /// `None` where what listens or what is assigned may not be seen.
    pub(super) fn of(snapshot: &Snapshot) -> Option<Self> {
        let Reading::Known(listeners) = &snapshot.listeners else { return None };
        if snapshot.allotments == Reading::Denied {
            return None;
        }
        let (range, now) = (snapshot.range, snapshot.taken.wall);
        let heard = listeners.iter().map(|listener| listener.endpoint.port);
        let configured = snapshot.rows.iter().filter_map(|row| row.port);
        // What stands in a file is given to nobody else, whatever the registry says of that instance.
        let said = snapshot.rows.iter().filter_map(|row| row.declared.as_ref()?.port);
        let given = snapshot.allotted().into_iter().flat_map(|all| {
            let assigned = all.assigned_in(range).map(|(port, _)| port).chain(all.reserved_in(range).map(|(port, _)| port));
            assigned.chain(all.quarantined(range, now).map(|(port, _)| port))
        });
        let reserved = snapshot.reserved.iter().flat_map(|one| one.first.max(range.first)..=one.last.min(range.last));
        let mut occupied = Self { range, marks: vec![false; range.count()] };
        for port in heard.chain(configured).chain(said).chain(given).chain(reserved) {
            if let Some(mark) = port.checked_sub(range.first).and_then(|index| occupied.marks.get_mut(usize::from(index))) {
                *mark = true;
            }
        }
        Some(occupied)
    }

    /// The next one that may be, which from here on may not.
    pub(super) fn take_next(&mut self, after: u16) -> Option<u16> {
        let port = self.next_free(after)?;
        if let Some(mark) = self.marks.get_mut(usize::from(port.checked_sub(self.range.first)?)) {
            *mark = true;
        }
        Some(port)
    }

    /// The next one that may be.
    pub(super) fn next_free(&self, after: u16) -> Option<u16> {
        let PortRange { first, last } = self.range;
        let is_free = |port: &u16| port.checked_sub(first).and_then(|index| self.marks.get(usize::from(index))).is_some_and(|mark| !mark);
        let after = after.clamp(first, last);
        (after..=last).find(is_free).or_else(|| (first..=after).find(is_free))
    }
}
