//! What a console has done or asks: steps, then the end, a line each.
//!
//! It must never have more under way for one account than its share, nor hold a step back that nobody takes.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Extension, State};
use axum::http::{Request, StatusCode};
use tokio::sync::mpsc;

use super::rights::{Needs, needs, refused};
use crate::daemon::answer::{Answer, text};
use crate::daemon::events::Events;
use crate::daemon::hub::{ANSWERED, Hub, Work};
use crate::daemon::routes::{LONGEST_REASON, Peer, is_there};
use crate::domain::{Caller, EventQuery, InstanceId, Order, Outcome, Role, Shown, Verb};
use crate::error::{Error, Kind, Result};
use crate::link::Shared;
use crate::link::wire::{Call, Line, Refused, Reply};

/// How large a question may be.
const LARGEST: usize = 64 * 1024;

/// How many lines wait to be taken.
const LINES: usize = 16;

/// How many deeds are told at most, and how many events.
const DEEDS: usize = 5000;
const EVENTS: usize = 10_000;

/// How long an order may be given, as on the command line.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// How large an admin's may be: a list of those that are to be added.
const LARGEST_LIST: usize = 4 * 1024 * 1024;

/// How many may be added at once.
const MOST_ADDED: usize = 10_000;

/// Reads a small body, in time.
pub(super) async fn body(request: Request<Body>) -> Result<Bytes> {
    body_within(request, LARGEST).await
}

async fn body_within(request: Request<Body>, largest: usize) -> Result<Bytes> {
    let read = tokio::time::timeout(ANSWERED, to_bytes(request.into_body(), largest)).await;
    let read = read.map_err(|_| Error::new(Kind::Timeout, "the body did not come"))?;
    read.map_err(|_| Error::new(Kind::Usage, "the body is too large"))
}

/// Answers.
pub async fn call(State(hub): State<Arc<Hub>>, Extension(peer): Extension<Peer>, request: Request<Body>) -> Answer {
    let largest = if peer.caller.role == Role::Admin { LARGEST_LIST } else { LARGEST };
    let read = serde_json::from_slice(&body_within(request, largest).await?);
    let call: Call = read.map_err(|_| Error::new(Kind::Usage, "the question is not understood: the console may be of another version"))?;
    is_measured(&call)?;
    if let Some(id) = about(&call) {
        is_there(&hub, &peer, id)?;
    }
    let work = work(&call);
    let turn = hub.turn(peer.caller.uid, work)?;
    let place = (work == Work::Order).then(|| Arc::clone(&hub.orders).try_acquire_owned()).transpose();
    let place = place.map_err(|_| Error::new(Kind::Busy, "too many orders are on their way already").hint("try again in a moment"))?;
    let (sender, lines) = mpsc::channel(LINES);
    tokio::task::spawn_blocking(move || {
        crate::failpoint::pass("daemon-work");
        let held: Box<dyn FnOnce() + Send> = Box::new(move || drop((turn, place)));
        let mut step = |step: &Shown| {
            // Of those that nobody takes only the last one counts, which is the end.
            if sender.capacity() > 1 {
                drop(sender.try_send(line(&Line::Step(step.clone()))));
            }
        };
        let waited_for = if work == Work::Order { peer.is_waited_for(true) } else { Ok(()) };
        let reply = waited_for.and_then(|()| answer(&hub, &peer.caller, call, held, &mut step));
        let reply = reply.unwrap_or_else(|error| Reply::Refused(Refused::from(&error)));
        // Who has hung up is not told.
        drop(sender.blocking_send(line(&Line::End(Box::new(reply)))));
    });
    Ok(text(StatusCode::OK, "application/x-ndjson", Body::from_stream(Events(lines))))
}

/// Whether what comes with an order is within what a command line takes: times are added to others, and reasons are kept.
fn is_measured(call: &Call) -> Result<()> {
    let (timeout, reason) = match call {
        Call::Submit(order) | Call::CarryOut(order) | Call::Foresee(order) => (order.timeout, order.reason.as_ref()),
        Call::CarryOutTask(_, reason) => (None, reason.as_ref()),
        Call::Add(all) if all.len() > MOST_ADDED => {
            return Err(Error::new(Kind::Usage, format!("at most {MOST_ADDED} are added at once")));
        }
        Call::Add(all) => (None, all.iter().filter_map(|one| one.reason.as_ref()).max_by_key(|reason| reason.chars().count())),
        Call::Clients(_) | Call::Diagnose(_) | Call::Propose(_) | Call::ForeseeTask(_) => (None, None),
        Call::Trail(_) | Call::Events(_) => (None, None),
    };
    if timeout.is_some_and(|timeout| timeout > LONGEST_TIMEOUT) {
        return Err(Error::new(Kind::Usage, "a timeout is at most a day"));
    }
    if reason.is_some_and(|reason| reason.chars().count() > LONGEST_REASON) {
        return Err(Error::new(Kind::Usage, format!("a reason is a text of at most {LONGEST_REASON} characters")));
    }
    Ok(())
}

/// What it takes: who asks much is not to keep orders out.
fn work(call: &Call) -> Work {
    match call {
        Call::Submit(_) | Call::CarryOut(_) | Call::CarryOutTask(..) | Call::Add(_) => Work::Order,
        Call::Foresee(_) | Call::Propose(_) | Call::ForeseeTask(_) | Call::Clients(_) | Call::Diagnose(_) => Work::Question,
        Call::Trail(_) | Call::Events(_) => Work::Question,
    }
}

fn line(line: &Line) -> Bytes {
    let mut text = serde_json::to_string(line).unwrap_or_default();
    text.push('\n');
    Bytes::from(text)
}

/// The instance that it is about.
fn about(call: &Call) -> Option<&InstanceId> {
    match call {
        Call::Submit(order) | Call::CarryOut(order) | Call::Foresee(order) => Some(&order.id),
        Call::Clients(id) | Call::Diagnose(id) => Some(id),
        Call::Propose(_) | Call::ForeseeTask(_) | Call::CarryOutTask(..) | Call::Add(_) | Call::Trail(_) => None,
        // What they may see of it is decided event by event.
        Call::Events(_) => None,
    }
}

/// What comes of it; `held` is let go when it is over, which may be later than the answer.
fn answer(hub: &Hub, caller: &Caller, call: Call, held: Box<dyn FnOnce() + Send>, step: &mut dyn FnMut(&Shown)) -> Result<Reply> {
    let shared = &*hub.shared;
    let needs = needs(&call);
    if let Some(why) = refused(caller, needs) {
        put_down(shared, caller, &call, why);
        return Err(Error::new(Kind::NotPermitted, why));
    }
    let barred = barred(hub, caller, needs, about(&call));
    let door = shared.door(caller);
    let reply = match call {
        // Refused, it is recorded where it is refused, and stands in nobody's table.
        Call::Submit(order) if barred.is_some() => Reply::Outcome(shared.carry_out(caller, order)),
        Call::Submit(order) => {
            shared.submit(caller, order, held);
            return Ok(Reply::Taken);
        }
        Call::CarryOut(order) if barred.is_some() => Reply::Outcome(shared.carry_out(caller, order)),
        Call::CarryOut(order) => {
            let id = order.id.clone();
            let mut outcome = door.carry_out(order, step);
            if barred_from_log(hub, caller, &id) {
                outcome.log_lines.clear();
            }
            Reply::Outcome(outcome)
        }
        Call::Foresee(order) => match barred {
            Some(why) => Reply::Foreseen(order.clone(), unforeseen(&order, &why)),
            None => {
                let (order, outcome) = door.foresee(&order);
                Reply::Foreseen(order, outcome)
            }
        },
        Call::Diagnose(id) => match barred {
            Some(why) => return Err(Error::new(Kind::NotPermitted, format!("{id}: it is not looked at: {why}"))),
            None => Reply::Diagnosis(door.diagnose(&id)?),
        },
        Call::Clients(id) => Reply::Clients(door.clients(&id)?),
        Call::Propose(strategy) => Reply::Proposal(door.propose(strategy)?),
        Call::ForeseeTask(task) => Reply::Outcome(door.foresee_task(&task)),
        Call::CarryOutTask(task, reason) => Reply::Outcome(door.carry_out_task(&task, reason, step)),
        Call::Add(all) => Reply::Added(shared.add(caller, &all, step)),
        Call::Trail(count) => Reply::Trail(shared.trail(caller, count.min(DEEDS))?),
        Call::Events(query) => Reply::Events(shared.events(caller, &EventQuery { last: query.last.min(EVENTS), ..query })?),
    };
    held();
    Ok(reply)
}

/// Has it be recorded that a change of the fleet was refused; of a list the first one, and how many more there were.
fn put_down(shared: &dyn Shared, caller: &Caller, call: &Call, why: &str) {
    let (verb, id, reason, more) = match call {
        Call::CarryOutTask(task, reason) => (task.verb(), task.audited(), reason.clone(), 0),
        Call::Add(all) => match all.iter().find(|one| !one.dry_run) {
            Some(first) => ("add", first.id.clone(), first.reason.clone(), all.len().saturating_sub(1)),
            None => return,
        },
        _ => return,
    };
    let more = if more == 0 { String::new() } else { format!(", with {more} more") };
    let sentence = Shown::new(&format!("{why}{more}"));
    let outcome = Outcome { exit_code: Kind::NotPermitted.exit_code(), sentence, hints: Vec::new(), log_lines: Vec::new() };
    shared.record_refused(caller, verb, &id, reason, &outcome);
}

/// Why it may not be had from this instance.
fn barred(hub: &Hub, caller: &Caller, needs: Needs, id: Option<&InstanceId>) -> Option<Shown> {
    let (Needs::To(verb), Some(id)) = (needs, id) else { return None };
    let newest = hub.newest();
    // One that nobody has seen yet may be there: then it is decided where it is done.
    hub.shared.why_not(caller, verb, newest.row(id)?)
}

fn barred_from_log(hub: &Hub, caller: &Caller, id: &InstanceId) -> bool {
    // Of whom nobody knows whose it is nothing is shown.
    hub.newest().row(id).is_none_or(|row| hub.shared.why_not(caller, Verb::Logs, row).is_some())
}

fn unforeseen(order: &Order, why: &Shown) -> Outcome {
    let sentence = Shown::new(&format!("not {}: {why}", order.verb.done()));
    Outcome { exit_code: Kind::NotPermitted.exit_code(), sentence, hints: Vec::new(), log_lines: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Target;

    #[test]
    fn what_no_command_line_takes_is_refused() {
        let order = |timeout, reason: Option<String>| Order {
            verb: Verb::Stop,
            id: crate::fixture::id("alice"),
            target: Target::Whatever,
            reason,
            timeout,
        };
        let text = serde_json::to_string(&Call::Submit(order(Some(Duration::MAX), None))).unwrap();
        let endless: Call = serde_json::from_str(&text).unwrap();
        assert_eq!(is_measured(&endless).unwrap_err().kind(), Kind::Usage);
        assert!(is_measured(&Call::CarryOut(order(Some(LONGEST_TIMEOUT), Some("x".repeat(LONGEST_REASON))))).is_ok());
        assert!(is_measured(&Call::CarryOut(order(None, Some("x".repeat(LONGEST_REASON + 1))))).is_err());
    }
}
