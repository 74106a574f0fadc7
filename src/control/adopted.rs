//! What was adopted and has ended: put down as what it was, and adopted once more where somebody else has started it again.
//!
//! It must never write its record without the instance's lock, nor start anything.

use jiff::Timestamp;

use super::act::{Control, RECENT};
use crate::domain::{Again, Caller, Declared, InstanceId, Verb};
use crate::supervisor::AdoptedEnd;

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It runs, was none, is not to be started again, or somebody had it end.
    Not,
    /// Unasked. It is put down, with what comes of it.
    Unasked,
    /// It is not to be told now: somebody acts on it, or it may have started itself again.
    Later,
}

impl Control {
    /// What its records and its PID file say now; nothing is put down.
    pub fn end_of_adopted(&self, declared: &Declared) -> AdoptedEnd {
        self.supervisor.end_of_adopted(declared)
    }

    /// Puts its end down behind the lock; `then` says what comes of one that nobody asked for. Where another process is in its place still when
    /// `is_over`, whoever began that one sees to it.
    pub fn see_end_of_adopted(
        &self,
        caller: &Caller,
        declared: &Declared,
        is_over: bool,
        then: &mut dyn FnMut() -> Option<Again>,
    ) -> Ended {
        if self.end_of_adopted(declared) == AdoptedEnd::Not {
            return Ended::Not;
        }
        let Ok(_held) = self.lock(caller, declared, Verb::Start, "looked at") else { return Ended::Later };
        match self.end_of_adopted(declared) {
            AdoptedEnd::Not => Ended::Not,
            AdoptedEnd::Replaced if !is_over => Ended::Later,
            AdoptedEnd::Replaced | AdoptedEnd::Asked => {
                self.supervisor.note_end_of_adopted(declared, true);
                Ended::Not
            }
            AdoptedEnd::Unasked => {
                self.supervisor.note_end_of_adopted(declared, false);
                if let Some(again) = then() {
                    self.supervisor.note_of_adopted(declared, again);
                }
                Ended::Unasked
            }
        }
    }

    /// Adopts once more what was adopted and has ended, where somebody else, a script most likely, has started it again. Whether that is so.
    pub fn adopt_again(&self, caller: &Caller, id: &InstanceId) -> bool {
        let snapshot = self.eyes.look_since(RECENT);
        let Some(declared) = snapshot.row(id).and_then(|row| row.declared.clone()) else { return false };
        // Whoever acts on it is about to write a record of its own.
        let Ok(_held) = self.lock(caller, &declared, Verb::Start, "adopted") else { return false };
        let snapshot = self.eyes.look_again(id);
        let Some(row) = snapshot.row(id).filter(|row| row.state.is_up() && row.keeper.is_none()) else { return false };
        let Some(main) =
            row.main.known().filter(|_| matches!(self.supervisor.end_of_adopted(&declared), AdoptedEnd::Unasked | AdoptedEnd::Replaced))
        else {
            return false;
        };
        self.supervisor.adopt(&declared, main, row.started_at.unwrap_or_else(Timestamp::now), caller).is_ok()
    }
}
