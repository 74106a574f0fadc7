//! What a command has the daemon do and needs no picture for: orders that wait their turn, instances that are added, one picture to choose from.
//!
//! It must never ask twice for what may have been begun.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use hyper::Method;
use tokio::time::timeout;

use super::http::{begin, silent, strange, wait_for};
use super::reading::change_of;
use super::{ANSWERED, CARRIED_OUT, Remote, Untaken, failed};
use crate::domain::{Added, Asked, Event, EventQuery, InstanceId, Order, Outcome, Shown, Snapshot, Target, Task, Verb};
use crate::error::{Error, Kind, Result};
use crate::link::wire::{Call, Reply, STREAM};
use crate::link::{Adding, Door, Removing};

/// How long an order waits for others of the same account to end, and how long between two tries.
const TURN: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_millis(100);

/// What carrying out takes beyond the time that an order is given: a restart has it twice.
const BESIDE: Duration = Duration::from_secs(120);

/// How large a picture may be.
const LARGEST: usize = 256 * 1024 * 1024;

impl Remote {
    /// Has an order carried out. The daemon takes so many of one account at a time: of more each waits for its turn.
    pub(super) fn carried_out(&self, order: Order, progress: &mut dyn FnMut(&Shown)) -> Outcome {
        let given = order.timeout.unwrap_or_default().saturating_mul(2).saturating_add(BESIDE);
        let (deadline, id) = (CARRIED_OUT.max(given), order.id.clone());
        let (call, begun) = (Call::CarryOut(order), Instant::now());
        loop {
            match self.ask(&call, deadline, progress) {
                Ok(Reply::Outcome(outcome)) => return outcome,
                Ok(_) => return failed(&strange()),
                // It was not even begun: what was has an outcome.
                Err(error) if error.kind() == Kind::Busy && begun.elapsed() < TURN => std::thread::sleep(AGAIN),
                Err(error) => return unnamed(&id, failed(&error)),
            }
        }
    }

    /// The newest events that are asked for, oldest first, as that daemon shows them.
    ///
    /// # Errors
    /// When it does not answer or they cannot be read.
    pub fn events(&self, query: &EventQuery) -> Result<Vec<Event>> {
        match self.ask(&Call::Events(query.clone()), ANSWERED, &mut |_| ())? {
            Reply::Events(mut events) => {
                // No more than was asked for, whatever comes.
                events.drain(..events.len().saturating_sub(query.last));
                Ok(events)
            }
            _ => Err(strange()),
        }
    }

    /// Adds instances, or says what would be done. Of several none is started.
    pub fn add(&self, all: &[Adding]) -> Vec<Added> {
        let none = |outcome: Outcome| {
            let added = Added { outcome, port: None, url: None, account: None, config: None, steps: Vec::new() };
            vec![added; all.len()]
        };
        match self.ask(&Call::Add(all.to_vec()), CARRIED_OUT, &mut |_| ()) {
            Ok(Reply::Added(added)) if added.len() == all.len() => added,
            Ok(_) => none(failed(&strange())),
            Err(error) if error.kind() == Kind::NotPermitted => none(not("added", &error)),
            Err(error) => none(failed(&error)),
        }
    }

    /// Removes an instance, or says what would be done.
    pub fn remove(&self, removing: &Removing) -> Outcome {
        let Removing { id, purge, target, dry_run, reason } = removing.clone();
        self.task(&Task::Remove { id, purge, target }, "removed", dry_run, reason)
    }

    /// Has an instance keep the port that it is on, or says what would be done.
    pub fn adopt(&self, id: &InstanceId, dry_run: bool, reason: Option<String>) -> Outcome {
        self.task(&Task::Adopt(id.clone()), "adopted", dry_run, reason)
    }

    fn task(&self, task: &Task, done: &str, dry_run: bool, reason: Option<String>) -> Outcome {
        let call = if dry_run { Call::ForeseeTask(task.clone()) } else { Call::CarryOutTask(task.clone(), reason) };
        match self.ask(&call, CARRIED_OUT, &mut |_| ()) {
            Ok(Reply::Outcome(outcome)) => outcome,
            Ok(_) => failed(&strange()),
            Err(error) if error.kind() == Kind::NotPermitted => not(done, &error),
            Err(error) => failed(&error),
        }
    }

    /// Gives an instance a port, or says what would be done.
    pub fn assign(&self, id: &InstanceId, asked: Asked, dry_run: bool, reason: Option<String>) -> Outcome {
        let order = Order { verb: Verb::Assign(asked), id: id.clone(), target: Target::Whatever, reason, timeout: None };
        if dry_run { self.foresee(&order).1 } else { self.carry_out(order, &mut |_| ()) }
    }

    /// The daemon's picture as it is now.
    ///
    /// # Errors
    /// When it does not tell it in time.
    pub fn picture(&self) -> Result<Arc<Snapshot>> {
        let reading = async {
            let mut response = begin(&self.way, Method::GET, STREAM, String::new()).await?;
            let mut event: Vec<u8> = Vec::new();
            while let Some(frame) = response.frame().await {
                let frame = frame.map_err(|error| silent().because(error))?;
                let Some(data) = frame.data_ref() else { continue };
                event.extend_from_slice(data);
                if event.len() > LARGEST {
                    return Err(strange());
                }
                if let Some(end) = event.windows(2).position(|end| end == b"\n\n") {
                    match change_of(&event[..end], |text| self.way.read(text))? {
                        Some(change) => return Ok(change),
                        None => drop(event.drain(..end + 2)),
                    }
                }
            }
            Err(silent())
        };
        let change = wait_for(async { timeout(ANSWERED, reading).await.map_err(|_| silent())? })?;
        self.take(change).map_err(|untaken| match untaken {
            Untaken::Gap => strange(),
            Untaken::TooMuch(why) => Error::failed(why),
        })?;
        Ok(self.newest())
    }
}

/// "not added: only admins ...", as it is said where it is done.
fn not(done: &str, error: &Error) -> Outcome {
    let outcome = failed(error);
    Outcome { sentence: Shown::new(&format!("not {done}: {}", outcome.sentence)), ..outcome }
}

/// Without the name before it: whoever shows it names whom it is about.
fn unnamed(id: &InstanceId, outcome: Outcome) -> Outcome {
    let sentence = outcome.sentence.as_str().strip_prefix(&format!("{id}: ")).map(Shown::new);
    Outcome { sentence: sentence.unwrap_or_else(|| outcome.sentence.clone()), ..outcome }
}
