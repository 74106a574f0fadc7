//! A small host for the tables of cases: declare, claim, run, listen, judge.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Input, follow, judge};
use crate::domain::{
    Allotment, Allotments, Announced, Announcements, Claim, Code, Declared, DiskUse, Endpoint, Finding, Gid, Holder, HostReading,
    InstanceId, Launch, Limits, Listener, Moment, Outcome, PidFiles, PortPlan, PortRange, Postures, Probes, Process, ProcessKey, Processes,
    Quarantine, Reading, Restart, Roster, Row, Sample, Shown, Snapshot, Stage, State, Storage, SupervisorKind, Uid, Underway, Variables,
    Verb,
};

/// Seconds after boot at which the host is looked at.
pub(super) const NOW: u64 = 10_000;

/// When that is on the wall.
pub(super) fn wall() -> Timestamp {
    "2026-11-21T03:12:04.120Z".parse().unwrap()
}

/// The key of the test process with this pid: it started `pid` seconds after boot.
pub(super) fn key(pid: i32) -> ProcessKey {
    ProcessKey { pid, start_time: u64::try_from(pid).unwrap() * 100 }
}

pub(super) fn id(text: &str) -> InstanceId {
    InstanceId::parse(text).unwrap()
}

/// What an instance wrote that nobody counted, but for what the case says.
pub(super) fn disk_use(change: impl FnOnce(&mut DiskUse)) -> DiskUse {
    let mut told = DiskUse {
        log_bytes: Reading::Unasked,
        log_file_bytes: Reading::Unasked,
        workspace_bytes: Reading::Unasked,
        growth: None,
        log_growth: None,
        rotated: 0,
        rotated_at: None,
        long_since: None,
        uncuttable: None,
        devices: Vec::new(),
        counted_at: wall(),
    };
    change(&mut told);
    told
}

/// How a case makes its host.
pub(super) type Make = fn(&mut Host) -> &mut Host;

/// Everything that `judge` is given.
pub(super) struct Host {
    pub roster: Roster,
    pub claims: Vec<Claim>,
    pub sample: Sample,
    pub underway: Vec<Underway>,
    pub pid_files: PidFiles,
    pub storage: Storage,
    pub probes: Probes,
    pub announced: Announcements,
    pub postures: Postures,
    pub accepted: Vec<Code>,
    pub range: PortRange,
    pub ports: PortPlan,
    pub allotments: Reading<Arc<Allotments>>,
    pub registry_notice: Option<Shown>,
    pub viewer: Uid,
    pub listeners: Vec<Listener>,
}

impl Host {
    pub fn new() -> Self {
        let accounts = [(0, "root"), (1001, "alice"), (1002, "bob"), (1003, "carol"), (900, "svc")];
        Self {
            roster: Roster::default(),
            claims: Vec::new(),
            sample: Sample {
                taken: Moment { boot: Duration::from_secs(NOW), wall: wall() },
                listeners: Reading::Known(Arc::from([])),
                processes: Processes::default(),
                processes_taken: Duration::from_secs(NOW),
                gathered: Duration::from_secs(NOW),
                sees_all: true,
                host: HostReading::default(),
                accounts: accounts.into_iter().map(|(uid, name)| (Uid(uid), Shown::new(name))).collect(),
                limits: Arc::default(),
                ticks_per_second: 100,
                shape: 0,
            },
            underway: Vec::new(),
            pid_files: PidFiles::new(),
            storage: Storage::default(),
            probes: Probes::default(),
            announced: Announcements { own: vec![IpAddr::from([10, 0, 0, 1])], ..Announcements::default() },
            postures: Postures::default(),
            accepted: Vec::new(),
            range: PortRange { first: 8080, last: 9080 },
            ports: PortPlan::default(),
            allotments: Reading::Known(Arc::default()),
            registry_notice: None,
            viewer: Uid::ROOT,
            listeners: Vec::new(),
        }
    }

    /// Declares an instance and claims nothing for it.
    pub fn declare(&mut self, name: &str, uid: u32, endpoint: &str) -> &mut Self {
        let (host, port) = endpoint.rsplit_once(':').unwrap();
        self.roster.instances.push(Arc::new(Declared {
            id: id(name),
            uid: Uid(uid),
            gid: Gid(uid),
            account: self.sample.accounts.get(&Uid(uid)).cloned(),
            home: PathBuf::from("/home/x"),
            supervisor: SupervisorKind::Process,
            unit: None,
            config: PathBuf::from(format!("/opt/{name}/config.json")),
            config_root: PathBuf::from("/opt"),
            host: host.parse().ok(),
            port: port.parse().ok(),
            env_file: None,
            server_name: None,
            moves: false,
            workspace: None,
            log: PathBuf::from("/x.log"),
            pid_file: PathBuf::from("/x.pid"),
            limits: Limits::default(),
            log_max: None,
            log_keep: 0,
            settings: Arc::default(),
            credentials: Box::default(),
            https: false,
            probing: Arc::default(),
            launch: Some(Launch {
                command: vec!["node".into()],
                directory: PathBuf::from("/"),
                environment: Variables::default(),
                start_timeout: Duration::from_secs(60),
                stop_timeout: Duration::from_secs(10),
                restart: Restart::No,
            }),
            fault: None,
        }));
        self.roster.instances.sort_by(|one, two| one.id.cmp(&two.id));
        self.claims.push(Claim::nothing(id(name), false));
        self
    }

    /// Has the registry give a port to an instance, since 02:00.
    pub fn assign(&mut self, name: &str, port: u16) -> &mut Self {
        let mut all = self.allotments.as_ref().known().map(|all| (**all).clone()).unwrap_or_default();
        let at = "2026-11-21T02:00:00Z".parse().unwrap();
        all.assign(port, Allotment { id: id(name), uid: Uid(1001), strategy: "registry".into(), by: "root".into(), at });
        self.allotments = Reading::Known(Arc::new(all));
        self
    }

    /// Has the registry keep a port that was an instance's until lately, for an hour.
    pub fn quarantine(&mut self, name: &str, port: u16) -> &mut Self {
        let mut all = self.allotments.as_ref().known().map(|all| (**all).clone()).unwrap_or_default();
        all.keep(port, Quarantine { of: id(name), until: wall() + Duration::from_secs(3600) });
        self.allotments = Reading::Known(Arc::new(all));
        self
    }

    /// Has a service be heard that names an address and a port; this host is 10.0.0.1.
    pub fn announce(&mut self, name: &str, address: &str, port: u16) -> &mut Self {
        self.announce_at(name, &[address], port)
    }

    /// The same with several addresses.
    pub fn announce_at(&mut self, name: &str, addresses: &[&str], port: u16) -> &mut Self {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let (kind, host) = ("_mcp._tcp.local.".into(), "x.local.".into());
        let service = Announced { name: name.into(), kind, host, addresses, port, texts: Vec::new(), says_more: false };
        self.announced.services.get_or_insert_default().push(Arc::new(service));
        self
    }

    /// Changes a declaration.
    pub fn redeclare(&mut self, name: &str, change: impl FnOnce(&mut Declared)) -> &mut Self {
        let declared = self.roster.instances.iter_mut().find(|declared| declared.id == id(name)).unwrap();
        change(Arc::make_mut(declared));
        self
    }

    pub fn claim(&mut self, name: &str) -> &mut Claim {
        self.claims.iter_mut().find(|claim| claim.id == id(name)).unwrap()
    }

    pub fn process(&mut self, pid: i32, parent: i32, uid: u32, command: &str) -> &mut Self {
        let name = command.split(' ').next().unwrap();
        self.sample.processes.insert(
            pid,
            Process {
                key: key(pid),
                parent,
                uid: Uid(uid),
                name: name.into(),
                command: command.into(),
                state: 'S',
                cpu_ticks: 100,
                memory_bytes: 1 << 20,
                tasks: 2,
                open_files: Reading::Known(5),
                cgroup: Reading::Unasked,
                elsewhere: false,
                started_at: wall() - Duration::from_secs(NOW - u64::try_from(pid).unwrap()),
            },
        );
        self
    }

    /// A listener of the process with this pid, which must run.
    pub fn listen(&mut self, pid: i32, endpoint: &str) -> &mut Self {
        let process = &self.sample.processes[&pid];
        let holder = Holder {
            key: process.key,
            parent: process.parent,
            uid: process.uid,
            name: process.name.clone(),
            command: process.command.clone(),
            started_at: process.started_at,
        };
        let uid = process.uid;
        self.socket(uid.0, endpoint, Reading::Known(Arc::from([holder])))
    }

    /// A listener whose holders may not be seen.
    pub fn hidden(&mut self, uid: u32, endpoint: &str) -> &mut Self {
        self.socket(uid, endpoint, Reading::Denied)
    }

    /// A listener of the process on the IPv6 wildcard that leaves IPv4 alone.
    pub fn listen_v6only(&mut self, pid: i32, port: u16) -> &mut Self {
        self.listen(pid, &format!(":::{port}")).last(|listener| listener.endpoint.v6only = true)
    }

    /// The group that the last listener was made in.
    pub fn grouped(&mut self, group: &str) -> &mut Self {
        self.last(|listener| listener.group = Some(group.into()))
    }

    fn last(&mut self, change: impl FnOnce(&mut Listener)) -> &mut Self {
        self.listeners.last_mut().map(change);
        self.sample.listeners = Reading::Known(self.listeners.clone().into());
        self
    }

    fn socket(&mut self, uid: u32, endpoint: &str, holders: Reading<Arc<[Holder]>>) -> &mut Self {
        let (host, port) = endpoint.rsplit_once(':').unwrap();
        let endpoint = Endpoint::new(host.parse::<IpAddr>().unwrap(), port.parse().unwrap());
        let inode = 100 + self.listeners.len() as u64;
        self.listeners.push(Listener { endpoint, uid: Uid(uid), inode, holders, group: None, since: wall() - Duration::from_secs(10) });
        self.sample.listeners = Reading::Known(self.listeners.clone().into());
        self
    }

    /// A keeper (pid) with the server below it (pid + 1), listening where it is told.
    pub fn keep(&mut self, name: &str, pid: i32, endpoint: Option<&str>) -> &mut Self {
        let uid = self.roster.instances.iter().find(|declared| declared.id == id(name)).unwrap().uid.0;
        self.process(pid, 1, uid, "berth keep").process(pid + 1, pid, uid, "node main.js");
        if let Some(endpoint) = endpoint {
            self.listen(pid + 1, endpoint);
        }
        let claim = self.claim(name);
        claim.keeper = Some(key(pid));
        claim.main = Some(key(pid + 1));
        claim.wished_up = Some(true);
        self
    }

    /// Ends processes: they and what they listened on are gone.
    pub fn end(&mut self, pids: &[i32]) -> &mut Self {
        for pid in pids {
            self.sample.processes.remove(pid);
        }
        self.listeners.retain(|listener| match &listener.holders {
            Reading::Known(holders) => holders.iter().all(|holder| !pids.contains(&holder.key.pid)),
            _ => true,
        });
        self.sample.listeners = Reading::Known(self.listeners.clone().into());
        self
    }

    pub fn order(&mut self, verb: Verb, name: &str, ended: bool) -> &mut Self {
        let outcome = Outcome { exit_code: 0, sentence: "done".into(), hints: Vec::new(), log_lines: Vec::new() };
        let stage = if ended { Stage::Ended(outcome) } else { Stage::Doing("doing it".into()) };
        let since = self.sample.taken.boot;
        self.underway.push(Underway { verb, id: id(name), by: Some(Uid::ROOT), since, stage, ended: ended.then_some(since) });
        self
    }

    /// Lets time pass; the processes are listed again.
    pub fn pass(&mut self, seconds: u64) -> &mut Self {
        self.sample.taken.boot += Duration::from_secs(seconds);
        self.sample.taken.wall += Duration::from_secs(seconds);
        self.sample.processes_taken = self.sample.taken.boot;
        self.sample.gathered = self.sample.taken.boot;
        self
    }

    pub fn judge(&self) -> Snapshot {
        self.judge_after(None)
    }

    pub fn judge_after(&self, previous: Option<&Snapshot>) -> Snapshot {
        self.with_input(previous, judge)
    }

    /// The picture after another one from which it differs in numbers only.
    pub fn follow(&self, previous: &Snapshot) -> Option<Snapshot> {
        self.with_input(Some(previous), follow)
    }

    fn with_input<T>(&self, previous: Option<&Snapshot>, then: impl FnOnce(&Input<'_>) -> T) -> T {
        then(&Input {
            roster: &self.roster,
            claims: &self.claims,
            previous,
            sample: &self.sample,
            underway: &self.underway,
            range: self.range,
            host: &"mcp-3".into(),
            zone: &TimeZone::UTC,
            pid_files: &self.pid_files,
            storage: &self.storage,
            probes: &self.probes,
            announced: &self.announced,
            postures: &self.postures,
            accepted: &self.accepted,
            ports: &self.ports,
            allotments: &self.allotments,
            registry_notice: self.registry_notice.as_ref(),
            viewer: self.viewer,
        })
    }
}

pub(super) fn row<'a>(snapshot: &'a Snapshot, name: &str) -> &'a Row {
    snapshot.row(&id(name)).unwrap_or_else(|| panic!("no row {name}"))
}

pub(super) fn state(snapshot: &Snapshot, name: &str) -> State {
    row(snapshot, name).state
}

/// The findings with one code: whom they are about, and the evidence.
pub(super) fn findings(snapshot: &Snapshot, code: Code) -> Vec<(String, String)> {
    let of = |finding: &Finding| {
        let names: Vec<String> = finding.instances.iter().map(ToString::to_string).collect();
        (names.join(" "), finding.evidence.to_string())
    };
    snapshot.findings.iter().filter(|finding| finding.code == code).map(of).collect()
}
