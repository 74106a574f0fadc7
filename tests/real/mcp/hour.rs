//! Who each is; and an hour of being asked, in fast motion.
//!
//! It must never compare what a server keeps before it is warm: what is made with the first questions is no leak.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::sync::oneshot;

use super::{PATIENCE, introduced, log, node, python, servers};
use crate::domain::{Endpoint, Fingerprint, HealthState, InstanceId, Pin, Process, ProcessKey, Reading, Row, Snapshot};
use crate::world::World;
use crate::{fleet, parts};

/// Questions of an hour, one every 10 s. Here each comes with an introduction as well, of which an hour has one at most.
const HOUR: usize = 360;

/// Questions until a server is warm.
const WARM: usize = 200;

/// The most that the resident memory of a server may differ: allocators and collectors keep what they like.
const ROOM: u64 = 12 << 20;

/// What the prober is told of the world: one instance, which is there.
struct Around(Arc<Snapshot>);

impl ::berth::probe::World for Around {
    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0)
    }

    fn is_alive(&self, _: ProcessKey) -> bool {
        true
    }

    fn key(&self, _: &Arc<Row>) -> ::berth::probe::KeyOf {
        oneshot::channel().1
    }

    fn pin(&self, _: &InstanceId, _: u16, _: Fingerprint) -> Option<Pin> {
        None
    }

    fn has_pin(&self, _: &InstanceId, _: u16) -> bool {
        false
    }

    fn pins_serial(&self) -> u64 {
        0
    }
}

/// Asks a process so often how it is and who it is, one time after the other, with the prober itself: a command's start takes longer than
/// all that it asks.
fn ask(world: &World, pid: i32, times: usize) {
    let id: InstanceId = fleet::id("alice");
    let mut snapshot = fleet::fleet();
    let mut row = (**snapshot.row(&id).unwrap()).clone();
    let key = ProcessKey { pid, start_time: 1 };
    row.main = Reading::Known(key);
    row.processes = vec![Arc::new(Process { key, ..(*row.processes[0]).clone() })];
    row.listening = vec![(Endpoint::new(std::net::Ipv4Addr::LOCALHOST.into(), world.ports[0]), Some(pid))];
    snapshot.rows = vec![Arc::new(row)];
    let snapshot = Arc::new(snapshot);
    for _ in 0..times {
        let board = Arc::new(::berth::probe::Board::default());
        let around = Arc::new(Around(Arc::clone(&snapshot)));
        let prober = ::berth::probe::Prober::new(Arc::clone(&board), around, Duration::from_secs(10));
        prober.once(Some(id.clone()), PATIENCE).unwrap().join().unwrap();
        let newest = board.newest();
        let told = newest.get(&id).unwrap();
        assert!(told.server.is_some() && matches!(told.health.state, HealthState::Healthy | HealthState::Slow), "{told:#?}");
    }
}

/// Starts the only instance and compares what it is said to be: state, era, protocol, name, whether it keeps sessions and wants a key.
fn told(world: &World, expected: [Value; 6]) {
    world.berth.done(&["start", world.names()[0]]);
    let health = introduced(world);
    let server = &health["server"];
    let told = [&health["state"], &server["era"], &server["protocol"], &server["name"], &server["sessions"], &server["wants_key"]]
        .map(Clone::clone);
    assert_eq!(told, expected, "{health:#}\n{}", log(world));
    assert!(server["capabilities"].as_array().unwrap().contains(&"tools".into()), "{health:#}");
}

/// What a server keeps: sessions, what lives in its memory, and its resident memory.
fn kept(world: &World, pid: i32) -> [u64; 3] {
    let before = log(world).matches("kept ").count();
    kill(Pid::from_raw(pid), Signal::SIGUSR2).unwrap();
    let begun = Instant::now();
    loop {
        let log = log(world);
        if let Some(line) = log.split_inclusive('\n').rfind(|line| line.starts_with("kept ") && line.ends_with('\n'))
            && log.matches("kept ").count() > before
        {
            let numbers: Vec<u64> = line.split_whitespace().skip(1).map(|word| word.parse().unwrap()).collect();
            return [numbers[0], numbers[1], resident(pid)];
        }
        assert!(begun.elapsed() < PATIENCE, "{log}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn resident(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// An hour of being asked leaves no session, and of what lives less than `least` a question: one session is more in either.
fn an_hour_leaves_nothing(world: &World, least: u64) {
    let id = world.names()[0];
    let pid = i32::try_from(world.berth.instance(id)["pid"].as_i64().unwrap()).unwrap();
    ask(world, pid, WARM);
    let before = kept(world, pid);
    ask(world, pid, HOUR);
    let begun = Instant::now();
    let mut after = kept(world, pid);
    // A session that is still being closed does not stay.
    while after[0] > before[0] && begun.elapsed() < PATIENCE {
        after = kept(world, pid);
    }
    println!("{id}: sessions, what lives, resident before {before:?} and after {after:?}");
    assert_eq!((before[0], after[0]), (0, 0), "sessions");
    assert!(after[1] < before[1] + least * HOUR as u64, "what lives grew from {} to {}", before[1], after[1]);
    assert!(after[2] < before[2] + ROOM, "resident memory grew from {} to {}", before[2], after[2]);
}

#[test]
fn an_hour_with_pythons_sdk_of_the_older_era() {
    let Some(()) = parts::root() else { return };
    let Some(packages) = parts::python("memory") else { return };
    let world = python(&packages, servers::FAST);
    told(&world, ["healthy".into(), "legacy".into(), "2025-11-25".into(), "fast".into(), true.into(), false.into()]);
    // Objects: a session is hundreds.
    an_hour_leaves_nothing(&world, 1);
    let log = log(&world);
    assert!(log.matches("Created new transport").count() > 2 * HOUR, "what it discards at once was opened");
}

#[test]
fn an_hour_with_node() {
    let Some(()) = parts::root() else { return };
    let Some(everything) = parts::everything() else { return };
    let world = node(&everything, servers::EVERYTHING);
    let name = "mcp-servers/everything";
    told(&world, ["healthy".into(), "legacy".into(), "2025-11-25".into(), name.into(), true.into(), false.into()]);
    // Bytes: a session of its is a hundred thousand and more.
    an_hour_leaves_nothing(&world, 8192);
    assert!(log(&world).matches("Session initialized").count() > HOUR, "sessions were opened");
}

#[test]
fn servers_of_the_modern_era_say_so() {
    let Some(()) = parts::root() else { return };
    let expected = |name: &str| ["healthy".into(), "modern".into(), "2026-07-28".into(), name.into(), false.into(), false.into()];
    if let Some(modern) = parts::modern() {
        told(&node(&modern, servers::MODERN_NODE), expected("modern"));
    }
    if let Some(packages) = parts::python("mcp") {
        told(&python(&packages, servers::MODERN_PYTHON), expected("snake"));
    }
}
