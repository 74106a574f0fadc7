//! Every supervisor there is, as one: who runs an instance is asked, started and stopped.
//!
//! It must never decide who owns an instance: its declaration says it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::docker::DockerSupervisor;
use super::pm2::Pm2Supervisor;
use super::process::ProcessSupervisor;
use super::systemd::SystemdSupervisor;
use super::{AdoptedEnd, Ear, LogSource, Started, Stopped, Supervisor};
use crate::domain::{
    Again, Caller, Capabilities, Claim, Declared, Finds, InstanceId, ProcessKey, Roster, Shown, Signal, SupervisorKind, Uid,
};
use crate::error::{Error, Result};
use crate::hand::{Reader, Zygote};

/// What they need.
pub struct Parts {
    /// berth's own state.
    pub state: PathBuf,
    /// Makes hands and keepers.
    pub zygote: Arc<Zygote>,
    /// Reads as users.
    pub reader: Arc<Reader>,
    /// The soft limit of open files that servers get.
    pub open_files: u64,
    /// The containers that are looked for.
    pub containers: Containers,
    /// The units of systemd that are looked for.
    pub units: Vec<String>,
    /// They were asked for by a person: that there is no systemd is worth saying.
    pub units_are_asked_for: bool,
    /// The apps of PM2 that are looked for.
    pub apps: Vec<String>,
}

/// Which containers are looked for, and where.
#[derive(Clone, Debug, Default)]
pub struct Containers {
    /// By name.
    pub names: Vec<String>,
    /// Where engines may listen beside the usual places.
    pub sockets: Vec<PathBuf>,
    /// They were asked for by a person: that there is no engine is worth saying.
    pub are_asked_for: bool,
}

/// Each supervisor: one line. The first runs what no other does.
fn all(parts: &Parts) -> Vec<Arc<dyn Supervisor>> {
    let process: Arc<dyn Supervisor> =
        Arc::new(ProcessSupervisor::new(&parts.state, Arc::clone(&parts.zygote), Arc::clone(&parts.reader), parts.open_files));
    let mut all = vec![Arc::clone(&process)];
    all.extend(SystemdSupervisor::of(parts, &process).map(|systemd| Arc::new(systemd) as Arc<dyn Supervisor>));
    all.extend(DockerSupervisor::of(parts, &process).map(|docker| Arc::new(docker) as Arc<dyn Supervisor>));
    all.extend(Pm2Supervisor::of(parts, &process).map(|pm2| Arc::new(pm2) as Arc<dyn Supervisor>));
    all
}

/// All of them.
pub fn supervisors(parts: &Parts) -> Arc<dyn Supervisor> {
    Arc::new(Supervisors::new(all(parts)))
}

/// What each claimed last, and all of that.
type Told = (Vec<Arc<[Claim]>>, Arc<[Claim]>);

/// What each found last, and all of that.
type Found = (Vec<Option<Arc<Finds>>>, Option<Arc<Finds>>);

/// Several that are asked as one.
pub struct Supervisors {
    all: Vec<Arc<dyn Supervisor>>,
    told: Mutex<Told>,
    found: Mutex<Found>,
}

impl Supervisors {
    /// Of these.
    pub fn new(all: Vec<Arc<dyn Supervisor>>) -> Self {
        let told = (vec![Arc::default(); all.len()], Arc::default());
        let found = (vec![None; all.len()], None);
        Self { all, told: Mutex::new(told), found: Mutex::new(found) }
    }

    fn of(&self, declared: &Declared) -> Result<&Arc<dyn Supervisor>> {
        let runs = self.all.iter().find(|one| one.runs(declared.supervisor));
        runs.ok_or_else(|| Error::failed(format!("{}: there is no {} here", declared.id, declared.supervisor.word())))
    }
}

impl Supervisor for Supervisors {
    fn runs(&self, kind: SupervisorKind) -> bool {
        self.all.iter().any(|one| one.runs(kind))
    }

    fn finds(&self) -> Option<Arc<Finds>> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, all) = &mut *found;
        let mut is_new = false;
        for (one, known) in self.all.iter().zip(known.iter_mut()) {
            let finds = one.finds();
            if !is_same(finds.as_ref(), known.as_ref()) {
                (*known, is_new) = (finds, true);
            }
        }
        if is_new {
            let mut told = known.iter().flatten();
            *all = match (told.next(), told.next()) {
                (only, None) => only.cloned(),
                _ => {
                    let known = || known.iter().flatten();
                    Some(Arc::new(Finds {
                        services: known().flat_map(|finds| finds.services.iter().cloned()).collect(),
                        faults: known().flat_map(|finds| finds.faults.iter().cloned()).collect(),
                    }))
                }
            };
        }
        all.clone()
    }

    fn listen(&self, tell: Ear) {
        self.all.iter().for_each(|one| one.listen(Arc::clone(&tell)));
    }

    fn notice(&self) -> Option<Shown> {
        self.all.iter().find_map(|one| one.notice())
    }

    fn claims(&self, roster: &Arc<Roster>) -> Arc<[Claim]> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, all) = &mut *told;
        let mut is_new = false;
        for (one, known) in self.all.iter().zip(known.iter_mut()) {
            let claims = one.claims(roster);
            if !Arc::ptr_eq(&claims, known) {
                (*known, is_new) = (claims, true);
            }
        }
        if is_new {
            let mut some = known.iter().filter(|claims| !claims.is_empty());
            *all = match (some.next(), some.next()) {
                (None, _) => Arc::default(),
                (Some(only), None) => Arc::clone(only),
                _ => known.iter().flat_map(|claims| claims.iter().cloned()).collect(),
            };
        }
        Arc::clone(all)
    }

    fn log(&self, declared: &Declared) -> Option<LogSource> {
        self.of(declared).ok()?.log(declared)
    }

    fn forget(&self, id: &InstanceId) {
        self.all.iter().for_each(|one| one.forget(id));
    }

    fn was_ended_by_reboot(&self, declared: &Declared, seen: Option<Timestamp>) -> bool {
        self.of(declared).is_ok_and(|one| one.was_ended_by_reboot(declared, seen))
    }

    fn ran_as(&self, declared: &Declared) -> Option<Uid> {
        self.of(declared).ok()?.ran_as(declared)
    }

    fn adopt(&self, declared: &Declared, main: ProcessKey, started_at: Timestamp, by: &Caller) -> Result<()> {
        self.of(declared)?.adopt(declared, main, started_at, by)
    }

    fn keep_down(&self, declared: &Declared, by: &Caller) -> Result<bool> {
        self.of(declared)?.keep_down(declared, by)
    }

    fn end_of_adopted(&self, declared: &Declared) -> AdoptedEnd {
        self.of(declared).map_or(AdoptedEnd::Not, |one| one.end_of_adopted(declared))
    }

    fn note_end_of_adopted(&self, declared: &Declared, is_asked: bool) {
        if let Ok(one) = self.of(declared) {
            one.note_end_of_adopted(declared, is_asked);
        }
    }

    fn note_of_adopted(&self, declared: &Declared, again: Again) {
        if let Ok(one) = self.of(declared) {
            one.note_of_adopted(declared, again);
        }
    }

    fn capabilities(&self, declared: &Declared) -> Capabilities {
        self.of(declared).map(|one| one.capabilities(declared)).unwrap_or_default()
    }

    fn start(&self, declared: &Declared, by: &Caller, again: bool) -> Result<Box<dyn Started>> {
        self.of(declared)?.start(declared, by, again)
    }

    fn restart(&self, declared: &Declared, by: &Caller) -> Option<Result<Box<dyn Started>>> {
        self.of(declared).ok()?.restart(declared, by)
    }

    fn stop(&self, declared: &Declared, extra: &[ProcessKey], by: &Caller, grace: Duration) -> Result<Stopped> {
        self.of(declared)?.stop(declared, extra, by, grace)
    }

    fn signal(&self, declared: &Declared, key: ProcessKey, signal: Signal, by: &Caller) -> Result<()> {
        self.of(declared)?.signal(declared, key, signal, by)
    }
}

fn is_same(one: Option<&Arc<Finds>>, other: Option<&Arc<Finds>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::testing::Idle;

    fn fixed(kind: SupervisorKind, owners: &[&str]) -> Arc<Idle> {
        Arc::new(Idle { claims: Mutex::new(Some(claims(owners))), ..Idle::of(kind) })
    }

    fn claims(owners: &[&str]) -> Arc<[Claim]> {
        owners.iter().map(|owner| Claim::nothing(InstanceId::of_owner(owner).unwrap(), false)).collect()
    }

    #[test]
    fn what_all_of_them_claim_is_the_very_list_of_before_until_one_says_something_new() {
        let (process, systemd) = (fixed(SupervisorKind::Process, &["amy"]), fixed(SupervisorKind::Systemd, &[]));
        let all = Supervisors::new(vec![Arc::clone(&process) as Arc<dyn Supervisor>, Arc::clone(&systemd) as Arc<dyn Supervisor>]);
        let roster = Arc::default();
        // Where only one has any it is its own list: no copy.
        assert!(Arc::ptr_eq(&all.claims(&roster), &process.claims(&roster)));
        *systemd.claims.lock().unwrap() = Some(claims(&["bob"]));
        let both = all.claims(&roster);
        assert_eq!(both.iter().map(|claim| claim.id.to_string()).collect::<Vec<_>>(), ["amy", "bob"]);
        assert!(Arc::ptr_eq(&both, &all.claims(&roster)));
        *process.claims.lock().unwrap() = Some(claims(&[]));
        assert!(Arc::ptr_eq(&all.claims(&roster), &systemd.claims(&roster)));
        *systemd.claims.lock().unwrap() = Some(claims(&[]));
        assert!(all.claims(&roster).is_empty());
    }

    #[test]
    fn each_kind_has_its_own_and_what_nobody_finds_is_nothing() {
        let all = Supervisors::new(vec![fixed(SupervisorKind::Process, &[]) as Arc<dyn Supervisor>]);
        assert!(all.runs(SupervisorKind::Process) && !all.runs(SupervisorKind::Systemd));
        assert!(all.finds().is_none() && all.notice().is_none());
    }
}
