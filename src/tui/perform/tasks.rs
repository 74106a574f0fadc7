//! What is done to the fleet, and what is only asked about it, off the loop.
//!
//! It must never do two things to the fleet at once, nor queue one: what is confirmed is done now or not at all.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{FORESEEING, Performer, untold};
use crate::config::Strategy;
use crate::domain::{Outcome, Shown, Task};
use crate::tui::event::Event;

impl Performer {
    /// What a strategy would give to everybody: the registry is read for it, and everything is looked at.
    pub(super) fn propose(&mut self, strategy: Strategy) {
        let (door, events) = (Arc::clone(&self.door), self.events.clone());
        self.foreseeing.run(async move {
            let proposing = tokio::task::spawn_blocking(move || {
                crate::failpoint::pass("foresee");
                door.propose(strategy).map_err(|error| Shown::new(&error.chain()))
            });
            let proposal = match tokio::time::timeout(FORESEEING, proposing).await {
                Ok(Ok(proposal)) => proposal,
                Ok(Err(_)) => Err(Shown::from("it could not be made")),
                Err(_) => Err(Shown::from("it could not be made in time")),
            };
            // When the loop has ended there is nobody to tell.
            let _ = events.send(Event::Proposed(proposal)).await;
        });
    }

    /// What would be done to the fleet.
    pub(super) fn foresee_task(&mut self, task: Task) {
        let (door, events) = (Arc::clone(&self.door), self.events.clone());
        self.foreseeing.run(async move {
            let asked = task.clone();
            let foreseeing = tokio::task::spawn_blocking(move || {
                crate::failpoint::pass("foresee");
                door.foresee_task(&asked)
            });
            let outcome = match tokio::time::timeout(FORESEEING, foreseeing).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => untold("what it would do could not be told"),
                Err(_) => untold("what it would do could not be told in time"),
            };
            // When the loop has ended there is nobody to tell.
            let _ = events.send(Event::TaskForeseen(task, outcome)).await;
        });
    }

    /// Does it, on a thread of its own, as orders are: leaving the console does not wait for it.
    pub(super) fn carry_out(&mut self, task: Task, reason: Option<String>) -> Option<Event> {
        if self.busy.swap(true, Ordering::AcqRel) {
            return Some(Event::TaskEnded(
                task,
                untold("not done. Something else is being added, removed or changed; try again when that has ended"),
            ));
        }
        let (door, events, busy, whose) = (Arc::clone(&self.door), self.events.clone(), Arc::clone(&self.busy), task.clone());
        let work = move || {
            crate::failpoint::pass("berth-order");
            let outcome = door.carry_out_task(&whose, reason, &mut |step| {
                // Whoever is busy with something else misses a step; the end is waited for.
                drop(events.try_send(Event::TaskStep(whose.clone(), step.clone())));
            });
            busy.store(false, Ordering::Release);
            // When the loop has ended there is nobody to tell.
            drop(events.blocking_send(Event::TaskEnded(whose, outcome)));
        };
        let spawned = std::thread::Builder::new().name("berth-order".to_owned()).stack_size(512 * 1024).spawn(work);
        let error = spawned.err()?;
        self.busy.store(false, Ordering::Release);
        let sentence = Shown::new(&format!("not done. No thread could be had: {error}"));
        Some(Event::TaskEnded(task, Outcome { exit_code: 1, sentence, hints: Vec::new(), log_lines: Vec::new() }))
    }
}
