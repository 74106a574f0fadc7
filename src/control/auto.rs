//! `port = "auto"`: whether an instance that is to be started is to be moved before, its port being another's.
//!
//! It must never move one that runs where it should, nor one whose template does not say so.

use super::act::{Control, RECENT};
use super::{port, start};
use crate::domain::{Caller, Code, Order, Row, Snapshot, State, Verb};

impl Control {
    /// Whether this start, or restart, finds the instance's port taken, and its template has it moved then.
    pub fn is_to_move(&self, caller: &Caller, order: &Order) -> bool {
        if !matches!(order.verb, Verb::Start | Verb::Restart) {
            return false;
        }
        // Who may not start it is refused anyhow, and has nobody look for it.
        let moves = |snapshot: &Snapshot| {
            let row = snapshot.row(&order.id).filter(|row| row.declared.as_ref().is_some_and(|one| one.moves));
            row.is_some_and(|row| self.why_not(caller, order.verb, row).is_none())
        };
        // Of the others it is not looked for twice.
        moves(&self.eyes.look_since(RECENT)) && {
            let snapshot = self.eyes.look();
            snapshot.row(&order.id).is_some_and(|row| is_taken(&snapshot, row, order.verb))
        }
    }
}

fn is_taken(snapshot: &Snapshot, row: &Row, verb: Verb) -> bool {
    let Some(declared) = &row.declared else { return false };
    let taken = || start::about(snapshot, &row.id, Code::PortTaken).is_some();
    match row.state {
        State::Unknown => false,
        // What runs already is left where it is; what is restarted has its own port back, unless somebody else is there, too.
        up if up.is_up() => verb == Verb::Restart && taken(),
        _ => taken() || start::rivals(snapshot, &row.id).is_some() || port::obstacle(declared).is_some(),
    }
}
