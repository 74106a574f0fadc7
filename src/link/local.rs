//! The door to an engine in this process.
//!
//! It must never answer for another caller than this process's own uid; `shared` is the way in for those whom the kernel names.

use std::collections::HashMap;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::chronicle::{Accounts, journal_of};
use crate::config::Config;
use crate::control::{Control, Policy};
use crate::discover::Twins;
use crate::domain::{
    Caller, Declared, Diagnosis, EventQuery, InstanceId, Order, Outcome, Proposal, Shown, Snapshot, Standing, Task, Trail, Uid, Verb,
};
use crate::engine::{Audits, Engine, Eye, Lookout, Probing, Recorded, Underways};
use crate::error::{Context, Error, Kind, Result};
use crate::hand::{Reader, Zygote};
use crate::logs::{Log, Reel, follow, history};
use crate::nearby;
use crate::registry::{Pins, Registry};
use crate::sample;
use crate::storage::{self, Board};
use crate::supervisor::Supervisor;

use super::{Door, LogLines, LogQuery, Tail};
use caller::{account_of, own_caller};
use chronicle::Chronicles;
use guard::Guard;
pub(super) use logs::{LocalTail, log_of};
use logs::{no_log, opener_of};
use openers::Openers;
use shared::Roles;

pub(super) mod adding;
mod caller;
mod chronicle;
mod diagnosing;
mod fencing;
mod giving;
mod guard;
mod listening;
mod logs;
mod looking;
mod openers;
mod orders;
mod proposal;
pub(super) mod removing;
mod restoring;
mod shared;
mod supervisors;
mod tasks;
mod units;
mod waiting;
mod warding;

pub use crate::engine::share_memory;

/// How many lines of a followed log are kept.
const KEPT_LINES: usize = 10_000;

/// The local door: for one caller, of whom there may be many at one engine.
pub struct Local {
    caller: Caller,
    parts: Arc<Parts>,
}

impl Deref for Local {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

/// What all callers share.
pub struct Parts {
    config: Arc<Config>,
    control: Arc<Control>,
    supervisor: Arc<dyn Supervisor>,
    reader: Arc<Reader>,
    storage: Arc<Board>,
    probing: Probing,
    nearby: Arc<nearby::Board>,
    underway: Underways,
    engine: OnceLock<Engine>,
    starting: Mutex<()>,
    last: Mutex<Arc<Snapshot>>,
    copies: PathBuf,
    registry: Registry,
    lookout: Arc<Lookout>,
    twins: Twins,
    audits: Audits,
    roles: Roles,
    openers: Openers,
    guard: Guard,
    state: PathBuf,
    chronicle: Chronicles,
    notified: Arc<Accounts>,
}

impl Local {
    /// Opens the door.
    ///
    /// # Errors
    /// When the kernel gives nothing to sample with.
    pub fn open(config: Arc<Config>, zygote: Arc<Zygote>, read_only: bool, state: PathBuf) -> Result<Arc<Self>> {
        let open_files = sample::raise_nofile();
        let reader = Reader::start().while_doing(|| "cannot start the reading thread".to_owned())?;
        let supervisor = supervisors::of(&config, &state, &zygote, &reader, open_files);
        let pins = Pins::below(&state);
        let (storage, probing) = (Arc::new(Board::default()), Probing::default().with_pins(&pins));
        let (copies, registry) = (state.join("copies"), Registry::below(&state).beside(config.hosts_state()));
        let lookout = Lookout::new(Recorded { registry: registry.clone(), quarantine: config.ports.quarantine });
        let (twins, audits, nearby) = (Twins::below(&state), Audits::default(), Arc::default());
        let eye = eye(&config, &reader, &supervisor, &storage, &lookout)?.with_probes(&probing).with_twins(&twins);
        let eye = eye.with_audits(&audits).with_nearby(&nearby);
        let policy = Policy { owners_may: config.access.owners_may.clone() };
        let control = Control::new(Arc::clone(&supervisor), Arc::clone(&reader), zygote, Box::new(eye), policy, state.clone());
        let control = control.with_journal(journal_of(&config, &state)).with_pins(&pins);
        let caller = own_caller(&config, read_only);
        let last = Mutex::new(Arc::new(Snapshot::nothing_yet(config.ports.range, sample::now())));
        let control = Arc::new(control);
        let parts = Parts {
            config,
            control,
            supervisor,
            reader,
            storage,
            probing,
            nearby,
            underway: Underways::default(),
            engine: OnceLock::new(),
            starting: Mutex::new(()),
            last,
            copies,
            registry,
            lookout,
            twins,
            audits,
            roles: Roles::default(),
            openers: Openers::default(),
            guard: Guard::default(),
            state,
            chronicle: Chronicles::default(),
            notified: Arc::new(watch::channel(None).0),
        };
        Ok(Arc::new(Self { caller, parts: Arc::new(parts) }))
    }

    fn keep(&self, snapshot: Arc<Snapshot>) -> Arc<Snapshot> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&snapshot);
        snapshot
    }

    /// Starts the engine, once, and gives its snapshots.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_engine(&self) -> Result<watch::Receiver<Arc<Snapshot>>> {
        let _one_at_a_time = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = self.engine.get() {
            return Ok(engine.snapshots.clone());
        }
        let board = Arc::clone(&self.storage);
        let eye = eye(&self.config, &self.reader, &self.supervisor, &board, &self.lookout)?;
        let eye = eye.with_probes(&self.probing).with_twins(&self.twins).with_nearby(&self.nearby).with_notified(&self.notified);
        let first = self.newest();
        let engine = Engine::start(eye, self.config.sampling, Arc::clone(&self.underway), first)?;
        let newest = engine.snapshots.clone();
        if let Some(every) = self.config.sampling.probes {
            let newest = newest.clone();
            self.probing.start(every, !self.caller.read_only, move || newest.borrow().clone())?;
        }
        self.go_on_listening()?;
        storage::start(board, move || newest.borrow().clone()).while_doing(|| "cannot start counting on the disks".to_owned())?;
        let snapshots = self.engine.get_or_init(|| engine).snapshots.clone();
        self.keep_events(&snapshots)?;
        Ok(snapshots)
    }

    /// What an instance's log holds of what is asked for, its older files included.
    ///
    /// # Errors
    /// When the caller may not read it, or it cannot be read; when it cannot be told which lines were asked for.
    pub fn log(&self, id: &InstanceId, query: &LogQuery) -> Result<LogLines> {
        let (declared, started) = self.readable(id)?;
        if query.previous && started.is_none() {
            let sentence = format!("{id}: it is not running, so there is no run before the present one");
            return Err(Error::failed(sentence).hint(format!("berth logs {id}    ends with its last run")));
        }
        let query = LogQuery { started, ..query.clone() };
        let opener = opener_of(&self.reader, &*self.supervisor, &declared);
        let lines = history(&*opener, query).map_err(|error| no_log(&declared, error))?;
        let what = format!("cannot read the log {}", log_of(&declared));
        Ok(Box::new(lines.map(move |line| {
            // What is kept in memory is there for as long as its opener is.
            let _opener = &opener;
            line.while_doing(|| what.clone())
        })))
    }

    fn newest(&self) -> Arc<Snapshot> {
        match self.engine.get() {
            Some(engine) => engine.snapshots.borrow().clone(),
            None => self.last.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// The declaration of an instance whose log the caller may read, and when its process was started, if it runs.
    fn readable(&self, id: &InstanceId) -> Result<(Arc<Declared>, Option<Timestamp>)> {
        self.readable_by(&self.caller, id)
    }

    fn readable_by(&self, caller: &Caller, id: &InstanceId) -> Result<(Arc<Declared>, Option<Timestamp>)> {
        let mut snapshot = self.newest();
        if snapshot.row(id).is_none() {
            snapshot = self.control.look();
        }
        let row = snapshot.row(id).ok_or_else(|| {
            Error::new(Kind::NoSuchInstance, format!("{id}: no such instance")).hint("berth ls    lists those that there are")
        })?;
        if let Some(why) = self.control.why_not(caller, Verb::Logs, row) {
            return Err(Error::new(Kind::NotPermitted, format!("{id}: its log is not shown: {why}")));
        }
        let declared = row.declared.clone().ok_or_else(|| Error::failed(format!("{id}: it has no log that berth knows")))?;
        Ok((declared, row.started_at.filter(|_| row.state.is_up())))
    }
}

/// Eyes on all of that.
fn eye(config: &Arc<Config>, reader: &Arc<Reader>, runs: &Arc<dyn Supervisor>, disks: &Arc<Board>, ports: &Arc<Lookout>) -> Result<Eye> {
    Eye::new(Arc::clone(config), Arc::clone(reader), Arc::clone(runs), Arc::clone(disks), Arc::clone(ports))
}

impl Door for Local {
    fn caller(&self) -> Caller {
        self.caller.clone()
    }

    fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        match self.start_engine() {
            Ok(snapshots) => snapshots,
            Err(_) => watch::channel(self.newest()).1,
        }
    }

    fn why_not(&self, verb: Verb, id: &InstanceId) -> Option<Shown> {
        match self.newest().row(id) {
            Some(row) => self.control.why_not(&self.caller, verb, row).or_else(|| self.elsewhere().filter(|_| verb.changes())),
            None => Some(Shown::new("there is no such instance")),
        }
    }

    fn submit(&self, order: Order) {
        self.begin(order, None, |_| ());
    }

    fn carry_out(&self, order: Order, progress: &mut dyn FnMut(&Shown)) -> Outcome {
        if let Some(outcome) = self.turned_away(order.verb.done()) {
            return outcome;
        }
        self.carried_out(&self.caller, &order, progress)
    }

    fn standing(&self) -> Option<watch::Receiver<Standing>> {
        self.standing_now()
    }

    fn foresee(&self, order: &Order) -> (Order, Outcome) {
        self.hands().foresee(order)
    }

    fn propose(&self, strategy: crate::config::Strategy) -> Result<Proposal> {
        Self::propose(self, strategy)
    }

    fn foresee_task(&self, task: &Task) -> Outcome {
        self.task(task, true, None, &mut |_| ())
    }

    fn carry_out_task(&self, task: &Task, reason: Option<String>, progress: &mut dyn FnMut(&Shown)) -> Outcome {
        if let Some(outcome) = self.turned_away("done") {
            return outcome;
        }
        self.task(task, false, reason, progress)
    }

    fn clients(&self, id: &InstanceId) -> Result<u64> {
        let snapshot = self.newest();
        let row = snapshot.row(id).ok_or_else(|| Error::new(Kind::NoSuchInstance, format!("{id}: no such instance")))?;
        let endpoints: Vec<_> = row.listening.iter().map(|(endpoint, _)| *endpoint).collect();
        sample::clients(&endpoints).while_doing(|| format!("cannot count the connections to {id}"))
    }

    fn diagnose(&self, id: &InstanceId) -> Result<Diagnosis> {
        self.diagnose_in(id, &self.newest())
    }

    fn trail(&self, count: usize) -> Result<Trail> {
        let mut names: HashMap<Uid, Shown> = HashMap::new();
        let deeds = self.control.deeds(count, |uid| names.entry(uid).or_insert_with(|| account_of(uid)).clone())?;
        // Each account acts with a trail of its own; only root's holds what was done to everybody.
        let missing =
            (!self.caller.uid.is_root()).then(|| Shown::from("what others did is not shown: only root may read root's audit trail"));
        let events = self.control.happenings(&EventQuery { last: count, since: None, user: None, id: None })?;
        Ok(Trail { deeds, events, missing })
    }

    fn tail(&self, id: &InstanceId) -> Result<Arc<dyn Tail>> {
        self.tail_for(&self.caller, id, KEPT_LINES)
    }

    fn copies(&self) -> Option<PathBuf> {
        Some(self.copies.clone())
    }

    fn reel(&self, ids: &[InstanceId]) -> Result<Reel> {
        let mut logs = Vec::new();
        for id in ids {
            let (declared, _) = self.readable(id)?;
            let account = declared.account.clone().unwrap_or_else(|| Shown::new(&format!("uid {}", declared.uid)));
            logs.push(Log { opener: opener_of(&self.reader, &*self.supervisor, &declared), path: log_of(&declared), account });
        }
        Reel::open(logs)
    }
}

impl Local {
    /// Follows a log for somebody, with so many of its lines kept.
    fn tail_for(&self, caller: &Caller, id: &InstanceId, kept: usize) -> Result<Arc<dyn Tail>> {
        let (declared, _) = self.readable_by(caller, id)?;
        let account = declared.account.clone().unwrap_or_else(|| Shown::new(&format!("uid {}", declared.uid)));
        let opener = opener_of(&self.reader, &*self.supervisor, &declared);
        Ok(Arc::new(LocalTail { follower: follow(opener, log_of(&declared), account, kept)? }))
    }

    fn wake(&self) {
        if let Some(engine) = self.engine.get() {
            engine.wake();
        }
    }
}
