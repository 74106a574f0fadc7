//! Carries effects out: asks the door, follows logs. What is slow runs off the loop with a deadline; answers come back as events.
//!
//! It must never change the state, and never let a late answer pass for one about something else: each has its serial.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;

use crate::domain::{InstanceId, Shown, Verb};
use crate::link::{Door, Tail};

use super::effect::Effect;
use super::event::{Answer, Event, Purpose};
use super::preferences::Store;

/// How long opening a log may take.
const OPENING: Duration = Duration::from_secs(3);

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

    /// Carries one effect out; an answer that is there at once is returned.
    pub fn perform(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Ask(id, purpose) => return Some(self.ask(id, purpose)),
            Effect::Submit(order) => self.door.submit(order),
            Effect::OpenLog { id, serial, after } => self.open(id, serial, after),
            Effect::CloseLog => self.close(),
            Effect::ReadLog { serial, up_to, count } => return self.read(serial, up_to, count),
            Effect::Keep(preferences) => self.store.keep(preferences, &self.events),
            // These concern the terminal, which is the loop's.
            Effect::Copy { .. } => {}
            Effect::Redraw | Effect::Suspend | Effect::Quit => {}
        }
        None
    }

    /// Reads lines of the log that is open.
    fn read(&mut self, serial: u64, up_to: Option<u64>, count: usize) -> Option<Event> {
        while let Ok(opened) = self.opened.1.try_recv() {
            self.tail = Some(opened);
        }
        let (open, tail) = self.tail.as_ref()?;
        (*open == serial).then(|| Event::LogRead(serial, tail.lines(up_to, count)))
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
