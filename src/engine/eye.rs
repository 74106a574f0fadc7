//! One pair of eyes: discovers, samples and judges when it is told to, and keeps what the next look needs.
//!
//! It must never decide when to look.

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use crate::config::Config;
use crate::control::Look;
use crate::discover::Discoverer;
use crate::domain::{Claim, InstanceId, PortPlan, ProcessKey, Roster, Shown, Snapshot, Storage, Uid, Underway};
use crate::error::Result;
use crate::hand::Reader;
use crate::judge::{Input, judge};
use crate::sample::{Sampler, Watched, kernel_ports, now};
use crate::supervisor::Supervisor;

use super::endings::Endings;
use super::pid_files::PidFileWatch;
use super::plan;

/// How often the kernel is asked which ports it gives away: somebody sets that by hand, and rarely.
const ASK_KERNEL_EVERY: Duration = Duration::from_secs(30);

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
    pid_files: PidFileWatch,
    ports: PortPlan,
    kernel_asked: Option<Duration>,
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
            pid_files: PidFileWatch::new(Arc::clone(&reader)),
            discoverer: Discoverer::new(Arc::clone(&config), reader),
            sampler: Sampler::new(config.ports.range)?,
            supervisor,
            roster: Arc::default(),
            claims: Vec::new(),
            watched: Watched::default(),
            previous: None,
            host,
            zone: TimeZone::system(),
            storage: Arc::default(),
            endings: Endings::default(),
            ports: plan::of(&config),
            kernel_asked: None,
            viewer: Uid(nix::unistd::geteuid().as_raw()),
            config,
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
        if changed {
            self.ports.asks_outside = plan::asks_outside(&self.config, &self.roster);
        }
        let now = now().boot;
        if self.kernel_asked.is_none_or(|asked| now.saturating_sub(asked) >= ASK_KERNEL_EVERY) {
            (self.ports.ephemeral, self.ports.kept_free) = kernel_ports();
            self.kernel_asked = Some(now);
        }
        changed
    }

    /// Has the kernel tell which configurations change; readable when it has. What it cannot tell is looked for every `pulse`.
    pub fn listen(&mut self, pulse: Duration) -> Option<Arc<OwnedFd>> {
        self.discoverer.listen(pulse);
        self.discoverer.told()
    }

    /// When configurations are to be looked at, should nothing be told before.
    pub fn next_discovery(&self) -> Option<Instant> {
        self.discoverer.next_scan()
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

    /// Looks at a few PID files. True when one of them is wrong that was not, or the other way round.
    pub fn pid_files(&mut self) -> bool {
        self.previous.as_ref().is_some_and(|previous| self.pid_files.look(previous, now().boot))
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
            pid_files: self.pid_files.wrong(),
            storage: &self.storage,
            ports: &self.ports,
            viewer: self.viewer,
        });
        snapshot.notices.extend(self.sampler.ports_notice().cloned());
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
        let first = self.judge(&[]);
        // What was adopted in this look is a root from the next on: its tree is seen only then.
        if first.rows.iter().any(|row| row.declared.is_some() && row.keeper.is_none() && row.main.known().is_some()) {
            self.claim();
            self.processes();
            return self.judge(&[]);
        }
        first
    }

    fn examine(&mut self) {
        let snapshot = self.previous.clone().unwrap_or_else(|| self.look());
        self.pid_files.look_through(&snapshot, now().boot);
    }
}
