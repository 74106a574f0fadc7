//! One pair of eyes: discovers, samples and judges when it is told to, and keeps what the next look needs.
//!
//! It must never decide when to look.

mod look;
mod sources;

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use tokio::sync::watch;

use crate::config::Config;
use crate::discover::{Discoverer, Twins};
use crate::domain::{
    Announcements, Claim, Declared, InstanceId, Notified, PortPlan, ProcessKey, Roster, Shown, Snapshot, Storage, Uid, Underway,
};
use crate::error::Result;
use crate::hand::Reader;
use crate::judge::{Input, follow, judge, twins};
use crate::nearby;
use crate::sample::{Sampler, Watched, kernel_ports, now};
use crate::storage::Board;
use crate::supervisor::Supervisor;

use super::endings::Endings;
use super::lookout::{Lookout, Seen};
use super::pid_files::PidFileWatch;
use super::posture::PostureWatch;
use super::{Probing, plan};

/// How often the kernel is asked which ports it gives away: somebody sets that by hand, and rarely.
const ASK_KERNEL_EVERY: Duration = Duration::from_secs(30);

/// How long everything has to stand still before a picture may follow from the one before by its numbers alone: by then what came
/// last was listed twice, and what was met between two listings is in both.
const SETTLED: Duration = Duration::from_millis(2500);

/// How long a full judgement is built upon: what holds only for so long, a grace time, is noticed within it.
const JUDGE_AGAIN: Duration = Duration::from_secs(10);

/// What the last full judgement was made from.
struct Standing {
    roster: Arc<Roster>,
    storage: Arc<Storage>,
    shape: u64,
    /// Since when that has been so, on the boot clock.
    since: Duration,
    /// When it was judged in full last.
    judged: Duration,
}

/// The eyes.
pub struct Eye {
    discoverer: Discoverer,
    sampler: Sampler,
    supervisor: Arc<dyn Supervisor>,
    roster: Arc<Roster>,
    /// What the supervisor said last.
    told: Arc<[Claim]>,
    /// That, and how those ended that no keeper knows.
    claims: Vec<Claim>,
    watched: Watched,
    previous: Option<Arc<Snapshot>>,
    /// `None` when claims have changed since.
    standing: Option<Standing>,
    /// The last picture followed from the one before by its numbers.
    followed: bool,
    config: Arc<Config>,
    host: Shown,
    zone: TimeZone,
    endings: Endings,
    pid_files: PidFileWatch,
    postures: PostureWatch,
    ports: PortPlan,
    kernel_asked: Option<Duration>,
    storage: Arc<Board>,
    probing: Probing,
    nearby: Arc<nearby::Board>,
    /// How it goes with those who are to be told of events.
    notified: Option<watch::Receiver<Option<Arc<[Notified]>>>>,
    /// What was announced when it was judged last.
    announced: Arc<Announcements>,
    registry: Arc<Lookout>,
    /// What the registry was seen to say when it was judged last.
    seen: Seen,
    viewer: Uid,
    twins: Twins,
    /// A service was seen to be a configured instance: from the next discovery on they are one row.
    joined: bool,
}

/// What this host calls itself, gethostname(2).
pub fn host_name() -> Shown {
    nix::unistd::gethostname().map_or_else(|_| Shown::from("localhost"), |name| Shown::new(&name.to_string_lossy()))
}

impl Eye {
    /// Eyes that have seen nothing yet. What is counted on the disks they find on the board, and who has which port at the lookout.
    ///
    /// # Errors
    /// When the kernel gives nothing to sample with.
    pub fn new(
        config: Arc<Config>,
        reader: Arc<Reader>,
        supervisor: Arc<dyn Supervisor>,
        storage: Arc<Board>,
        registry: Arc<Lookout>,
    ) -> Result<Self> {
        let host = host_name();
        Ok(Self {
            pid_files: PidFileWatch::new(Arc::clone(&reader)),
            postures: PostureWatch::new(Arc::clone(&config), Arc::clone(&reader)),
            discoverer: Discoverer::new(Arc::clone(&config), reader).with(Arc::clone(&supervisor)),
            sampler: Sampler::new(config.ports.range)?,
            supervisor,
            roster: Arc::default(),
            told: Arc::default(),
            claims: Vec::new(),
            watched: Watched::default(),
            previous: None,
            standing: None,
            followed: false,
            host,
            zone: TimeZone::system(),
            endings: Endings::default(),
            ports: plan::of(&config),
            kernel_asked: None,
            storage,
            probing: Probing::default(),
            nearby: Arc::default(),
            notified: None,
            announced: Arc::default(),
            seen: registry.newest(),
            registry,
            viewer: Uid(nix::unistd::geteuid().as_raw()),
            twins: Twins::default(),
            joined: false,
            config,
        })
    }

    /// Whether two rows turned out to be one since this was asked last.
    pub(super) fn has_joined(&mut self) -> bool {
        std::mem::take(&mut self.joined)
    }

    /// What is declared.
    pub fn roster(&self) -> &Arc<Roster> {
        &self.roster
    }

    /// What the supervisors claim.
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// Where the registry is looked at.
    pub(super) fn registry(&self) -> &Arc<Lookout> {
        &self.registry
    }

    /// Who runs instances.
    pub(super) fn supervisor(&self) -> &Arc<dyn Supervisor> {
        &self.supervisor
    }

    /// Whether there are other services than those that were discovered.
    pub(super) fn has_news(&self) -> bool {
        self.discoverer.has_news()
    }

    /// Takes over what the registry says by now. True when that is something else.
    fn read_registry(&mut self) -> bool {
        let newest = self.registry.newest();
        let changed = newest.serial != self.seen.serial;
        if changed {
            self.seen = newest;
            self.standing = None;
        }
        changed
    }

    /// Looks for configurations. True when something changed.
    pub fn discover(&mut self) -> bool {
        let (roster, changed) = if self.previous.is_none() { self.first_scan() } else { self.discoverer.scan() };
        self.roster = roster;
        if changed {
            self.ports.asks_outside = plan::asks_outside(&self.config, &self.roster);
        }
        let now = now().boot;
        if self.kernel_asked.is_none_or(|asked| now.saturating_sub(asked) >= ASK_KERNEL_EVERY) {
            let asked = kernel_ports();
            if asked != (self.ports.ephemeral, self.ports.kept_free.clone()) {
                (self.ports.ephemeral, self.ports.kept_free) = asked;
                self.standing = None;
            }
            self.kernel_asked = Some(now);
        }
        changed
    }

    /// Has what declares these instances read anew where it is another.
    fn declared_again(&mut self, ids: &[InstanceId]) {
        let (roster, changed) = self.discoverer.look_again(ids);
        if changed {
            self.roster = roster;
            self.ports.asks_outside = plan::asks_outside(&self.config, &self.roster);
        }
    }

    /// Looks for configurations, and for listeners and their holders meanwhile: the first time neither is known, and both take their time.
    /// Ports outside the range, which only configurations tell, are left to the look that follows.
    fn first_scan(&mut self) -> (Arc<Roster>, bool) {
        let Self { discoverer, sampler, watched, registry, .. } = self;
        let found = std::thread::scope(|scope| {
            let beside = std::thread::Builder::new().name("berth-first".to_owned());
            let first = beside.spawn_scoped(scope, || {
                crate::failpoint::pass("berth-first");
                sampler.ports(watched);
                registry.look();
            });
            let found = discoverer.scan();
            // Without a thread, or with one that failed, the looks that follow find them.
            drop(first.map(std::thread::ScopedJoinHandle::join));
            found
        });
        // Once the clock need not wait for it: the first picture is not to show ports that are corrected in the second.
        self.registry.look();
        found
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

    /// Asks the supervisors and fixes whose processes and which ports are watched. True when a claim is another than before.
    pub fn claim(&mut self) -> bool {
        self.read_registry();
        let told = self.supervisor.claims(&self.roster);
        let mut changed = self.endings.look();
        if changed || !Arc::ptr_eq(&told, &self.told) {
            let mut claims = told.to_vec();
            self.endings.complete(&mut claims);
            changed = claims != self.claims;
            (self.claims, self.told) = (claims, told);
        }
        if changed {
            self.standing = None;
        } else if self.followed && self.standing.as_ref().is_some_and(|standing| Arc::ptr_eq(&standing.roster, &self.roster)) {
            // Nobody came or went: whom to watch is as it was.
            return changed;
        }
        let mut roots: Vec<ProcessKey> = self.claims.iter().flat_map(claimed).collect();
        let rows = self.previous.iter().flat_map(|previous| &previous.rows).filter(|row| row.declared.is_some());
        let mut mains: Vec<ProcessKey> = rows.filter_map(|row| row.main.known()).collect();
        mains.sort_unstable();
        roots.extend(&mains);
        roots.sort_unstable();
        roots.dedup();
        let range = self.config.ports.range;
        let assigned = |id: &InstanceId| self.seen.allotments.as_ref().known().and_then(|all| all.port_of(id));
        let wanted = |declared: &Arc<Declared>| declared.port.into_iter().chain(assigned(&declared.id));
        let ports: HashSet<u16> = self.roster.instances.iter().flat_map(wanted).filter(|port| !range.contains(*port)).collect();
        self.watched = Watched { roots, mains, ports };
        changed
    }

    /// Looks at the listening sockets. True when the set changed.
    pub fn ports(&mut self) -> bool {
        self.sampler.ports(&self.watched)
    }

    /// Looks whether somebody listens who did not in the last look at the ports. True when so.
    pub fn newcomers(&mut self) -> bool {
        self.sampler.newcomers(&self.watched)
    }

    /// Looks at the processes.
    pub fn processes(&mut self) {
        self.sampler.processes(&self.watched);
    }

    /// A whole look took so long: it is told with the next one.
    pub fn looked(&mut self, took: Duration) {
        self.sampler.looked(took);
    }

    /// Looks at a few PID files. True when one of them is wrong that was not, or the other way round.
    pub fn pid_files(&mut self) -> bool {
        let changed = self.previous.as_ref().is_some_and(|previous| self.pid_files.look(previous, now().boot));
        if changed {
            self.standing = None;
        }
        changed
    }

    /// Looks at a few instances' files. True when one of them is open that was not, or the other way round.
    pub fn postures(&mut self) -> bool {
        let changed = self.postures.look(&self.roster, now().boot);
        if changed {
            self.standing = None;
        }
        changed
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
        self.read_registry();
        if self.postures.take_audits() {
            self.standing = None;
        }
        let announced = self.nearby.newest();
        if !Arc::ptr_eq(&announced, &self.announced) {
            (self.announced, self.standing) = (announced, None);
        }
        let sample = self.sampler.sample();
        let now = sample.taken.boot;
        let stands =
            self.standing.as_ref().filter(|standing| Arc::ptr_eq(&standing.roster, &self.roster) && standing.shape == sample.shape);
        let since = stands.map_or(now, |standing| standing.since);
        let stands = stands.filter(|standing| now.saturating_sub(standing.judged) < JUDGE_AGAIN && now.saturating_sub(since) >= SETTLED);
        // What is counted on the disks changes with each count: it comes with the next full judgement.
        let storage = stands.map_or_else(|| self.storage.newest(), |standing| Arc::clone(&standing.storage));
        self.probing.refresh();
        let probes = self.probing.board().newest();
        let input = Input {
            roster: &self.roster,
            claims: &self.claims,
            previous: self.previous.as_deref(),
            sample,
            underway,
            range: self.config.ports.range,
            host: &self.host,
            zone: &self.zone,
            pid_files: self.pid_files.wrong(),
            announced: &self.announced,
            postures: self.postures.seen(),
            accepted: &self.config.findings.accept,
            ports: &self.ports,
            allotments: &self.seen.allotments,
            registry_notice: self.seen.notice.as_ref(),
            storage: &storage,
            probes: &probes,
            viewer: self.viewer,
        };
        let followed = if stands.is_some() { follow(&input) } else { None };
        self.followed = followed.is_some();
        let mut snapshot = match followed {
            Some(snapshot) => snapshot,
            None => {
                let mut snapshot = judge(&input);
                let (roster, storage) = (Arc::clone(&self.roster), Arc::clone(&storage));
                self.standing = Some(Standing { roster, storage, shape: sample.shape, since, judged: now });
                self.joined |= self.twins.keep(&twins(&snapshot));
                snapshot.notices.extend(self.sampler.ports_notice().cloned());
                snapshot.notices.extend(self.supervisor.notice());
                snapshot.notices.extend(self.probing.notice());
                snapshot
            }
        };
        if let Some(notified) = &self.notified {
            snapshot.notified.clone_from(&notified.borrow());
        }
        let snapshot = Arc::new(snapshot);
        self.previous = Some(Arc::clone(&snapshot));
        snapshot
    }
}

/// The processes that a claim names as its own, or as the parent of those.
fn claimed(claim: &Claim) -> impl Iterator<Item = ProcessKey> + '_ {
    claim.keeper.into_iter().chain(claim.main).chain(claim.others.iter().copied())
}
