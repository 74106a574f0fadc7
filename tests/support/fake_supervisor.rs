//! A supervisor as `berth::supervisor` says one is made: a type in a file of its own and nothing anywhere else. It has services by itself and
//! runs each as a process of the test.
//!
//! It must never outlive its test: dropping it ends what it runs.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use berth::domain::{
    Activity, Asked, Caller, Capabilities, Claim, Declared, ExitStatus, Finds, InstanceId, LastExit, Limits, Managed, ManagedId,
    ProcessKey, Restart, Roster, Service, Shown, Signal, SupervisorKind, Verb,
};
use berth::error::{Error, Result};
use berth::hand::process_facts;
use berth::supervisor::{Ear, Started, Stopped, Supervisor};
use jiff::Timestamp;

/// It.
pub struct Stable {
    finds: Arc<Finds>,
    state: Mutex<State>,
    ears: Mutex<Vec<Ear>>,
}

#[derive(Default)]
struct State {
    running: BTreeMap<InstanceId, (Child, ProcessKey)>,
    ended: BTreeMap<InstanceId, LastExit>,
    silent: Option<(Timestamp, Shown)>,
    /// What was claimed last, of which roster, while nothing has changed.
    claimed: Option<(Arc<Roster>, Arc<[Claim]>)>,
}

impl Stable {
    /// One with a service for each of these owners, as this account.
    pub fn of(owners: &[&str]) -> Self {
        let service = |owner: &&str| Managed {
            id: ManagedId::Named(InstanceId::of_owner(owner).unwrap()),
            kind: SupervisorKind::Systemd,
            name: Shown::new(&format!("horse@{owner}")),
            account: nix::unistd::geteuid().to_string(),
            is_users: false,
            definition: "/nowhere/horse".into(),
            command: vec!["sleep".to_owned()],
            directory: "/".into(),
            host: None,
            port: None,
            // It listens on nothing: as soon as it is there it runs.
            start_timeout: Duration::ZERO,
            stop_timeout: Duration::from_secs(10),
            restart: Restart::No,
            limits: Limits::default(),
            logs: Vec::new(),
        };
        let finds = Arc::new(Finds { services: owners.iter().map(service).collect(), faults: Vec::new() });
        Self { finds, state: Mutex::default(), ears: Mutex::default() }
    }

    /// Does not answer any more, or does again.
    pub fn fall_silent(&self, why: Option<&str>) {
        self.change(|state| state.silent = why.map(|why| (Timestamp::now(), Shown::new(why))));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, how: impl FnOnce(&mut State) -> T) -> T {
        let result = {
            let mut state = self.state();
            state.claimed = None;
            how(&mut state)
        };
        self.ears.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|ear| ear());
        result
    }
}

impl Supervisor for Stable {
    fn runs(&self, kind: SupervisorKind) -> bool {
        kind == SupervisorKind::Systemd
    }

    fn finds(&self) -> Option<Arc<Finds>> {
        Some(Arc::clone(&self.finds))
    }

    fn listen(&self, tell: Ear) {
        self.ears.lock().unwrap_or_else(PoisonError::into_inner).push(tell);
    }

    fn claims(&self, roster: &Arc<Roster>) -> Arc<[Claim]> {
        let mut state = self.state();
        match &state.claimed {
            Some((of, claims)) if Arc::ptr_eq(of, roster) => Arc::clone(claims),
            _ => {
                let own = roster.instances.iter().filter(|declared| self.runs(declared.supervisor));
                let claims: Arc<[Claim]> = own.map(|declared| claim(declared, &state)).collect();
                state.claimed = Some((Arc::clone(roster), Arc::clone(&claims)));
                claims
            }
        }
    }

    fn forget(&self, id: &InstanceId) {
        self.change(|state| {
            let ended = state.running.get_mut(id).and_then(|(child, _)| child.try_wait().ok().flatten());
            if let Some(status) = ended {
                use std::os::unix::process::ExitStatusExt;
                let status = status.signal().map_or_else(|| ExitStatus::Code(status.code().unwrap_or(0)), ExitStatus::Signal);
                state.ended.insert(id.clone(), LastExit { status, at: Timestamp::now(), over_memory: None });
                state.running.remove(id);
            }
        });
    }

    fn capabilities(&self, _declared: &Declared) -> Capabilities {
        Capabilities { unable: vec![(Verb::Assign(Asked::Auto), "a horse has no port")] }
    }

    fn start(&self, declared: &Declared, _by: &Caller, _again: bool) -> Result<Box<dyn Started>> {
        let child = Command::new("sleep").arg("100000").stdin(Stdio::null()).spawn();
        let child = child.map_err(|error| Error::failed("not started").because(error))?;
        let facts = process_facts(child.id().cast_signed()).map_err(|error| Error::failed("not started").because(error))?;
        self.change(|state| {
            state.ended.remove(&declared.id);
            state.running.insert(declared.id.clone(), (child, facts.key));
        });
        Ok(Box::new(Running(facts.key)))
    }

    fn stop(&self, declared: &Declared, _extra: &[ProcessKey], _by: &Caller, _grace: Duration) -> Result<Stopped> {
        let ended = self.change(|state| {
            state.ended.remove(&declared.id);
            state.running.remove(&declared.id)
        });
        let Some((mut child, _)) = ended else { return Ok(Stopped::default()) };
        let done = child.kill().and_then(|()| child.wait());
        done.map(|_| Stopped { killed: true, ..Stopped::default() }).map_err(|error| Error::failed("not stopped").because(error))
    }

    fn signal(&self, _declared: &Declared, _key: ProcessKey, _signal: Signal, _by: &Caller) -> Result<()> {
        Err(Error::failed("a horse takes no signals"))
    }
}

fn claim(declared: &Declared, state: &State) -> Claim {
    let main = state.running.get(&declared.id).map(|(_, key)| *key);
    let exit = state.ended.get(&declared.id).copied();
    let activity = match (main, exit) {
        (Some(_), _) => Activity::Active,
        (None, Some(_)) => Activity::Failed,
        (None, None) => Activity::Inactive,
    };
    let service = Service {
        name: declared.unit.as_ref().map_or_else(|| Shown::from("horse"), |unit| unit.name.clone()),
        activity,
        told: Shown::new(if main.is_some() { "trotting" } else { "in the stable" }),
        result: None,
        since: None,
        group: None,
        project: None,
        limits: Limits::default(),
        unanswered: state.silent.clone(),
    };
    let wished_up = Some(activity != Activity::Inactive);
    Claim { main, wished_up, exit, service: Some(Arc::new(service)), ..Claim::nothing(declared.id.clone(), false) }
}

struct Running(ProcessKey);

impl Started for Running {
    fn main(&self) -> ProcessKey {
        self.0
    }

    fn root(&self) -> ProcessKey {
        self.0
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        None
    }
}

impl Drop for Stable {
    fn drop(&mut self) {
        for (child, _) in self.state().running.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
