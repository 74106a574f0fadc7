//! Something that an engine is asked to do to a container: asked once, its end awaited. Where the answer is lost what came of it is looked up.
//!
//! It must never ask twice.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::api::{Client, Fault, What};
use super::facts::{self, Facts};
use super::process;
use super::state::Shared;
use super::stops::Stops;
use crate::domain::{Activity, Uid};

/// How long between two looks for what came of an order whose answer was lost.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It was done; the container before and after it.
    Done(Box<Facts>, Box<Facts>),
    /// The engine would not: the status and its words.
    Refused(u16, String),
    /// Nobody answered before it was asked: nothing was done.
    Unasked(String),
    /// It was asked, its answer was lost, and nothing was done.
    Undone,
    /// It was asked, and what came of it could not be learnt in time.
    Unknown(String),
}

/// A task for the thread, and where its end goes.
pub struct Job {
    what: What,
    id: String,
    patience: Duration,
    answer: std::sync::mpsc::Sender<End>,
}

impl Job {
    /// One, and where its end comes out.
    pub fn new(what: What, id: &str, patience: Duration) -> (Self, std::sync::mpsc::Receiver<End>) {
        let (answer, end) = std::sync::mpsc::channel();
        (Self { what, id: id.to_owned(), patience, answer }, end)
    }
}

/// Does it.
pub(super) async fn carry_out(job: Job, clients: watch::Receiver<Option<Arc<Client>>>, shared: Arc<Shared>, stops: Arc<Stops>, uid: Uid) {
    let end = attempt(&job, &clients, &shared, &stops, uid).await;
    if let End::Done(_, after) = &end {
        shared.one((**after).clone());
    }
    // Whoever asked may have given up.
    let _ = job.answer.send(end);
}

async fn attempt(job: &Job, clients: &watch::Receiver<Option<Arc<Client>>>, shared: &Shared, stops: &Stops, uid: Uid) -> End {
    let Some(client) = clients.borrow().clone() else {
        let why = shared.state().lost.as_ref().map_or_else(|| "it was not reached yet".to_owned(), |(_, why)| why.to_string());
        return End::Unasked(why);
    };
    let before = match client.inspect(&job.id).await {
        Ok(told) => told,
        Err(Fault::Refused(status, words)) => return End::Refused(status, words),
        Err(Fault::Odd(why) | Fault::Lost(why)) => return End::Unasked(why),
    };
    let Some(before) = facts::facts(before, |pid| process::of(pid, uid)) else {
        return End::Unasked("it answers what is no container".to_owned());
    };
    if job.what != What::Start {
        // Before it is asked: the end may be told before the answer comes.
        shared.asked(&before.id);
    }
    let told = client.act(job.what, &job.id, job.patience).await;
    drop(client);
    let is_enough = |now: &Facts| told.is_ok() || outcome(job.what, &before, now).is_some();
    match &told {
        Err(Fault::Refused(status, words)) => End::Refused(*status, words.clone()),
        _ => match look(job, clients, uid, is_enough).await {
            Ok(after) if told.is_err() && outcome(job.what, &before, &after) == Some(false) => End::Undone,
            Ok(after) => {
                let was_asked = stops.have(&after.id, after.started_at);
                End::Done(Box::new(before), Box::new(Facts { was_asked, ..after }))
            }
            Err(why) => End::Unknown(why),
        },
    }
}

/// Looks at the container until it is as wanted, over whatever connection there is by then.
async fn look(
    job: &Job,
    clients: &watch::Receiver<Option<Arc<Client>>>,
    uid: Uid,
    is_enough: impl Fn(&Facts) -> bool,
) -> Result<Facts, String> {
    let looking = async {
        loop {
            let client = clients.borrow().clone();
            if let Some(client) = client
                && let Ok(told) = client.inspect(&job.id).await
                && let Some(now) = facts::facts(told, |pid| process::of(pid, uid))
                && is_enough(&now)
            {
                return now;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    tokio::time::timeout(job.patience, looking).await.map_err(|_| "it has not answered since".to_owned())
}

/// Whether an order was carried out whose answer nobody heard. `None` while it is being done, or may still be.
fn outcome(what: What, before: &Facts, now: &Facts) -> Option<bool> {
    let is_new = now.started_at != before.started_at;
    match (what, now.activity()) {
        (_, Activity::Starting | Activity::Stopping) => None,
        (What::Stop(_), Activity::Inactive | Activity::Failed) => Some(true),
        // The engine may be waiting for its end yet: it has no word for that.
        (What::Stop(_), Activity::Active | Activity::Waiting) => None,
        (What::Start | What::Restart(_), _) if is_new => Some(true),
        (What::Start, Activity::Active) => Some(true),
        (What::Start, _) => Some(false),
        (What::Restart(_), _) => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::facts::tests::container;
    use super::*;

    #[test]
    fn what_came_of_a_lost_answer_is_told_by_the_container() {
        let of = |status: &str, run: i64| Facts { started_at: Timestamp::from_second(run).ok(), ..container("a", status) };
        let (up, down) = (of("running", 1), of("exited", 1));
        for (what, before, now, came) in [
            (What::Start, &down, of("running", 2), Some(true)),
            (What::Start, &down, of("exited", 2), Some(true)),
            (What::Start, &down, of("exited", 1), Some(false)),
            (What::Restart(1), &up, of("running", 2), Some(true)),
            (What::Restart(1), &up, of("running", 1), None),
            (What::Restart(1), &up, of("exited", 1), None),
            (What::Stop(1), &up, of("exited", 1), Some(true)),
            (What::Stop(1), &up, of("running", 1), None),
            (What::Stop(1), &up, of("stopping", 1), None),
        ] {
            assert_eq!(outcome(what, before, &now), came, "{what:?} {}", now.status);
        }
    }
}
