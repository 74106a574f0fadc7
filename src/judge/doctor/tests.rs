//! Facts in, a cause out: a line for each way in which an instance does not work.

use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::domain::{
    Access, ConfigFault, EnvFile, ExitStatus, Health, LastExit, Limits, LogLine, Place, Places, Probed, ProcessKey, Reading, Sight, Sought,
    Wish,
};
use crate::judge::testing::{Host, id, row, wall};

const OPEN: Access = Access {
    is_directory: true,
    is_regular: false,
    links: 1,
    uid: 1001,
    mode: 0o755,
    may_read: true,
    may_write: true,
    may_execute: true,
    room: 1 << 30,
    is_out_of_files: false,
};
const FILE: Access = Access { is_directory: false, is_regular: true, ..OPEN };
const SHUT: Access = Access { may_read: false, may_write: false, may_execute: false, mode: 0o700, ..OPEN };

fn place(path: &str, sight: Sight) -> Place {
    Place { path: path.into(), sight }
}

fn well() -> Places {
    Places {
        config: Some(place("/opt/alice/config.json", Sight::There(FILE))),
        env_file: None,
        program: Some(Sought { word: "node".into(), places: vec![place("/usr/bin/node", Sight::There(FILE))] }),
        directory: Some(place("/srv", Sight::There(OPEN))),
        workspace: Some(place("/srv/alice/work", Sight::There(OPEN))),
        log: Some(place("/srv/alice/server.log", Sight::There(FILE))),
    }
}

/// Everything that a case may change.
struct Case {
    host: Host,
    checkup: Checkup,
    row: Row,
    snapshot: Snapshot,
}

impl Case {
    fn places(&mut self) -> &mut Places {
        self.checkup.places.as_mut().unwrap()
    }

    fn declared(&mut self) -> &mut Declared {
        Arc::make_mut(self.row.declared.as_mut().unwrap())
    }

    fn log(&mut self, text: &str) {
        self.checkup.log = Ok(text.lines().zip(1..).map(|(line, number)| LogLine::text(number, None, line.into())).collect());
    }

    /// It ended like this, and its log says that.
    fn ended(&mut self, status: ExitStatus, log: &str) {
        (self.row.state, self.row.wish) = (State::Crashed, Some(Wish::Up));
        self.row.exit = Some(LastExit { status, at: wall(), over_memory: None });
        self.log(log);
    }

    /// It runs and listens on this; its server answered so.
    fn runs(&mut self, endpoint: &str, health: HealthState, why: Option<&str>) {
        self.host.keep("alice", 100, Some(endpoint));
        self.snapshot = self.host.judge();
        let was = std::mem::replace(&mut self.row, row(&self.snapshot, "alice").clone());
        self.row.declared = was.declared;
        self.row.health = Health { state: health, latency_ms: Some(3), checked_at: None };
        let of = ProcessKey { pid: 101, start_time: 1 };
        let probed = Probed {
            of,
            health: self.row.health,
            why: why.map(Shown::new),
            course: Default::default(),
            server: None,
            metrics: None,
            certificate: None,
        };
        self.row.probed = Some(Arc::new(probed));
    }
}

fn diagnosed(change: impl FnOnce(&mut Case)) -> Diagnosis {
    let mut host = Host::new();
    host.declare("alice", 1001, "127.0.0.1:8081");
    let snapshot = host.judge();
    let row = row(&snapshot, "alice").clone();
    let checkup = Checkup {
        account: "alice".into(),
        places: Ok(well()),
        env_fault: None,
        obstacle: None,
        stopped: Reading::Gone,
        log: Ok(Vec::new()),
    };
    let mut case = Case { host, checkup, row, snapshot };
    change(&mut case);
    diagnose(&case.checkup, &case.row, &case.snapshot).unwrap()
}

fn fault(file: &str, line: Option<u32>, reason: &str) -> Option<ConfigFault> {
    Some(ConfigFault { file: file.into(), line, column: line.map(|_| 7), reason: reason.into(), denied: false })
}

fn env_file(untouched: &[&str]) -> Option<EnvFile> {
    let untouched = untouched.iter().map(|name| Shown::new(name)).collect();
    Some(EnvFile { path: PathBuf::from("/srv/.env.alice"), names: vec!["A".into()], untouched, ..EnvFile::default() })
}

type Change = fn(&mut Case);

#[test]
fn each_broken_set_up_has_its_cause() {
    use ExitStatus::{Code, Signal};
    let cases: &[(Change, Topic, Verdict, &str)] = &[
        (
            |case| case.declared().fault = fault("/opt/alice/config.json", Some(3), "expected `,` or `}`"),
            Topic::Configuration,
            Verdict::Bad,
            "/opt/alice/config.json:3:7 cannot be used: expected `,` or `}`",
        ),
        (
            |case| {
                case.declared().fault = fault("/opt/alice/config.json", None, "alice may not read it");
                case.places().config = Some(place("/opt/alice/config.json", Sight::Barred("/opt/alice".into())));
            },
            Topic::Configuration,
            Verdict::Bad,
            "alice may not go through /opt/alice, and so cannot read /opt/alice/config.json",
        ),
        (
            |case| {
                let looked = ["/usr/bin/node", "/bin/node"].map(|path| place(path, Sight::Absent(path.into(), OPEN)));
                case.places().program = Some(Sought { word: "node".into(), places: looked.to_vec() });
            },
            Topic::Command,
            Verdict::Bad,
            "the program node is not there: it was looked for in /usr/bin and /bin",
        ),
        (
            |case| {
                let there = Sight::There(Access { may_execute: false, mode: 0o644, ..FILE });
                case.places().program = Some(Sought { word: "./run".into(), places: vec![place("/srv/run", there)] });
            },
            Topic::Command,
            Verdict::Bad,
            "alice may not execute /srv/run (mode 0644)",
        ),
        (
            |case| case.places().directory = Some(place("/srv/app", Sight::Absent("/srv/app".into(), OPEN))),
            Topic::Directory,
            Verdict::Bad,
            "the working directory /srv/app is not there",
        ),
        (
            |case| case.places().workspace = Some(place("/a/b", Sight::Absent("/a".into(), OPEN))),
            Topic::Workspace,
            Verdict::Bad,
            "the workspace /a/b is not there: there is no /a",
        ),
        (
            |case| case.places().workspace = Some(place("/a/b", Sight::There(Access { may_write: false, ..OPEN }))),
            Topic::Workspace,
            Verdict::Bad,
            "alice may not write to the workspace /a/b (mode 0755)",
        ),
        (
            |case| case.places().log = Some(place("/a/x.log", Sight::There(Access { may_write: false, mode: 0o644, ..FILE }))),
            Topic::Log,
            Verdict::Bad,
            "alice may not write to the log /a/x.log (mode 0644)",
        ),
        (
            |case| case.places().log = Some(place("/a/x.log", Sight::Absent("/a/x.log".into(), SHUT))),
            Topic::Log,
            Verdict::Bad,
            "the log /a/x.log cannot be made: alice may not make /a/x.log",
        ),
        (
            |case| case.places().log = Some(place("/a/x.log", Sight::There(Access { room: 8 << 10, ..FILE }))),
            Topic::Disk,
            Verdict::Bad,
            "the file system of /a/x.log is full: 8 KiB are left for alice",
        ),
        (
            |case| case.ended(Code(1), "Error: ENOSPC: no space left on device, write"),
            Topic::Disk,
            Verdict::Bad,
            "its log says that there was no room left on a disk",
        ),
        (
            |case| {
                case.declared().env_file = env_file(&[]);
                case.declared().fault = fault("/srv/.env.alice", Some(2), "this quote is never closed");
            },
            Topic::Environment,
            Verdict::Bad,
            "/srv/.env.alice cannot be used: line 2: this quote is never closed",
        ),
        (
            |case| {
                case.declared().env_file = env_file(&["API_KEY"]);
                case.ended(Code(1), "starting\ncannot log in");
            },
            Topic::Environment,
            Verdict::Suspect,
            "/srv/.env.alice leaves API_KEY at its placeholder",
        ),
        (
            |case| case.checkup.obstacle = Some("8081 is bound, but not listened on, by pid 7 (nc, bob)".into()),
            Topic::Port,
            Verdict::Bad,
            "8081 is bound, but not listened on, by pid 7 (nc, bob)",
        ),
        (
            |case| case.ended(Code(1), "Server listening on port 8081\nError: listen EADDRINUSE: address already in use"),
            Topic::Port,
            Verdict::Bad,
            "8081 was taken when it last began to listen, and is free now, although its log says before that it listens",
        ),
        (
            |case| case.ended(Code(134), "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"),
            Topic::Process,
            Verdict::Bad,
            "it exited with code 134: it ran out of memory",
        ),
        (
            |case| {
                case.ended(Signal(9), "");
                case.row.exit = case.row.exit.map(|exit| LastExit { over_memory: Some(64 << 20), ..exit });
            },
            Topic::Process,
            Verdict::Bad,
            "it was killed by signal 9: the kernel killed it for using more memory than its 64.0 MiB",
        ),
        (
            |case| {
                case.ended(Code(137), "");
                case.declared().limits = Limits { memory_max: Some(64 << 20), ..Limits::default() };
            },
            Topic::Process,
            Verdict::Suspect,
            "it exited with code 137: KILL comes from a person, or from the kernel when memory runs out; its limit is 64.0 MiB",
        ),
        (
            |case| {
                case.ended(Code(1), "Error: Cannot find module './missing'\n    at Module._load");
                case.row.state = State::CrashLoop;
            },
            Topic::Process,
            Verdict::Bad,
            "it exited with code 1, again and again: a module that it needs is not there: ./missing",
        ),
        (|case| case.ended(Code(3), "bye"), Topic::Process, Verdict::Symptom, "it exited with code 3"),
        (|_| {}, Topic::Process, Verdict::Symptom, "it does not run, and nobody asked for it to"),
        (
            |case| case.checkup.stopped = Reading::Known("stopped by root, 03:12:04".into()),
            Topic::Process,
            Verdict::Bad,
            "it does not run: stopped by root, 03:12:04",
        ),
        (
            |case| case.checkup.stopped = Reading::Denied,
            Topic::Process,
            Verdict::Symptom,
            "it does not run, and is not meant to; who stopped it, if anybody did, this account may not see",
        ),
        (
            |case| case.runs("127.0.0.1:8081", HealthState::Unhealthy, Some("it did not answer within 2 s, 3 times in a row and more")),
            Topic::Answer,
            Verdict::Bad,
            "it accepts connections and does not answer: it did not answer within 2 s, 3 times in a row and more",
        ),
        (
            |case| case.runs("127.0.0.1:8081", HealthState::Starting, Some("it did not answer within 2 s")),
            Topic::Answer,
            Verdict::Suspect,
            "it accepts connections, and it did not answer within 2 s",
        ),
        (
            |case| case.runs("127.0.0.1:8085", HealthState::Healthy, None),
            Topic::Port,
            Verdict::Bad,
            "alice's instance listens on 127.0.0.1:8085 and not on 8081, which it is assigned",
        ),
    ];
    for (change, topic, verdict, sentence) in cases {
        let diagnosis = diagnosed(change);
        let cause = diagnosis.cause().unwrap_or_else(|| panic!("{sentence}: {diagnosis:#?}"));
        assert_eq!((cause.topic, cause.verdict, cause.sentence.as_str()), (*topic, *verdict, *sentence), "{diagnosis:#?}");
        assert!(!cause.steps.is_empty(), "{sentence}: there is no next step");
        assert_eq!(diagnosis.id, id("alice"));
    }
}

#[test]
fn a_port_that_another_has_is_told_with_its_holder() {
    let diagnosis = diagnosed(|case| {
        case.host.process(700, 1, 1002, "python3").listen(700, "127.0.0.1:8081");
        case.snapshot = case.host.judge();
        case.row = row(&case.snapshot, "alice").clone();
    });
    let cause = diagnosis.cause().unwrap();
    assert!(cause.topic == Topic::Port && cause.sentence.as_str().starts_with("8081 is held by pid 700 (python3, bob)"), "{cause:?}");
}

#[test]
fn a_server_that_works_has_no_cause_and_what_is_amiss_is_only_suspected() {
    let well = diagnosed(|case| case.runs("127.0.0.1:8081", HealthState::Healthy, None));
    assert!(well.cause().is_none() && well.is_well, "{well:#?}");
    assert!(well.checks.iter().all(|check| check.verdict == Verdict::Good), "{well:#?}");
    let guarded = diagnosed(|case| case.runs("127.0.0.1:8081", HealthState::Guarded, Some("it is alive and answers nobody")));
    assert!(guarded.cause().is_none() && guarded.is_well);
    let without = diagnosed(|case| {
        case.runs("127.0.0.1:8081", HealthState::Healthy, None);
        case.places().workspace = Some(place("/a", Sight::Absent("/a".into(), OPEN)));
        // Of the run before this one.
        case.log("Error: Cannot find module 'x'");
    });
    assert_eq!((without.cause().unwrap().verdict, without.is_well), (Verdict::Suspect, true), "{without:#?}");
}

#[test]
fn what_nobody_could_look_at_is_unknown_and_not_wrong() {
    let diagnosis = diagnosed(|case| {
        case.checkup.places = Err("only root and alice can look with the rights of alice".into());
        case.checkup.log = Err("you may not read it".into());
        case.declared().env_file = env_file(&[]);
        (case.row.state, case.row.why) = (State::Unknown, Some("processes of alice may not be seen".into()));
    });
    assert!(diagnosis.cause().is_none(), "{diagnosis:#?}");
    let unknown: Vec<Topic> = diagnosis.checks.iter().filter(|check| check.verdict == Verdict::Unknown).map(|check| check.topic).collect();
    assert_eq!(unknown, [Topic::Environment, Topic::Directory, Topic::Process, Topic::Answer]);
}

#[test]
fn who_listens_on_nothing_does_not_work() {
    let silent = diagnosed(|case| {
        case.runs("127.0.0.1:8081", HealthState::Unknown, None);
        case.row.listening.clear();
        case.snapshot.findings.push(found(Code::PortSilent, &["alice"], Vec::new()));
    });
    let cause = silent.cause().unwrap();
    assert_eq!((cause.topic, cause.sentence.as_str(), silent.is_well), (Topic::Port, "a finding", false), "{silent:#?}");
}

#[test]
fn whose_port_another_one_names_works_and_the_other_one_is_to_move() {
    let healthy = |given: Option<&'static str>| {
        diagnosed(|case| {
            case.runs("127.0.0.1:8081", HealthState::Healthy, None);
            let of = case.row.processes.first().map(|process| process.key);
            let processes = if given.is_some() { Vec::new() } else { of.into_iter().collect() };
            case.snapshot.findings.push(found(Code::PortDuplicate, &["alice", "twin"], processes));
            let mut all = crate::domain::Allotments::default();
            if let Some(name) = given {
                let uid = crate::domain::Uid(1001);
                let allotment = crate::domain::Allotment { id: id(name), uid, strategy: "static".into(), by: "root".into(), at: wall() };
                all.assign(8081, allotment);
            }
            case.snapshot.allotments = Reading::Known(Arc::new(all));
        })
    };
    for given in [Some("alice"), None] {
        let page = healthy(given);
        let port = page.checks.iter().find(|check| check.topic == Topic::Port).unwrap();
        assert_eq!((page.is_well, port.verdict), (true, Verdict::Suspect), "{given:?} {page:#?}");
        let step = Step::Berth(["assign", "twin", "--port", "auto"].map(str::to_owned).to_vec(), "gives that one a free port");
        assert_eq!(port.steps, [step]);
    }
    assert!(!healthy(Some("twin")).is_well, "it is twin's");
}

fn found(code: Code, names: &[&str], processes: Vec<ProcessKey>) -> crate::domain::Finding {
    crate::domain::Finding {
        code,
        instances: names.iter().map(|name| id(name)).collect(),
        port: Some(8081),
        processes,
        since: wall(),
        evidence: "a finding".into(),
        remedies: Vec::new(),
    }
}
