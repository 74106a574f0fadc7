//! Those of whom it was not known, when the others were restored after a reboot, whether they run or what was wished: looked at again until
//! it is known, then restored or not.
//!
//! It must never wait for ever, nor look where nothing changed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Local;
use super::orders::Begun;
use super::restoring::order_of;
use crate::control::{Due, Unasked, Waits};
use crate::domain::{InstanceId, Snapshot, State};

/// For so long: whatever a booting host brings up late is there by then. After that the start is tried, and refused with the reason in the trail.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Those who wait.
pub(super) struct Waiting {
    waits: Waits,
    until: Instant,
    before: Option<Arc<Snapshot>>,
}

impl Waiting {
    pub fn new(waits: Waits) -> Self {
        Self { waits, until: Instant::now() + PATIENCE, before: None }
    }

    /// Decides of whom it is known by now. Those that wait still, where they are others than before.
    pub fn look(&mut self, own: &Local) -> Option<&Waits> {
        if self.waits.ids.is_empty() {
            return None;
        }
        let now = own.newest();
        let is_over = Instant::now() >= self.until;
        if !is_over && self.before.as_ref().is_some_and(|before| Arc::ptr_eq(before, &now)) {
            return None;
        }
        let (all, seen) = (std::mem::take(&mut self.waits.ids), self.waits.seen);
        let (count, mut has_room) = (all.len(), true);
        for id in all {
            let due = if is_over || is_known(&now, &id) { own.control.is_restorable(&own.caller, &id, seen) } else { Due::Unknown };
            let is_left = if due == Due::Yes || is_over && due == Due::Unknown {
                let begun = own.begin(order_of(id.clone()), Some(Unasked::Reboot(seen)), |_| ());
                has_room &= begun == Begun::Yes;
                begun == Begun::No
            } else {
                due == Due::Unknown
            };
            if is_left {
                self.waits.ids.push(id);
            }
        }
        // Where there was no room for one the next look asks again, whatever has changed by then.
        self.before = has_room.then_some(now);
        (self.waits.ids.len() != count).then_some(&self.waits)
    }
}

/// Whether the picture shows more of it than that nothing is known.
fn is_known(snapshot: &Snapshot, id: &InstanceId) -> bool {
    snapshot.row(id).is_none_or(|row| row.state != State::Unknown)
}
