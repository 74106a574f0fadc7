//! The fixture fleet: one instance in each state and one stranger, at a fixed moment. For the tests of everything that presents.
//!
//! Included by `src/present` and by `tests/it`; it takes its facts from `super::domain`, which each of them provides.

// A fixture that cannot be made fails its test; clippy takes only #[test] functions for tests.
#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::domain::{
    Averages, Check, Code, ConfigFault, CpuBaseline, Declared, Diagnosis, DiskUse, Endpoint, ExitStatus, FileSystem, Finding, Gid, Health,
    HealthState, Holder, HostReading, InstanceId, LastExit, Launch, Limits, Listener, Moment, OwnCost, PortRange, Pressure, Pressures,
    Process, ProcessKey, Reading, Remedy, Restart, Row, Shown, Snapshot, State, Step, SupervisorKind, Topic, Totals, Uid, Variables,
    Verdict, Wish,
};

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const BOOT: u64 = 4_000_000;

/// The moment at which the fleet is looked at.
pub fn now() -> Timestamp {
    "2026-11-21T03:12:04.120Z".parse().unwrap()
}

/// An id.
pub fn id(text: &str) -> InstanceId {
    InstanceId::parse(text).unwrap()
}

/// The fleet.
pub fn fleet() -> Snapshot {
    let mut rows: Vec<Row> = vec![
        running("alice", 1001, 8101, 2211, 4 * 86_400 + 2 * 3600, 12.4, 83.1),
        Row { supervisor: SupervisorKind::Process, ..running("bob/tools", 1002, 8102, 3307, 2 * 3600 + 11 * 60, 3.94, 411.0) },
        instance("carol", 1003, 8107),
        running("dave", 1004, 8104, 5120, 9 * 3600 + 40 * 60, 0.4, 61.7),
        running("erin", 1005, 8105, 6230, 2, 0.0, 31.0),
        instance("frank", 1006, 8106),
        running("gina", 1007, 8108, 7340, 31 * 86_400, 0.1, 1269.8),
        instance("hank", 1008, 8109),
        stranger(),
    ];
    rows[0].health = Health { state: HealthState::Healthy, latency_ms: Some(3), checked_at: Some(now() - Duration::from_millis(2_120)) };
    (rows[1].state, rows[1].restarts) = (State::Degraded, 1);
    rows[1].health = Health { state: HealthState::Slow, latency_ms: Some(812), checked_at: Some(now() - Duration::from_secs(1)) };

    (rows[2].state, rows[2].restarts) = (State::Crashed, 3);
    rows[2].exit = Some(LastExit { status: ExitStatus::Code(1), at: now() - Duration::from_millis(6_116), over_memory: None });
    rows[2].findings = vec![Code::PortTaken];
    rows[3].health = Health { state: HealthState::Guarded, latency_ms: Some(2), checked_at: Some(now()) };
    (rows[4].state, rows[4].cpu_percent, rows[4].listening) = (State::Starting, Reading::Unasked, Vec::new());
    rows[4].health = Health { state: HealthState::Starting, ..Health::UNKNOWN };

    let hidden = &mut rows[5];
    (hidden.state, hidden.wish, hidden.main) = (State::Unknown, None, Reading::Denied);
    (hidden.cpu_percent, hidden.memory_bytes, hidden.tasks, hidden.open_files) =
        (Reading::Denied, Reading::Denied, Reading::Denied, Reading::Denied);
    hidden.why = Some("processes of frank may not be seen (hidepid)".into());

    (rows[6].state, rows[6].why) = (State::Stopping, Some("waiting for 3 processes".into()));
    (rows[7].wish, rows[7].findings) = (Some(Wish::Down), vec![Code::ConfigInvalid]);
    rows[7].state = State::Stopped;
    let file: Shown = "/opt/mcp-server/users/hank/config/config.json".into();
    let mut broken = (**rows[7].declared.as_ref().unwrap()).clone();
    broken.fault = Some(ConfigFault { file, line: Some(3), column: Some(7), reason: "expected `,` or `}`".into(), denied: false });
    rows[7].declared = Some(Arc::new(broken));

    rows[0].disk =
        Some(Arc::new(DiskUse { growth: Some(2048.0), rotated: 2, ..disk(Reading::Known(4_299_162), Reading::Known(10_590_618)) }));
    rows[5].disk = Some(Arc::new(DiskUse { devices: Vec::new(), ..disk(Reading::Denied, Reading::Denied) }));
    rows[6].disk = Some(Arc::new(disk(Reading::Known(3 << 29), Reading::Unasked)));

    let findings = findings();
    Snapshot {
        host: "mcp-3".into(),
        taken: Moment { boot: Duration::from_secs(BOOT), wall: now() },
        range: PortRange { first: 8080, last: 9080 },
        reserved: Vec::new(),
        allotments: Reading::Known(Arc::default()),
        ephemeral: Some(PortRange { first: 32_768, last: 60_999 }),
        totals: totals(&rows, &findings),
        listeners: Reading::Known(listeners(&rows).into()),
        rows: rows.into_iter().map(Arc::new).collect(),
        findings,
        host_reading: host(),
        announced: None,
        notified: None,
        file_systems: vec![FileSystem {
            device: 1,
            mounted_on: "/srv".into(),
            kind: "ext4".into(),
            total: 20 << 30,
            taken: 13_314_000_000,
            free: 8_160_437_862,
            filling: Some(2146.0),
        }],
        underway: Vec::new(),
        notices: Vec::new(),
        sequence: 7,
        cpu_baseline: CpuBaseline::default(),
        hosts: std::sync::Arc::default(),
    }
}

/// The host in an ordinary hour.
fn host() -> HostReading {
    let pressure = |some: [f32; 2], full: Option<[f32; 2]>| {
        let averages = |[ten, sixty]: [f32; 2]| Averages { ten, sixty };
        Reading::Known(Pressure { some: averages(some), full: full.map(averages) })
    };
    HostReading {
        cpu_percent: 7.5,
        cores: 8,
        memory_used: 6 << 30,
        memory_total: 32 << 30,
        memory_available: 25 << 30,
        swap_used: 120 << 20,
        swap_total: 4 << 30,
        load: [0.42, 0.38, 0.31],
        pressure: Pressures { cpu: pressure([1.25, 0.8], None), memory: Reading::Gone, io: pressure([12.5, 3.1], Some([9.75, 2.0])) },
        own: OwnCost { cpu_percent: Some(0.4), memory_bytes: Some(14 << 20), look: Some(Duration::from_micros(3_240)) },
    }
}

/// What an instance wrote, on the one file system.
fn disk(log: Reading<u64>, workspace: Reading<u64>) -> DiskUse {
    DiskUse {
        log_bytes: log,
        log_file_bytes: log,
        workspace_bytes: workspace,
        growth: None,
        log_growth: None,
        rotated: 0,
        rotated_at: None,
        long_since: None,
        uncuttable: None,
        devices: vec![1],
        counted_at: now(),
    }
}

fn declared(name: &str, uid: u32, port: u16) -> Arc<Declared> {
    let id = id(name);
    let home = PathBuf::from(format!("/opt/mcp-server/users/{}", id.owner()));
    Arc::new(Declared {
        uid: Uid(uid),
        gid: Gid(uid),
        account: Some(id.owner().into()),
        supervisor: SupervisorKind::Process,
        unit: None,
        config: home.join("config/config.json"),
        config_root: PathBuf::from("/opt/mcp-server/users"),
        host: Some(LOCAL),
        port: Some(port),
        env_file: None,
        server_name: None,
        moves: false,
        workspace: Some(home.join("workspace")),
        log: home.join("logs/server.log"),
        pid_file: home.join("server.pid"),
        limits: Limits::default(),
        log_max: None,
        log_keep: 0,
        settings: Arc::default(),
        credentials: Box::default(),
        https: false,
        probing: Arc::default(),
        launch: Some(Launch {
            command: vec!["node".into(), "src/main.js".into()],
            directory: PathBuf::from("/opt/mcp-server"),
            environment: Variables::default(),
            start_timeout: Duration::from_secs(60),
            stop_timeout: Duration::from_secs(10),
            restart: Restart::No,
        }),
        fault: None,
        home,
        id,
    })
}

/// An instance that does not run and should.
fn instance(name: &str, uid: u32, port: u16) -> Row {
    let declared = declared(name, uid, port);
    Row {
        id: declared.id.clone(),
        user: declared.id.owner().into(),
        uid: declared.uid,
        supervisor: declared.supervisor,
        state: State::Stopped,
        why: None,
        wish: Some(Wish::Up),
        port: declared.port,
        host: declared.host,
        listening: Vec::new(),
        main: Reading::Gone,
        keeper: None,
        publisher: None,
        processes: Vec::new(),
        started_at: None,
        cpu_percent: Reading::Gone,
        memory_bytes: Reading::Gone,
        tasks: Reading::Gone,
        open_files: Reading::Gone,
        restarts: 0,
        health: Health::UNKNOWN,
        probed: None,
        exit: None,
        exits: Arc::default(),
        limits: None,
        disk: None,
        service: None,
        findings: Vec::new(),
        declared: Some(declared),
    }
}

/// An instance that has run for so many seconds.
fn running(name: &str, uid: u32, port: u16, pid: i32, seconds: u64, cpu_percent: f32, mebibytes: f64) -> Row {
    let process = process(pid, uid, "node", "node src/main.js", seconds, (mebibytes * 1_048_576.0) as u64);
    Row {
        state: State::Running,
        listening: vec![(Endpoint::new(LOCAL, port), Some(pid))],
        main: Reading::Known(process.key),
        keeper: Some(ProcessKey { pid: pid - 1, start_time: process.key.start_time }),
        publisher: None,
        started_at: Some(process.started_at),
        cpu_percent: Reading::Known(cpu_percent),
        memory_bytes: Reading::Known(process.memory_bytes),
        tasks: Reading::Known(process.tasks),
        open_files: process.open_files,
        processes: vec![Arc::new(process)],
        ..instance(name, uid, port)
    }
}

fn process(pid: i32, uid: u32, name: &str, command: &str, seconds: u64, memory_bytes: u64) -> Process {
    Process {
        key: ProcessKey { pid, start_time: (BOOT - seconds) * 100 },
        parent: pid - 1,
        uid: Uid(uid),
        name: name.into(),
        command: command.into(),
        state: 'S',
        cpu_ticks: 1200,
        memory_bytes,
        tasks: 11,
        open_files: Reading::Known(27),
        cgroup: Reading::Unasked,
        elsewhere: false,
        started_at: now() - Duration::from_secs(seconds),
    }
}

fn stranger() -> Row {
    let held = process(4800, 1002, "nc", "nc -lk 8190", 600, 2 << 20);
    Row {
        id: InstanceId::unmanaged("bob", 8190),
        user: "bob".into(),
        supervisor: SupervisorKind::None,
        wish: Some(Wish::None),
        host: None,
        keeper: None,
        publisher: None,
        cpu_percent: Reading::Known(0.0),
        memory_bytes: Reading::Known(held.memory_bytes),
        processes: vec![Arc::new(held)],
        findings: vec![Code::PortStranger],
        declared: None,
        ..running("bob", 1002, 8190, 4800, 600, 0.0, 2.0)
    }
}

fn findings() -> Vec<Finding> {
    let key = |pid| ProcessKey { pid, start_time: (BOOT - 600) * 100 };
    vec![
        Finding {
            code: Code::PortTaken,
            instances: vec![id("carol")],
            port: Some(8107),
            processes: vec![key(4711)],
            since: "2026-11-21T03:09:41.004Z".parse().unwrap(),
            evidence: "8107 is held by pid 4711 (python3, bob), since 03:09:41; carol's instance is assigned it".into(),
            remedies: vec![Remedy::Reassign],
        },
        Finding {
            code: Code::ConfigInvalid,
            instances: vec![id("hank")],
            port: Some(8109),
            processes: Vec::new(),
            since: now(),
            evidence: "/opt/mcp-server/users/hank/config/config.json:3:7: expected `,` or `}`".into(),
            remedies: vec![Remedy::EditConfig],
        },
        Finding {
            code: Code::PortStranger,
            instances: vec![InstanceId::unmanaged("bob", 8190)],
            port: Some(8190),
            processes: vec![key(4800)],
            since: "2026-11-21T03:02:04Z".parse().unwrap(),
            evidence: "8190 is listened on by pid 4800 (nc, bob), since 03:02:04; it belongs to no instance".into(),
            remedies: vec![Remedy::StopHolder],
        },
    ]
}

/// What the rows listen on, and what keeps carol's port.
fn listeners(rows: &[Row]) -> Vec<Listener> {
    let held = |pid: i32, uid, name: &str, command: &str, started_at| Holder {
        key: ProcessKey { pid, start_time: (BOOT - 600) * 100 },
        parent: 1,
        uid,
        name: name.into(),
        command: command.into(),
        started_at,
    };
    let listener = |endpoint, uid, holder: Holder| Listener {
        endpoint,
        uid,
        inode: u64::from(endpoint.port),
        group: None,
        since: holder.started_at,
        holders: Reading::Known(Arc::from([holder])),
    };
    let mut all = Vec::new();
    for row in rows {
        for (endpoint, pid) in &row.listening {
            let process = &row.processes[0];
            let holder = held(pid.unwrap(), row.uid, process.name.as_str(), process.command.as_str(), process.started_at);
            all.push(listener(*endpoint, row.uid, holder));
        }
    }
    let since = "2026-11-21T03:09:41.004Z".parse().unwrap();
    all.push(listener(Endpoint::new(LOCAL, 8107), Uid(1002), held(4711, Uid(1002), "python3", "python3 -m http.server 8107", since)));
    all
}

fn totals(rows: &[Row], findings: &[Finding]) -> Totals {
    let mut totals = Totals { conflicts: 1, ports_in_use: 9, ..Totals::default() };
    for row in rows.iter().filter(|row| !row.id.is_unmanaged()) {
        totals.instances += 1;
        *totals.states.entry(row.state).or_default() += 1;
    }
    for finding in findings {
        *totals.findings.entry(finding.level()).or_default() += 1;
    }
    totals
}

/// What was looked at of an instance whose port is another's, in as few lines as have each verdict.
pub fn diagnosis(id: &InstanceId) -> Diagnosis {
    let check = |topic, verdict, sentence: &str| Check { topic, verdict, sentence: Shown::new(sentence), quotes: vec![], steps: vec![] };
    let env_file = format!("/opt/sdp-mcp/.env.{id}");
    let auto = ["assign", &id.to_string(), "--port", "auto"].map(str::to_owned).to_vec();
    let checks = vec![
        check(Topic::Configuration, Verdict::Good, &format!("/opt/mcp-server/users/{id}/config/config.json is read and valid")),
        Check {
            steps: vec![Step::Tell(Shown::new(&format!("mend {env_file}")))],
            ..check(Topic::Environment, Verdict::Suspect, &format!("{env_file} leaves SDP_API_KEY at its placeholder"))
        },
        check(Topic::Command, Verdict::Good, &format!("{id} may execute /usr/bin/node")),
        Check {
            quotes: vec!["Error: listen EADDRINUSE: address already in use 127.0.0.1:8107".into()],
            steps: vec![Step::Berth(auto, "gives it a free one")],
            ..check(Topic::Port, Verdict::Bad, "8107 is held by pid 4711 (python3, bob)")
        },
        check(Topic::Answer, Verdict::Unknown, "it does not run, so that nobody was asked"),
    ];
    Diagnosis { id: id.clone(), checks, is_well: false }
}
