//! The file `port` in a user's tree: written when the port is given, mended when somebody changed it, gone with the instance.
//!
//! It must never be believed: what a user writes into it changes no port.

use std::fs;
use std::path::PathBuf;

use crate::actions::Tree;
use crate::assign::Place;

fn file(tree: &Tree, owner: &str) -> PathBuf {
    tree.path().join("users").join(owner).join("port")
}

fn said(tree: &Tree, owner: &str) -> Option<String> {
    fs::read_to_string(file(tree, owner)).ok()
}

#[test]
fn it_is_written_at_a_start_and_mended_and_never_believed() {
    let tree = Tree::new(&["zoe"]);
    let port = tree.ports[0];
    assert_eq!(said(&tree, "zoe"), None, "whoever only looks writes nothing");
    let (code, out, errors) = tree.berth(&["start", "zoe"]);
    assert_eq!((code, said(&tree, "zoe")), (0, Some(format!("{port}\n"))), "{out}{errors}");
    assert!(!out.contains("/port"), "nothing to tell of: {out}");

    fs::write(file(&tree, "zoe"), "9\n").unwrap();
    assert_eq!(tree.berth(&["port", "zoe"]).1, format!("{port}\n"));
    let (code, out, errors) = tree.berth(&["restart", "zoe"]);
    assert_eq!((code, said(&tree, "zoe")), (0, Some(format!("{port}\n"))), "{out}{errors}");
    assert!(out.contains(&format!("users/zoe/port said 9 and says {port} now, written as ")), "{out}");
    assert_eq!(tree.row("zoe")["port"], port);

    // A link is replaced, and what it leads to stays as it is.
    fs::remove_file(file(&tree, "zoe")).unwrap();
    fs::write(tree.path().join("canary"), "canary").unwrap();
    std::os::unix::fs::symlink(tree.path().join("canary"), file(&tree, "zoe")).unwrap();
    assert_eq!(tree.berth(&["restart", "zoe"]).0, 0);
    assert_eq!(fs::read_to_string(tree.path().join("canary")).unwrap(), "canary");
    assert_eq!(said(&tree, "zoe"), Some(format!("{port}\n")));

    // What cannot be mended is said, and keeps nothing from starting.
    fs::remove_file(file(&tree, "zoe")).unwrap();
    fs::create_dir(file(&tree, "zoe")).unwrap();
    let (code, out, errors) = tree.berth(&["restart", "zoe"]);
    assert!(code == 0 && out.contains("users/zoe/port says something else and not "), "{out}{errors}");
}

#[test]
fn it_follows_the_port_and_goes_with_the_instance() {
    let place = Place::take();
    let tree = Tree::new(&["zoe"]);
    let ports = place.free(2);
    let text = fs::read_to_string(tree.config()).unwrap();
    let rest = text.split_once('\n').unwrap().1.split_once('\n').unwrap().1;
    fs::write(tree.config(), format!("[ports]\nrange = \"{}-{}\"\n{rest}", place.first, place.last())).unwrap();
    tree.configure("zoe", &format!("{{\"port\": {}, \"host\": \"127.0.0.1\"}}", ports[0]));
    let (code, out, errors) = tree.berth(&["assign", "zoe", "--port", &ports[1].to_string(), "--dry-run"]);
    assert_eq!((code, said(&tree, "zoe")), (0, None), "{out}{errors}");
    let (code, out, errors) = tree.berth(&["assign", "zoe", "--port", &ports[1].to_string()]);
    assert_eq!((code, said(&tree, "zoe")), (0, Some(format!("{}\n", ports[1]))), "{out}{errors}");

    let (code, out, errors) = tree.berth(&["add", "amy", "--no-start"]);
    assert_eq!(code, 0, "{out}{errors}");
    let amys = tree.berth(&["port", "amy"]).1;
    assert_eq!(said(&tree, "amy"), Some(amys));
    let (code, out, errors) = tree.berth(&["remove", "amy", "--yes"]);
    assert_eq!((code, said(&tree, "amy")), (0, None), "{out}{errors}");
    assert!(tree.path().join("users/amy/config/config.json.old").exists());
}
