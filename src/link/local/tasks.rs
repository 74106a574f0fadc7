//! What is done to the fleet itself through this door, by one name for the console: adding, removing, adopting, reserving.
//!
//! It must never do any of it itself.

use super::Local;
use super::adding::Adding;
use super::removing::Removing;
use crate::control::Reserve;
use crate::domain::{Outcome, Shown, Task};

impl Local {
    /// Does it, or says what would be done: the steps in the hints.
    pub(super) fn task(&self, task: &Task, dry_run: bool, reason: Option<String>) -> Outcome {
        match task.clone() {
            Task::Add(id) => {
                let adding = Adding { id, template: None, run_as: None, start: true, dry_run, reason };
                let added = self.add(&adding, &mut |_| ());
                let mut outcome = added.outcome;
                if dry_run && outcome.is_done() {
                    outcome.hints.splice(0..0, added.steps);
                } else if outcome.is_done() {
                    outcome.hints.extend(added.url.map(|url| Shown::new(&url)));
                }
                outcome
            }
            Task::Remove { id, purge, target } => self.remove(&Removing { id, purge, target, dry_run, reason }, &mut |_| ()),
            Task::Adopt(id) => self.adopt(&id, dry_run, reason, &mut |_| ()),
            Task::Reserve(port) => self.reserve(port, true, dry_run, reason),
            Task::Unreserve(port) => self.reserve(port, false, dry_run, reason),
        }
    }

    /// Keeps a port from everybody, or lets it be given again; `dry_run` only says what would be done.
    pub fn reserve(&self, port: u16, keep: bool, dry_run: bool, reason: Option<String>) -> Outcome {
        let outcome = self.control.reserve(&self.caller, &Reserve { port, keep, dry_run, reason }, &self.giving());
        self.wake();
        outcome
    }
}
