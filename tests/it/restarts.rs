//! Keepers start again what ended unasked, without any console: the real binary on real servers.
//!
//! It must never wait for a time to pass: only for what is told.

use nix::sys::signal::Signal;

use crate::actions::{Tree, signal};

#[test]
fn what_crashes_is_started_again_by_its_keeper() {
    let tree = Tree::with(&["zoe"], "restart = \"on-failure\"");
    assert_eq!(tree.berth(&["start", "zoe"]).0, 0);
    let before = tree.row("zoe")["pid"].as_i64().unwrap();
    signal(before, Signal::SIGKILL);
    let row = tree.until("zoe", |row| row["state"] == "running" && row["pid"].as_i64().is_some_and(|pid| pid != before));
    assert_eq!((row["restarts"].as_u64(), row["wish"].as_str()), (Some(1), Some("up")), "{row:#}");
    let pid_file = std::fs::read_to_string(tree.path().join("users/zoe/server.pid")).unwrap();
    assert_eq!(Some(pid_file.trim()), row["pid"].as_i64().map(|pid| pid.to_string()).as_deref());
    assert_eq!(tree.berth(&["stop", "zoe"]).0, 0);
    assert_eq!(tree.row("zoe")["state"], "stopped");
}

#[test]
fn what_somebody_ends_by_sigterm_is_left_alone() {
    let tree = Tree::with(&["zoe"], "restart = \"on-failure\"");
    // A server without a handler of its own ends by the signal itself.
    let text = std::fs::read_to_string(tree.config()).unwrap();
    let words = text.lines().find(|line| line.starts_with("command = ")).unwrap();
    std::fs::write(tree.config(), text.replace(words, "command = [\"sleep\", \"600\"]")).unwrap();
    assert_eq!(tree.berth(&["start", "zoe", "--timeout", "1s"]).0, 1);
    signal(tree.row("zoe")["pid"].as_i64().unwrap(), Signal::SIGTERM);
    let row = tree.until("zoe", |row| row["state"] == "stopped" && !row["exit"].is_null());
    assert_eq!(
        (row["exit"]["signal"].as_u64(), row["wish"].as_str(), row["restarts"].as_u64()),
        (Some(15), Some("down"), Some(0)),
        "{row:#}"
    );
    let (_, shown, _) = tree.berth(&["show", "zoe"]);
    assert!(shown.contains("somebody ended it without berth"), "{shown}");
}

#[test]
fn what_ends_again_and_again_is_given_up_and_can_be_started_anew() {
    let tree = Tree::with(&["zoe"], "restart = \"always\"");
    let text = std::fs::read_to_string(tree.config()).unwrap();
    let words = text.lines().find(|line| line.starts_with("command = ")).unwrap().to_owned();
    std::fs::write(tree.config(), text.replace(&words, "command = [\"sh\", \"-c\", \"exit 3\"]")).unwrap();
    let (code, _, errors) = tree.berth(&["start", "zoe"]);
    assert!(
        code == 1 && errors.contains("exited with code 3") && errors.contains(" stop zoe    ends the further tries"),
        "{code} {errors}"
    );
    let row = tree.until("zoe", |row| row["state"] == "crash-loop");
    assert_eq!((row["exit"]["code"].as_u64(), row["restarts"].as_u64()), (Some(3), Some(4)), "{row:#}");
    let (_, shown, _) = tree.berth(&["show", "zoe"]);
    assert!(shown.contains("it ended 5 times within 2 min"), "{shown}");
    std::fs::write(tree.config(), text).unwrap();
    assert_eq!(tree.berth(&["start", "zoe"]).0, 0);
    assert_eq!(tree.row("zoe")["state"], "running");
}

#[test]
fn a_stop_ends_the_wait_for_the_next_try() {
    let tree = Tree::with(&["zoe"], "restart = \"on-failure\"");
    let text = std::fs::read_to_string(tree.config()).unwrap();
    let words = text.lines().find(|line| line.starts_with("command = ")).unwrap();
    std::fs::write(tree.config(), text.replace(words, "command = [\"sh\", \"-c\", \"exit 3\"]")).unwrap();
    assert_eq!(tree.berth(&["start", "zoe"]).0, 1);
    let keeper = keeper_of(&tree);
    assert!(is_alive(keeper), "the keeper waits");
    assert_eq!(tree.berth(&["stop", "zoe"]).0, 0);
    assert_eq!(tree.row("zoe")["state"], "stopped");
    assert!(!is_alive(keeper), "the keeper is gone");
}

#[test]
fn a_start_ends_the_wait_and_its_keeper() {
    let tree = Tree::with(&["zoe"], "restart = \"on-failure\"");
    let text = std::fs::read_to_string(tree.config()).unwrap();
    let words = text.lines().find(|line| line.starts_with("command = ")).unwrap();
    std::fs::write(tree.config(), text.replace(words, "command = [\"sh\", \"-c\", \"exit 3\"]")).unwrap();
    assert_eq!(tree.berth(&["start", "zoe"]).0, 1);
    let waiting = keeper_of(&tree);
    std::fs::write(tree.config(), &text).unwrap();
    assert_eq!(tree.berth(&["start", "zoe"]).0, 0);
    assert!(!is_alive(waiting), "two keepers would be two servers");
    assert_eq!(tree.row("zoe")["restarts"], 0, "it begins anew");
}

#[test]
fn the_guides_stop_is_not_fought_however_quickly_and_well_the_server_ends() {
    // This server catches SIGTERM and returns 0 at once: by its status alone `always` would start it again.
    let tree = Tree::with(&["zoe"], "restart = \"always\"");
    assert_eq!(tree.berth(&["start", "zoe"]).0, 0);
    let (pid, keeper) = (tree.row("zoe")["pid"].as_i64().unwrap(), keeper_of(&tree));
    signal(pid, Signal::SIGTERM);
    std::fs::remove_file(tree.path().join("users/zoe/server.pid")).unwrap();
    let row = tree.until("zoe", |row| row["state"] == "stopped");
    assert_eq!((row["exit"]["code"].as_u64(), row["wish"].as_str()), (Some(0), Some("down")), "{row:#}");
    let begun = std::time::Instant::now();
    while is_alive(keeper) {
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "its keeper waits");
    }
}

#[test]
fn a_keeper_that_is_told_to_end_by_hand_ends_its_server_and_that_is_no_crash() {
    let tree = Tree::with(&["zoe"], "restart = \"always\"");
    assert_eq!(tree.berth(&["start", "zoe"]).0, 0);
    let pid = tree.row("zoe")["pid"].as_i64().unwrap();
    signal(keeper_of(&tree), Signal::SIGTERM);
    let row = tree.until("zoe", |row| row["state"] == "stopped" && row["wish"] == "down");
    assert!(!is_alive(pid), "{row:#}");
}

/// The keeper that was recorded last.
fn keeper_of(tree: &Tree) -> i64 {
    let record = std::fs::read_to_string(tree.path().join("state/instances/zoe+default.jsonl")).unwrap();
    let event = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    record.lines().map(event).filter_map(|event| event["started"]["keeper"][0].as_i64()).next_back().unwrap()
}

/// Whether a process runs; one that is only waiting to be reaped does not.
fn is_alive(pid: i64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}
