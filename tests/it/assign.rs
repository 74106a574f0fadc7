//! `berth assign` with the real binary, real servers and real squatters.
//!
//! It must never count on a port: each is asked for, and what somebody else takes meanwhile is asked for again.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::time::{Duration, Instant};

use berth::domain::InstanceId;
use berth::registry::Registry;

use crate::actions::{BERTH, Tree, signal, told};

/// Fifty ports that no other test of this kind has, on the whole machine: below those that the kernel gives to whoever asks for any.
pub(crate) struct Place {
    /// Nobody else gets this socket while it is open, and no server wants it.
    _taken: UdpSocket,
    pub(crate) first: u16,
}

impl Place {
    pub(crate) fn take() -> Self {
        let begun = Instant::now();
        loop {
            for first in (14_000..15_000).step_by(50) {
                if let Ok(taken) = UdpSocket::bind((Ipv4Addr::LOCALHOST, first)) {
                    return Self { _taken: taken, first };
                }
            }
            assert!(begun.elapsed() < Duration::from_secs(300), "all places are taken");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub(crate) fn last(&self) -> u16 {
        self.first + 49
    }

    /// Listeners on as many of its ports, not on the lowest: those are what is given.
    pub(crate) fn held(&self, count: usize) -> Vec<TcpListener> {
        let ports = self.first + 20..=self.last();
        ports.filter_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()).take(count).collect()
    }

    /// As many ports that are free now.
    pub(crate) fn free(&self, count: usize) -> Vec<u16> {
        self.held(count).iter().map(port).collect()
    }
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().unwrap().port()
}

pub(crate) fn text(port: u16) -> String {
    format!(
        "{{\n  \"serverName\" : \"x, \\\"port\\\": {port}\",\r\n\t\"port\":  {port} ,\n  \"host\": \"127.0.0.1\", \"own\": {{\"port\": {port}}}\n}}\n"
    )
}

/// A tree whose owners are configured to these ports, in a text of their own.
pub(crate) fn tree(place: &Place, owners: &[(&str, u16)]) -> Tree {
    let names: Vec<&str> = owners.iter().map(|(owner, _)| *owner).collect();
    let tree = Tree::new(&names);
    let written = fs::read_to_string(tree.config()).unwrap();
    let rest = written.split_once('\n').unwrap().1.split_once('\n').unwrap().1;
    fs::write(tree.config(), format!("[ports]\nrange = \"{}-{}\"\n{rest}", place.first, place.last())).unwrap();
    owners.iter().for_each(|(owner, port)| tree.configure(owner, &text(*port)));
    tree
}

pub(crate) fn file(tree: &Tree, owner: &str) -> String {
    fs::read_to_string(tree.path().join("users").join(owner).join("config/config.json")).unwrap()
}

pub(crate) fn registered(tree: &Tree, owner: &str) -> Option<u16> {
    Registry::below(&tree.path().join("state")).read().unwrap().0.port_of(&InstanceId::parse(owner).unwrap())
}

pub(crate) fn recorded(tree: &Tree) -> Vec<String> {
    let connection = rusqlite::Connection::open(tree.path().join("state/events.db")).unwrap();
    let mut statement = connection.prepare("SELECT verb || ' ' || instance || ' ' || exit_code FROM actions ORDER BY id").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// The file of `text(before)` with one value changed.
pub(crate) fn moved(before: u16, after: u16) -> String {
    text(before).replace(&format!("\t\"port\":  {before} ,"), &format!("\t\"port\":  {after} ,"))
}

#[test]
fn whose_port_is_squatted_serves_on_a_new_one() {
    let place = Place::take();
    let old = place.free(1)[0];
    // A listener of the test's own would be taken for amy's: who squats is zoe's server, which is configured so.
    let tree = tree(&place, &[("amy", old), ("zoe", old)]);
    let (code, out, errors) = tree.berth(&["start", "amy"]);
    assert_eq!(code, 0, "{out}{errors}");
    signal(tree.row("amy")["pid"].as_i64().unwrap(), nix::sys::signal::Signal::SIGKILL);
    tree.until("amy", |row| row["state"] == "crashed");
    let (code, out, errors) = tree.berth(&["start", "zoe"]);
    assert_eq!(code, 0, "{out}{errors}");
    let zoe = tree.row("zoe")["pid"].clone();
    let dry = tree.berth(&["assign", "amy", "--port", "auto", "--dry-run", "--read-only"]);
    assert!(dry.0 == 0 && dry.1.contains(&format!(" instead of {old} ({old} stands in zoe's configuration); line 3 of ")), "{dry:?}");
    assert!(file(&tree, "amy") == text(old) && !tree.path().join("state/registry.db").exists(), "it was only said");
    let (code, out, errors) = tree.berth(&["assign", "amy", "--port", "auto", "--reason", "squatted"]);
    assert!(code == 0 && out.contains("; running: pid "), "{code} {out}{errors}");
    let new = registered(&tree, "amy").unwrap();
    assert_ne!(new, old);
    assert_eq!(file(&tree, "amy"), moved(old, new));
    let row = tree.row("amy");
    assert_eq!((&row["state"], &row["port"], &row["listening"][0]["port"]), (&"running".into(), &new.into(), &new.into()), "{row}");
    assert_eq!(tree.berth(&["port", "amy"]).1, format!("{new}\n"));
    assert_eq!(recorded(&tree), ["start amy 0", "start zoe 0", "assign auto amy 0"]);
    // Asked again, it stays where it is.
    let (code, out, _) = tree.berth(&["assign", "amy", "--port", "auto"]);
    assert_eq!((code, out), (0, format!("amy: has port {new}\n")));
    assert_eq!((&tree.row("amy")["pid"], &tree.row("zoe")["pid"]), (&row["pid"], &zoe));
}

#[test]
fn what_runs_is_moved_to_the_port_that_was_named() {
    let place = Place::take();
    let [old, new] = place.free(2)[..] else { panic!("there are no ports") };
    let tree = tree(&place, &[("ben", old)]);
    assert_eq!(tree.berth(&["start", "ben"]).0, 0);
    let (code, out, errors) = tree.berth(&["assign", "ben", "--port", &new.to_string(), "--json"]);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{errors}"));
    assert_eq!((code, &document["schema"], &document["done"]), (0, &1.into(), &true.into()), "{document}");
    let row = tree.row("ben");
    assert_eq!((&row["state"], &row["listening"][0]["port"]), (&"running".into(), &new.into()), "{row}");
    assert_eq!((file(&tree, "ben"), registered(&tree, "ben")), (moved(old, new), Some(new)));
}

#[test]
fn what_cannot_be_had_or_written_changes_nothing() {
    let place = Place::take();
    let [ann, bob] = place.free(2)[..] else { panic!("there are no ports") };
    let tree = tree(&place, &[("ann", ann), ("bob", bob)]);
    let listener = place.held(5).into_iter().find(|listener| ![ann, bob].contains(&port(listener))).unwrap();
    let free = port(&listener);
    let refused = |words: &[&str], code: i32, expected: &str| {
        let told = tree.berth(&[&["assign"], words].concat());
        assert!(told.0 == code && told.2.contains(expected), "{words:?}: {told:?}");
        assert_eq!((file(&tree, "ann"), registered(&tree, "ann")), (text(ann), None), "{words:?}");
    };
    refused(&["zoe", "--port", "auto"], 4, "no such instance");
    refused(&["ann", "--port", &bob.to_string()], 5, &format!("{bob} stands in bob's configuration"));
    refused(&["ann", "--port", &free.to_string()], 5, &format!("{free} is in use"));
    let (first, last) = (place.first, place.last());
    refused(&["ann", "--port", "15000"], 5, &format!("15000 is outside the range {first}-{last}"));
    refused(&["ann", "--port", "auto", "--read-only"], 3, "--read-only");
    drop(listener);
    // A second name is how a user would have another one's file changed: the registry keeps nothing of it either.
    let path = tree.path().join("users/ann/config/config.json");
    fs::hard_link(&path, tree.path().join("other")).unwrap();
    refused(&["ann", "--port", &free.to_string()], 1, "was not changed: it has a second name (a hard link)");
    fs::remove_file(tree.path().join("other")).unwrap();
    // Not running and not wished to: it is told how to go on, and nothing is started.
    let (code, out, errors) = tree.berth(&["assign", "ann", "--port", &free.to_string()]);
    assert!(code == 0 && out.contains("start ann"), "{code} {out}{errors}");
    assert_eq!((file(&tree, "ann"), &tree.row("ann")["state"]), (moved(ann, free), &"stopped".into()));
}

/// A document of the real binary's.
fn document(tree: &Tree, words: &[&str]) -> serde_json::Value {
    let (_, out, errors) = tree.berth(&[&["--json"], words].concat());
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out} {errors}"))
}

fn drift(tree: &Tree) -> Option<serde_json::Value> {
    let findings = document(tree, &["check"])["findings"].as_array().unwrap().clone();
    findings.into_iter().find(|finding| finding["code"] == "port-drift")
}

#[test]
fn a10_a_users_file_shows_drift_and_decides_nothing() {
    let place = Place::take();
    let ports = place.free(2);
    let (old, new) = (ports[0], ports[1]);
    let tree = tree(&place, &[("amy", old)]);
    assert_eq!(tree.berth(&["assign", "amy", "--port", &old.to_string()]).0, 0);
    assert_eq!(drift(&tree), None);
    tree.configure("amy", &text(new));
    let found = drift(&tree).unwrap();
    let said = format!("amy's configuration says {new} and not {old}, which it is assigned since ");
    assert!(found["evidence"].as_str().unwrap().starts_with(&said), "{found:#}");
    assert_eq!((&found["port"], &found["remedies"]), (&old.into(), &serde_json::json!(["adopt-port", "keep-port"])), "{found:#}");
    assert_eq!(tree.row("amy")["port"], old);
    // A server listens where its file says; its port is another one all the same.
    let (code, out, errors) = tree.berth(&["start", "amy"]);
    assert_eq!(code, 0, "{out}{errors}");
    let said = format!("amy's instance listens on 127.0.0.1:{new} and not on {old}, which it is assigned since ");
    assert!(drift(&tree).unwrap()["evidence"].as_str().unwrap().starts_with(&said));
    assert_eq!(tree.row("amy")["port"], old);
    // The actual port is adopted: nothing is to be changed but the registry, and nobody is restarted.
    let pid = tree.row("amy")["pid"].clone();
    let (code, out, errors) = tree.berth(&["assign", "amy", "--port", &new.to_string()]);
    assert_eq!(code, 0, "{out}{errors}");
    assert_eq!((drift(&tree), &tree.row("amy")["pid"], registered(&tree, "amy")), (None, &pid, Some(new)));
    let all = document(&tree, &["ports"]);
    let of = |port: u16| all["ports"].as_array().unwrap().iter().find(|one| one["port"] == port).unwrap().clone();
    assert_eq!((&of(old)["state"], &of(old)["quarantine"]["instance"]), (&"reserved".into(), &"amy".into()), "{:#}", of(old));
    assert!(of(new)["state"] == "listening" && of(new)["assigned_at"].is_string() && of(new)["quarantine"].is_null(), "{:#}", of(new));
    // Back to what it was given: the file is changed, and it is restarted there.
    tree.configure("amy", &text(old));
    assert!(drift(&tree).is_some());
    let (code, out, errors) = tree.berth(&["assign", "amy", "--port", &new.to_string()]);
    assert_eq!((code, file(&tree, "amy")), (0, moved(old, new)), "{out}{errors}");
    assert_eq!(drift(&tree), None);
}

#[test]
fn a_registry_that_cannot_be_read_is_said_and_leaves_nothing_free() {
    let place = Place::take();
    let tree = tree(&place, &[("amy", place.first)]);
    let state = tree.path().join("state");
    fs::create_dir_all(&state).unwrap();
    fs::write(state.join("registry.db"), "no database").unwrap();
    let (code, out, errors) = tree.berth(&["ls"]);
    assert!(code == 0 && out.contains("amy"), "{out}{errors}");
    assert!(errors.contains("who is assigned which port is not known: ") && errors.contains("is damaged"), "{errors}");
    assert_eq!(tree.berth(&["ports", "--free"]).0, 3);
}

#[test]
fn in_an_environment_file_the_variable_changes_that_is_the_port() {
    let place = Place::take();
    let ports = place.free(2);
    let (old, new) = (ports[0], ports[1]);
    let tree = tree(&place, &[("amy", old)]);
    let written = fs::read_to_string(tree.config()).unwrap();
    let (before, _) = written.split_once("[[discover]]").unwrap();
    let base = tree.path().display();
    fs::write(tree.config(), format!("{before}[[discover]]\nenv = \"{base}/.env.*\"\nport_key = \"LISTEN_AT\"\n")).unwrap();
    let path = tree.path().join(".env.amy");
    let text = |port: u16| format!("# {old}\nOTHER_PORT={old}\nexport LISTEN_AT='{port}' # {old}\nHOST=127.0.0.1\n");
    fs::write(&path, text(old)).unwrap();
    let (code, out, errors) = tree.berth(&["assign", "amy", "--port", &new.to_string()]);
    assert!(code == 0 && out.contains(&format!("; line 3 of {} was changed", path.display())), "{code} {out}{errors}");
    assert_eq!((fs::read_to_string(&path).unwrap(), registered(&tree, "amy")), (text(new), Some(new)));
}

#[test]
fn of_many_who_give_it_different_ports_none_leaves_the_file_and_the_registry_apart() {
    let place = Place::take();
    let [old, one, other] = place.free(3)[..] else { panic!("there are no ports") };
    let tree = tree(&place, &[("cleo", old)]);
    for round in 0..8_usize {
        let ports = [one, other, one, other];
        let asked: Vec<_> =
            ports.iter().map(|port| tree.command(&["assign", "cleo", "--port", &port.to_string()]).spawn().unwrap()).collect();
        for child in asked {
            let (code, out, errors) = told(child.wait_with_output().unwrap());
            // Who came while another was at it is told so; who came after it changes what stands there by then.
            let is_busy = code == 5 && errors.contains("cleo: not assigned. ") && errors.contains(" is acting on it");
            assert!(code == 0 || is_busy, "round {round}: {code} {out}{errors}");
        }
        let port = registered(&tree, "cleo").unwrap();
        assert_eq!(file(&tree, "cleo"), moved(old, port), "round {round}");
    }
}

#[test]
fn whose_template_says_auto_is_moved_at_a_start_and_stays_there() {
    let place = Place::take();
    let old = place.free(1)[0];
    let tree = tree(&place, &[("amy", old), ("zoe", old)]);
    let written = fs::read_to_string(tree.config()).unwrap();
    assert_eq!(tree.berth(&["start", "zoe"]).0, 0);
    let zoe = tree.row("zoe")["pid"].clone();
    // Without it a start is refused, and nothing is changed.
    let (code, _, errors) = tree.berth(&["start", "amy"]);
    assert!(code == 5 && errors.contains("not started. "), "{code} {errors}");
    assert_eq!((file(&tree, "amy"), registered(&tree, "amy")), (text(old), None));
    fs::write(tree.config(), written.replace("[template.default]\n", "[template.default]\nport = \"auto\"\n")).unwrap();
    let (code, out, errors) = tree.berth(&["start", "amy"]);
    let new = registered(&tree, "amy").unwrap_or_else(|| panic!("{code} {out}{errors}"));
    assert!(code == 0 && new != old && out.contains(&format!("has port {new} instead of {old} ({old} ")), "{code} {out}{errors}");
    assert_eq!(file(&tree, "amy"), moved(old, new));
    let row = tree.row("amy");
    assert_eq!((&row["state"], &row["port"], &row["listening"][0]["port"]), (&"running".into(), &new.into(), &new.into()), "{row}");
    // It keeps that, also when the old one is free again; and who runs is left alone.
    assert_eq!(tree.berth(&["stop", "zoe"]).0, 0);
    assert_eq!(tree.berth(&["start", "amy"]).0, 0);
    assert_eq!(tree.row("amy")["pid"], row["pid"]);
    assert_eq!(tree.berth(&["restart", "amy"]).0, 0);
    let row = tree.row("amy");
    assert_eq!((&row["listening"][0]["port"], registered(&tree, "amy"), file(&tree, "amy")), (&new.into(), Some(new), moved(old, new)));
    assert_ne!(zoe, row["pid"]);
    // What is recorded is the start, with all that came of it.
    assert_eq!(recorded(&tree), ["start zoe 0", "start amy 5", "start amy 0", "stop zoe 0", "start amy 0", "restart amy 0"]);
    let connection = rusqlite::Connection::open(tree.path().join("state/events.db")).unwrap();
    let told: String = connection.query_row("SELECT result FROM actions WHERE id = 3", [], |row| row.get(0)).unwrap();
    assert!(told.starts_with(&format!("has port {new} instead of {old}")) && told.contains("; running: pid "), "{told}");
}

#[test]
fn a_port_that_is_lost_between_a_restarts_stop_and_its_start_is_another_one_then() {
    let place = Place::take();
    let old = place.free(1)[0];
    let tree = tree(&place, &[("amy", old), ("zoe", old)]);
    // A server that has given its port back and takes its time to end: until somebody else has the port.
    let squatted = tree.path().join("squatted");
    let script =
        format!("trap : TERM; {BERTH} demo-server --config={{config}} & wait; while [ ! -e {} ]; do sleep 0.05; done", squatted.display());
    let command = format!("command = [\"sh\", \"-c\", \"{script}\"]\nport = \"auto\"\nstop_timeout = \"300s\"\n");
    let written = fs::read_to_string(tree.config()).unwrap();
    let lines = written.lines().filter(|line| !line.starts_with("command = ") && !line.starts_with("stop_timeout = "));
    let text: Vec<&str> = lines.collect();
    fs::write(tree.config(), text.join("\n").replace("[template.default]\n", &format!("[template.default]\n{command}")) + "\n").unwrap();
    let (code, out, errors) = tree.berth(&["start", "amy"]);
    assert_eq!(code, 0, "{out}{errors}");
    let restart = tree.command(&["restart", "amy"]).spawn().unwrap();
    // Until her server has let go of it, zoe's would be given another port: her template says so too.
    let begun = Instant::now();
    while TcpListener::bind((Ipv4Addr::LOCALHOST, old)).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(120), "the port is never free");
        std::thread::sleep(Duration::from_millis(20));
    }
    let (code, zoes, errors) = tree.berth(&["start", "zoe"]);
    fs::write(&squatted, "").unwrap();
    let (restarted, out, more) = told(restart.wait_with_output().unwrap());
    assert_eq!((code, tree.row("zoe")["listening"][0]["port"].clone()), (0, old.into()), "{zoes}{errors}");
    let new = registered(&tree, "amy").unwrap_or_else(|| panic!("{restarted} {out}{more}"));
    assert!(restarted == 0 && new != old && out.contains(&format!("has port {new} instead of {old} ({old} ")), "{restarted} {out}{more}");
    assert_eq!(file(&tree, "amy"), moved(old, new));
    let row = tree.row("amy");
    assert_eq!((&row["state"], &row["listening"][0]["port"]), (&"running".into(), &new.into()), "{row}");
    // Both are recorded: that it could not be started, and where it went. There it stays when the old one is free again.
    let told = recorded(&tree);
    assert!(["restart amy 5", "restart amy 0"].iter().all(|one| told.iter().any(|deed| deed == one)), "{told:?}");
    assert_eq!(tree.berth(&["stop", "zoe"]).0, 0);
    assert_eq!(tree.berth(&["restart", "amy"]).0, 0);
    assert_eq!((tree.row("amy")["port"].clone(), registered(&tree, "amy")), (new.into(), Some(new)));
}

#[test]
fn a_reserved_port_is_given_to_nobody_until_it_is_given_back() {
    let place = Place::take();
    let tree = tree(&place, &[("amy", place.first)]);
    let port = place.free(1)[0].to_string();
    let dry = tree.berth(&["ports", "--reserve", &port, "--dry-run", "--read-only"]);
    assert!(
        dry.0 == 0 && dry.1.starts_with(&format!("{port}: would be reserved")) && !tree.path().join("state/registry.db").exists(),
        "{dry:?}"
    );
    assert_eq!(tree.berth(&["ports", "--reserve", &place.first.to_string()]).0, 5, "it stands in amy's configuration");
    let (code, out, errors) = tree.berth(&["ports", "--reserve", &port, "--reason", "a printer"]);
    assert!(code == 0 && out.starts_with(&format!("{port}: was reserved")), "{out}{errors}");
    let all = document(&tree, &["ports"]);
    let of = |all: &serde_json::Value| {
        all["ports"].as_array().unwrap().iter().find(|one| one["port"].as_u64() == port.parse().ok()).unwrap().clone()
    };
    assert_eq!(of(&all)["state"], "reserved");
    assert!(!tree.berth(&["ports", "--free"]).1.lines().any(|line| line == port));
    let (code, _, errors) = tree.berth(&["assign", "amy", "--port", &port]);
    assert!(code == 5 && errors.contains(&format!("{port} is reserved")), "{code} {errors}");
    assert_eq!(tree.berth(&["ports", "--unreserve", &port]).1, format!("{port}: was given back: it can be anybody's\n"));
    assert_eq!(of(&document(&tree, &["ports"]))["state"], "free");
    assert_eq!(tree.berth(&["assign", "amy", "--port", &port]).0, 0);
    let told = recorded(&tree);
    assert_eq!(told[..2], [format!("reserve reserved/:{} 5", place.first), format!("reserve reserved/:{port} 0")], "{told:?}");
}
