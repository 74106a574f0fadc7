//! kill -9 of the daemon at every step of an order: the instance runs whole or not at all, the next daemon tells what came of it, and the
//! same order can be given again.
//!
//! It must never leave a daemon or a server behind.

use std::os::unix::process::ExitStatusExt;

use berth::failpoint::CUT;
use nix::sys::signal::Signal;

use super::actions::Tree;
use super::api::until;
use super::serve::Site;

const START: [&str; 7] =
    ["order-authorised", "order-locked", "order-recorded", "start-written", "start-forked", "start-heard", "order-done"];
const STOP: [&str; 6] = ["order-authorised", "order-locked", "order-recorded", "stop-written", "stop-ended", "order-done"];
const RESTART: [&str; 10] = [
    "order-authorised",
    "order-locked",
    "order-recorded",
    "stop-written",
    "stop-ended",
    "restart-stopped",
    "start-written",
    "start-forked",
    "start-heard",
    "order-done",
];

/// What the trail tells of each entry: its number, the verb, what came of it.
fn trail(tree: &Tree) -> Vec<(i64, String, Option<String>)> {
    let connection = rusqlite::Connection::open(tree.path().join("state/events.db")).unwrap();
    let mut statement = connection.prepare("SELECT id, verb, result FROM actions ORDER BY id").unwrap();
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap().map(Result::unwrap).collect()
}

/// The pids of the tree's servers.
fn servers(tree: &Tree) -> Vec<i64> {
    let base = tree.path().to_string_lossy().into_owned();
    let pids = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        let is_it = command.contains("demo-server") && command.contains(&base);
        is_it.then(|| entry.file_name().to_str().unwrap().parse().unwrap())
    });
    pids.collect()
}

/// One order, cut off at one step.
fn round(site: &Site, verb: &str, step: &str) {
    let is_up_before = verb != "start";
    assert_eq!(site.tree.berth(&[if is_up_before { "start" } else { "stop" }, "zoe"]).0, 0, "{verb} {step}");
    let before = trail(&site.tree);
    let mut daemon = site.daemon_with(&[(CUT, step)]);
    let (code, out, errors) = site.tree.berth(&[verb, "zoe"]);
    assert!(code == 6 && errors.contains("the daemon has ended in the middle of it"), "{verb} {step}: {code} {out}{errors}");
    assert_eq!(daemon.0.wait().unwrap().signal(), Some(libc::SIGKILL), "{verb} {step}");

    let next = site.daemon();
    let is_recorded = !["order-authorised", "order-locked"].contains(&step);
    let told = || trail(&site.tree).split_off(before.len());
    if is_recorded {
        until("what was cut off has a result", || matches!(&told()[..], [(_, of, Some(_))] if of == verb));
        let result = told()[0].2.clone().unwrap();
        let found = result.strip_prefix("unknown: berth ended in the middle of it; checked: ");
        let found = found.unwrap_or_else(|| panic!("{verb} {step}: {result}"));
        let up = servers(&site.tree);
        // A keeper that was just forked may come between.
        if step != "start-forked" {
            let said: Vec<i64> = found.strip_prefix("running, pid ").map(|pid| pid.parse().unwrap()).into_iter().collect();
            assert_eq!((said, found.starts_with("not running")), (up.clone(), up.is_empty()), "{verb} {step}: {result}");
        }
    } else {
        assert_eq!(told(), [], "{verb} {step}: nothing was begun");
        assert_eq!(servers(&site.tree).len(), usize::from(is_up_before), "{verb} {step}");
    }
    // Once more, by the next one: there is one or none, as it should be.
    let (code, out, errors) = site.tree.berth(&[verb, "zoe"]);
    assert_eq!(code, 0, "{verb} {step}: {out}{errors}");
    let (row, up) = (site.tree.row("zoe"), servers(&site.tree));
    let (state, count) = if verb == "stop" { ("stopped", 0) } else { ("running", 1) };
    assert_eq!((row["state"].as_str(), up.len()), (Some(state), count), "{verb} {step}: {row:#}");
    assert_eq!(row["pid"].as_i64(), up.first().copied(), "{verb} {step}");
    assert_eq!(next.end(Signal::SIGTERM), Some(0));
}

#[test]
fn f20_killed_at_any_step_of_an_order_the_daemon_leaves_it_whole_and_the_next_one_tells_what_came_of_it() {
    std::thread::scope(|scope| {
        for (verb, steps) in [("start", &START[..]), ("stop", &STOP[..]), ("restart", &RESTART[..])] {
            scope.spawn(move || {
                let site = Site::new(&["zoe"]);
                steps.iter().for_each(|step| round(&site, verb, step));
            });
        }
    });
}
