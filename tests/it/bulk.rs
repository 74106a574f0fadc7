//! Marks and signals in the console with real servers behind it: all marked are restarted, one process gets a signal, both are recorded.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::actions::{BERTH, Tree};
use super::assign::{self, Place};
use super::terminal::Terminal;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The console on a tree, once it shows all as running.
fn console(tree: &Tree, count: usize) -> Terminal {
    let (config, state) = (tree.config().display().to_string(), tree.path().join("state").display().to_string());
    let home = tree.path().display().to_string();
    let environment = [("BERTH_STATE", state.as_str()), ("HOME", home.as_str()), ("TZ", "UTC")];
    let terminal = Terminal::start(120, 40, BERTH, &["--config", &config], &environment);
    terminal.until("all of them", PATIENCE, |text| text.contains(&format!("{count} up")) || text.contains(&format!("● {count}")));
    terminal
}

/// What the audit holds: verb, instance, reason and exit code of each.
fn recorded(tree: &Tree) -> Vec<(String, String, Option<String>, Option<i64>)> {
    let trail = rusqlite::Connection::open(tree.path().join("state/events.db")).unwrap();
    let mut actions = trail.prepare("SELECT verb, instance, reason, exit_code FROM actions ORDER BY id").unwrap();
    let rows = actions.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn all_marked_are_restarted_and_one_process_gets_a_signal() {
    let owners = ["ann", "ben", "cat"];
    let tree = Tree::new(&owners);
    let (code, _, errors) = tree.berth(&["start", "--all", "--yes"]);
    assert_eq!(code, 0, "{errors}");
    let pid = |owner: &str| tree.until(owner, |row| row["state"] == "running")["pid"].as_i64().unwrap();
    let before: Vec<i64> = owners.iter().map(|owner| pid(owner)).collect();
    let mut console = console(&tree, owners.len());

    console.keys("*r");
    console.until("the question", PATIENCE, |text| text.contains("Restart 3 instances?") && text.contains("type 3 and Enter"));
    console.keys("\tnew version\r3\r");
    console.until("the end of all", PATIENCE, |text| text.contains("3 restarted"));
    console.keys("\u{1b}");
    let after: Vec<i64> = owners.iter().map(|owner| pid(owner)).collect();
    assert!(before.iter().zip(&after).all(|(before, after)| before != after), "{before:?} {after:?}");

    console.until("the end of the results", PATIENCE, |text| !text.contains("restarted"));
    console.keys("gK");
    console.until("the signals", PATIENCE, |text| text.contains("Send ann a signal"));
    console.keys("kill\r");
    console.until("the question", PATIENCE, |text| text.contains("Send KILL to ann?") && text.contains(&format!("pid {}", after[0])));
    console.keys("y");
    let row = tree.until("ann", |row| row["state"] == "crashed");
    assert_eq!(row["exit"]["signal"], Signal::SIGKILL as i64, "{row:#}");
    assert_eq!(pid("ben"), after[1], "nobody else got it");
    console.keys("q");

    let trail = recorded(&tree);
    let restarts: Vec<_> = trail.iter().filter(|(verb, ..)| verb == "restart").collect();
    assert_eq!(restarts.len(), 3);
    assert!(restarts.iter().all(|(_, _, reason, code)| reason.as_deref() == Some("new version") && *code == Some(0)), "{trail:?}");
    assert_eq!(trail.last().unwrap(), &("signal KILL".to_owned(), "ann".to_owned(), None, Some(0)));
}

#[test]
fn one_after_the_other_until_one_does_not_come_up() {
    let owners = ["ann", "ben", "cat", "dan"];
    let place = Place::take();
    let ports = place.free(owners.len());
    let tree = assign::tree(&place, &owners.into_iter().zip(ports.clone()).collect::<Vec<_>>());
    let (code, _, errors) = tree.berth(&["start", "--all", "--yes"]);
    assert_eq!(code, 0, "{errors}");
    let pid = |owner: &str| tree.row(owner)["pid"].as_i64();
    let before: Vec<_> = owners.iter().map(|owner| pid(owner)).collect();
    // What ben is started with next has no server in it.
    tree.configure("ben", &format!("{{\"port\": {}, \"host\": \"192.0.2.1\"}}", ports[1]));
    let mut console = console(&tree, owners.len());

    console.keys("*r");
    console.until("the question", PATIENCE, |text| text.contains("Restart 4 instances?") && text.contains("8 at once"));
    console.keys("o");
    console.until("the pace", PATIENCE, |text| text.contains("one after the other"));
    console.keys("4\r");
    console.until("the end of all", PATIENCE, |text| text.contains("1 restarted, 2 not begun, 1 failed: ben: not started"));
    console.keys("\u{1b}q");
    let after: Vec<_> = owners.iter().map(|owner| pid(owner)).collect();
    assert!(after[0].is_some() && after[0] != before[0], "{before:?} {after:?}");
    assert_eq!(after[2..], before[2..], "they serve on");
}
