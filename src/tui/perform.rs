//! Carries effects out: asks the door, has the log read. What is slow runs off the loop with a deadline; answers come back as events.
//!
//! It must never change the state, and never let a late answer pass for one about something else: each has its serial.

mod file;
mod lane;
mod log;
mod tasks;

use std::path::PathBuf;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::mpsc::Sender;

use crate::domain::{InstanceId, Order, Outcome, Shown, Verb};
use crate::error::{Error, Result};
use crate::link::Door;

use super::clipboard;
use super::effect::Effect;
use super::event::{Answer, Copied, Event, Purpose};
use super::preferences::Store;
use lane::{Lane, Manner};

/// How long counting connections may take.
const COUNTING: Duration = Duration::from_secs(3);

/// How long reading the audit trail may take.
const READING: Duration = Duration::from_secs(3);

/// How long looking at an instance's files, port and log may take: each file system has its own 2 s.
const DIAGNOSING: Duration = Duration::from_secs(10);

/// How long writing a file may take.
const LEAVING: Duration = Duration::from_secs(3);

/// How long saying what an order would do may take: a whole look and a file.
const FORESEEING: Duration = Duration::from_secs(10);

/// That nothing was foreseen.
fn untold(sentence: &'static str) -> Outcome {
    Outcome { exit_code: 1, sentence: Shown::from(sentence), hints: Vec::new(), log_lines: Vec::new() }
}

/// What carries out.
pub struct Performer {
    door: Arc<dyn Door>,
    events: Sender<Event>,
    /// Where preferences are kept.
    store: Store,
    log: log::LogDesk,
    /// Each kind of slow question has its own way: none waits for another kind.
    leaving: Lane,
    foreseeing: Lane,
    /// Something is being done to the fleet.
    busy: Arc<AtomicBool>,
    counting: Lane,
    reading: Lane,
    diagnosing: Lane,
}

impl Performer {
    /// Answers go to `events`, preferences to `store`.
    pub fn new(door: Arc<dyn Door>, events: Sender<Event>, store: Store) -> Self {
        let log = log::LogDesk::new(Arc::clone(&door), events.clone());
        let [leaving, foreseeing, counting, reading, diagnosing] = [(); 5].map(|()| Lane::new(Manner::Waiting));
        Self { door, events, store, log, leaving, foreseeing, busy: Arc::default(), counting, reading, diagnosing }
    }

    /// Asks what may be done to an instance. The door answers from what it knows.
    pub fn ask(&self, id: InstanceId, purpose: Purpose) -> Event {
        let verbs = Verb::ALL.into_iter().map(|verb| (verb, self.door.why_not(verb, &id))).collect();
        Event::Answered(Answer { id, purpose, verbs })
    }

    /// Asks the same of many.
    fn ask_many(&self, verb: Verb, ids: Vec<InstanceId>) -> Event {
        let answer = |id: InstanceId| {
            let why = self.door.why_not(verb, &id);
            (id, why)
        };
        Event::AnsweredMany(verb, ids.into_iter().map(answer).collect())
    }

    /// Leaves a text in a file, off the loop: a disk may hang.
    pub fn leave(&mut self, what: String, text: String, why: &'static str) {
        let (events, own) = (self.events.clone(), self.door.copies());
        self.leaving.run(async move {
            let leaving = tokio::task::spawn_blocking(move || {
                crate::failpoint::pass("file");
                let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
                let directory = clipboard::directory(runtime, own).ok_or_else(|| Error::failed("there is no directory for a file"))?;
                clipboard::leave(&directory, &text)
            });
            let how = match tokio::time::timeout(LEAVING, leaving).await {
                Ok(Ok(Ok(path))) => Ok(Copied::Left(Shown::new(&path.to_string_lossy()), why)),
                Ok(Ok(Err(error))) => Err(Shown::new(&format!("{why}, and {}", error.chain()))),
                Ok(Err(_)) => Err(Shown::from("the file could not be written")),
                Err(_) => Err(Shown::from("the file could not be written in time")),
            };
            // When the loop has ended there is nobody to tell.
            let _ = events.send(Event::Copied { what, how }).await;
        });
    }

    /// Carries one effect out; an answer that is there at once is returned.
    pub fn perform(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Ask(id, purpose) => return Some(self.ask(id, purpose)),
            Effect::AskMany(verb, ids) => return Some(self.ask_many(verb, ids)),
            Effect::Submit(order) => self.door.submit(order),
            Effect::Foresee(order) => self.foresee(order),
            Effect::Propose(strategy) => self.propose(strategy),
            Effect::ForeseeTask(task) => self.foresee_task(task),
            Effect::CarryOut(task, reason) => return self.carry_out(task, reason),
            Effect::CountClients(id) => self.count_clients(id),
            Effect::Diagnose(id) => self.diagnose(id),
            Effect::ReadTrail(count) => self.read_trail(count),
            Effect::Keep(preferences) => self.store.keep(preferences, &self.events),
            // These concern the terminal, which is the loop's.
            Effect::Copy { .. } | Effect::PageLog { .. } | Effect::Mouse(_) | Effect::Redraw | Effect::Suspend | Effect::Quit => {}
            log => return self.log.perform(log),
        }
        None
    }

    /// Asks off the loop: the registry and a user's file are read for it.
    fn foresee(&mut self, order: Order) {
        let (door, events) = (Arc::clone(&self.door), self.events.clone());
        self.foreseeing.run(async move {
            let asked = order.clone();
            let foreseeing = tokio::task::spawn_blocking(move || {
                crate::failpoint::pass("foresee");
                door.foresee(&asked)
            });
            let (order, outcome) = match tokio::time::timeout(FORESEEING, foreseeing).await {
                Ok(Ok(foreseen)) => foreseen,
                Ok(Err(_)) => (order, untold("what it would do could not be told")),
                Err(_) => (order, untold("what it would do could not be told in time")),
            };
            // When the loop has ended there is nobody to tell.
            let _ = events.send(Event::Foreseen(order, outcome)).await;
        });
    }

    /// Asks off the loop: on a host with many connections the kernel takes its time.
    fn count_clients(&mut self, id: InstanceId) {
        let (door, events) = (Arc::clone(&self.door), self.events.clone());
        self.counting.run(async move {
            let whose = id.clone();
            let counting = tokio::task::spawn_blocking(move || {
                crate::failpoint::pass("clients");
                door.clients(&id).map_err(|error| Shown::new(&error.chain()))
            });
            let result = match tokio::time::timeout(COUNTING, counting).await {
                Ok(Ok(result)) => result,
                _ => Err(Shown::from("the connections could not be counted in time")),
            };
            // When the loop has ended there is nobody to tell.
            let _ = events.send(Event::ClientsCounted(whose, result)).await;
        });
    }

    /// Looks off the loop: a user's file system may hang.
    fn diagnose(&mut self, id: InstanceId) {
        let (door, events) = (Arc::clone(&self.door), self.events.clone());
        self.diagnosing.run(async move {
            let whose = id.clone();
            let diagnosing = tokio::task::spawn_blocking(move || {
                crate::failpoint::pass("why");
                door.diagnose(&id).map_err(|error| Shown::new(&error.chain()))
            });
            let result = match tokio::time::timeout(DIAGNOSING, diagnosing).await {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(Shown::from("the looking was broken off")),
                Err(_) => Err(Shown::from("that took too long")),
            };
            // When the loop has ended there is nobody to tell.
            let _ = events.send(Event::Diagnosed(whose, result)).await;
        });
    }

    /// Reads the audit trail: a file that somebody may be writing.
    fn read_trail(&mut self, count: usize) {
        let (door, events) = (Arc::clone(&self.door), self.events.clone());
        self.reading.run(async move {
            let reading = tokio::task::spawn_blocking(move || {
                crate::failpoint::pass("trail");
                door.trail(count)
            });
            let trail = match tokio::time::timeout(READING, reading).await {
                Ok(Ok(trail)) => trail.map_err(|error| Shown::new(&error.chain())),
                Ok(Err(_)) => Err(Shown::from("the audit trail could not be read")),
                Err(_) => Err(Shown::from("the audit trail could not be read in time")),
            };
            // When the loop has ended there is nobody to tell.
            let _ = events.send(Event::TrailRead(trail)).await;
        });
    }

    /// Begins the pager with what is to be seen of the open log. The terminal must be its own by now.
    ///
    /// # Errors
    /// When there is no log, or no such program.
    pub fn begin_pager(&mut self, serial: u64, names: Vec<String>) -> Result<Child> {
        self.log.begin_pager(serial, names)
    }
}
