//! The registry with a real kernel and real processes: many at once, and what the real binary reads of it.
//!
//! It must never assume that a port is free: what the kernel says to the registry is what counts.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use berth::domain::{InstanceId, Obstacle, PortRange, Shown, Uid};
use berth::registry::{By, Given, Limits, Registry, Rules, Strategy, Want};
use berth::sample::{kernel_ports, try_bind};
use jiff::Timestamp;
use serde_json::Value;

use crate::actions::Tree;

/// What makes a test one of the many: the state directory, and whose port it is to get.
const OWNER: &str = "BERTH_TEST_REGISTRY_OWNER";
const STATE: &str = "BERTH_TEST_REGISTRY_STATE";

/// Below the ports that the kernel gives to whoever asks for any, and apart from those of the tests beside these.
const RANGE: PortRange = PortRange { first: 12_000, last: 12_999 };

/// Where nothing of these tests listens.
const QUIET: PortRange = PortRange { first: 13_000, last: 13_999 };

fn rules() -> Rules {
    let (ephemeral, kept_free) = kernel_ports();
    Rules {
        limits: Limits { range: RANGE, reserved: vec![PortRange { first: 12_003, last: 12_007 }], ephemeral, kept_free },
        quarantine: Duration::from_secs(3600),
        configured: Vec::new(),
        on_behalf: Shown::new("a test"),
        now: Timestamp::now(),
    }
}

fn want(owner: &str, by: By) -> Want {
    let id = InstanceId::parse(owner).unwrap();
    Want {
        id,
        uid: Uid(1001),
        host: IpAddr::V4(Ipv4Addr::LOCALHOST),
        configured: None,
        listening: Vec::new(),
        by,
        anew: false,
        usable: false,
    }
}

/// However busy the machine is.
fn registry(state: &Path) -> Registry {
    Registry::patient(state, Duration::from_secs(900))
}

fn give(state: &Path, want: Want) -> Given {
    let (mut given, notices) = registry(state).allocate(&[want], &rules(), &mut try_bind).unwrap();
    assert!(notices.is_empty(), "{notices:?}");
    given.remove(0)
}

const LOWEST: By = By::Strategy(Strategy::Registry);

#[test]
fn fifty_processes_at_once_get_fifty_ports() {
    if let (Some(owner), Some(state)) = (std::env::var_os(OWNER), std::env::var_os(STATE)) {
        let given = give(Path::new(&state), want(owner.to_str().unwrap(), LOWEST));
        fs::write(Path::new(&state).with_file_name(owner), given.port.unwrap().to_string()).unwrap();
        return;
    }
    let tree = tempfile::tempdir().unwrap();
    let state = tree.path().join("state");
    let start = |number: usize| -> Child {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "registry::fifty_processes_at_once_get_fifty_ports"]);
        command.env(OWNER, format!("u{number}")).env(STATE, &state);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let processes: Vec<Child> = (0..50).map(start).collect();
    for process in processes {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let (book, notice) = registry(&state).read().unwrap();
    assert_eq!((book.assigned().len(), notice), (50, None));
    let mut ports = BTreeSet::new();
    for number in 0..50 {
        let port: u16 = fs::read_to_string(tree.path().join(format!("u{number}"))).unwrap().parse().unwrap();
        assert_eq!(book.port_of(&InstanceId::parse(&format!("u{number}")).unwrap()), Some(port));
        assert!(RANGE.contains(port) && !(12_003..=12_007).contains(&port), "{port}");
        ports.insert(port);
    }
    assert_eq!(ports.len(), 50);
}

#[test]
fn a_real_listener_anywhere_keeps_a_port_from_being_given() {
    for address in ["127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::"] {
        let tree = tempfile::tempdir().unwrap();
        // The port that it would be given now, and somebody takes it: where that fails somebody else has it, which is as good.
        let port = give(tree.path(), want("amy", LOWEST)).port.unwrap();
        registry(tree.path()).release(&InstanceId::parse("amy").unwrap(), &rules()).unwrap();
        let Ok(listener) = TcpListener::bind(SocketAddr::new(address.parse().unwrap(), port)) else { continue };
        let given = give(tree.path(), want("amy", LOWEST)).port.unwrap();
        assert!(given != port, "{address}: {port} was given though it is listened on");
        let named = give(tree.path(), Want { anew: true, ..want("amy", By::Name(port)) });
        if address == "127.0.0.2" {
            // Another address of the host's own is no name's: who names the port may have it beside that one.
            assert!(named.why.is_none() || named.why == Some(Obstacle::InUse), "{:?}", named.why);
        } else {
            assert_eq!((named.port, named.why), (None, Some(Obstacle::InUse)), "{address}");
        }
        drop(listener);
    }
}

fn document(tree: &Tree, words: &[&str]) -> Value {
    let (code, text, errors) = tree.berth(&[&["--json"], words].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{code} {error}: {text} {errors}"))
}

/// Rows by id.
fn row<'a>(document: &'a Value, id: &str) -> &'a Value {
    document["instances"].as_array().unwrap().iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("no {id}: {document}"))
}

/// Amy and may are anagrams, and all of them have one uid.
fn planned(strategy: &str) -> Tree {
    let tree = Tree::new(&["amy", "may", "zoe"]);
    let text = fs::read_to_string(tree.config()).unwrap();
    let rest = text.split_once('\n').unwrap().1.split_once('\n').unwrap().1;
    fs::write(tree.config(), format!("[ports]\nrange = \"{QUIET}\"\nstrategy = \"{strategy}\"\n{rest}")).unwrap();
    tree
}

#[test]
fn a_plan_shows_what_a_finding_says_and_makes_nothing() {
    for (strategy, expected) in [("name-hash", vec!["amy", "may"]), ("uid", vec!["amy", "may", "zoe"])] {
        let tree = planned(strategy);
        let plan = document(&tree, &["ports", "--plan", strategy]);
        let collisions = plan["collisions"].as_array().unwrap();
        assert_eq!((collisions.len(), &collisions[0]["instances"]), (1, &Value::from(expected.clone())), "{plan}");
        let wish = collisions[0]["port"].as_u64().unwrap();
        let ports: BTreeSet<u64> = expected.iter().map(|id| row(&plan, id)["port"].as_u64().unwrap()).collect();
        assert_eq!(ports.len(), expected.len(), "{plan}");
        assert!(expected.iter().all(|id| row(&plan, id)["wish"] == wish));
        let check = document(&tree, &["check"]);
        let finding = check["findings"].as_array().unwrap().iter().find(|finding| finding["code"] == "port-collision-ahead").cloned();
        let finding = finding.unwrap_or_else(|| panic!("{check}"));
        assert_eq!((&finding["instances"], finding["port"].as_u64()), (&collisions[0]["instances"], Some(wish)), "{finding}");
        assert!(!tree.path().join("state/registry.db").exists());
    }
}

#[test]
fn a_plan_begins_with_what_the_registry_holds_and_says_when_that_is_its_copy() {
    let tree = planned("registry");
    let state = tree.path().join("state");
    let mut rules = rules();
    rules.limits.range = QUIET;
    let port = registry(&state).allocate(&[want("zoe", LOWEST)], &rules, &mut try_bind).unwrap().0[0].port.unwrap();
    let text = tree.berth(&["ports", "--plan", "registry"]).1;
    assert!(text.starts_with("registry: the lowest free port; who has one keeps it, within 13000-13999\nINSTANCE"), "{text}");
    let plan = document(&tree, &["ports", "--plan", "registry"]);
    let zoe = row(&plan, "zoe");
    assert_eq!((&zoe["now"], &plan["notice"]), (&port.into(), &Value::Null));
    // Somebody of this machine's may have come to listen there since.
    assert!(zoe["port"] == port && zoe["change"] == "keeps" || zoe["why"]["obstacle"] == "held", "{zoe}");
    assert_eq!(row(&plan, "amy")["change"], "moves");
    fs::write(state.join("registry.db"), "x".repeat(9000)).unwrap();
    let plan = document(&tree, &["ports", "--plan", "registry"]);
    assert_eq!(row(&plan, "zoe")["now"], port);
    assert!(plan["notice"].as_str().unwrap().ends_with("is damaged (it is no database): shown is its last good copy"), "{plan}");
    assert!(fs::read(state.join("registry.db")).unwrap().starts_with(b"xxx"), "looking mends nothing");
}
