//! Carries effects out: asks the door, follows logs. What is slow runs off the loop with a deadline; answers come back as events.
//!
//! It must never change the state, and never let a late answer pass for one about something else: each has its serial.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;

use crate::domain::{InstanceId, Shown, Verb};
use crate::error::Error;
use crate::link::{Door, Tail};

use super::clipboard;
use super::effect::Effect;
use super::event::{Answer, Copied, Event, Purpose};
use super::preferences::Store;

/// How long opening a log may take.
const OPENING: Duration = Duration::from_secs(3);

/// How long counting connections may take.
const COUNTING: Duration = Duration::from_secs(3);
/// How long reading the audit trail may take.
const READING: Duration = Duration::from_secs(3);
/// How long writing a file may take.
const LEAVING: Duration = Duration::from_secs(3);

/// Changes of a log are told at most this often.
const PACE: Duration = Duration::from_millis(100);

/// What carries out.
pub struct Performer {
    door: Arc<dyn Door>,
    events: Sender<Event>,
    /// Where preferences are kept.
    store: Store,
    /// The task that opens or follows a log, and the log itself once it is open.
    following: Option<(u64, JoinHandle<()>)>,
    tail: Option<(u64, Arc<dyn Tail>)>,
    opened: (Sender<Opened>, tokio::sync::mpsc::Receiver<Opened>),
}

/// A log that was opened.
type Opened = (u64, Arc<dyn Tail>);

impl Performer {
    /// Answers go to `events`, preferences to `store`.
    pub fn new(door: Arc<dyn Door>, events: Sender<Event>, store: Store) -> Self {
        Self { door, events, store, following: None, tail: None, opened: tokio::sync::mpsc::channel(4) }
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
    pub fn leave(&self, what: String, text: String, why: &'static str) {
        let (events, own) = (self.events.clone(), self.door.copies());
        tokio::spawn(async move {
            let leaving = tokio::task::spawn_blocking(move || {
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
            Effect::OpenLog { id, serial, after } => self.open(id, serial, after),
            Effect::CountClients(id) => self.count_clients(id),
            Effect::CloseLog => self.close(),
            Effect::ReadTrail(count) => self.read_trail(count),
            Effect::ReadLog { serial, up_to, count } => return self.read(serial, up_to, count),
            Effect::Keep(preferences) => self.store.keep(preferences, &self.events),
            // These concern the terminal, which is the loop's.
            Effect::Copy { .. } => {}
            Effect::Mouse(_) | Effect::Redraw | Effect::Suspend | Effect::Quit => {}
        }
        None
    }

    /// Asks off the loop: on a host with many connections the kernel takes its time.
    fn count_clients(&self, id: InstanceId) {
        let (door, events) = (Arc::clone(&self.door), self.events.clone());
        tokio::spawn(async move {
            let whose = id.clone();
            let counting = tokio::task::spawn_blocking(move || door.clients(&id).map_err(|error| Shown::new(&error.chain())));
            let result = match tokio::time::timeout(COUNTING, counting).await {
                Ok(Ok(result)) => result,
                _ => Err(Shown::from("the connections could not be counted in time")),
            };
            // When the loop has ended there is nobody to tell.
            let _ = events.send(Event::ClientsCounted(whose, result)).await;
        });
    }

    /// Reads lines of the log that is open.
    fn read(&mut self, serial: u64, up_to: Option<u64>, count: usize) -> Option<Event> {
        while let Ok(opened) = self.opened.1.try_recv() {
            self.tail = Some(opened);
        }
        let (open, tail) = self.tail.as_ref()?;
        (*open == serial).then(|| Event::LogRead(serial, tail.lines(up_to, count)))
    }

    /// Reads the audit trail: a file that somebody may be writing.
    fn read_trail(&self, count: usize) {
        let (door, events) = (Arc::clone(&self.door), self.events.clone());
        tokio::spawn(async move {
            let reading = tokio::task::spawn_blocking(move || door.trail(count));
            let trail = match tokio::time::timeout(READING, reading).await {
                Ok(Ok(trail)) => trail.map_err(|error| Shown::new(&error.chain())),
                Ok(Err(_)) => Err(Shown::from("the audit trail could not be read")),
                Err(_) => Err(Shown::from("the audit trail could not be read in time")),
            };
            // When the loop has ended there is nobody to tell.
            let _ = events.send(Event::TrailRead(trail)).await;
        });
    }

    /// Opens a log once the choice stood still, then tells when it changes.
    fn open(&mut self, id: InstanceId, serial: u64, after: Duration) {
        self.close();
        let (door, events, opened) = (Arc::clone(&self.door), self.events.clone(), self.opened.0.clone());
        let task = tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let opening = tokio::task::spawn_blocking(move || door.tail(&id));
            let tail = match tokio::time::timeout(OPENING, opening).await {
                Ok(Ok(Ok(tail))) => tail,
                Ok(Ok(Err(error))) => return tell(&events, serial, Err(Shown::new(&error.chain()))).await,
                Ok(Err(_)) => return tell(&events, serial, Err(Shown::from("the log could not be opened"))).await,
                Err(_) => return tell(&events, serial, Err(Shown::from("the log could not be opened in time"))).await,
            };
            let mut version = tail.version();
            version.mark_unchanged();
            if opened.send((serial, tail)).await.is_err() {
                return;
            }
            tell(&events, serial, Ok(())).await;
            while version.changed().await.is_ok() {
                if events.send(Event::LogChanged(serial)).await.is_err() {
                    return;
                }
                tokio::time::sleep(PACE).await;
            }
        });
        self.following = Some((serial, task));
    }

    /// Stops following. The tail is dropped off the loop: that may have to wait for a thread.
    fn close(&mut self) {
        if let Some((_, task)) = self.following.take() {
            task.abort();
        }
        let mut tails: Vec<Opened> = self.tail.take().into_iter().collect();
        while let Ok(opened) = self.opened.1.try_recv() {
            tails.push(opened);
        }
        if !tails.is_empty() {
            drop(tokio::task::spawn_blocking(move || drop(tails)));
        }
    }
}

/// Tells how opening went.
async fn tell(events: &Sender<Event>, serial: u64, result: Result<(), Shown>) {
    // When the loop has ended there is nobody to tell.
    let _ = events.send(Event::LogOpened(serial, result)).await;
}
