//! The door to a daemon's engine: what it tells is put together here, what is asked for is asked of it.
//!
//! It must never act by itself, open the registry or the trail, nor believe a daemon that is neither root's nor the caller's.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;

use crate::config::Config;
use crate::domain::{
    Caller, HostPart, InstanceId, NamedHost, Outcome, Role, Row, Shown, Snapshot, Standing, Uid, Underway, Verb, Whereabouts,
};
use crate::error::{Error, Kind, Result};
use crate::logs::{Log, Opener};
use crate::sample;

use super::Door as _;
use super::local::log_of;
use super::ssh::Ssh;
use super::wire::{Call, Change, Hello, PROTOCOL, Reply};
pub use assemble::{Assembled, Gap};

mod assemble;
mod bounds;
mod carried;
mod clock;
mod door;
mod fleet;
mod http;
mod logs;
mod peer;
mod reading;
mod way;

use bounds::{Bounds, TooMuch};
use clock::Clock;
pub use peer::connect;
use way::{To, Way};

/// How long a question may take, and an order.
const ANSWERED: Duration = Duration::from_secs(15);
const CARRIED_OUT: Duration = Duration::from_secs(600);

/// How long what could not be asked for stays to be seen.
const SEEN: Duration = Duration::from_secs(10);

/// How many lines of a followed log are kept.
const KEPT_LINES: usize = 10_000;

/// The door.
pub struct Remote {
    way: Way,
    read_only: bool,
    copies: PathBuf,
    /// What the daemon said of itself; nothing before it was reached.
    greeted: Mutex<Option<Hello>>,
    /// How that host's clock goes.
    clock: Mutex<Clock>,
    /// Who is to know of news.
    listener: OnceLock<Box<dyn Fn() + Send + Sync>>,
    assembled: Mutex<Assembled>,
    /// How much another host told.
    bounds: Mutex<Bounds>,
    /// The logs that are carried here.
    carried: Mutex<carried::Shared>,
    /// Orders that did not reach the daemon.
    unheard: Arc<Mutex<Vec<Underway>>>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    standing: watch::Sender<Standing>,
    /// This very door, for the thread that reads along.
    own: Weak<Self>,
    begun: Once,
    /// It is connected to for the first time, beside others.
    connecting: AtomicBool,
}

/// Why something that was told is not taken in.
#[derive(Debug)]
enum Untaken {
    /// Something between was missed.
    Gap,
    /// It is more than is taken; in words.
    TooMuch(String),
}

/// A daemon that speaks as this console does.
fn compatible(hello: Hello, way: &Way) -> Result<Hello> {
    let own = env!("CARGO_PKG_VERSION");
    if hello.protocol == PROTOCOL && hello.version == own {
        return Ok(hello);
    }
    let version = Shown::within(&hello.version, 40);
    let hint = if way.is_far() { "both hosts need the same berth" } else { "systemctl restart berth" };
    Err(Error::failed(format!("the daemon is berth {version}, this is {own}")).hint(hint))
}

impl Remote {
    /// Attaches to the daemon of a configuration.
    ///
    /// # Errors
    /// Of kind `NoSuchInstance` when there is none; otherwise why one that is there is not attached to.
    pub fn attach(config: &Config, state: &Path, read_only: bool) -> Result<Arc<Self>> {
        let (remote, greeted) = Self::met(config, state, read_only)?;
        remote.greeted(compatible(greeted, &remote.way)?);
        Ok(remote)
    }

    /// The same for who acts: `None` also where the daemon that is there is about other instances.
    ///
    /// # Errors
    /// As [`Remote::attach`].
    pub fn attach_to_act(config: &Config, state: &Path, read_only: bool) -> Result<Option<Arc<Self>>> {
        let (remote, greeted) = match Self::met(config, state, read_only) {
            Err(error) if error.kind() == Kind::NoSuchInstance => return Ok(None),
            met => met?,
        };
        if greeted.about != config.about() {
            return Ok(None);
        }
        remote.greeted(compatible(greeted, &remote.way)?);
        Ok(Some(remote))
    }

    /// The daemon at the configuration's socket, and who it says that it is.
    fn met(config: &Config, state: &Path, read_only: bool) -> Result<(Arc<Self>, Hello)> {
        let socket = config.daemon.socket.clone();
        drop(connect(&socket)?);
        let remote = Self::new(Way { to: To::Socket(socket), label: None }, config, state, read_only);
        let greeted = remote.greet()?;
        Ok((remote, greeted))
    }

    /// The daemon of a host, which is shown by this name where it is one of several. It is not asked yet.
    ///
    /// # Errors
    /// When there is no directory for ssh's sockets.
    pub fn on(host: &NamedHost, labelled: bool, config: &Config, state: &Path, read_only: bool) -> Result<Arc<Self>> {
        let to = match &host.at {
            Whereabouts::Here => To::Socket(config.daemon.socket.clone()),
            Whereabouts::Ssh(address) => To::Ssh(Ssh::new(address.clone())?),
        };
        Ok(Self::new(Way { to, label: labelled.then(|| host.name.as_str().into()) }, config, state, read_only))
    }

    fn new(way: Way, config: &Config, state: &Path, read_only: bool) -> Arc<Self> {
        let nothing = Snapshot::nothing_yet(config.ports.range, sample::now());
        Arc::new_cyclic(|own| Self {
            own: Weak::clone(own),
            begun: Once::new(),
            connecting: AtomicBool::new(false),
            way,
            read_only,
            copies: state.join("copies"),
            greeted: Mutex::default(),
            clock: Mutex::default(),
            listener: OnceLock::new(),
            snapshots: watch::channel(Arc::new(nothing.clone())).0,
            assembled: Mutex::new(Assembled::after(nothing)),
            bounds: Mutex::default(),
            carried: Mutex::default(),
            unheard: Arc::default(),
            standing: watch::channel(Standing::Attached).0,
        })
    }

    /// Connects for the first time, while ssh may still ask: `may_ask`. What fails is remembered: it is tried again.
    ///
    /// # Errors
    /// Why the daemon is not reached.
    pub fn reach(&self, may_ask: bool) -> Result<()> {
        let connected = match &self.way.to {
            To::Socket(_) => Ok(()),
            To::Ssh(ssh) => ssh.connect(may_ask),
        };
        let reached = connected.and_then(|()| self.greet()).and_then(|greeted| compatible(greeted, &self.way));
        let reached = reached.map(|greeted| self.greeted(greeted));
        match &reached {
            Ok(()) => self.stands(|standing| (*standing != Standing::Attached).then_some(Standing::Attached)),
            Err(error) => self.lost(error),
        }
        reached
    }

    /// It is about to be reached, or no more: nothing else connects to it meanwhile, and it is not waited for.
    pub(super) fn connects(&self, does: bool) {
        self.connecting.store(does, Ordering::SeqCst);
        if does {
            self.lost(&Error::failed("it has not answered yet"));
        }
    }

    fn is_connecting(&self) -> bool {
        self.connecting.load(Ordering::SeqCst)
    }

    /// Whether this session changes nothing there, whatever that host says.
    pub(super) fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Whether it was not reached only because there was nobody to ask.
    pub(super) fn wants_somebody(&self) -> bool {
        matches!(&self.way.to, To::Ssh(ssh) if ssh.wants_somebody())
    }

    fn greet(&self) -> Result<Hello> {
        http::wait_for(http::hello(&self.way)).map_err(|error| match error.kind() {
            // One that has no such question is an older one.
            Kind::NoSuchInstance if error.chain().starts_with("no daemon") => error,
            Kind::NoSuchInstance => Error::failed("the daemon is an older berth, which no console can attach to"),
            _ => error,
        })
    }

    /// Has somebody told whenever there is a new picture, or it stands otherwise. Once.
    pub fn tell(&self, listener: impl Fn() + Send + Sync + 'static) {
        // A second one is not asked for.
        let _ = self.listener.set(Box::new(listener));
    }

    /// What it is among several hosts.
    pub fn part(&self) -> HostPart {
        HostPart {
            name: self.way.label.clone().unwrap_or_else(|| "".into()),
            standing: self.standing.borrow().clone(),
            caller: self.caller(),
            picture: self.newest(),
        }
    }

    fn assembled(&self) -> MutexGuard<'_, Assembled> {
        self.assembled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hello(&self) -> Option<Hello> {
        self.greeted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn greeted(&self, hello: Hello) {
        *self.greeted.lock().unwrap_or_else(PoisonError::into_inner) = Some(hello);
    }

    /// Takes in what the daemon told.
    fn take(&self, mut change: Change) -> std::result::Result<(), Untaken> {
        let mut assembled = self.assembled();
        if self.way.is_far() {
            self.clock.lock().unwrap_or_else(PoisonError::into_inner).set_by(&mut change, sample::now().boot);
            let mut bounds = self.bounds.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(TooMuch(why)) = bounds.admit(&change, assembled.picture()) {
                assembled.begin_anew();
                return Err(Untaken::TooMuch(why));
            }
        }
        if let Err(Gap) = assembled.take(change) {
            assembled.begin_anew();
            return Err(Untaken::Gap);
        }
        drop(assembled);
        self.publish();
        self.stands(|standing| (*standing != Standing::Attached).then_some(Standing::Attached));
        Ok(())
    }

    fn stands(&self, new: impl FnOnce(&Standing) -> Option<Standing>) {
        let changed = self.standing.send_if_modified(|standing| match new(standing) {
            Some(new) => {
                *standing = new;
                true
            }
            None => false,
        });
        if changed {
            self.news();
        }
    }

    fn news(&self) {
        if let Some(listener) = self.listener.get() {
            listener();
        }
    }

    /// The daemon has gone.
    fn lost(&self, error: &Error) {
        let said = error.to_string();
        let host = match &self.way.to {
            To::Socket(_) => "",
            To::Ssh(ssh) => ssh.host(),
        };
        // It is told of a host that is named already.
        let why = said.strip_prefix(host).map(|rest| rest.trim_start_matches(" is not reached").trim_start_matches([':', ' ']));
        let why = Shown::new(why.unwrap_or(&said));
        self.stands(|standing| match standing {
            Standing::Lost { since, why: known } if (self.way.is_far() || self.way.label.is_some()) && *known != why => {
                Some(Standing::Lost { since: *since, why })
            }
            Standing::Lost { .. } => None,
            _ => Some(Standing::Lost { since: sample::now(), why }),
        });
    }

    /// Shows the picture, with what did not reach the daemon.
    fn publish(&self) {
        let mut picture = self.assembled().picture().clone();
        let now = sample::now().boot;
        let mut unheard = self.unheard.lock().unwrap_or_else(PoisonError::into_inner);
        let is_told = |one: &Underway| picture.underway.iter().any(|told| told.id == one.id && told.verb == one.verb && told.by == one.by);
        unheard.retain(|one| match one.ended {
            Some(ended) => now.saturating_sub(ended) < SEEN,
            None => now.saturating_sub(one.since) < ANSWERED + SEEN && !is_told(one),
        });
        picture.underway.extend(unheard.iter().cloned());
        drop(unheard);
        self.snapshots.send_replace(Arc::new(picture));
        self.news();
    }

    fn newest(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone()
    }

    fn row(&self, id: &InstanceId) -> Result<Arc<Row>> {
        // Before the first picture nobody is known.
        if self.newest().sequence == 0 {
            drop(self.watch());
            let begun = std::time::Instant::now();
            while self.newest().sequence == 0 && begun.elapsed() < ANSWERED {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        self.newest().row(id).cloned().ok_or_else(|| {
            Error::new(Kind::NoSuchInstance, format!("{id}: no such instance")).hint("berth ls    lists those that there are")
        })
    }

    fn ask(&self, call: &Call, deadline: Duration, progress: &mut dyn FnMut(&Shown)) -> Result<Reply> {
        http::wait_for(http::call(&self.way, call, deadline, progress))
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
    pub(super) fn log(&self, id: &InstanceId) -> Result<Log> {
        let row = self.row(id)?;
        if let Some(why) = self.why_not(Verb::Logs, id) {
            return Err(Error::new(Kind::NotPermitted, format!("{id}: its log is not shown: {why}")));
        }
        let declared = row.declared.as_ref().ok_or_else(|| Error::failed(format!("{id}: it has no log that berth knows")))?;
        let account = declared.account.clone().unwrap_or_else(|| Shown::new(&format!("uid {}", declared.uid)));
        let opener: Arc<dyn Opener> = match &self.way.to {
            To::Socket(socket) => Arc::new(logs::Remote::new(socket.clone(), id.clone())),
            To::Ssh(_) => carried::Carried::shared(&self.carried, &self.way, id),
        };
        Ok(Log { opener, path: log_of(declared), account })
    }
}

/// That nothing is done from here.
fn read_only(done: &str) -> Error {
    Error::new(Kind::NotPermitted, format!("not {done}. This session is read-only"))
}

/// Who asks where nobody said yet as what.
pub(super) fn nobody() -> Caller {
    let uid = Uid(nix::unistd::geteuid().as_raw());
    Caller { uid, name: Shown::from("?"), login: None, role: Role::Stranger, read_only: true }
}

/// An error as what came of it.
fn failed(error: &Error) -> Outcome {
    let hints = error.way_out().map(Shown::new).into_iter().collect();
    Outcome { exit_code: error.exit_code(), sentence: Shown::new(&error.chain()), hints, log_lines: Vec::new() }
}
