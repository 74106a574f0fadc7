//! The door to a daemon's engine: what it tells is put together here, what is asked for is asked of it.
//!
//! It must never act by itself, open the registry or the trail, nor believe a daemon that is neither root's nor the caller's.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;

use crate::config::{Config, Strategy};
use crate::control::{Policy, why_not};
use crate::domain::{
    Caller, Diagnosis, InstanceId, Order, Outcome, Proposal, Row, Shown, Snapshot, Stage, Standing, Task, Trail, Underway, Verb,
};
use crate::error::{Context, Error, Kind, Result};
use crate::logs::{Log, Reel, follow};
use crate::sample;

use super::local::{LocalTail, log_of};
use super::wire::{Call, Change, Hello, PROTOCOL, Reply};
use super::{Door, Tail};
pub use assemble::{Assembled, Gap};

mod assemble;
mod fleet;
mod http;
mod logs;
mod peer;
mod reading;

pub use peer::connect;

/// How long a question may take, and an order.
const ANSWERED: Duration = Duration::from_secs(15);
const CARRIED_OUT: Duration = Duration::from_secs(600);

/// How long what could not be asked for stays to be seen.
const SEEN: Duration = Duration::from_secs(10);

/// How many lines of a followed log are kept.
const KEPT_LINES: usize = 10_000;

/// The door.
pub struct Remote {
    socket: PathBuf,
    read_only: bool,
    copies: PathBuf,
    greeted: Mutex<Hello>,
    assembled: Mutex<Assembled>,
    /// Orders that did not reach the daemon.
    unheard: Arc<Mutex<Vec<Underway>>>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    standing: watch::Sender<Standing>,
    /// This very door, for the thread that reads along.
    own: Weak<Self>,
    begun: Once,
}

/// A daemon that speaks as this console does.
fn compatible(hello: Hello) -> Result<Hello> {
    let own = env!("CARGO_PKG_VERSION");
    if hello.protocol == PROTOCOL && hello.version == own {
        return Ok(hello);
    }
    let version = Shown::within(&hello.version, 40);
    Err(Error::failed(format!("the daemon is berth {version}, this is {own}")).hint("systemctl restart berth"))
}

/// Who the daemon of a configuration is.
fn greet(config: &Config) -> Result<Hello> {
    let socket = &config.daemon.socket;
    drop(connect(socket)?);
    http::wait_for(http::hello(socket)).map_err(|error| match error.kind() {
        // One that has no such question is an older one.
        Kind::NoSuchInstance => Error::failed("the daemon is an older berth, which no console can attach to"),
        _ => error,
    })
}

impl Remote {
    /// Attaches to the daemon of a configuration.
    ///
    /// # Errors
    /// Of kind `NoSuchInstance` when there is none; otherwise why one that is there is not attached to.
    pub fn attach(config: &Config, state: &Path, read_only: bool) -> Result<Arc<Self>> {
        let greeted = compatible(greet(config)?)?;
        Ok(Self::of(config, state, read_only, greeted))
    }

    /// The same for who acts: `None` also where the daemon that is there is about other instances.
    ///
    /// # Errors
    /// As [`Remote::attach`].
    pub fn attach_to_act(config: &Config, state: &Path, read_only: bool) -> Result<Option<Arc<Self>>> {
        let greeted = match greet(config) {
            Err(error) if error.kind() == Kind::NoSuchInstance => return Ok(None),
            greeted => greeted?,
        };
        if greeted.about != config.about() {
            return Ok(None);
        }
        Ok(Some(Self::of(config, state, read_only, compatible(greeted)?)))
    }

    fn of(config: &Config, state: &Path, read_only: bool, greeted: Hello) -> Arc<Self> {
        let socket = config.daemon.socket.clone();
        let nothing = Snapshot::nothing_yet(config.ports.range, sample::now());
        Arc::new_cyclic(|own| Self {
            own: Weak::clone(own),
            begun: Once::new(),
            socket,
            read_only,
            copies: state.join("copies"),
            greeted: Mutex::new(greeted),
            snapshots: watch::channel(Arc::new(nothing.clone())).0,
            assembled: Mutex::new(Assembled::after(nothing)),
            unheard: Arc::default(),
            standing: watch::channel(Standing::Attached).0,
        })
    }

    fn assembled(&self) -> MutexGuard<'_, Assembled> {
        self.assembled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hello(&self) -> Hello {
        self.greeted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn greeted(&self, hello: Hello) {
        *self.greeted.lock().unwrap_or_else(PoisonError::into_inner) = hello;
    }

    /// Takes in what the daemon told.
    fn take(&self, change: Change) -> std::result::Result<(), Gap> {
        self.assembled().take(change)?;
        self.publish();
        self.stands(|standing| (*standing != Standing::Attached).then_some(Standing::Attached));
        Ok(())
    }

    fn stands(&self, new: impl FnOnce(&Standing) -> Option<Standing>) {
        self.standing.send_if_modified(|standing| match new(standing) {
            Some(new) => {
                *standing = new;
                true
            }
            None => false,
        });
    }

    /// The daemon has gone.
    fn lost(&self, error: &Error) {
        let why = Shown::new(&error.to_string());
        self.stands(|standing| match standing {
            Standing::Lost { .. } => None,
            _ => Some(Standing::Lost { since: sample::now(), why }),
        });
    }

    /// Shows the picture, with what did not reach the daemon.
    fn publish(&self) {
        let mut picture = self.assembled().picture().clone();
        let now = sample::now().boot;
        let mut unheard = self.unheard.lock().unwrap_or_else(PoisonError::into_inner);
        unheard.retain(|one| now.saturating_sub(one.since) < SEEN);
        picture.underway.extend(unheard.iter().cloned());
        drop(unheard);
        self.snapshots.send_replace(Arc::new(picture));
    }

    fn newest(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone()
    }

    fn row(&self, id: &InstanceId) -> Result<Arc<Row>> {
        self.newest().row(id).cloned().ok_or_else(|| {
            Error::new(Kind::NoSuchInstance, format!("{id}: no such instance")).hint("berth ls    lists those that there are")
        })
    }

    fn ask(&self, call: &Call, deadline: Duration, progress: &mut dyn FnMut(&Shown)) -> Result<Reply> {
        http::wait_for(http::call(&self.socket, call, deadline, progress))
    }

    /// What came of something that is done, whatever came between.
    fn outcome(&self, call: &Call, deadline: Duration, progress: &mut dyn FnMut(&Shown)) -> Outcome {
        match self.ask(call, deadline, progress) {
            Ok(Reply::Outcome(outcome)) => outcome,
            Ok(_) => failed(&http::strange()),
            Err(error) => failed(&error),
        }
    }

    /// Of an instance's log, what is needed to follow it.
    fn log(&self, id: &InstanceId) -> Result<Log> {
        let row = self.row(id)?;
        if let Some(why) = self.why_not(Verb::Logs, id) {
            return Err(Error::new(Kind::NotPermitted, format!("{id}: its log is not shown: {why}")));
        }
        let declared = row.declared.as_ref().ok_or_else(|| Error::failed(format!("{id}: it has no log that berth knows")))?;
        let account = declared.account.clone().unwrap_or_else(|| Shown::new(&format!("uid {}", declared.uid)));
        let opener = Arc::new(logs::Remote { socket: self.socket.clone(), id: id.clone() });
        Ok(Log { opener, path: log_of(declared), account })
    }
}

/// An error as what came of it.
fn failed(error: &Error) -> Outcome {
    let hints = error.way_out().map(Shown::new).into_iter().collect();
    Outcome { exit_code: error.exit_code(), sentence: Shown::new(&error.chain()), hints, log_lines: Vec::new() }
}

impl Door for Remote {
    fn caller(&self) -> Caller {
        let caller = self.hello().caller;
        Caller { read_only: caller.read_only || self.read_only, ..caller }
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
            return Some(Shown::from("the daemon does not answer"));
        }
        let newest = self.newest();
        let Some(row) = newest.row(id) else { return Some(Shown::new("there is no such instance")) };
        if id.is_unmanaged() {
            return Some(Shown::new("it is no instance, so berth leaves it alone"));
        }
        let hello = self.hello();
        let acting = Caller { read_only: hello.acting.read_only || self.read_only, ..hello.acting };
        if let Some(why) = why_not(&acting, verb, row.uid, &Policy { owners_may: hello.owners_may }) {
            return Some(Shown::new(&why));
        }
        self.assembled().unable(id, verb).cloned()
    }

    fn submit(&self, order: Order) {
        let (socket, call) = (self.socket.clone(), Call::Submit(order.clone()));
        let (snapshots, unheard, shown) = (self.snapshots.clone(), Arc::clone(&self.unheard), order.clone());
        // What the daemon takes is in its next picture; what it does not is put into this one.
        let told = move |outcome: Outcome| {
            let now = sample::now().boot;
            let one = Underway { verb: shown.verb, id: shown.id, since: now, stage: Stage::Ended(outcome), ended: Some(now) };
            unheard.lock().unwrap_or_else(PoisonError::into_inner).push(one.clone());
            snapshots.send_modify(|picture| Arc::make_mut(picture).underway.push(one));
        };
        let tell = told.clone();
        let spawned = std::thread::Builder::new().name("berth-order".to_owned()).stack_size(512 * 1024).spawn(move || {
            crate::failpoint::pass("berth-order");
            match http::wait_for(http::call(&socket, &call, ANSWERED, &mut |_| ())) {
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
            return failed(&Error::new(Kind::NotPermitted, "not done. This session is read-only"));
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
            Reply::Trail(trail) => Ok(trail),
            _ => Err(http::strange()),
        }
    }

    fn tail(&self, id: &InstanceId) -> Result<Arc<dyn Tail>> {
        let Log { opener, path, account } = self.log(id)?;
        let follower = follow(opener, path, account, KEPT_LINES).while_doing(|| "cannot follow the log".to_owned())?;
        Ok(Arc::new(LocalTail { follower }))
    }

    fn copies(&self) -> Option<PathBuf> {
        Some(self.copies.clone())
    }

    fn reel(&self, ids: &[InstanceId]) -> Result<Reel> {
        Reel::open(ids.iter().map(|id| self.log(id)).collect::<Result<_>>()?)
    }
}
