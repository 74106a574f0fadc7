//! One pair of eyes: discovers, samples and judges when it is told to, and keeps what the next look needs.
//!
//! It must never decide when to look.

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::config::Config;
use crate::control::Look;
use crate::discover::Discoverer;
use crate::domain::{Claim, ExitStatus, InstanceId, ProcessKey, Roster, Row, Shown, Snapshot, State, Storage, Uid, Underway};
use crate::error::Result;
use crate::hand::Reader;
use crate::judge::{Input, judge};
use crate::sample::{Sampler, Watched};
use crate::supervisor::Supervisor;

use super::endings::Endings;

/// The eyes.
pub struct Eye {
    discoverer: Discoverer,
    sampler: Sampler,
    supervisor: Arc<dyn Supervisor>,
    roster: Arc<Roster>,
    claims: Vec<Claim>,
    watched: Watched,
    previous: Option<Arc<Snapshot>>,
    config: Arc<Config>,
    host: Shown,
    zone: TimeZone,
    storage: Arc<Storage>,
    endings: Endings,
    viewer: Uid,
}

impl Eye {
    /// Eyes that have seen nothing yet.
    ///
    /// # Errors
    /// When the kernel gives nothing to sample with.
    pub fn new(config: Arc<Config>, reader: Arc<Reader>, supervisor: Arc<dyn Supervisor>) -> Result<Self> {
        let host = nix::unistd::gethostname().map(|name| Shown::new(&name.to_string_lossy())).unwrap_or_else(|_| Shown::new("localhost"));
        Ok(Self {
            discoverer: Discoverer::new(Arc::clone(&config), reader),
            sampler: Sampler::new(config.ports.range)?,
            supervisor,
            roster: Arc::default(),
            claims: Vec::new(),
            watched: Watched::default(),
            previous: None,
            config,
            host,
            zone: TimeZone::system(),
            storage: Arc::default(),
            endings: Endings::default(),
            viewer: Uid(nix::unistd::geteuid().as_raw()),
        })
    }

    /// What is declared.
    pub fn roster(&self) -> &Arc<Roster> {
        &self.roster
    }

    /// What the supervisors claim.
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// Looks for configurations. True when something changed.
    pub fn discover(&mut self) -> bool {
        let (roster, changed) = self.discoverer.scan();
        self.roster = roster;
        changed
    }

    /// Asks the supervisors and fixes whose processes and which ports are watched.
    pub fn claim(&mut self) {
        self.claims = self.supervisor.claims(&self.roster);
        self.endings.look();
        self.endings.complete(&mut self.claims);
        let mut roots: Vec<ProcessKey> = self.claims.iter().flat_map(|claim| claim.keeper.into_iter().chain(claim.main)).collect();
        if let Some(previous) = &self.previous {
            roots.extend(previous.rows.iter().filter(|row| row.declared.is_some()).filter_map(|row| row.main.known()));
        }
        roots.sort_unstable();
        roots.dedup();
        let range = self.config.ports.range;
        let ports: HashSet<u16> =
            self.roster.instances.iter().filter_map(|declared| declared.port).filter(|port| !range.contains(*port)).collect();
        self.watched = Watched { roots, ports };
    }

    /// Looks at the listening sockets. True when the set changed.
    pub fn ports(&mut self) -> bool {
        self.sampler.ports(&self.watched)
    }

    /// Looks at the processes.
    pub fn processes(&mut self) {
        self.sampler.processes(&self.watched);
    }

    /// A process has ended: nothing of it is believed any more.
    ///
    /// `descriptor` is the pidfd that told it, for the kernel to say how.
    pub fn forget(&mut self, key: ProcessKey, id: &InstanceId, descriptor: OwnedFd) {
        self.endings.ended(id, descriptor, crate::sample::now().wall);
        self.sampler.forget(key);
        self.supervisor.forget(id);
    }

    /// Judges what was seen.
    pub fn judge(&mut self, underway: &[Underway]) -> Arc<Snapshot> {
        let sample = self.sampler.sample();
        let mut snapshot = judge(&Input {
            roster: &self.roster,
            claims: &self.claims,
            previous: self.previous.as_deref(),
            sample: &sample,
            underway,
            range: self.config.ports.range,
            host: &self.host,
            zone: &self.zone,
            storage: &self.storage,
            viewer: self.viewer,
        });
        if let Some(reason) = self.sampler.ports_refused() {
            snapshot.notices.push(Shown::new(&format!("the kernel does not tell listening sockets: {reason}")));
        }
        let snapshot = Arc::new(snapshot);
        self.previous = Some(Arc::clone(&snapshot));
        snapshot
    }
}

impl Look for Eye {
    fn look(&mut self) -> Arc<Snapshot> {
        self.discover();
        self.claim();
        self.ports();
        self.processes();
        self.sampler.all_limits(&self.watched);
        let first = self.judge(&[]);
        // What was adopted in this look is a root from the next on: its tree is seen only then.
        if first.rows.iter().any(|row| row.declared.is_some() && row.keeper.is_none() && row.main.known().is_some()) {
            self.claim();
            self.processes();
            self.sampler.all_limits(&self.watched);
            return self.judge(&[]);
        }
        // It ended between the claims and this reading: its keeper has written how by now, or is about to.
        let ended = |row: &Row| row.state == State::Crashed && row.exit.is_some_and(|exit| exit.status == ExitStatus::Unknown);
        let unclear: Vec<&InstanceId> = first.rows.iter().filter(|row| ended(row)).map(|row| &row.id).collect();
        if unclear.is_empty() {
            return first;
        }
        unclear.into_iter().for_each(|id| self.supervisor.forget(id));
        self.claim();
        self.judge(&[])
    }
}
