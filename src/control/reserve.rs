//! Keeping a port from everybody, and letting it be given again.
//!
//! It must never do so without a word of it in the audit trail.

use super::act::{Control, RECENT, done, outcome_of, unrecorded};
use super::add::refused;
use super::assign::{Giving, rules};
use crate::domain::{Caller, InstanceId, Outcome, Role};
use crate::error::{Error, Kind, Result};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Reserve {
    /// Which port.
    pub port: u16,
    /// It is kept from everybody; else it is given back.
    pub keep: bool,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Why, for the audit.
    pub reason: Option<String>,
}

impl Control {
    /// Reserves a port, or gives it back, and says what came of it.
    pub fn reserve(&self, caller: &Caller, ask: &Reserve, giving: &Giving<'_>) -> Outcome {
        self.try_reserve(caller, ask, giving).unwrap_or_else(|error| outcome_of(&error))
    }

    fn try_reserve(&self, caller: &Caller, ask: &Reserve, giving: &Giving<'_>) -> Result<Outcome> {
        let (verb, not) = if ask.keep { ("reserve", "not reserved") } else { ("unreserve", "not given back") };
        if caller.read_only && !ask.dry_run {
            return Err(Error::new(Kind::NotPermitted, format!("{not}: this session is read-only")));
        }
        if caller.role != Role::Admin {
            return Err(Error::new(Kind::NotPermitted, format!("{not}: ports are given by admins ([access] admins)")));
        }
        let snapshot = self.eyes.look_since(RECENT);
        let rules = rules(giving, caller, &snapshot);
        let because = |error: Error| refused(not, &error);
        if ask.dry_run {
            let is_kept = if ask.keep { giving.registry.would_reserve(ask.port, &rules) } else { giving.registry.is_reserved(ask.port) };
            return Ok(done(told(ask, is_kept.map_err(because)? != ask.keep, "would be")));
        }
        giving.registry.require_room().map_err(because)?;
        let id = InstanceId::unmanaged("reserved", ask.port);
        let recorded = self.audit.intend_deed(caller, verb, &id, ask.reason.clone(), None);
        let entry = recorded.map_err(|error| unrecorded(not, error))?;
        let written =
            if ask.keep { giving.registry.reserve(ask.port, caller.uid, &rules) } else { giving.registry.unreserve(ask.port, &rules) };
        let outcome = match written {
            Ok((is_new, notices)) => {
                let mut outcome = done(told(ask, is_new, "was"));
                outcome.hints.extend(notices);
                outcome
            }
            Err(error) => outcome_of(&because(error)),
        };
        // The deed is done; that its result could not be recorded must not hide it.
        drop(self.audit.conclude(entry, &outcome));
        Ok(outcome)
    }
}

fn told(ask: &Reserve, is_new: bool, was: &str) -> String {
    match (ask.keep, is_new) {
        (true, true) => format!("{was} reserved: it is given to nobody until it is given back"),
        (true, false) => "is reserved already".to_owned(),
        (false, true) => format!("{was} given back: it can be anybody's"),
        (false, false) => "is not reserved here".to_owned(),
    }
}
