//! `berth add` with the real binary and real servers: what is made, what stays, and what goes on after a kill.
//!
//! It must never count on a port: the registry asks the kernel.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;

use berth::failpoint::CUT;
use serde_json::Value;

use crate::actions::{Tree, told};
use crate::assign::{Place, recorded, registered};

/// A tree with one owner, over whose ports nobody else of these tests rules.
pub(crate) fn tree(place: &Place) -> Tree {
    let tree = Tree::new(&["zoe"]);
    let written = fs::read_to_string(tree.config()).unwrap();
    let rest = written.split_once('\n').unwrap().1.split_once('\n').unwrap().1;
    fs::write(tree.config(), format!("[ports]\nrange = \"{}-{}\"\n{rest}", place.first, place.last())).unwrap();
    tree
}

pub(crate) fn file(tree: &Tree, owner: &str) -> PathBuf {
    tree.path().join("users").join(owner).join("config/config.json")
}

fn document((code, out, errors): (i32, String, String)) -> (i32, Value) {
    (code, serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{errors}")))
}

fn mode(path: &std::path::Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn who_is_added_serves_on_a_port_of_its_own() {
    let place = Place::take();
    let tree = tree(&place);
    let (code, dry) = document(tree.berth(&["--json", "--read-only", "add", "amy", "--dry-run"]));
    assert_eq!((code, &dry["dry_run"], &dry["done"]), (0, &true.into(), &true.into()), "{dry}");
    let steps: Vec<&str> = dry["steps"].as_array().unwrap().iter().map(|step| step.as_str().unwrap()).collect();
    assert!(steps.iter().any(|step| step.starts_with("directory ") && step.contains("users/amy/workspace")), "{steps:?}");
    assert!(steps.last() == Some(&"a start") && steps.iter().any(|step| step.contains("amy/config/config.json")), "{steps:?}");
    assert!(!tree.path().join("users/amy").exists() && !tree.path().join("state/registry.db").exists(), "it was only said");
    let (code, added) = document(tree.berth(&["--json", "add", "amy", "--reason", "new here"]));
    assert_eq!((code, &added["schema"], &added["done"]), (0, &1.into(), &true.into()), "{added}");
    let port = registered(&tree, "amy").unwrap();
    assert_eq!((&added["port"], added["url"].as_str()), (&port.into(), Some(format!("http://127.0.0.1:{port}/mcp").as_str())), "{added}");
    let row = tree.row("amy");
    assert_eq!((&row["state"], &row["port"], &row["listening"][0]["port"]), (&"running".into(), &port.into(), &port.into()), "{row}");
    let config: Value = serde_json::from_str(&fs::read_to_string(file(&tree, "amy")).unwrap()).unwrap();
    let workspace = tree.path().join("users/amy/workspace");
    assert_eq!((&config["port"], &config["workspace"], &config["host"]), (&port.into(), &workspace.to_str().into(), &"127.0.0.1".into()));
    assert_eq!(mode(&file(&tree, "amy")), 0o600);
    for made in ["amy", "amy/config", "amy/workspace", "amy/logs"] {
        assert_eq!(mode(&tree.path().join("users").join(made)), 0o700, "{made}");
    }
    // Added again, it stays as it is.
    let (code, out, errors) = tree.berth(&["add", "amy"]);
    assert!(code == 0 && out.starts_with(&format!("amy: is there already with port {port}; is running already")), "{out}{errors}");
    assert!(out.ends_with(&format!("\n  http://127.0.0.1:{port}/mcp\n")), "{out}");
    assert_eq!((&tree.row("amy")["pid"], recorded(&tree)), (&row["pid"], vec!["add amy 0".to_owned(), "add amy 0".to_owned()]));
}

#[test]
fn what_is_there_is_taken_as_it_is_and_never_overwritten() {
    let place = Place::take();
    let tree = tree(&place);
    let port = place.free(1)[0];
    let text = format!("{{\"port\": {port},   \"own\": true}}");
    tree.configure("amy", &text);
    let (code, out, errors) = tree.berth(&["add", "amy", "--no-start"]);
    assert!(code == 0 && out.contains("start amy"), "{out}{errors}");
    assert_eq!((registered(&tree, "amy"), fs::read_to_string(file(&tree, "amy")).unwrap()), (Some(port), text.clone()));
    // Whose file says another one's port.
    tree.configure("ben", &text);
    let (code, out, errors) = tree.berth(&["add", "ben", "--no-start"]);
    assert!(code == 5 && errors.contains(&format!("Its file says {port}, which is amy's")), "{code} {out}{errors}");
    // What is broken, and what is no file of ours.
    tree.configure("cat", "{");
    let (code, _, errors) = tree.berth(&["add", "cat"]);
    assert!(code == 1 && errors.contains("cannot be used"), "{errors}");
    fs::create_dir_all(tree.path().join("users/dan")).unwrap();
    fs::write(tree.path().join("users/dan/logs"), "a file").unwrap();
    let (code, _, errors) = tree.berth(&["add", "dan", "--no-start"]);
    assert!(code == 1 && errors.contains("no directory"), "{code} {errors}");
    assert!(registered(&tree, "dan").is_none() && !file(&tree, "dan").exists());
    // Mended, the same command goes on.
    fs::remove_file(tree.path().join("users/dan/logs")).unwrap();
    assert_eq!(tree.berth(&["add", "dan", "--no-start"]).0, 0);
    assert_eq!(tree.row("dan")["port"], registered(&tree, "dan").unwrap());
}

#[test]
fn f24_killed_at_any_step_the_same_command_completes() {
    let place = Place::take();
    let tree = tree(&place);
    for (number, cut) in ["add-recorded", "add-given", "add-made", "add-registered", "add-done"].into_iter().enumerate() {
        let owner = format!("amy{number}");
        let mut command = tree.command(&["add", &owner]);
        let ended = command.env(CUT, cut).output().unwrap();
        assert_eq!(ended.status.signal(), Some(libc::SIGKILL), "{cut}: {:?}", told(ended));
        let (code, out, errors) = tree.berth(&["add", &owner]);
        assert_eq!(code, 0, "{cut}: {out}{errors}");
        let row = tree.row(&owner);
        let port = registered(&tree, &owner).unwrap();
        assert_eq!((&row["state"], &row["port"]), (&"running".into(), &port.into()), "{cut}: {row}");
        let config: Value = serde_json::from_str(&fs::read_to_string(file(&tree, &owner)).unwrap()).unwrap();
        assert_eq!(config["port"], port, "{cut}");
    }
    // Nobody was given two, and no two have one.
    let mut ports: Vec<Option<u16>> = (0..5).map(|number| registered(&tree, &format!("amy{number}"))).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 5);
}

#[test]
fn where_nothing_can_be_recorded_nothing_is_made() {
    let place = Place::take();
    let tree = tree(&place);
    // A file in place of the state directory is as good as a full disk, and needs no rights.
    fs::write(tree.path().join("state"), "").unwrap();
    let (code, _, errors) = tree.berth(&["add", "amy"]);
    assert!(code == 1 && errors.contains("not added. "), "{code} {errors}");
    assert!(!tree.path().join("users/amy").exists());
}

#[test]
fn many_are_added_from_a_list_and_a_wrong_line_keeps_all_from_it() {
    let place = Place::take();
    let tree = tree(&place);
    let list = tree.path().join("list");
    fs::write(&list, "amy\nben bla=x\n").unwrap();
    let list = list.to_str().unwrap();
    let (code, _, errors) = tree.berth(&["add", "--from", list]);
    assert!(code == 2 && errors.contains(&format!("{list}:2: \"bla=x\" is neither")), "{code} {errors}");
    assert!(!tree.path().join("users/amy").exists());
    tree.configure("zoe", &format!("{{\"port\": {}}}", place.free(1)[0]));
    fs::create_dir_all(tree.path().join("users/dan")).unwrap();
    fs::write(tree.path().join("users/dan/config"), "no directory").unwrap();
    fs::write(list, "# the new ones\namy\nzoe\ndan\neve template=nope\nben\n").unwrap();
    let (code, document) = document(tree.berth(&["--json", "add", "--from", list, "--dry-run"]));
    assert_eq!((code, &document["done"], &document["failed"]), (2, &4.into(), &1.into()), "{document}");
    let ports: Vec<&Value> = document["results"].as_array().unwrap().iter().map(|result| &result["port"]).collect();
    assert!(ports[0] != ports[4] && ports[0].is_u64() && ports[3].is_null(), "{document}");
    assert!(!tree.path().join("users/amy").exists() && registered(&tree, "amy").is_none(), "it was only said");
    // Killed when all have their ports and the first its files, the same command goes on.
    let ended = tree.command(&["add", "--from", list]).env(CUT, "many-made").output().unwrap();
    assert_eq!(ended.status.signal(), Some(libc::SIGKILL), "{:?}", told(ended));
    let (code, out, errors) = tree.berth(&["add", "--from", list]);
    assert!(code == 1 && out.ends_with("3 added, 2 failed\n"), "{code} {out}{errors}");
    assert!(
        errors.contains(&format!("{list}:4: dan: not added. "))
            && errors.contains(&format!("{list}:5: eve: not added. There is no template")),
        "{errors}"
    );
    for owner in ["amy", "ben"] {
        let row = tree.row(owner);
        assert_eq!((&row["state"], &row["port"]), (&"running".into(), &registered(&tree, owner).unwrap().into()), "{row}");
    }
    assert_eq!(tree.row("zoe")["state"], "running");
    // What a kill left of dan is his until it is taken away.
    assert_eq!(tree.berth(&["remove", "dan", "--yes"]).0, 0);
    assert_eq!(registered(&tree, "dan"), None);
}
