//! The clock against a real tree and nobody who runs anything. It must never rest on how long something takes.

use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::pid_files::PidFileWatch;
use super::{Engine, Eye, Lookout, Recorded, Underways};
use crate::config::{Config, Sampling};
use crate::control::Look;
use crate::domain::{Code, ExitStatus, InstanceId, Named, PortRange, Reading, Row, Snapshot, State, SupervisorKind};
use crate::hand::Reader;
use crate::registry::{By, Limits, Registry, Rules, Want};
use crate::supervisor::testing::Idle;

/// Somebody who runs nothing.
fn nobody() -> Arc<Idle> {
    Arc::new(Idle::of(SupervisorKind::Process))
}

/// A registry that nobody has written to.
fn unwritten() -> Arc<Lookout> {
    Lookout::new(Recorded { registry: Registry::below(Path::new("/nonexistent")), quarantine: Duration::from_secs(60) })
}

fn put(root: &Path, user: &str, port: u16) {
    let directory = root.join("users").join(user);
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("config.json"), format!("{{\"port\": {port}, \"host\": \"{}\"}}", Ipv4Addr::LOCALHOST)).unwrap();
}

/// What lies in this directory.
fn configured(tree: &Path) -> Arc<Config> {
    let (file, base, own) = (tree.join("berth.toml"), tree.display(), nix::unistd::geteuid());
    let text = format!(
        "[layout]\nbase = \"{base}\"\n[template.default]\nrun_as = \"{own}\"\n[[discover]]\nconfig = \"{base}/users/*/config.json\"\n"
    );
    std::fs::write(&file, text).unwrap();
    Arc::new(Config::load(Some(&file)).unwrap())
}

/// An engine that never looks because it is time: what it sees was told by the kernel.
fn told(tree: &Path, lookout: Arc<Lookout>) -> Engine {
    let config = configured(tree);
    let range = config.ports.range;
    let eye = Eye::new(config, Reader::start().unwrap(), nobody(), Arc::default(), lookout).unwrap();
    let never = Duration::from_secs(3_600);
    let sampling = Sampling { ports: never, processes: never, discover: never, probes: None };
    let first = Arc::new(Snapshot::nothing_yet(range, crate::sample::now()));
    Engine::start(eye, sampling, Underways::default(), first).unwrap()
}

#[test]
fn a_changed_configuration_wakes_the_clock() {
    let tree = tempfile::tempdir().unwrap();
    put(tree.path(), "abe", 8101);
    let engine = told(tree.path(), unwritten());
    let until = |wanted: &[(&str, u16)]| {
        let seen = || {
            let snapshot = engine.snapshots.borrow().clone();
            let rows = snapshot.rows.iter().filter(|row| row.declared.is_some());
            rows.map(|row| (row.id.to_string(), row.port.unwrap_or(0))).collect::<Vec<_>>()
        };
        let is_so = || seen().iter().map(|(id, port)| (id.as_str(), *port)).eq(wanted.iter().copied());
        assert!(crate::patience::until_so(is_so), "{:?} instead of {wanted:?}", seen());
    };
    until(&[("abe", 8101)]);
    for round in 0..5 {
        put(tree.path(), "abe", 8200 + round);
        until(&[("abe", 8200 + round)]);
    }
    put(tree.path(), "zoe", 8103);
    until(&[("abe", 8204), ("zoe", 8103)]);
    std::fs::remove_dir_all(tree.path().join("users/abe")).unwrap();
    until(&[("zoe", 8103)]);
}

/// A tree of one instance, and eyes on it.
fn one(tree: &Path, port: u16) -> (Eye, Arc<Reader>) {
    put(tree, "abe", port);
    let reader = Reader::start().unwrap();
    (Eye::new(configured(tree), Arc::clone(&reader), nobody(), Arc::default(), unwritten()).unwrap(), reader)
}

#[test]
fn a_changed_registry_wakes_the_clock() {
    let tree = tempfile::tempdir().unwrap();
    put(tree.path(), "abe", 8101);
    let registry = Registry::below(&tree.path().join("state"));
    let lookout = Lookout::new(Recorded { registry: registry.clone(), quarantine: Duration::from_secs(3_600) });
    let engine = told(tree.path(), lookout);
    let until = |wanted: &dyn Fn(&Snapshot) -> bool| {
        assert!(crate::patience::until_so(|| wanted(&engine.snapshots.borrow())), "{:?}", engine.snapshots.borrow());
    };
    let port = |snapshot: &Snapshot| snapshot.rows.first().and_then(|row| row.port);
    until(&|snapshot| port(snapshot) == Some(8101) && snapshot.allotted().is_some_and(|all| all.assigned().len() == 0));
    let id = InstanceId::parse("abe").unwrap();
    let range = engine.snapshots.borrow().range;
    let limits = Limits { range, reserved: vec![], ephemeral: None, kept_free: vec![] };
    let (on_behalf, now) = ("root".into(), jiff::Timestamp::now());
    let rules = Rules { limits, quarantine: Duration::from_secs(3_600), configured: vec![], on_behalf, now };
    let want = |port: u16| Want {
        id: id.clone(),
        uid: crate::domain::Uid(nix::unistd::geteuid().as_raw()),
        host: Ipv4Addr::LOCALHOST.into(),
        configured: Some(8101),
        listening: vec![],
        by: By::Name(port),
        anew: false,
        usable: false,
    };
    for named in [8200, 8201] {
        registry.allocate(&[want(named)], &rules, &mut |_| Ok(())).unwrap();
        until(&|snapshot| port(snapshot) == Some(named));
    }
    let snapshot = engine.snapshots.borrow().clone();
    assert_eq!(snapshot.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [Code::PortDrift]);
    assert_eq!(snapshot.allotted().unwrap().quarantine(8200, snapshot.taken.wall).map(|kept| &kept.of), Some(&id));
    // Damaged beyond its copy, it is not known, and not nothing.
    for file in ["registry.db", "registry.db.good"] {
        std::fs::write(tree.path().join("state").join(file), "no database").unwrap();
    }
    until(&|snapshot| snapshot.allotments == Reading::Denied && port(snapshot) == Some(8101) && !snapshot.notices.is_empty());
}

#[test]
fn pid_files_that_do_not_name_their_instance_are_told() {
    let tree = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    // The instance that is found is this test itself: it listens on the port under the right account.
    let (mut eye, reader) = one(tree.path(), listener.local_addr().unwrap().port());
    let own = std::process::id().cast_signed();
    let snapshot = eye.look();
    let row = &snapshot.rows[0];
    assert_eq!((row.id.to_string().as_str(), row.main.known().map(|main| main.pid)), ("abe", Some(own)));
    let mut child = Command::new("sleep").arg("600").spawn().unwrap();
    let path = tree.path().join("users/abe/server.pid");
    let parent = nix::unistd::getppid().as_raw();
    let other = child.id();
    let mut watch = PidFileWatch::new(reader);
    let mut names = |text: Option<&str>| {
        match text {
            Some(text) => std::fs::write(&path, text).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        watch.look_through(&snapshot, Duration::from_secs(7));
        watch.wrong().get(&row.id).cloned()
    };
    assert_eq!(names(Some(&format!("{own}\n"))), None);
    assert_eq!(names(Some("\n")).map(|file| (file.names, file.read_at)), Some((Named::Nothing, Duration::from_secs(7))));
    assert_eq!(names(None), None, "no file names nobody");
    assert_eq!(names(Some(&format!("{own} {own}"))).map(|file| file.names), Some(Named::NoPid));
    assert_eq!(names(Some(&"4".repeat(4_000_000))).map(|file| file.names), Some(Named::NoPid));
    assert_eq!(names(Some(&parent.to_string())), None, "what the instance was started by is as good");
    // A child of the instance is the instance's, but this one was not seen in the look.
    let Some(Named::Other { key, name, .. }) = names(Some(&other.to_string())).map(|file| file.names) else { panic!("not told") };
    assert_eq!((key.pid, name.as_str()), (child.id().cast_signed(), "sleep"));
    child.kill().unwrap();
    let ended = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    waitid(Id::Pid(Pid::from_raw(other.cast_signed())), ended).unwrap();
    assert_eq!(names(Some(&other.to_string())).map(|file| file.names), Some(Named::Dead(other.cast_signed())), "a zombie is dead");
    child.wait().unwrap();
    assert_eq!(names(Some(&other.to_string())).map(|file| file.names), Some(Named::Dead(other.cast_signed())));
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/proc/1/status", &path).unwrap();
    watch.look_through(&snapshot, Duration::from_secs(8));
    assert!(watch.wrong().is_empty(), "a link is not followed");
}

#[test]
fn pid_files_are_read_when_an_instance_begins_or_ends_and_now_and_then() {
    let tree = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (mut eye, reader) = one(tree.path(), listener.local_addr().unwrap().port());
    let path = tree.path().join("users/abe/server.pid");
    std::fs::write(&path, "").unwrap();
    let mut snapshot = (*eye.look()).clone();
    let started = snapshot.rows[0].started_at.unwrap();
    let mut watch = PidFileWatch::new(reader);
    snapshot.taken.wall = started;
    assert!(!watch.look(&snapshot, Duration::from_secs(1)), "whoever starts it has not written it yet");
    snapshot.taken.wall = started + Duration::from_secs(10);
    assert!(watch.look(&snapshot, Duration::from_secs(2)));
    assert!(!watch.look(&snapshot, Duration::from_secs(3)), "nothing new");
    std::fs::write(&path, std::process::id().to_string()).unwrap();
    assert!(watch.look(&snapshot, Duration::from_secs(4)), "mended by somebody");
    assert!(watch.wrong().is_empty());
}

/// Whether this kernel tells how somebody else's child ended, PIDFD_INFO_EXIT.
fn kernel_tells_ends() -> bool {
    let release = nix::sys::utsname::uname().unwrap().release().to_string_lossy().into_owned();
    let mut numbers = release.split(['.', '-']).map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(6), Some(15))
}

#[test]
fn how_an_adopted_process_ended_is_told_by_the_kernel_or_not_at_all() {
    let cases = [
        (Signal::SIGUSR1, ExitStatus::Code(7), State::Crashed),
        (Signal::SIGSEGV, ExitStatus::Signal(11), State::Crashed),
        (Signal::SIGTERM, ExitStatus::Signal(15), State::Stopped),
    ];
    for (signal, status, state) in cases {
        let tree = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (eye, _) = one(tree.path(), listener.local_addr().unwrap().port());
        // The listener is its standard input: it alone has it, and nobody of this project started it as an instance.
        let script = "trap 'exit 7' USR1; while :; do read -r -t 0.05 line <> /dev/zero; done";
        let stdin = Stdio::from(OwnedFd::from(listener));
        let mut child = Command::new("bash").args(["-c", script]).stdin(stdin).stderr(Stdio::null()).spawn().unwrap();
        let sampling = Sampling {
            ports: Duration::from_millis(20),
            processes: Duration::from_millis(50),
            discover: Duration::from_secs(1),
            probes: None,
        };
        let first = Arc::new(Snapshot::nothing_yet(PortRange { first: 8080, last: 9080 }, crate::sample::now()));
        let engine = Engine::start(eye, sampling, Underways::default(), first).unwrap();
        let until = |what: &str, is_wanted: &dyn Fn(&Row) -> bool| {
            let begun = Instant::now();
            loop {
                let snapshot = engine.snapshots.borrow().clone();
                if let Some(row) = snapshot.rows.iter().find(|row| row.id.owner() == "abe" && is_wanted(row)) {
                    return Arc::clone(row);
                }
                assert!(begun.elapsed() < Duration::from_secs(30), "{what}: {:?}", snapshot.rows);
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        let pid = child.id().cast_signed();
        until("adopted", &|row| row.main.known().is_some_and(|main| main.pid == pid));
        // Who is watched for its end is settled after a picture is shown: two pictures later it is.
        let shown = engine.snapshots.borrow().sequence;
        until("watched", &|_| engine.snapshots.borrow().sequence >= shown + 2);
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
        child.wait().unwrap();
        if kernel_tells_ends() {
            let row = until("told", &|row| row.exit.is_some_and(|exit| exit.status == status));
            assert_eq!(row.state, state, "{signal}");
        } else {
            until("not told", &|row| row.exit.is_some_and(|exit| exit.status == ExitStatus::Unknown) && row.state == State::Crashed);
        }
    }
}
