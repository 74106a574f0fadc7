//! One more supervisor is a type and a line: what it has, does and says shows as any other's, and nothing else knows of it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use berth::config::Config;
use berth::control::Look;
use berth::domain::{Caller, ExitStatus, InstanceId, Role, Row, Shown, Snapshot, State, SupervisorKind, Uid, Verb};
use berth::engine::{Eye, Lookout, Recorded};
use berth::hand::Reader;
use berth::registry::Registry;
use berth::supervisor::Supervisor;
use berth::supervisor::registry::Supervisors;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::fake_supervisor::Stable;

fn eye(directory: &Path, supervisor: Arc<dyn Supervisor>) -> Eye {
    let file = directory.join("berth.toml");
    std::fs::write(&file, format!("[[discover]]\nconfig = \"{}/*/config.json\"\n", directory.display())).unwrap();
    let registry = Registry::below(&directory.join("state"));
    let lookout = Lookout::new(Recorded { registry, quarantine: Duration::from_secs(60) });
    Eye::new(Arc::new(Config::load(Some(&file)).unwrap()), Reader::start().unwrap(), supervisor, Arc::default(), lookout).unwrap()
}

fn row<'a>(snapshot: &'a Snapshot, id: &str) -> &'a Row {
    snapshot.row(&InstanceId::parse(id).unwrap()).unwrap()
}

#[test]
fn what_a_supervisor_of_ones_own_has_and_does_shows_as_any_others() {
    let directory = tempfile::tempdir().unwrap();
    let stable = Arc::new(Stable::of(&["amy", "bob"]));
    let all: Arc<dyn Supervisor> = Arc::new(Supervisors::new(vec![Arc::clone(&stable) as Arc<dyn Supervisor>]));
    let told = Arc::new(AtomicUsize::new(0));
    let ear = Arc::clone(&told);
    all.listen(Arc::new(move || {
        ear.fetch_add(1, Ordering::SeqCst);
    }));
    let mut eye = eye(directory.path(), Arc::clone(&all));
    let uid = Uid(nix::unistd::geteuid().as_raw());
    let caller = Caller { uid, name: Shown::from("root"), login: None, role: Role::Admin, read_only: false };

    let snapshot = eye.look();
    let amy = row(&snapshot, "amy");
    assert_eq!((amy.state, amy.supervisor, amy.uid), (State::Stopped, SupervisorKind::Systemd, uid));
    let declared = Arc::clone(amy.declared.as_ref().unwrap());
    assert!(all.capabilities(&declared).unable.iter().any(|(verb, _)| matches!(verb, Verb::Assign(_))));

    let main = all.start(&declared, &caller, false).unwrap().main();
    let snapshot = eye.look();
    let amy = row(&snapshot, "amy");
    assert_eq!((amy.state, amy.main.known()), (State::Running, Some(main)));
    assert_eq!(amy.service.as_ref().unwrap().told.as_str(), "trotting");
    assert_eq!(row(&snapshot, "bob").state, State::Stopped);
    assert_eq!(told.load(Ordering::SeqCst), 1, "it has told of the change");

    stable.fall_silent(Some("the stable does not answer"));
    let snapshot = eye.look();
    let (state, why) = (row(&snapshot, "amy").state, row(&snapshot, "amy").why.clone().unwrap());
    assert!(state == State::Unknown && why.as_str().starts_with("the stable does not answer, since "), "{state:?} {why}");
    stable.fall_silent(None);

    // Nobody has asked for its end.
    kill(Pid::from_raw(main.pid), Signal::SIGKILL).unwrap();
    let begun = Instant::now();
    let crashed = loop {
        all.forget(&declared.id);
        let snapshot = eye.look();
        let amy = row(&snapshot, "amy").clone();
        if amy.state == State::Crashed && amy.exit.is_some_and(|exit| exit.status == ExitStatus::Signal(9)) {
            break amy;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{amy:?}");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(crashed.main.known().is_none() && crashed.processes.is_empty());

    all.start(&declared, &caller, false).unwrap();
    assert_eq!(row(&eye.look(), "amy").state, State::Running);
    assert!(all.stop(&declared, &[], &caller, Duration::from_secs(1)).unwrap().killed);
    assert_eq!(row(&eye.look(), "amy").state, State::Stopped);
}
