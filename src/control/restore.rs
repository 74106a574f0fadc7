//! What berth starts by itself: after a reboot which instances are wished up and were ended by it, and whether a start is due still.
//!
//! It must never call one wished up whose end was asked for before the machine went down.

use jiff::Timestamp;

use super::act::{Control, Progress, outcome_of};
use crate::domain::{Caller, Declared, InstanceId, Order, Outcome, Row, State, SupervisorKind, Uid, Wish};
use crate::error::{Error, Kind, Result};
use crate::supervisor::AdoptedEnd;

/// What has berth start something that nobody asks for. It has to hold still when nobody else acts on the instance any more.
#[derive(Clone, Copy, Debug)]
pub enum Unasked {
    /// It was wished up when the machine went down. When a daemon of that boot last lived.
    Reboot(Option<Timestamp>),
    /// It was adopted and has ended unasked.
    Ended,
}

impl Control {
    /// The same as [`Control::carry_out`] of a start that nobody asks for: not done where it is not due any more, or as somebody else.
    pub fn carry_out_unasked(&self, caller: &Caller, order: &Order, unasked: Unasked, progress: Progress<'_>) -> Outcome {
        self.attempt(caller, order, Some(unasked), progress).unwrap_or_else(|error| outcome_of(&error))
    }

    /// That nobody had it end, or started it, meanwhile. For who has the instance's lock.
    pub(super) fn require_due(&self, unasked: Option<Unasked>, row: &Row, declared: &Declared) -> Result<()> {
        let is_due = match unasked {
            None => true,
            // The start itself is refused with the reason, and that is put down.
            Some(_) if row.state == State::Unknown => true,
            Some(Unasked::Reboot(seen)) => self.supervisor.was_ended_by_reboot(declared, seen),
            Some(Unasked::Ended) => self.supervisor.end_of_adopted(declared) == AdoptedEnd::Unasked,
        };
        if is_due { Ok(()) } else { Err(Error::new(Kind::Busy, "not started. Somebody else has acted on it meanwhile")) }
    }

    /// That it is started as who it was started as before: the account may have been deleted and made anew, or the configuration may name
    /// another one. A person may want that; berth by itself does not.
    pub(super) fn require_same_account(&self, unasked: Option<Unasked>, declared: &Declared) -> Result<()> {
        match self.supervisor.ran_as(declared).filter(|was| unasked.is_some() && *was != declared.uid) {
            None => Ok(()),
            Some(was) => Err(another_account(declared, was)),
        }
    }

    /// Those that were wished up when the machine went down and do not run, lowest port first, and those of whom that is not known yet.
    /// `seen`: when a daemon of that boot last lived.
    pub fn restorable(&self, seen: Option<Timestamp>) -> (Vec<InstanceId>, Vec<InstanceId>) {
        let snapshot = self.eyes.look();
        let down = snapshot.rows.iter().filter(|row| !row.state.is_up() && row.state != State::Unknown);
        let wished = down.filter(|row| row.declared.as_ref().is_some_and(|declared| self.supervisor.was_ended_by_reboot(declared, seen)));
        let mut all: Vec<(bool, Option<u16>, InstanceId)> = wished.map(|row| (row.port.is_none(), row.port, row.id.clone())).collect();
        all.sort();
        let unknown = snapshot.rows.iter().filter(|row| is_unknown(row) && self.may_be_due(row, seen)).map(|row| row.id.clone());
        (all.into_iter().map(|(.., id)| id).collect(), unknown.collect())
    }

    /// Whether one of them is that still when its turn comes: it may have been stopped, or started, meanwhile.
    pub fn is_restorable(&self, caller: &Caller, id: &InstanceId, seen: Option<Timestamp>) -> Due {
        self.supervisor.forget(id);
        let snapshot = self.eyes.look_again(id);
        let Some(row) = snapshot.row(id) else { return Due::No };
        if is_unknown(row) {
            return if self.may_be_due(row, seen) { Due::Unknown } else { Due::No };
        }
        let wished = row.declared.as_ref().filter(|declared| !row.state.is_up() && self.supervisor.was_ended_by_reboot(declared, seen));
        match wished {
            // Its end was asked for while its record could not be written.
            Some(declared) if seen.is_some_and(|seen| self.audit.is_to_be_down(id, seen)) => {
                drop(self.supervisor.keep_down(declared, caller));
                Due::No
            }
            Some(_) => Due::Yes,
            None => Due::No,
        }
    }

    /// Of one that is unknown: whether its record says that it was wished up, or cannot be read.
    fn may_be_due(&self, row: &Row, seen: Option<Timestamp>) -> bool {
        let is_wished = || row.declared.as_ref().is_some_and(|declared| self.supervisor.was_ended_by_reboot(declared, seen));
        row.wish != Some(Wish::Down) || is_wished()
    }
}

/// Whether one that was wished up when the machine went down is to be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// It is.
    Yes,
    /// Not, or not any more.
    No,
    /// Whether it runs, or what was wished, is not to be seen now.
    Unknown,
}

/// Whether berth has to look again; what others run they start.
fn is_unknown(row: &Row) -> bool {
    row.state == State::Unknown && row.supervisor == SupervisorKind::Process && row.declared.is_some()
}

fn another_account(declared: &Declared, was: Uid) -> Error {
    let account = declared.account.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    let told = format!("not started. It ran as uid {was} before, and would run as uid {}{account} now", declared.uid);
    Error::new(Kind::NotPermitted, told).hint(format!("berth start {}    has it run as that", declared.id))
}
