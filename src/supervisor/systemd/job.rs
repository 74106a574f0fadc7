//! Something that systemd is asked to do: asked once, its end awaited. Where the answer is lost what came of it is looked up.
//!
//! It must never ask twice.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use super::bus::{Bus, Fault, JobEnd};
use super::facts::Facts;
use super::state::Shared;
use crate::domain::Activity;

/// How long between two looks for what came of a job whose answer was lost.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// To run it.
    Start,
    /// To end it.
    Stop,
    /// To end it and run it again.
    Restart,
}

impl What {
    fn method(self) -> &'static str {
        match self {
            Self::Start => "StartUnit",
            Self::Stop => "StopUnit",
            Self::Restart => "RestartUnit",
        }
    }
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// systemd says so: `done`, `failed`, ... The unit before and after it.
    Told(String, Box<Facts>, Box<Facts>),
    /// systemd would not: the error's name and its words.
    Refused(String, String),
    /// Nobody answered before it was asked: nothing was done.
    Unasked(String),
    /// It was asked, and what came of it could not be learnt in time.
    Unknown(String),
}

/// A task for the thread, and where its end goes.
pub struct Job {
    what: What,
    unit: String,
    patience: Duration,
    answer: std::sync::mpsc::Sender<End>,
}

impl Job {
    /// One, and where its end comes out.
    pub fn new(what: What, unit: &str, patience: Duration) -> (Self, std::sync::mpsc::Receiver<End>) {
        let (answer, end) = std::sync::mpsc::channel();
        (Self { what, unit: unit.to_owned(), patience, answer }, end)
    }

    /// Of which unit.
    pub fn unit(&self) -> &str {
        &self.unit
    }
}

/// Does it.
pub(super) async fn carry_out(job: Job, buses: watch::Receiver<Option<Arc<Bus>>>, shared: Arc<Shared>) {
    let end = attempt(&job, &buses, &shared).await;
    if let End::Told(_, _, after) = &end {
        shared.one((**after).clone(), usize::MAX);
    }
    // Whoever asked may have given up.
    let _ = job.answer.send(end);
}

async fn attempt(job: &Job, buses: &watch::Receiver<Option<Arc<Bus>>>, shared: &Shared) -> End {
    let Some(bus) = buses.borrow().clone() else {
        let why = shared.state().lost.as_ref().map_or_else(|| "it was not reached yet".to_owned(), |(_, why)| why.to_string());
        return End::Unasked(why);
    };
    let before = match bus.facts(&job.unit).await {
        Ok(before) => before,
        Err(Fault::Refused(name, words)) => return End::Refused(name, words),
        Err(Fault::Lost(why)) => return End::Unasked(why),
    };
    if job.what != What::Stop && before.result == "start-limit-hit" {
        // Whoever asks by hand wants one more try; without this systemd refuses it.
        let _ = bus.reset_failed(&job.unit).await;
    }
    let told = tokio::time::timeout(job.patience, ask(job, &bus)).await;
    drop(bus);
    match told {
        Ok(Ok(result)) => match look(job, buses, |_| true).await {
            Ok(after) => {
                let bus = buses.borrow().clone();
                if job.what == What::Stop
                    && after.activity() == Activity::Failed
                    && let Some(bus) = bus
                {
                    // It was asked to be down and is: how it once failed is no news any more.
                    let _ = bus.reset_failed(&job.unit).await;
                }
                End::Told(result, Box::new(before), Box::new(after))
            }
            Err(why) => End::Unknown(why),
        },
        Ok(Err(Fault::Refused(name, words))) => End::Refused(name, words),
        Ok(Err(Fault::Lost(_))) => match look(job, buses, |now| outcome(job.what, &before, now).is_some()).await {
            Ok(after) => {
                let result = outcome(job.what, &before, &after).unwrap_or_default().to_owned();
                End::Told(result, Box::new(before), Box::new(after))
            }
            Err(why) => End::Unknown(why),
        },
        Err(_) => End::Unknown("its job has not ended".to_owned()),
    }
}

/// Asks, and gives the job's result.
async fn ask(job: &Job, bus: &Bus) -> Result<String, Fault> {
    // Before it is asked: a job may end before its answer is read.
    let mut ends = bus.ends()?;
    let object = bus.job(job.what.method(), &job.unit).await?;
    end_of(&mut ends, &object).await
}

async fn end_of(ends: &mut broadcast::Receiver<JobEnd>, job: &str) -> Result<String, Fault> {
    loop {
        match ends.recv().await {
            Ok(end) if end.job == job => return Ok(end.result),
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return Err(Fault::Lost("too much was told at once".to_owned())),
            Err(RecvError::Closed) => return Err(Fault::Lost("the message bus has gone".to_owned())),
        }
    }
}

/// Looks at the unit until it is as wanted, over whatever bus there is by then.
async fn look(job: &Job, buses: &watch::Receiver<Option<Arc<Bus>>>, is_enough: impl Fn(&Facts) -> bool) -> Result<Facts, String> {
    let looking = async {
        loop {
            let bus = buses.borrow().clone();
            if let Some(bus) = bus
                && let Ok(now) = bus.facts(&job.unit).await
                && is_enough(&now)
            {
                return now;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    tokio::time::timeout(job.patience, looking).await.map_err(|_| "it has not answered since".to_owned())
}

/// What came of a job whose result nobody heard: `done`, `failed`, or `lost` where nothing was done. `None` while it is being done.
fn outcome(what: What, before: &Facts, now: &Facts) -> Option<&'static str> {
    if now.has_job {
        return None;
    }
    let is_new = now.invocation != before.invocation;
    match (what, now.activity()) {
        (_, Activity::Starting | Activity::Stopping) => None,
        (What::Stop, Activity::Inactive | Activity::Failed) => Some("done"),
        (What::Stop, Activity::Active | Activity::Waiting) => Some("lost"),
        (_, Activity::Active) if is_new => Some("done"),
        (_, Activity::Failed | Activity::Waiting | Activity::Inactive) if is_new => Some("failed"),
        _ => Some("lost"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::tests::unit;
    use super::*;

    #[test]
    fn what_came_of_a_lost_answer_is_told_by_the_unit() {
        let of = |active: &str, sub: &str, run: u8, has_job: bool| Facts {
            invocation: vec![run],
            has_job,
            ..unit("mcp@a.service", active, sub)
        };
        let (up, down) = (of("active", "running", 1, false), of("inactive", "dead", 1, false));
        for (what, before, now, came) in [
            (What::Start, &down, of("active", "running", 2, false), Some("done")),
            (What::Start, &down, of("activating", "start", 2, true), None),
            (What::Start, &down, of("activating", "start", 2, false), None),
            (What::Start, &down, of("inactive", "dead", 1, true), None),
            (What::Start, &down, of("inactive", "dead", 1, false), Some("lost")),
            (What::Start, &down, of("inactive", "dead", 2, false), Some("failed")),
            (What::Start, &down, of("failed", "failed", 2, false), Some("failed")),
            (What::Start, &down, of("activating", "auto-restart", 2, false), Some("failed")),
            (What::Restart, &up, of("active", "running", 1, false), Some("lost")),
            (What::Restart, &up, of("active", "running", 1, true), None),
            (What::Restart, &up, of("active", "running", 2, false), Some("done")),
            (What::Restart, &up, of("deactivating", "stop-sigterm", 1, true), None),
            (What::Stop, &up, of("inactive", "dead", 1, false), Some("done")),
            (What::Stop, &up, of("failed", "failed", 1, false), Some("done")),
            (What::Stop, &up, of("active", "running", 1, false), Some("lost")),
            (What::Stop, &up, of("deactivating", "stop-sigterm", 1, false), None),
        ] {
            assert_eq!(outcome(what, before, &now), came, "{what:?} {} {}", now.active_state, now.sub_state);
        }
    }
}
