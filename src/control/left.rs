//! What was cut off: orders about an instance of which only the intent is recorded, whoever carried them out having been killed.
//!
//! Asked by whoever holds the instance's lock: nobody else is at it then. It must never repeat one of them: the next order says what is to
//! be, and goes on from what is there.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::act::Control;
use crate::domain::{Declared, InstanceId, Roster, Shown, words};

/// An order that was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LeftOver {
    /// What was asked for: "assign auto".
    pub verb: Shown,
    /// When.
    pub asked_at: Timestamp,
}

impl LeftOver {
    /// "the assign auto of 12:03:04 had been cut off: berth ended in the middle of it"
    pub fn told(&self) -> Shown {
        let at = words::clock(self.asked_at, Timestamp::now(), &TimeZone::system());
        Shown::new(&format!("the {} of {at} had been cut off: berth ended in the middle of it", self.verb))
    }
}

impl Control {
    /// What was cut off of this instance; nothing where the trail cannot be read, which whoever writes to it next is told.
    pub(super) fn left_over(&self, id: &InstanceId) -> Vec<LeftOver> {
        self.audit.open_of(id).unwrap_or_default()
    }

    /// Whether a move to another port that was cut off had stopped the instance, to start it again.
    pub(super) fn had_stopped(&self, left: &LeftOver, declared: &Declared) -> bool {
        if !left.verb.as_str().starts_with("assign") {
            return false;
        }
        let roster = Roster { instances: vec![declared.clone().into()], ..Roster::default() };
        let claims = self.supervisor.claims(&roster.into());
        claims.iter().any(|claim| claim.id == declared.id && claim.stop_asked_at.is_some_and(|at| at >= left.asked_at))
    }
}
