//! What presenters ask of a daemon, each as the question that the daemon answers.
//!
//! It must never answer for the daemon what only that one knows.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;

use super::{ANSWERED, CARRIED_OUT, KEPT_LINES, Remote, failed, http, nobody, read_only, reading};
use crate::config::Strategy;
use crate::control::{Policy, why_not};
use crate::domain::{
    Caller, Diagnosis, InstanceId, Order, Outcome, Proposal, Shown, Snapshot, Stage, Standing, Task, Trail, Underway, Verb,
};
use crate::error::{Context, Error, Result};
use crate::link::local::LocalTail;
use crate::link::wire::{Call, Reply};
use crate::link::{Door, LogLines, LogQuery, Tail};
use crate::logs::{Log, Reel, follow, history};
use crate::sample;

/// How long nothing is said of an order that the daemon has not taken.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Waits for it, and says so where that takes longer than anybody waits without a word.
async fn noticed<T>(answer: impl Future<Output = T>, waits: impl FnOnce()) -> T {
    let mut answer = std::pin::pin!(answer);
    if let Ok(came) = tokio::time::timeout(AT_ONCE, answer.as_mut()).await {
        return came;
    }
    waits();
    answer.await
}

impl Door for Remote {
    fn caller(&self) -> Caller {
        let Some(hello) = self.hello() else { return nobody() };
        Caller { read_only: hello.caller.read_only || self.read_only, ..hello.caller }
    }

    /// Begins to read along with the first one: by then the terminal is the console's, which gives it back should the thread panic.
    fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.begun.call_once(|| {
            if let Err(error) = reading::start(Weak::clone(&self.own)) {
                self.lost(&error);
            }
        });
        self.snapshots.subscribe()
    }

    fn standing(&self) -> Option<watch::Receiver<Standing>> {
        Some(self.standing.subscribe())
    }

    fn why_not(&self, verb: Verb, id: &InstanceId) -> Option<Shown> {
        if let Standing::Lost { .. } = &*self.standing.borrow() {
            return Some(match &self.way.label {
                Some(host) => Shown::new(&format!("{host} does not answer")),
                None => Shown::from("the daemon does not answer"),
            });
        }
        let newest = self.newest();
        let Some(row) = newest.row(id) else { return Some(Shown::new("there is no such instance")) };
        if id.is_unmanaged() {
            return Some(Shown::new("it is no instance, so berth leaves it alone"));
        }
        let Some(hello) = self.hello() else { return Some(Shown::from("the daemon was not reached yet")) };
        let acting = Caller { read_only: hello.acting.read_only || self.read_only, ..hello.acting };
        if let Some(why) = why_not(&acting, verb, row.uid, &Policy { owners_may: hello.owners_may }) {
            // Where it is the host that refuses, that is said: on another one it may be done.
            let host = self.way.label.as_ref().filter(|_| !(self.read_only && verb.changes()));
            return Some(host.map_or_else(|| Shown::new(&why), |host| Shown::new(&format!("on {host}: {why}"))));
        }
        self.assembled().unable(id, verb).cloned()
    }

    fn submit(&self, order: Order) {
        let (way, call) = (self.way.clone(), Call::Submit(order.clone()));
        let (own, unheard, shown) = (Weak::clone(&self.own), Arc::clone(&self.unheard), order.clone());
        let by = Some(self.caller().person());
        // What the daemon takes is in its next picture; what it does not, or not yet, is put into this one.
        let put = move |stage: Stage| {
            let now = sample::now().boot;
            let mut unheard = unheard.lock().unwrap_or_else(PoisonError::into_inner);
            unheard.retain(|one| one.ended.is_some() || one.id != shown.id || one.verb != shown.verb);
            let ended = matches!(stage, Stage::Ended(_)).then_some(now);
            unheard.push(Underway { verb: shown.verb, id: shown.id.clone(), by, since: now, stage, ended });
            drop(unheard);
            if let Some(remote) = own.upgrade() {
                remote.publish();
            }
        };
        let told = {
            let put = put.clone();
            move |outcome: Outcome| put(Stage::Ended(outcome))
        };
        if self.read_only {
            return told(failed(&read_only(order.verb.done())));
        }
        let tell = told.clone();
        let spawned = std::thread::Builder::new().name("berth-order".to_owned()).stack_size(512 * 1024).spawn(move || {
            crate::failpoint::pass("berth-order");
            let waits = || put(Stage::Doing(Shown::from("the daemon has not answered yet")));
            let mut no_steps = |_: &Shown| ();
            match http::wait_for(noticed(http::call(&way, &call, ANSWERED, &mut no_steps), waits)) {
                // What was said of it stays until the daemon's picture tells of it.
                Ok(Reply::Taken) => {}
                Ok(Reply::Outcome(outcome)) => tell(outcome),
                Ok(_) => tell(failed(&http::strange())),
                Err(error) => tell(failed(&error)),
            }
        });
        if let Err(error) = spawned {
            told(failed(&Error::failed(format!("not {}. No thread could be had: {error}", order.verb.done()))));
        }
    }

    fn carry_out(&self, order: Order, progress: &mut dyn FnMut(&Shown)) -> Outcome {
        if self.read_only {
            return failed(&read_only(order.verb.done()));
        }
        self.carried_out(order, progress)
    }

    fn foresee(&self, order: &Order) -> (Order, Outcome) {
        match self.ask(&Call::Foresee(order.clone()), ANSWERED, &mut |_| ()) {
            Ok(Reply::Foreseen(order, outcome)) => (order, outcome),
            Ok(_) => (order.clone(), failed(&http::strange())),
            Err(error) => (order.clone(), failed(&error)),
        }
    }

    fn propose(&self, strategy: Strategy) -> Result<Proposal> {
        match self.ask(&Call::Propose(strategy), ANSWERED, &mut |_| ())? {
            Reply::Proposal(proposal) => Ok(proposal),
            _ => Err(http::strange()),
        }
    }

    fn foresee_task(&self, task: &Task) -> Outcome {
        self.outcome(&Call::ForeseeTask(task.clone()), CARRIED_OUT, &mut |_| ())
    }

    fn carry_out_task(&self, task: &Task, reason: Option<String>, progress: &mut dyn FnMut(&Shown)) -> Outcome {
        if self.read_only {
            return failed(&read_only("done"));
        }
        self.outcome(&Call::CarryOutTask(task.clone(), reason), CARRIED_OUT, progress)
    }

    fn clients(&self, id: &InstanceId) -> Result<u64> {
        match self.ask(&Call::Clients(id.clone()), ANSWERED, &mut |_| ())? {
            Reply::Clients(count) => Ok(count),
            _ => Err(http::strange()),
        }
    }

    fn diagnose(&self, id: &InstanceId) -> Result<Diagnosis> {
        match self.ask(&Call::Diagnose(id.clone()), ANSWERED, &mut |_| ())? {
            Reply::Diagnosis(diagnosis) => Ok(diagnosis),
            _ => Err(http::strange()),
        }
    }

    fn trail(&self, count: usize) -> Result<Trail> {
        match self.ask(&Call::Trail(count), ANSWERED, &mut |_| ())? {
            Reply::Trail(mut trail) => {
                // No more than was asked for, whatever comes.
                trail.deeds.drain(..trail.deeds.len().saturating_sub(count));
                trail.events.drain(..trail.events.len().saturating_sub(count));
                Ok(trail)
            }
            _ => Err(http::strange()),
        }
    }

    fn tail(&self, id: &InstanceId) -> Result<Arc<dyn Tail>> {
        let Log { opener, path, account } = self.log(id)?;
        let follower = follow(opener, path, account, KEPT_LINES).while_doing(|| "cannot follow the log".to_owned())?;
        Ok(Arc::new(LocalTail { follower }))
    }

    fn history(&self, id: &InstanceId, query: &LogQuery) -> Result<LogLines> {
        let started = self.row(id)?.started_at;
        let Log { opener, path, .. } = self.log(id)?;
        let what = format!("cannot read the log {path}");
        let lines = history(&*opener, LogQuery { started, ..query.clone() });
        let lines = lines.map_err(|error| Error::failed(format!("{id}: {what}")).because(error))?;
        // What is carried here is carried for as long as it is read.
        Ok(Box::new(lines.map(move |line| {
            let _ = &opener;
            line.while_doing(|| what.clone())
        })))
    }

    fn copies(&self) -> Option<PathBuf> {
        Some(self.copies.clone())
    }

    fn reel(&self, ids: &[InstanceId]) -> Result<Reel> {
        Reel::open(ids.iter().map(|id| self.log(id)).collect::<Result<_>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::domain::{NamedHost, Role, Uid, Whereabouts};
    use crate::fixture;
    use crate::link::many::Many;
    use crate::link::remote::Remote;
    use crate::link::wire::{CarriedRow, Change, Hello, PROTOCOL};

    /// A host that has greeted this caller, with the fixture's rows.
    fn host(name: &str, folder: &std::path::Path, role: Role, uid: u32, read_only: bool) -> Arc<Remote> {
        let file = folder.join("berth.toml");
        std::fs::write(&file, "").unwrap();
        let config = Config::load_alone(&file).unwrap();
        let named = NamedHost { name: name.to_owned(), at: Whereabouts::Here };
        let remote = Remote::on(&named, true, &config, folder, read_only).unwrap();
        let caller = Caller { uid: Uid(uid), name: Shown::from("amy"), login: None, role, read_only: false };
        let (protocol, version) = (PROTOCOL, env!("CARGO_PKG_VERSION").to_owned());
        remote.greeted(Hello { protocol, version, acting: caller.clone(), caller, owners_may: vec![Verb::Restart], about: 0 });
        let fleet = fixture::fleet();
        let rows = fleet.rows.iter().map(|row| {
            let mut row = (**row).clone();
            row.id = row.id.at(remote.way.label.as_ref());
            CarriedRow { row, declared: None, unable: Vec::new() }
        });
        remote.take(Change { rows: rows.collect(), ..Change::default() }).unwrap();
        remote
    }

    #[test]
    fn who_may_what_is_the_rows_hosts_word_and_it_says_which() {
        let directory = tempfile::tempdir().unwrap();
        let one = |name, role, uid, read_only| host(name, directory.path(), role, uid, read_only);
        let many = Many::of(vec![one("web1", Role::Viewer, 4242, false), one("web2", Role::Admin, 0, false)]);
        let at = |host: &str| fixture::id("alice").at(Some(&host.into()));
        let why = many.why_not(Verb::Stop, &at("web1")).unwrap();
        assert_eq!(why.as_str(), "on web1: amy may look and not touch: this instance runs as another user");
        assert_eq!(many.why_not(Verb::Stop, &at("web2")), None);
        assert!(!many.caller().read_only, "what one host refuses locks no other one");
        let locked = Many::of(vec![one("web1", Role::Admin, 0, true), one("web2", Role::Admin, 0, true)]);
        assert!(locked.caller().read_only);
        assert_eq!(locked.why_not(Verb::Stop, &at("web2")).unwrap().as_str(), "this session is read-only");
    }
}
