//! `berth remove` and `berth adopt` with the real binary and real servers.
//!
//! It must never remove anything outside of its own tree.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;

use berth::failpoint::CUT;
use berth::registry::Registry;

use crate::actions::{Tree, told};
use crate::add::{file, tree};
use crate::assign::{Place, recorded, registered};

/// The ports in quarantine, and whose they were.
fn released(tree: &Tree) -> Vec<(u16, String)> {
    let book = Registry::below(&tree.path().join("state")).read().unwrap().0;
    book.released().map(|(port, released)| (port, released.id.to_string())).collect()
}

fn is_listed(tree: &Tree, owner: &str) -> bool {
    let (code, out, errors) = tree.berth(&["--json", "ls"]);
    assert_eq!(code, 0, "{errors}");
    out.contains(&format!("\"id\":\"{owner}\""))
}

#[test]
fn who_is_removed_is_stopped_and_keeps_files_and_nobody_gets_the_port() {
    let place = Place::take();
    let tree = tree(&place);
    assert_eq!(tree.berth(&["add", "amy"]).0, 0);
    let (port, pid) = (registered(&tree, "amy").unwrap(), tree.row("amy")["pid"].as_i64().unwrap());
    let refused = tree.berth(&["remove", "amy"]);
    assert!(refused.0 == 2 && refused.2.contains("--yes"), "{refused:?}");
    let dry = tree.berth(&["remove", "amy", "--dry-run", "--read-only"]);
    assert!(dry.0 == 0 && dry.1.contains("would be stopped; its port "), "{dry:?}");
    assert_eq!(tree.row("amy")["pid"], pid);
    fs::write(tree.path().join("users/amy/workspace/mine"), "x").unwrap();
    let text = fs::read_to_string(file(&tree, "amy")).unwrap();
    let (code, out, errors) = tree.berth(&["remove", "amy", "--yes"]);
    assert!(code == 0 && out.contains(&format!("its port {port} is given to nobody else until ")), "{out}{errors}");
    assert!(!is_listed(&tree, "amy") && !std::path::Path::new(&format!("/proc/{pid}/exe")).exists());
    assert_eq!((registered(&tree, "amy"), released(&tree)), (None, vec![(port, "amy".to_owned())]));
    assert_eq!(fs::read_to_string(file(&tree, "amy").with_file_name("config.json.old")).unwrap(), text);
    assert!(tree.path().join("users/amy/workspace/mine").exists());
    // Removed again; and the port is not the next one's, but it may be amy's again.
    assert_eq!(tree.berth(&["remove", "amy", "--yes"]).1, "amy: is removed already\n");
    assert_eq!(tree.berth(&["add", "ben", "--no-start"]).0, 0);
    assert_ne!(registered(&tree, "ben"), Some(port));
    assert_eq!(tree.berth(&["add", "amy", "--no-start"]).0, 0);
    assert_eq!(registered(&tree, "amy"), Some(port));
    assert_eq!(tree.berth(&["remove", "nobody-at-all", "--yes"]).0, 4);
    assert_eq!(recorded(&tree), ["add amy 0", "remove amy 0", "add ben 0", "add amy 0"]);
}

#[test]
fn what_a_removal_kept_a_later_purge_takes() {
    let place = Place::take();
    let tree = tree(&place);
    assert_eq!(tree.berth(&["add", "amy", "--no-start"]).0, 0);
    let (own, another) = (tree.path().join("users/amy/workspace/mine"), tree.path().join("users/zoe"));
    fs::write(&own, "x").unwrap();
    assert!(another.exists());
    assert_eq!(tree.berth(&["remove", "amy", "--yes"]).0, 0);
    let dry = tree.berth(&["remove", "amy", "--purge", "--dry-run"]);
    assert!(dry.0 == 0 && dry.1.contains("what was kept of it would be deleted") && own.exists(), "{dry:?}");
    let purged = tree.berth(&["remove", "amy", "--purge", "--yes"]);
    assert_eq!(purged.1, "amy: is removed already; what was kept of it was deleted\n", "{purged:?}");
    assert!(!tree.path().join("users/amy").exists() && another.exists());
    assert_eq!(recorded(&tree), ["add amy 0", "remove amy 0", "remove and purge amy 0"]);
}

#[test]
fn a_purge_takes_what_is_its_own_and_nothing_that_links_lead_to() {
    let place = Place::take();
    let tree = tree(&place);
    assert_eq!(tree.berth(&["add", "amy"]).0, 0);
    let outside = tree.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "x").unwrap();
    let workspace = tree.path().join("users/amy/workspace");
    fs::create_dir_all(workspace.join("deep/er")).unwrap();
    symlink(&outside, workspace.join("deep/link")).unwrap();
    fs::write(tree.path().join("users/amy/logs/server.log.1"), "x").unwrap();
    let (code, out, errors) = tree.berth(&["remove", "amy", "--purge", "--yes", "--reason", "left"]);
    assert!(code == 0 && out.contains("its workspace, logs and configuration were deleted"), "{out}{errors}");
    assert!(!tree.path().join("users/amy").exists(), "what is empty goes, too");
    assert!(outside.join("kept").exists() && tree.path().join("users").exists());
    // Somebody's own file in his directory stays, and with it the directory.
    assert_eq!(tree.berth(&["add", "ben", "--no-start"]).0, 0);
    fs::write(tree.path().join("users/ben/mine"), "x").unwrap();
    assert_eq!(tree.berth(&["remove", "ben", "--purge", "--yes"]).0, 0);
    assert_eq!(fs::read_dir(tree.path().join("users/ben")).unwrap().count(), 1);
}

#[test]
fn a_workspace_that_only_its_file_names_stays() {
    let place = Place::take();
    let tree = tree(&place);
    let outside = tree.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "x").unwrap();
    tree.configure("amy", &format!("{{\"port\": {}, \"workspace\": \"{}\"}}", place.free(1)[0], outside.display()));
    let (code, out, errors) = tree.berth(&["remove", "amy", "--purge", "--yes"]);
    assert!(code == 0 && out.contains("outside, which is not where the layout has its workspace"), "{code} {out}{errors}");
    assert!(outside.join("kept").exists() && !file(&tree, "amy").exists());
}

#[test]
fn f24_killed_at_any_step_the_same_command_removes() {
    let place = Place::take();
    let tree = tree(&place);
    let cuts = ["remove-recorded", "remove-stopped", "remove-released", "remove-cleared", "remove-taken", "remove-done"];
    for (number, cut) in cuts.into_iter().enumerate() {
        let owner = format!("amy{number}");
        assert_eq!(tree.berth(&["add", &owner]).0, 0, "{cut}");
        let port = registered(&tree, &owner).unwrap();
        let words = ["remove", &owner, "--yes", "--purge"];
        let ended = tree.command(&words).env(CUT, cut).output().unwrap();
        assert_eq!(ended.status.signal(), Some(libc::SIGKILL), "{cut}: {:?}", told(ended));
        let (code, out, errors) = tree.berth(&words);
        assert_eq!(code, 0, "{cut}: {out}{errors}");
        assert!(!is_listed(&tree, &owner) && registered(&tree, &owner).is_none(), "{cut}");
        assert!(released(&tree).contains(&(port, owner.clone())), "{cut}");
        assert!(!tree.path().join("users").join(&owner).exists(), "{cut}");
    }
}

#[test]
fn what_a_lost_configuration_left_is_released() {
    let place = Place::take();
    let tree = tree(&place);
    assert_eq!(tree.berth(&["add", "amy", "--no-start"]).0, 0);
    let port = registered(&tree, "amy").unwrap();
    fs::remove_dir_all(tree.path().join("users/amy")).unwrap();
    let (code, out, errors) = tree.berth(&["remove", "amy", "--yes"]);
    assert!(code == 0 && out.contains(&format!("its port {port}, which was all that was left of it")), "{out}{errors}");
    assert_eq!((registered(&tree, "amy"), released(&tree)), (None, vec![(port, "amy".to_owned())]));
}

#[test]
fn what_runs_on_another_port_is_adopted_with_it() {
    let place = Place::take();
    let tree = tree(&place);
    let [configured, actual] = place.free(2)[..] else { panic!("there are no ports") };
    tree.configure("amy", &format!("{{\"port\": {configured}, \"own\": [{configured}]}}"));
    let (code, _, errors) = tree.berth(&["adopt", "amy"]);
    assert!(code == 1 && errors.contains("listens on nothing"), "{errors}");
    // Started from another file than the one that declares it says now.
    fs::write(file(&tree, "amy"), format!("{{\"port\": {actual}, \"own\": [{configured}]}}")).unwrap();
    assert_eq!(tree.berth(&["start", "amy"]).0, 0);
    fs::write(file(&tree, "amy"), format!("{{\"port\": {configured}, \"own\": [{configured}]}}")).unwrap();
    let pid = tree.row("amy")["pid"].clone();
    let dry = tree.berth(&["adopt", "amy", "--dry-run"]);
    assert!(dry.0 == 0 && dry.1.contains(&format!("would have port {actual}")) && registered(&tree, "amy").is_none(), "{dry:?}");
    let (code, out, errors) = tree.berth(&["adopt", "amy"]);
    assert!(code == 0 && out.contains(&format!("has port {actual}, on which it listens; line 1 of ")), "{out}{errors}");
    assert_eq!(registered(&tree, "amy"), Some(actual));
    assert_eq!(fs::read_to_string(file(&tree, "amy")).unwrap(), format!("{{\"port\": {actual}, \"own\": [{configured}]}}"));
    let row = tree.row("amy");
    assert_eq!((&row["pid"], &row["port"]), (&pid, &actual.into()), "it goes on running");
    assert_eq!(tree.berth(&["adopt", "amy"]).0, 0);
    assert_eq!(recorded(&tree), ["start amy 0", "adopt amy 0", "adopt amy 0"]);
}
