//! Something that is done to an instance beside the orders, with the lock on its name and a record before and after it.
//!
//! It must never do it where it could not be recorded.

use super::act::{Control, outcome_of, unrecorded};
use super::add::may_change;
use crate::domain::{Caller, InstanceId, Outcome};
use crate::error::{Error, Kind, Result};

/// What is done.
#[derive(Clone, Debug)]
pub struct Deed<'a> {
    /// As the audit calls it.
    pub verb: &'a str,
    /// The word for what did not happen: "added".
    pub not: &'a str,
    /// To whom.
    pub id: &'a InstanceId,
    /// Why.
    pub reason: Option<String>,
}

impl Control {
    /// Has root's own part of an instance changed by `act`, recorded before and after it.
    pub fn recorded(&self, caller: &Caller, deed: &Deed<'_>, act: impl FnOnce() -> Result<Outcome>) -> Outcome {
        self.try_recorded(caller, deed, act).unwrap_or_else(|error| outcome_of(&error))
    }

    fn try_recorded(&self, caller: &Caller, deed: &Deed<'_>, act: impl FnOnce() -> Result<Outcome>) -> Result<Outcome> {
        let not = format!("not {}", deed.not);
        may_change(caller, None, false, deed.not)?;
        if !caller.uid.is_root() {
            return Err(Error::new(Kind::NotPermitted, format!("{not}: units of the system are root's: sudo berth")));
        }
        let _held = self.lock_by_name(deed.id, &not)?;
        let entry = self.audit.intend_deed(caller, deed.verb, deed.id, deed.reason.clone(), None);
        let entry = entry.map_err(|error| unrecorded(&not, error))?;
        let outcome = act().unwrap_or_else(|error| outcome_of(&error));
        // The deed is done; that its result could not be recorded must not hide it.
        drop(self.audit.conclude(entry, &outcome));
        Ok(outcome)
    }
}
