//! The units of systemd's managers, of the system's and of its users' own, over D-Bus.
//!
//! It must never run systemctl, start a bus or a manager, or make the engine wait: threads of its own ask and listen.
//!
//! A user's manager may say what it likes: it is believed only about its own account.

mod bus;
mod claims;
mod door;
mod envelope;
mod facts;
#[cfg(test)]
#[path = "fake_tests.rs"]
mod fake;
mod job;
mod memory;
pub(super) mod name;
mod state;
pub mod transient;
pub mod unit_files;
mod users;
mod watch;
mod wire;
mod words;

use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::domain::{
    Asked, Caller, Capabilities, Claim, Declared, ExitStatus, Finds, InstanceId, ProcessKey, Roster, Shown, Signal, SupervisorKind, Verb,
};
use crate::error::Result;
use crate::hand::is_alive;
use crate::supervisor::told::Told;

use super::newest::Ears;
use super::registry::Parts;
use super::{Ear, Started, Stopped, Supervisor};
use door::Way;
use facts::Facts;
use job::{End, Job, What};
use memory::Memory;
pub(super) use name::fits;
use state::{Shared, State};
use users::{Manager, Users};
use watch::{Place, Watch};

/// There where systemd runs the host, sd_booted(3).
const BOOTED: &str = "/run/systemd/system";

/// The system bus. What an environment says is not asked: it would name whom root obeys.
const ADDRESS: &str = "unix:path=/run/dbus/system_bus_socket";

/// How long an answer may take. A manager that reads all units anew takes a second or two.
const DEADLINE: Duration = Duration::from_secs(5);

/// What is given to systemd beyond its own deadline for a job.
const BEYOND: Duration = Duration::from_secs(5);

/// Which state all managers are in.
type Serial = (u64, (u64, u64));

/// The supervisor of units.
pub struct SystemdSupervisor {
    /// Who talks to the system's manager.
    watch: Option<Watch>,
    /// The managers of users.
    users: Option<Users>,
    patterns: Arc<[String]>,
    ears: Ears,
    /// What is to be known where there is no systemd.
    missing: Option<Shown>,
    /// Whose hand signals, and ends what is no unit's.
    hands: Arc<dyn Supervisor>,
    told: Told<Serial>,
}

impl SystemdSupervisor {
    /// One of the units that are looked for; `None` where none are, or where there is no systemd and nobody asked for it.
    pub fn of(parts: &Parts, hands: &Arc<dyn Supervisor>) -> Option<Self> {
        let is_booted = Path::new(BOOTED).is_dir();
        if parts.units.is_empty() || !(is_booted || parts.units_are_asked_for) {
            return None;
        }
        let patterns: Arc<[String]> = parts.units.as_slice().into();
        let ears = Ears::default();
        let way = Way::Bus(ADDRESS.to_owned());
        let place = Place { way, patterns: Arc::clone(&patterns), most: usize::MAX, there: None, deadline: DEADLINE };
        let started = is_booted.then(|| Watch::start(place, Memory::below(&parts.state), Arc::clone(&ears)));
        let users = is_booted.then(|| Users::new(&patterns, parts.state.clone(), &parts.reader, &ears));
        let missing = match &started {
            None => Some(format!("the units {} are not looked for: there is no systemd here", parts.units.join(", "))),
            Some(Err(error)) => Some(error.chain()),
            Some(Ok(_)) => None,
        };
        let watch = started.and_then(Result::ok);
        let missing = missing.as_deref().map(Shown::new);
        Some(Self { watch, users, patterns, ears, missing, hands: Arc::clone(hands), told: Told::default() })
    }

    fn state(&self) -> Arc<State> {
        self.watch.as_ref().map(Watch::state).unwrap_or_default()
    }

    /// The manager of its own account that has an instance's unit; `None` where that is the system's.
    fn manager_of(&self, declared: &Declared) -> Option<Arc<Manager>> {
        declared.unit.as_ref().filter(|unit| unit.is_users)?;
        self.users.as_ref()?.manager_of(declared)
    }

    /// Does something with whoever talks to the manager that has an instance's unit.
    fn with<T>(&self, declared: &Declared, what: impl FnOnce(&Watch) -> T) -> Option<T> {
        if declared.unit.as_ref().is_some_and(|unit| unit.is_users) {
            return self.manager_of(declared).map(|manager| what(&manager.watch));
        }
        self.watch.as_ref().map(what)
    }

    /// Has systemd do something to an instance's unit, and gives the unit before and after it with the job's result.
    fn ask(&self, what: What, declared: &Declared, patience: Duration) -> Result<(String, Facts, Facts)> {
        let nobody = || words::unasked(what, declared, "there is no systemd here that has it");
        let unit = declared.unit.as_ref().ok_or_else(nobody)?;
        let patience = patience + BEYOND;
        let (job, end) = Job::new(what, unit.name.as_str(), patience);
        if !self.with(declared, |watch| watch.carry_out(job)).ok_or_else(nobody)? {
            return Err(words::unasked(what, declared, "its thread has ended"));
        }
        // The job itself is waited for that long, and what came of it where nobody told that is looked for as long again.
        match end.recv_timeout(patience * 2 + BEYOND) {
            Ok(End::Told(result, before, after)) => match words::undone(what, declared, &result) {
                Some(error) => Err(error),
                None => Ok((result, *before, *after)),
            },
            Ok(End::Refused(name, told)) => Err(words::refused(what, declared, &name, &told)),
            Ok(End::Unasked(why)) => Err(words::unasked(what, declared, &why)),
            Ok(End::Unknown(why)) => Err(words::unknown(what, declared, &why)),
            Err(_) => Err(words::unknown(what, declared, "nobody answers")),
        }
    }

    fn run(&self, what: What, declared: &Declared) -> Result<Box<dyn Started>> {
        let patience = declared.launch.as_ref().map_or(DEADLINE, |launch| launch.start_timeout + launch.stop_timeout);
        let (result, before, after) = self.ask(what, declared, patience)?;
        let unit = declared.unit.as_ref().map(|unit| unit.name.to_string()).unwrap_or_default();
        let main = after.main.unwrap_or(ProcessKey { pid: 0, start_time: 0 });
        let has_failed = result != "done";
        let restarts = if before.invocation == after.invocation { before.restarts } else { after.restarts };
        let newest = self.with(declared, Watch::shared);
        Ok(Box::new(Running { unit, main, has_failed, restarts, after, newest }))
    }
}

impl Supervisor for SystemdSupervisor {
    fn runs(&self, kind: SupervisorKind) -> bool {
        kind == SupervisorKind::Systemd
    }

    fn finds(&self) -> Option<Arc<Finds>> {
        let users = self.users.as_ref()?;
        users.look();
        // Who is asked at once waits for both at once.
        let state = self.watch.as_ref().map(|watch| watch.first_state(DEADLINE)).unwrap_or_default();
        let of_users = users.first_states();
        let serials = of_users.iter().map(|(_, state)| state.serial).sum();
        Some(self.told.finds((state.serial, (users.serial().0, serials)), || {
            let mut finds = Finds::default();
            claims::finds(&self.patterns, None, &state, &mut finds);
            of_users.iter().for_each(|(manager, state)| claims::finds(&self.patterns, Some(&manager.account), state, &mut finds));
            finds
        }))
    }

    fn listen(&self, tell: Ear) {
        self.ears.lock().unwrap_or_else(PoisonError::into_inner).push(tell);
    }

    fn notice(&self) -> Option<Shown> {
        if self.missing.is_some() {
            return self.missing.clone();
        }
        if self.watch.as_ref().is_some_and(Watch::has_ended) {
            return Some(Shown::new("systemd is not listened to any more: the thread that does has failed"));
        }
        let state = self.state();
        // Of known units each row says it.
        let lost = state.lost.as_ref().filter(|_| state.units.is_empty());
        let told = lost.map(|(_, why)| Shown::new(&format!("which units there are is not known: systemd cannot be asked ({why})")));
        told.or_else(|| self.users.as_ref()?.notice())
    }

    fn claims(&self, roster: &Arc<Roster>) -> Arc<[Claim]> {
        let state = self.state();
        let of_users = self.users.as_ref().map(Users::serial).unwrap_or_default();
        self.told.claims(roster, (state.serial, of_users), || {
            claims::claims(roster, |declared| {
                if declared.unit.as_ref().is_some_and(|unit| unit.is_users) {
                    return self.manager_of(declared).map(|manager| (manager.watch.state(), Some(manager.account.clone())));
                }
                Some((Arc::clone(&state), None))
            })
        })
    }

    fn forget(&self, id: &InstanceId) {
        let own = self.told.declared(id).filter(|declared| declared.supervisor == SupervisorKind::Systemd);
        if let Some((declared, unit)) = own.as_ref().and_then(|declared| Some((declared, declared.unit.as_ref()?))) {
            self.with(declared, |watch| watch.look(unit.name.as_str()));
        }
    }

    fn capabilities(&self, declared: &Declared) -> Capabilities {
        let mut capabilities = Capabilities::default();
        let state = self.with(declared, Watch::state).unwrap_or_default();
        if state.lost.is_some() {
            let is_users = declared.unit.as_ref().is_some_and(|unit| unit.is_users);
            let silent = if is_users { "its user's systemd does not answer" } else { "systemd does not answer" };
            capabilities.unable.extend([Verb::Start, Verb::Stop, Verb::Restart].map(|verb| (verb, silent)));
        }
        let says_port = |name: &str| state.units.get(name).is_some_and(|facts| facts.managed.port.is_some());
        if declared.unit.as_ref().is_some_and(|unit| unit.is_bare || says_port(unit.name.as_str())) {
            capabilities.unable.push((Verb::Assign(Asked::Auto), "its port stands in its unit, which berth does not write"));
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
        let patience = declared.launch.as_ref().map_or(grace, |launch| launch.stop_timeout.max(grace));
        let (_, _, after) = self.ask(What::Stop, declared, patience)?;
        let stopped = Stopped { killed: after.result == "timeout", survivors: Vec::new() };
        // What runs of it outside of its unit: a shell started it, or KillMode= spared it.
        let left: Vec<ProcessKey> = extra.iter().copied().filter(|key| is_alive(*key)).collect();
        if left.is_empty() { Ok(stopped) } else { self.hands.stop(declared, &left, by, grace) }
    }

    fn signal(&self, declared: &Declared, key: ProcessKey, signal: Signal, by: &Caller) -> Result<()> {
        self.hands.signal(declared, key, signal, by)
    }
}

/// A unit that was just started.
struct Running {
    unit: String,
    main: ProcessKey,
    has_failed: bool,
    restarts: u32,
    after: Facts,
    newest: Option<Arc<Shared>>,
}

impl Running {
    /// The unit as it is known by now; as it was after the start where nothing newer is known of this start.
    fn now(&self) -> Facts {
        let state = self.newest.as_ref().map(|shared| shared.state());
        let newest = state.and_then(|state| state.units.get(&self.unit).cloned());
        newest.map_or_else(|| self.after.clone(), |facts| (*facts).clone())
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
        use crate::domain::Activity::{Failed, Inactive, Waiting};
        let now = self.now();
        let has_ended = matches!(now.activity(), Failed | Waiting | Inactive) || now.restarts > self.restarts;
        (self.has_failed || has_ended).then(|| now.exit.map_or(ExitStatus::Unknown, |(status, _)| status))
    }

    fn why(&self) -> Option<Shown> {
        let now = self.now();
        let result = now.failure().map(|result| format!(", {result}")).unwrap_or_default();
        Some(Shown::new(&format!("{} is {} ({}{result})", self.unit, now.active_state, now.sub_state)))
    }
}
