//! Having a daemon do something: asked once for each process of an app, its end awaited. Where the answer is lost what came of it is looked up.
//!
//! It must never ask twice, nor start a second process beside one that is about to come again.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::app::{App, Status, Worker, apps};
use super::door::Door;
use super::fault::Fault;
use super::find::RPC;
use super::rpc::Order;
use crate::domain::ProcessKey;
use crate::hand::{is_alive, process_facts};

/// How long an answer may take that needs no work.
const DEADLINE: Duration = Duration::from_secs(5);

/// What a daemon is given beyond what an app has to start or to end.
const BEYOND: Duration = Duration::from_secs(10);

/// How long between two looks for what came of something.
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

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It is done, or PM2 has tried: the app before and after it.
    Done(Box<App>, Box<App>),
    /// PM2 would not.
    Refused(String),
    /// Nobody answered before it was asked: nothing was done.
    Unasked(String),
    /// The answer was lost, and nothing of the kind was done.
    Lost(String),
    /// It was asked, and what came of it could not be learnt in time.
    Unknown(String),
}

/// An app of a daemon, with which something is done.
pub struct Action<'a> {
    /// The daemon's door.
    pub door: &'a Door,
    /// Which process it is.
    pub daemon: ProcessKey,
    /// The app's name among its account's.
    pub name: &'a str,
    /// Beside the name, which others are looked for.
    pub is_wanted: &'a dyn Fn(&str) -> bool,
    /// Of which kind.
    pub what: What,
}

impl Action<'_> {
    /// Does it.
    pub fn carry_out(&self) -> End {
        let opened = self.open().and_then(|mut order| self.look(&mut order).map(|app| (order, app)));
        let (mut order, before) = match opened {
            Ok((order, Some(before))) => (order, before),
            Ok((_, None)) => return End::Refused("it has no such app any more".to_owned()),
            Err(fault) => return End::Unasked(fault.words().to_owned()),
        };
        let before = match self.settled(&mut order, before) {
            Ok(before) => before,
            Err(fault) => return End::Unasked(fault.words().to_owned()),
        };
        for (step, worker) in steps(self.what, &before) {
            let patience = patience(&before);
            match order.act(step.method(), &step.argument(worker.id), patience) {
                Ok(()) => {}
                Err(Fault::Refused(why)) => return End::Refused(why),
                Err(fault) => return self.look_up(&before, fault.words(), patience),
            }
        }
        match self.look(&mut order) {
            Ok(Some(after)) => End::Done(Box::new(before), Box::new(after)),
            // Somebody else has just taken it away.
            Ok(None) => End::Unknown("it has no such app any more".to_owned()),
            Err(fault) => self.look_up(&before, fault.words(), patience(&before)),
        }
    }

    fn open(&self) -> Result<Order, Fault> {
        let (stream, _) = self.door.knock(RPC)?;
        Ok(Order::over(stream)?)
    }

    fn look(&self, order: &mut Order) -> Result<Option<App>, Fault> {
        let told = order.processes(DEADLINE)?;
        let apps = apps(&told, self.is_wanted, |pid| process_facts(pid).ok().map(|facts| facts.key));
        Ok(apps.into_iter().find(|app| app.name == self.name).map(Arc::unwrap_or_clone))
    }

    /// The app once none of its processes is being ended: PM2 would start another beside it.
    fn settled(&self, order: &mut Order, mut app: App) -> Result<App, Fault> {
        let begun = Instant::now();
        while self.what != What::Stop && app.workers.iter().any(|worker| worker.status == Status::Stopping) {
            if begun.elapsed() > patience(&app) {
                return Err(Fault::lost("it is still being stopped"));
            }
            std::thread::sleep(LOOK_AGAIN);
            app = self.look(order)?.ok_or_else(|| Fault::lost("it has no such app any more"))?;
        }
        Ok(app)
    }

    /// What came of it, from whoever can tell by now: the daemon that is there, or the kernel.
    fn look_up(&self, before: &App, why: &str, patience: Duration) -> End {
        let begun = Instant::now();
        let mut last = why.to_owned();
        while begun.elapsed() < patience {
            match self.open().and_then(|mut order| self.look(&mut order)) {
                Ok(Some(now)) => match outcome(self.what, before, &now) {
                    Some(true) => return End::Done(Box::new(before.clone()), Box::new(now)),
                    Some(false) => return End::Lost(why.to_owned()),
                    None => {}
                },
                Ok(None) => last = "it has no such app any more".to_owned(),
                Err(fault) => {
                    fault.words().clone_into(&mut last);
                    if !is_alive(self.daemon) {
                        return self.without_its_daemon(before);
                    }
                }
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        End::Unknown(last)
    }

    /// Its daemon has ended: what the kernel shows is what there is.
    fn without_its_daemon(&self, before: &App) -> End {
        let now = before.alive(is_alive);
        if self.what == What::Stop && now.keys().next().is_none() {
            return End::Done(Box::new(before.clone()), Box::new(now));
        }
        End::Unknown("it has ended".to_owned())
    }
}

/// How long the daemon may take for one process of it.
fn patience(app: &App) -> Duration {
    app.stop_timeout * 2 + app.ready_timeout + BEYOND
}

/// One call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Start,
    Stop,
    Restart,
}

impl Step {
    fn method(self) -> &'static str {
        match self {
            Self::Start => "startProcessId",
            Self::Stop => "stopProcessId",
            Self::Restart => "restartProcessId",
        }
    }

    fn argument(self, id: u64) -> serde_json::Value {
        match self {
            Self::Start | Self::Stop => json!(id),
            Self::Restart => json!({ "id": id }),
        }
    }
}

/// What is asked of which process, in order. One that waits for its next try is stopped first: PM2 would start it once more when the time
/// has come (`God.startProcessId` leaves its timer alone).
fn steps(what: What, app: &App) -> Vec<(Step, &Worker)> {
    let of = |worker| -> &'static [Step] {
        match (what, worker) {
            (What::Start, Status::Online | Status::Launching) | (What::Stop, Status::Stopped) => &[],
            (What::Start | What::Restart, Status::Waiting) => &[Step::Stop, Step::Start],
            (What::Start, _) => &[Step::Start],
            (What::Stop, _) => &[Step::Stop],
            (What::Restart, _) => &[Step::Restart],
        }
    };
    app.workers.iter().flat_map(|worker| of(worker.status).iter().map(move |step| (*step, worker))).collect()
}

/// Whether it was done, by what the app does now; `None` while it is being done.
fn outcome(what: What, before: &App, now: &App) -> Option<bool> {
    let is = |status: Status| now.workers.iter().any(|worker| worker.status == status);
    if is(Status::Stopping) || is(Status::Launching) {
        return None;
    }
    let old: HashSet<ProcessKey> = before.keys().collect();
    match what {
        What::Stop => Some(now.keys().next().is_none() && !is(Status::Online) && !is(Status::Waiting)),
        What::Start => Some(now.workers.iter().all(|worker| worker.status == Status::Online)),
        What::Restart => {
            let is_new = |worker: &Worker| worker.status == Status::Online && worker.key.is_some_and(|key| !old.contains(&key));
            Some(now.workers.iter().all(is_new))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::app::tests::app;
    use super::*;

    fn of(status: &str, pid: Option<i32>) -> App {
        let mut app = app("mcp", &format!(r#""status":"{status}","exec_mode":"fork_mode""#));
        app.workers[0].key = pid.map(|pid| ProcessKey { pid, start_time: 1 });
        app
    }

    #[test]
    fn what_is_asked_follows_from_what_it_does() {
        let asked = |what, status: &str| -> Vec<&str> { steps(what, &of(status, None)).iter().map(|(step, _)| step.method()).collect() };
        assert_eq!(asked(What::Start, "stopped"), ["startProcessId"]);
        assert_eq!(asked(What::Start, "errored"), ["startProcessId"]);
        assert_eq!(asked(What::Start, "waiting restart"), ["stopProcessId", "startProcessId"]);
        assert!(asked(What::Start, "online").is_empty() && asked(What::Start, "launching").is_empty());
        assert_eq!(asked(What::Stop, "online"), ["stopProcessId"]);
        assert_eq!(asked(What::Stop, "waiting restart"), ["stopProcessId"]);
        assert!(asked(What::Stop, "stopped").is_empty());
        assert_eq!(asked(What::Restart, "online"), ["restartProcessId"]);
        assert_eq!(asked(What::Restart, "stopped"), ["restartProcessId"]);
        assert_eq!((Step::Restart.argument(3), Step::Stop.argument(3)), (json!({ "id": 3 }), json!(3)));
    }

    #[test]
    fn f19_what_came_of_a_lost_answer_is_told_by_what_runs() {
        let (up, down) = (of("online", Some(10)), of("stopped", None));
        for (what, before, now, came) in [
            (What::Start, &down, of("online", Some(11)), Some(true)),
            (What::Start, &down, of("launching", Some(11)), None),
            (What::Start, &down, of("stopped", None), Some(false)),
            (What::Start, &down, of("errored", None), Some(false)),
            (What::Stop, &up, of("stopped", None), Some(true)),
            (What::Stop, &up, of("stopping", Some(10)), None),
            (What::Stop, &up, of("online", Some(10)), Some(false)),
            (What::Stop, &up, of("waiting restart", None), Some(false)),
            (What::Restart, &up, of("online", Some(11)), Some(true)),
            (What::Restart, &up, of("online", Some(10)), Some(false)),
            (What::Restart, &up, of("stopping", Some(10)), None),
            (What::Restart, &up, of("stopped", None), Some(false)),
        ] {
            assert_eq!(outcome(what, before, &now), came, "{what:?} {:?}", now.workers[0].status);
        }
    }
}
