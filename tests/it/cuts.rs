//! kill -9 at every step of `berth assign` and `berth adopt`: the same command completes, and the file and the registry agree then.
//!
//! It must never leave anything running.

use std::fs;
use std::os::unix::process::ExitStatusExt;

use berth::failpoint::CUT;
use nix::sys::signal::Signal;

use crate::actions::{Tree, signal, told};
use crate::assign::{Place, file, moved, recorded, registered, text, tree};

/// The command is killed there.
fn cut(tree: &Tree, words: &[&str], place: &str) {
    let ended = tree.command(words).env(CUT, place).output().unwrap();
    assert_eq!(ended.status.signal(), Some(libc::SIGKILL), "{place}: {:?}", told(ended));
}

/// What the trail tells of each entry.
fn results(tree: &Tree) -> Vec<String> {
    let connection = rusqlite::Connection::open(tree.path().join("state/events.db")).unwrap();
    let mut statement = connection.prepare("SELECT verb || ': ' || ifnull(result, 'open') FROM actions ORDER BY id").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn f01_killed_at_any_step_the_same_assign_completes() {
    let place = Place::take();
    let ports = place.free(2);
    let tree = tree(&place, &[("amy", ports[0])]);
    assert_eq!(tree.berth(&["start", "amy"]).0, 0);
    let cuts = ["assign-recorded", "assign-written", "assign-registered", "assign-stopped", "assign-started", "assign-done"];
    for (number, step) in cuts.into_iter().enumerate() {
        let (old, new) = (ports[number % 2], ports[(number + 1) % 2]);
        let new_text = new.to_string();
        let words = ["assign", "amy", "--port", &new_text];
        cut(&tree, &words, step);
        // Before the file is written nothing has changed; whatever the registry says afterwards is what the file says, or not yet.
        let now = (file(&tree, "amy"), registered(&tree, "amy"));
        let is_written = step != "assign-recorded";
        let is_registered = is_written && step != "assign-written";
        assert_eq!(now.0, moved(ports[0], if is_written { new } else { old }), "{step}");
        assert_eq!(now.1 == Some(new), is_registered, "{step}: {now:?}");
        let (code, out, errors) = tree.berth(&words);
        assert!(code == 0 && out.contains("had been cut off: berth ended in the middle of it"), "{step}: {code} {out}{errors}");
        assert_eq!((file(&tree, "amy"), registered(&tree, "amy")), (moved(ports[0], new), Some(new)), "{step}");
        let row = tree.row("amy");
        assert_eq!((&row["state"], &row["listening"][0]["port"]), (&"running".into(), &new.into()), "{step}: {row}");
        // Said once.
        let (code, out, errors) = tree.berth(&words);
        assert!(code == 0 && !out.contains("cut off"), "{step}: {out}{errors}");
        assert_eq!(tree.row("amy")["pid"], row["pid"], "{step}");
    }
    assert!(!results(&tree).iter().any(|result| result.ends_with(": open")), "{:?}", results(&tree));
}

#[test]
fn f01_killed_at_any_step_an_assign_of_a_squatted_port_completes() {
    for step in ["assign-recorded", "assign-written", "assign-registered", "assign-stopped", "assign-started", "assign-done"] {
        let place = Place::take();
        let old = place.free(1)[0];
        let tree = tree(&place, &[("amy", old), ("zoe", old)]);
        assert_eq!(tree.berth(&["start", "amy"]).0, 0);
        signal(tree.row("amy")["pid"].as_i64().unwrap(), Signal::SIGKILL);
        tree.until("amy", |row| row["state"] == "crashed");
        assert_eq!(tree.berth(&["start", "zoe"]).0, 0);
        cut(&tree, &["assign", "amy", "--port", "auto"], step);
        let (code, out, errors) = tree.berth(&["assign", "amy", "--port", "auto"]);
        assert!(code == 0 && out.contains("had been cut off"), "{step}: {code} {out}{errors}");
        let new = registered(&tree, "amy").unwrap();
        assert_eq!(file(&tree, "amy"), moved(old, new), "{step}");
        let row = tree.row("amy");
        assert_eq!((&row["state"], &row["listening"][0]["port"]), (&"running".into(), &new.into()), "{step}: {row}");
    }
}

#[test]
fn f01_an_assign_that_was_cut_off_is_said_at_the_next_start() {
    let place = Place::take();
    let ports = place.free(2);
    let tree = tree(&place, &[("amy", ports[0])]);
    cut(&tree, &["assign", "amy", "--port", &ports[1].to_string()], "assign-written");
    assert!(results(&tree) == [format!("assign {}: open", ports[1])] && recorded_open(&tree) == 1, "{:?}", results(&tree));
    let (code, out, errors) = tree.berth(&["start", "amy"]);
    assert!(code == 0 && out.contains(&format!("the assign {} of ", ports[1])) && out.contains("had been cut off"), "{out}{errors}");
    let told = results(&tree);
    assert!(told[0].ends_with("cut off: berth ended in the middle of it; the next order found it stopped"), "{told:?}");
    // It serves where its file says, and nobody else was given that port.
    assert_eq!(tree.row("amy")["listening"][0]["port"], ports[1]);
}

fn recorded_open(tree: &Tree) -> usize {
    results(tree).iter().filter(|result| result.ends_with(": open")).count()
}

#[test]
fn f01_killed_at_any_step_the_same_adopt_completes() {
    let place = Place::take();
    let ports = place.free(2);
    let (configured, actual) = (ports[0], ports[1]);
    for step in ["adopt-recorded", "adopt-written", "adopt-registered", "adopt-done"] {
        let tree = tree(&place, &[("amy", actual)]);
        assert_eq!(tree.berth(&["start", "amy"]).0, 0, "{step}");
        // Its file says another one since: what it listens on is what is adopted.
        tree.configure("amy", &text(configured));
        let pid = tree.row("amy")["pid"].clone();
        cut(&tree, &["adopt", "amy"], step);
        assert_eq!(file(&tree, "amy"), moved(configured, if step == "adopt-recorded" { configured } else { actual }), "{step}");
        let (code, out, errors) = tree.berth(&["adopt", "amy"]);
        assert!(code == 0 && out.contains("the adopt of ") && out.contains("had been cut off"), "{step}: {code} {out}{errors}");
        assert_eq!((file(&tree, "amy"), registered(&tree, "amy")), (moved(configured, actual), Some(actual)), "{step}");
        assert_eq!(tree.row("amy")["pid"], pid, "{step}: it goes on running");
        assert_eq!((recorded(&tree).len(), recorded_open(&tree)), (3, 0), "{step}: {:?}", results(&tree));
        assert!(fs::metadata(tree.path().join("users/amy/config/config.json")).is_ok());
    }
}
