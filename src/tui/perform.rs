//! Carries effects out: asks the door, has the log read. What is slow runs off the loop with a deadline; answers come back as events.
//!
//! It must never change the state, and never let a late answer pass for one about something else: each has its serial.

mod file;
mod log;

use std::process::Child;
use std::sync::Arc;

use tokio::sync::mpsc::Sender;

use crate::domain::{InstanceId, Verb};
use crate::error::Result;
use crate::link::Door;

use super::effect::Effect;
use super::event::{Answer, Event, Purpose};

/// What carries out.
pub struct Performer {
    door: Arc<dyn Door>,
    log: log::LogDesk,
}

impl Performer {
    /// Answers go to `events`.
    pub fn new(door: Arc<dyn Door>, events: Sender<Event>) -> Self {
        Self { log: log::LogDesk::new(Arc::clone(&door), events), door }
    }

    /// Asks what may be done to an instance. The door answers from what it knows.
    pub fn ask(&self, id: InstanceId, purpose: Purpose) -> Event {
        let verbs = Verb::ALL.into_iter().map(|verb| (verb, self.door.why_not(verb, &id))).collect();
        Event::Answered(Answer { id, purpose, verbs })
    }

    /// Carries one effect out; an answer that is there at once is returned.
    pub fn perform(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Ask(id, purpose) => return Some(self.ask(id, purpose)),
            Effect::Submit(order) => self.door.submit(order),
            // These concern the terminal, which is the loop's.
            Effect::Copy { .. } | Effect::PageLog { .. } | Effect::Redraw | Effect::Suspend | Effect::Quit => {}
            log => return self.log.perform(log),
        }
        None
    }

    /// Begins the pager with what is to be seen of the open log. The terminal must be its own by now.
    ///
    /// # Errors
    /// When there is no log, or no such program.
    pub fn begin_pager(&mut self, serial: u64, names: Vec<String>) -> Result<Child> {
        self.log.begin_pager(serial, names)
    }
}
