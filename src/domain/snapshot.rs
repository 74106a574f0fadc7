//! The judged picture of the host at one moment. Immutable; every presenter shows the same one.
//!
//! It must never hold a text that is not `Shown`, nor a number where nothing is known.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Allotments, Announcement, Caller, Code, Declared, DiskUse, Endpoint, FileSystem, Finding, Health, HostPart, HostReading, InForce,
    InstanceId, LastExit, Level, Listener, Moment, Notified, PortRange, Probed, Process, ProcessKey, Reading, Service, Shown,
    SupervisorKind, Uid, Underway,
};

/// What an instance is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum State {
    /// It does not run and is not wished to.
    Stopped,
    /// It was started and does not listen yet, inside its start timeout.
    Starting,
    /// It runs.
    Running,
    /// It runs, but a probe fails, or its port is another's.
    Degraded,
    /// It is being stopped.
    Stopping,
    /// It ended without being asked.
    Crashed,
    /// It ended too often.
    CrashLoop,
    /// It may not be seen.
    Unknown,
}

impl State {
    /// The word in JSON and on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Degraded => "degraded",
            Self::Stopping => "stopping",
            Self::Crashed => "crashed",
            Self::CrashLoop => "crash-loop",
            Self::Unknown => "unknown",
        }
    }

    /// Whether a process of it is there.
    pub fn is_up(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Degraded | Self::Stopping)
    }
}

/// What was asked of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Wish {
    /// It should run.
    Up,
    /// It should not.
    Down,
    /// Nobody asked: an unmanaged listener.
    None,
}

impl Wish {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::None => "none",
        }
    }
}

/// One line of the table: an instance, or an unmanaged listener.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Who.
    pub id: InstanceId,
    /// The account it runs as: its name, or the uid in digits.
    pub user: Shown,
    /// That account's uid.
    pub uid: Uid,
    /// Who runs it.
    pub supervisor: SupervisorKind,
    /// What it is doing.
    pub state: State,
    /// Why the state is unknown or what is being done, in words; empty otherwise.
    pub why: Option<Shown>,
    /// What was asked of it; `None` when this caller may not know.
    pub wish: Option<Wish>,
    /// Its port: the assigned, else the configured, else the one listened on.
    pub port: Option<u16>,
    /// The address that it is configured to.
    pub host: Option<IpAddr>,
    /// Where its own processes listen, with the process.
    pub listening: Vec<(Endpoint, Option<i32>)>,
    /// The server's own process.
    pub main: Reading<ProcessKey>,
    /// The keeper, which is not counted.
    pub keeper: Option<ProcessKey>,
    /// The process of the same account that holds sockets for it and for others.
    pub publisher: Option<ProcessKey>,
    /// Its tree, the main process first.
    pub processes: Vec<Arc<Process>>,
    /// When the main process started.
    pub started_at: Option<Timestamp>,
    /// CPU over the whole tree, percent of one core.
    pub cpu_percent: Reading<f32>,
    /// VmRSS over the whole tree, bytes.
    pub memory_bytes: Reading<u64>,
    /// Threads over the whole tree.
    pub tasks: Reading<u64>,
    /// Open descriptors over the whole tree.
    pub open_files: Reading<u64>,
    /// How often it was started again.
    pub restarts: u32,
    /// How it answers.
    pub health: Health,
    /// All that its answers told; `None` before the first, and where nothing of it runs.
    pub probed: Option<Arc<Probed>>,
    /// How it last ended, when it does not run.
    pub exit: Option<LastExit>,
    /// Its last ends as its supervisor recorded them, oldest first.
    pub exits: Arc<[LastExit]>,
    /// The limits that hold for it, as far as they were read.
    pub limits: Option<Arc<InForce>>,
    /// What it has written, as far as it was counted.
    pub disk: Option<Arc<DiskUse>>,
    /// Its findings' codes, worst first.
    pub findings: Vec<Code>,
    /// What a supervisor outside of berth says of it.
    pub service: Option<Arc<Service>>,
    /// What it was declared as; `None` for an unmanaged listener.
    #[serde(skip)]
    pub declared: Option<Arc<Declared>>,
}

impl Row {
    /// How often it was started again; denied where what was asked of it is recorded where this caller may not look.
    pub fn restarted(&self) -> Reading<u32> {
        if self.wish.is_some() { Reading::Known(self.restarts) } else { Reading::Denied }
    }

    /// Its port; denied where none shows and this caller may not read what configures it.
    pub fn own_port(&self) -> Reading<u16> {
        match (self.port, &self.declared) {
            (Some(port), _) => Reading::Known(port),
            (None, Some(declared)) if declared.is_unread() => Reading::Denied,
            (None, _) => Reading::Gone,
        }
    }

    /// The worst of its findings.
    pub fn worst(&self) -> Option<Level> {
        self.findings.iter().map(|code| code.level()).min()
    }
}

/// Counts over all instances; unmanaged rows are not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Instances.
    pub instances: usize,
    /// How many are in each state.
    pub states: BTreeMap<State, usize>,
    /// Ports that more than one claim: of which there is at least one finding that is a conflict.
    pub conflicts: usize,
    /// Findings of each level.
    pub findings: BTreeMap<Level, usize>,
    /// Ports of the range that are configured or listened on.
    pub ports_in_use: usize,
}

impl Totals {
    /// How many instances are in a state.
    pub fn in_state(&self, state: State) -> usize {
        self.states.get(&state).copied().unwrap_or(0)
    }
}

/// What a rate is the difference to: the counters of one listing of processes.
#[derive(Clone, Debug, Default)]
pub struct CpuBaseline {
    /// When it was made, on the boot clock; `None` before the first.
    pub at: Option<Duration>,
    /// User and system time of each process, in clock ticks.
    pub ticks: Arc<HashMap<ProcessKey, u64>>,
}

/// The whole picture.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The host's name.
    pub host: Shown,
    /// When it was sampled.
    pub taken: Moment,
    /// The managed range.
    pub range: PortRange,
    /// Ports that are never given to anybody.
    pub reserved: Vec<PortRange>,
    /// Who has which port by the registry; `Denied` where that cannot be read.
    pub allotments: Reading<Arc<Allotments>>,
    /// Ports that the kernel gives to outgoing connections by itself; `None` when it does not tell.
    pub ephemeral: Option<PortRange>,
    /// The rows, ordered by id, unmanaged ones last.
    pub rows: Vec<Arc<Row>>,
    /// Every finding, worst first, then oldest first.
    pub findings: Vec<Finding>,
    /// The counts.
    pub totals: Totals,
    /// The host's CPU, memory and load.
    pub host_reading: HostReading,
    /// The file systems that instances write on.
    pub file_systems: Vec<FileSystem>,
    /// Every listening socket, for the map of ports.
    pub listeners: Reading<Arc<[Listener]>>,
    /// What servers announce on the network, and whose each is; `None` where nobody listened.
    pub announced: Option<Arc<[Announcement]>>,
    /// What is being done right now, and what was just done.
    pub underway: Vec<Underway>,
    /// How it goes with those who are to be told of events; `None` where nobody is, or where none are kept.
    pub notified: Option<Arc<[Notified]>>,
    /// Sentences about what could not be read or was looked for in vain.
    pub notices: Vec<Shown>,
    /// Rises by one with each snapshot.
    pub sequence: u64,
    /// CPU time counters by process, for the next snapshot's rates.
    pub cpu_baseline: CpuBaseline,
    /// Of which hosts this was put together, in the order in which they were named; none where it is one host's own.
    pub hosts: Arc<[HostPart]>,
}

impl Snapshot {
    /// The row of an instance.
    pub fn row(&self, id: &InstanceId) -> Option<&Arc<Row>> {
        // A judgement puts the instances first, by their ids: of ten thousand one is found at once.
        let instances = self.rows.partition_point(|row| !row.id.is_unmanaged());
        let found = self.rows.get(..instances).and_then(|rows| rows.get(rows.binary_search_by(|row| row.id.cmp(id)).ok()?));
        found.or_else(|| self.rows.iter().find(|row| row.id == *id))
    }

    /// The host of a row, where several are shown as one.
    pub fn part(&self, id: &InstanceId) -> Option<&HostPart> {
        let name = id.host()?;
        self.hosts.iter().find(|part| part.name == *name)
    }

    /// Who asks on an instance's own host, and as what there; `own` where this is one host's picture.
    pub fn caller_at<'a>(&'a self, id: &InstanceId, own: &'a Caller) -> &'a Caller {
        self.part(id).map_or(own, |part| &part.caller)
    }

    /// The picture of an instance's own host: ports, memory and file systems are told there.
    pub fn own(&self, id: &InstanceId) -> &Snapshot {
        self.part(id).map_or(self, |part| &part.picture)
    }

    /// The same of what a finding is about.
    pub fn own_of(&self, finding: &Finding) -> &Snapshot {
        finding.instances.first().map_or(self, |id| self.own(id))
    }

    /// Who has which port by the registry, as far as that is known.
    pub fn allotted(&self) -> Option<&Allotments> {
        self.allotments.as_ref().known().map(AsRef::as_ref)
    }

    /// The findings about an instance.
    pub fn findings_of<'a>(&'a self, id: &'a InstanceId) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(move |finding| finding.instances.contains(id))
    }

    /// What is announced of an instance.
    pub fn announced_of<'a>(&'a self, id: &'a InstanceId) -> impl Iterator<Item = &'a Announcement> {
        self.announced.iter().flat_map(|all| all.iter()).filter(move |one| one.of.as_ref() == Some(id))
    }
}

impl Snapshot {
    /// The picture before anything was judged: sequence 0, nothing in it.
    pub fn nothing_yet(range: PortRange, taken: Moment) -> Self {
        Self {
            host: Shown::new(""),
            taken,
            range,
            reserved: Vec::new(),
            allotments: Reading::Unasked,
            ephemeral: None,
            rows: Vec::new(),
            findings: Vec::new(),
            totals: Totals::default(),
            host_reading: HostReading::default(),
            file_systems: Vec::new(),
            listeners: Reading::Unasked,
            announced: None,
            underway: Vec::new(),
            notified: None,
            notices: Vec::new(),
            sequence: 0,
            cpu_baseline: CpuBaseline::default(),
            hosts: Arc::default(),
        }
    }
}
