//! The containers of Docker and Podman, of the host's engines and of its users', over the Engine API.
//!
//! It must never start an engine, run its command line, or make the engine's clock wait: a thread for each engine asks and listens.

mod api;
mod claims;
mod engines;
mod facts;
mod job;
mod log;
mod process;
mod sockets;
mod state;
mod stops;
mod watch;
mod wire;
mod words;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::domain::{
    Asked, Caller, Capabilities, Claim, Declared, ExitStatus, Finds, InstanceId, ProcessKey, Roster, Shown, Signal, SupervisorKind, Verb,
};
use crate::error::Result;
use crate::hand::is_alive;
use crate::supervisor::told::Told;

use super::registry::Parts;
use super::{Ear, LogSource, Started, Stopped, Supervisor};
use api::What;
use engines::{Engine, Engines};
use facts::Facts;
use job::{End, Job};
use log::ContainerLog;
use state::State;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// What is given to an engine beyond the time that it gives a container to end.
const BEYOND: Duration = Duration::from_secs(5);

/// How long the start of a container may take: not until it listens, until its process is there.
const START: Duration = Duration::from_secs(30);

/// The supervisor of containers.
pub struct DockerSupervisor {
    engines: Engines,
    /// Whose hand ends what is no container's.
    hands: Arc<dyn Supervisor>,
    told: Told<Vec<u64>>,
}

impl DockerSupervisor {
    /// One of the containers that are looked for; `None` where none are.
    pub fn of(parts: &Parts, hands: &Arc<dyn Supervisor>) -> Option<Self> {
        if parts.containers.names.is_empty() {
            return None;
        }
        let engines = Engines::new(parts, DEADLINE);
        Some(Self { engines, hands: Arc::clone(hands), told: Told::default() })
    }

    /// Has an engine do something to an instance's container, and gives the container before and after it.
    fn ask(&self, what: What, declared: &Declared, patience: Duration) -> Result<(Arc<Engine>, Facts, Facts)> {
        let Some((engine, _, facts)) = self.engines.container_of(declared) else {
            return Err(words::unasked(what, declared, "there is no such container any more"));
        };
        if what != What::Start {
            self.engines.stops().keep(&facts);
        }
        let patience = patience + BEYOND;
        let (job, end) = Job::new(what, &facts.id, patience);
        if !engine.watch.carry_out(job) {
            return Err(words::unasked(what, declared, "its thread has ended"));
        }
        // The answer itself is waited for that long, and what came of it where nobody told that is looked for as long again.
        match end.recv_timeout(patience * 2 + DEADLINE + BEYOND) {
            Ok(End::Done(before, after)) => Ok((engine, *before, *after)),
            Ok(End::Refused(status, told)) => Err(words::refused(what, declared, status, &told)),
            Ok(End::Unasked(why)) => Err(words::unasked(what, declared, &why)),
            Ok(End::Undone) => Err(words::undone(what, declared)),
            Ok(End::Unknown(why)) => Err(words::unknown(what, declared, &why)),
            Err(_) => Err(words::unknown(what, declared, "nobody answers")),
        }
    }

    fn run(&self, what: What, declared: &Declared, patience: Duration) -> Result<Box<dyn Started>> {
        let (engine, before, after) = self.ask(what, declared, patience)?;
        let main = after.main.unwrap_or(ProcessKey { pid: 0, start_time: 0 });
        // Started by its engine again meanwhile, it has ended once.
        let restarts = if before.started_at == after.started_at { before.restarts } else { after.restarts };
        Ok(Box::new(Running { main, restarts, after, engine }))
    }
}

/// Whole seconds, as the interface wants them; at least one.
fn seconds(grace: Duration) -> i32 {
    i32::try_from(grace.as_secs().max(1)).unwrap_or(i32::MAX)
}

impl Supervisor for DockerSupervisor {
    fn runs(&self, kind: SupervisorKind) -> bool {
        matches!(kind, SupervisorKind::Docker | SupervisorKind::Podman)
    }

    fn finds(&self) -> Option<Arc<Finds>> {
        self.engines.look();
        let engines = self.engines.all();
        // All of them together have as long as one answer may take.
        let begun = Instant::now();
        let patience = || DEADLINE.saturating_sub(begun.elapsed());
        let states: Vec<Arc<State>> = engines.iter().map(|engine| engine.watch.first_state(patience())).collect();
        let serials: Vec<u64> = states.iter().map(|state| state.serial).collect();
        Some(self.told.finds(serials, || {
            let mut finds = Finds::default();
            for (engine, state) in engines.iter().zip(&states) {
                claims::finds(self.engines.patterns(), engine.watch.place(), engine.account.as_deref(), state, &mut finds);
            }
            finds
        }))
    }

    fn listen(&self, tell: Ear) {
        self.engines.tell(tell);
    }

    fn notice(&self) -> Option<Shown> {
        self.engines.notice()
    }

    fn claims(&self, roster: &Arc<Roster>) -> Arc<[Claim]> {
        self.told.claims(roster, self.engines.serials(), || {
            let own = roster.instances.iter().filter(|declared| self.runs(declared.supervisor));
            let claim = |declared: &Arc<Declared>| match self.engines.container_of(declared) {
                Some((_, state, facts)) => claims::claim(declared, &facts, &state),
                None => Claim::nothing(declared.id.clone(), false),
            };
            own.map(claim).collect()
        })
    }

    fn forget(&self, id: &InstanceId) {
        let own = self.told.declared(id).filter(|declared| self.runs(declared.supervisor));
        if let Some((engine, _, facts)) = own.and_then(|declared| self.engines.container_of(&declared)) {
            engine.watch.look(&facts.id);
        }
    }

    fn capabilities(&self, declared: &Declared) -> Capabilities {
        let mut capabilities = Capabilities::default();
        let container = self.engines.container_of(declared);
        if container.as_ref().is_none_or(|(_, state, _)| state.lost.is_some()) {
            let silent = "its container engine does not answer";
            capabilities.unable.extend([Verb::Start, Verb::Stop, Verb::Restart].map(|verb| (verb, silent)));
        }
        let signals = "its processes are its engine's, which ends and restarts them";
        capabilities.unable.push((Verb::Signal(Signal::Hangup), signals));
        if declared.unit.as_ref().is_some_and(|unit| unit.is_bare) {
            let ports = "its port was published when its container was made, and is another only in another container";
            capabilities.unable.push((Verb::Assign(Asked::Auto), ports));
        }
        capabilities
    }

    fn start(&self, declared: &Declared, _by: &Caller, _again: bool) -> Result<Box<dyn Started>> {
        self.run(What::Start, declared, START)
    }

    fn restart(&self, declared: &Declared, _by: &Caller) -> Option<Result<Box<dyn Started>>> {
        let grace = declared.launch.as_ref().map_or(DEADLINE, |launch| launch.stop_timeout);
        Some(self.run(What::Restart(seconds(grace)), declared, START + grace))
    }

    fn stop(&self, declared: &Declared, extra: &[ProcessKey], by: &Caller, grace: Duration) -> Result<Stopped> {
        let grace = declared.launch.as_ref().map_or(grace, |launch| launch.stop_timeout.max(grace));
        let (_, before, after) = self.ask(What::Stop(seconds(grace)), declared, grace)?;
        let killed = before.main.is_some() && after.last_exit().is_some_and(|exit| exit.status == ExitStatus::Signal(9));
        let stopped = Stopped { killed, survivors: Vec::new() };
        // What runs of it outside of its container.
        let left: Vec<ProcessKey> = extra.iter().copied().filter(|key| is_alive(*key)).collect();
        if left.is_empty() { Ok(stopped) } else { self.hands.stop(declared, &left, by, grace) }
    }

    fn signal(&self, declared: &Declared, _key: ProcessKey, _signal: Signal, _by: &Caller) -> Result<()> {
        Err(crate::error::Error::failed(format!("{}: its processes are its engine's, and are not signalled", declared.id)))
    }

    fn log(&self, declared: &Declared) -> Option<LogSource> {
        if !self.runs(declared.supervisor) {
            return None;
        }
        let Some((engine, _, facts)) = self.engines.container_of(declared) else {
            return Some(Box::new(|| Err(io::ErrorKind::NotFound.into())));
        };
        let log = ContainerLog::of(&facts.id, engine.watch.asks());
        Some(Box::new(move || log.open()))
    }
}

/// A container that was just started.
struct Running {
    main: ProcessKey,
    restarts: u32,
    after: Facts,
    engine: Arc<Engine>,
}

impl Running {
    /// The container as it is known by now; as it was after the start where nothing newer is known of it.
    fn now(&self) -> Arc<Facts> {
        let state = self.engine.watch.shared().state();
        let newest = state.containers.values().find(|facts| facts.id == self.after.id);
        newest.cloned().unwrap_or_else(|| Arc::new(self.after.clone()))
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
        has_ended.then(|| now.last_exit().map_or(ExitStatus::Unknown, |exit| exit.status))
    }

    fn why(&self) -> Option<Shown> {
        let now = self.now();
        Some(Shown::new(&format!("{} is {}", now.name, now.told())))
    }
}
