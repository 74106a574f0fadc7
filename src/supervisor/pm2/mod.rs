//! The apps of every user's own PM2 daemon, over its sockets and as that user.
//!
//! It must never start a daemon or Node, speak to a socket that is not its user's, or make the engine wait: a thread of its own listens.
//!
//! A daemon may say what it likes: it is believed only about apps of its own account, and which process runs as whom says the kernel.

mod act;
mod amp;
mod app;
mod bus;
mod claims;
mod door;
mod fault;
mod find;
mod jlist;
mod message;
mod rpc;
mod state;
mod watch;
mod words;

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{
    Activity, Asked, Caller, Capabilities, Claim, Declared, ExitStatus, Finds, InstanceId, ProcessKey, Roster, Shown, Signal,
    SupervisorKind, Verb,
};
use crate::error::Result;
use crate::hand::{Reader, is_alive};
use crate::supervisor::told::Told;

use super::registry::Parts;
use super::systemd::fits;
use super::{Ear, Started, Stopped, Supervisor};
use act::{Action, End, What};
use app::App;
use door::Door;
use find::{Place, god};
use state::{Shared, State};
use watch::Watch;

/// The supervisor of apps.
pub struct Pm2Supervisor {
    watch: Option<Watch>,
    patterns: Arc<[String]>,
    reader: Arc<Reader>,
    /// Why nobody listens.
    missing: Option<Shown>,
    /// Whose hand signals, and ends what is left.
    hands: Arc<dyn Supervisor>,
    told: Told<u64>,
}

impl Pm2Supervisor {
    /// One of the apps that are looked for; `None` where none are.
    pub fn of(parts: &Parts, hands: &Arc<dyn Supervisor>) -> Option<Self> {
        if parts.apps.is_empty() {
            return None;
        }
        let patterns: Arc<[String]> = parts.apps.as_slice().into();
        let started = Watch::start(Arc::clone(&patterns), Arc::clone(&parts.reader));
        let missing = started.as_ref().err().map(|error| Shown::new(&error.chain()));
        let (watch, reader, hands) = (started.ok(), Arc::clone(&parts.reader), Arc::clone(hands));
        Some(Self { watch, patterns, reader, missing, hands, told: Told::default() })
    }

    fn state(&self) -> Arc<State> {
        self.watch.as_ref().map(Watch::state).unwrap_or_default()
    }

    /// Has PM2 do something to an instance's app, and gives the app before and after it.
    fn ask(&self, what: What, declared: &Declared) -> Result<(App, App)> {
        let state = self.state();
        let known = declared.unit.as_ref().and_then(|unit| state.app(declared.uid.0, unit.name.as_str()));
        let Some((place, daemon, app)) = known else {
            return Err(words::unasked(what, declared, "no daemon of its account has it"));
        };
        let Some(god) = god(daemon.key.pid).filter(|god| god.key == daemon.key) else {
            return Err(words::unasked(what, declared, "its daemon has ended, and berth starts none"));
        };
        let door = Door::of(place, &god, &self.reader);
        let is_wanted = |name: &str| self.patterns.iter().any(|pattern| fits(pattern, name));
        let end = Action { door: &door, daemon: god.key, name: &app.name, is_wanted: &is_wanted, what }.carry_out();
        // Whatever came of it is to be seen.
        if let Some(watch) = &self.watch {
            watch.look(place);
        }
        match end {
            End::Done(before, after) => {
                if let Some(watch) = &self.watch {
                    watch.shared().one(place, (*after).clone());
                }
                Ok((*before, *after))
            }
            End::Refused(why) => Err(words::refused(what, declared, &why)),
            End::Unasked(why) => Err(words::unasked(what, declared, &why)),
            End::Lost(why) => Err(words::lost(what, declared, &why)),
            End::Unknown(why) => Err(words::unknown(what, declared, &why)),
        }
    }

    fn run(&self, what: What, declared: &Declared) -> Result<Box<dyn Started>> {
        let (before, after) = self.ask(what, declared)?;
        let main = after.keys().next().unwrap_or(ProcessKey { pid: 0, start_time: 0 });
        // PM2 counts the restart that was asked for with those that were not.
        let is_up = |worker: &&app::Worker| matches!(worker.status, app::Status::Online | app::Status::Launching);
        let asked = if what == What::Restart { before.workers.iter().filter(is_up).count() } else { 0 };
        let restarts = before.restarts().saturating_add(u32::try_from(asked).unwrap_or_default());
        let newest = self.watch.as_ref().map(Watch::shared);
        Ok(Box::new(Running { uid: declared.uid.0, main, restarts, after, newest }))
    }

    fn place_of(&self, declared: &Declared) -> Option<Place> {
        let state = self.state();
        state.app(declared.uid.0, declared.unit.as_ref()?.name.as_str()).map(|(place, ..)| place.clone())
    }
}

impl Supervisor for Pm2Supervisor {
    fn runs(&self, kind: SupervisorKind) -> bool {
        kind == SupervisorKind::Pm2
    }

    fn finds(&self) -> Option<Arc<Finds>> {
        let state = self.watch.as_ref()?.first_state();
        Some(self.told.finds(state.serial, || claims::finds(&state)))
    }

    fn listen(&self, tell: Ear) {
        if let Some(watch) = &self.watch {
            watch.tell(tell);
        }
    }

    fn notice(&self) -> Option<Shown> {
        if self.missing.is_some() {
            return self.missing.clone();
        }
        if self.watch.as_ref().is_some_and(Watch::has_ended) {
            return Some(Shown::new("PM2 is not listened to any more: the thread that does has failed"));
        }
        let state = self.state();
        // Of known apps each row says it.
        let (daemon, why) =
            state.daemons.values().find_map(|daemon| Some((daemon, &daemon.lost.as_ref().filter(|_| !daemon.is_asked)?.1)))?;
        Some(Shown::new(&format!("which apps PM2 of {} has is not known: it cannot be asked ({why})", daemon.account)))
    }

    fn claims(&self, roster: &Arc<Roster>) -> Arc<[Claim]> {
        let state = self.state();
        self.told.claims(roster, state.serial, || claims::claims(roster, &state))
    }

    fn forget(&self, id: &InstanceId) {
        let Some(watch) = &self.watch else { return };
        let own = self.told.declared(id).filter(|declared| declared.supervisor == SupervisorKind::Pm2);
        if let Some(place) = own.and_then(|declared| self.place_of(&declared)) {
            watch.look(&place);
        }
    }

    fn capabilities(&self, declared: &Declared) -> Capabilities {
        let mut capabilities = Capabilities::default();
        let state = self.state();
        let known = declared.unit.as_ref().and_then(|unit| state.app(declared.uid.0, unit.name.as_str()));
        match known {
            Some((_, daemon, _)) if daemon.has_ended => {
                let why = "its PM2 daemon has ended, and berth starts none";
                capabilities.unable.extend([Verb::Start, Verb::Restart].map(|verb| (verb, why)));
            }
            Some((_, daemon, _)) if daemon.lost.is_some() => {
                let all = [Verb::Start, Verb::Stop, Verb::Restart];
                capabilities.unable.extend(all.map(|verb| (verb, "its PM2 daemon does not answer")));
            }
            _ => {}
        }
        if declared.unit.as_ref().is_some_and(|unit| unit.is_bare) {
            capabilities
                .unable
                .push((Verb::Assign(Asked::Auto), "its port stands in what PM2 was started with, which berth does not write"));
        }
        capabilities
    }

    fn start(&self, declared: &Declared, _by: &Caller, _again: bool) -> Result<Box<dyn Started>> {
        self.run(What::Start, declared)
    }

    fn restart(&self, declared: &Declared, _by: &Caller) -> Option<Result<Box<dyn Started>>> {
        Some(self.run(What::Restart, declared))
    }

    fn stop(&self, declared: &Declared, extra: &[ProcessKey], by: &Caller, grace: Duration) -> Result<Stopped> {
        let state = self.state();
        let known = declared.unit.as_ref().and_then(|unit| state.app(declared.uid.0, unit.name.as_str()));
        let mut left: Vec<ProcessKey> = extra.to_vec();
        match known {
            // Nobody is left who would start it again.
            Some((_, daemon, app)) if daemon.has_ended => left.extend(app.keys()),
            _ => left.extend(self.ask(What::Stop, declared)?.1.keys()),
        }
        left.sort_unstable();
        left.dedup();
        left.retain(|key| is_alive(*key));
        if left.is_empty() { Ok(Stopped::default()) } else { self.hands.stop(declared, &left, by, grace) }
    }

    fn signal(&self, declared: &Declared, key: ProcessKey, signal: Signal, by: &Caller) -> Result<()> {
        self.hands.signal(declared, key, signal, by)
    }
}

/// An app that was just started.
struct Running {
    uid: u32,
    main: ProcessKey,
    restarts: u32,
    after: App,
    newest: Option<Arc<Shared>>,
}

impl Running {
    /// The app as it is known by now; as it was after the start where nothing newer is known.
    fn now(&self) -> App {
        let state = self.newest.as_ref().map(|shared| shared.state());
        let newest = state.and_then(|state| state.app(self.uid, &self.after.name).map(|(_, _, app)| (**app).clone()));
        newest.unwrap_or_else(|| self.after.clone())
    }
}

impl Started for Running {
    fn main(&self) -> ProcessKey {
        self.main
    }

    fn root(&self) -> ProcessKey {
        self.main
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        let now = self.now();
        let has_ended =
            matches!(now.activity(), Activity::Failed | Activity::Waiting | Activity::Inactive) || now.restarts() > self.restarts;
        let code = || now.workers.iter().find_map(|worker| worker.exit_code.filter(|code| *code != 0));
        has_ended.then(|| code().map_or(ExitStatus::Unknown, ExitStatus::Code))
    }

    fn why(&self) -> Option<Shown> {
        let now = self.now();
        let states: Vec<&str> = now.workers.iter().map(|worker| worker.status.word()).collect();
        Some(Shown::new(&format!("PM2 says that {} is {}", now.name, states.join(", "))))
    }
}
