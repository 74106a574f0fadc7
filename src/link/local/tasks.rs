//! What is done to the fleet itself through this door, by one name for the console: adding, removing, adopting, reserving.
//!
//! It must never do any of it itself.

use super::Local;
use super::adding::Adding;
use super::removing::Removing;
use crate::control::Reserve;
use crate::domain::{Newcomer, Outcome, Shown, Task};

impl Local {
    /// Does it, each step told in words, or says what would be done: the steps in the hints.
    pub(super) fn task(&self, task: &Task, dry_run: bool, reason: Option<String>, progress: &mut dyn FnMut(&Shown)) -> Outcome {
        match task.clone() {
            Task::Add(Newcomer { id, template, run_as }) => {
                let adding = Adding { id, template, run_as, supervisor: None, start: true, dry_run, reason };
                let added = self.add(&adding, progress);
                let mut outcome = added.outcome;
                if dry_run && outcome.is_done() {
                    outcome.hints.splice(0..0, added.steps);
                } else if outcome.is_done() {
                    outcome.hints.extend(added.url.map(|url| Shown::new(&url)));
                }
                outcome
            }
            Task::Remove { id, purge, target } => self.remove(&Removing { id, purge, target, dry_run, reason }, progress),
            Task::Adopt(id) => self.adopt(&id, dry_run, reason, progress),
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
