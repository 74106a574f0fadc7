//! Taking away in real trees. It must never need root.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;

fn below(root: &Path, beneath: &str) -> Below {
    Below::from(&crate::domain::Spot { root: root.to_owned(), beneath: beneath.into() })
}

fn taken(taking: &Taking) -> (Option<String>, Option<i32>) {
    let mut called = None;
    let done = each(taking, None, &mut called);
    (called.map(|name| name.to_string_lossy().into_owned()), done.err().map(|(error, _)| error.raw_os_error().unwrap_or(-1)))
}

fn tree() -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir_all(tree.path().join("amy/config")).unwrap();
    fs::create_dir_all(tree.path().join("amy/workspace/deep/er")).unwrap();
    fs::create_dir_all(tree.path().join("others")).unwrap();
    fs::write(tree.path().join("others/kept"), "x").unwrap();
    fs::write(tree.path().join("amy/config/config.json"), "{}").unwrap();
    fs::write(tree.path().join("amy/workspace/deep/er/file"), "x").unwrap();
    tree
}

#[test]
fn a_file_is_called_otherwise_and_no_other_is_overwritten() {
    let tree = tree();
    let aside = Taking::Aside(below(tree.path(), "amy/config/config.json"));
    assert_eq!(taken(&aside), (Some("config.json.old".into()), None));
    assert_eq!(taken(&aside), (None, None), "what is not there is gone already");
    fs::write(tree.path().join("amy/config/config.json"), "{1}").unwrap();
    assert_eq!(taken(&aside), (Some("config.json.old-1".into()), None));
    assert_eq!(fs::read_to_string(tree.path().join("amy/config/config.json.old")).unwrap(), "{}");
    symlink("../../others/kept", tree.path().join("amy/config/config.json")).unwrap();
    assert_eq!(taken(&aside).1, Some(-1), "a link is no file");
}

#[test]
fn only_what_holds_what_was_written_is_unmade() {
    let tree = tree();
    let file = below(tree.path(), "amy/config/config.json");
    let made = |text: &str| Taking::Made { file: file.clone(), digest: super::super::content_digest(text.as_bytes()) };
    assert_eq!(taken(&made("{2}")).1, Some(libc::ESTALE));
    assert!(tree.path().join("amy/config/config.json").exists());
    assert_eq!(taken(&made("{}")), (None, None));
    assert!(!tree.path().join("amy/config/config.json").exists());
}

#[test]
fn a_purge_leaves_what_links_lead_to() {
    let tree = tree();
    let inside = tree.path().join("amy/workspace");
    symlink("../../others", inside.join("link")).unwrap();
    symlink("../../../others/kept", inside.join("deep/link")).unwrap();
    for name in ["server.pid", "server.log", "server.log.1", "server.log.2.gz", "server.log.bak", "server.logs", "server.log.x"] {
        fs::write(tree.path().join("amy").join(name), "x").unwrap();
    }
    let purge = Taking::Purge {
        trees: vec![below(tree.path(), "amy/workspace"), below(tree.path(), "amy/nothing")],
        logs: vec![below(tree.path(), "amy/server.log")],
        files: vec![below(tree.path(), "amy/server.pid")],
        emptied: vec![below(tree.path(), "amy/config"), below(tree.path(), "amy")],
    };
    assert_eq!(taken(&purge), (None, None));
    let mut left: Vec<_> = fs::read_dir(tree.path().join("amy")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["config", "server.log.bak", "server.log.x", "server.logs"]);
    assert_eq!(fs::read_to_string(tree.path().join("others/kept")).unwrap(), "x");
    assert_eq!(taken(&purge), (None, None));
}

#[test]
fn a_purge_through_a_link_is_none() {
    let tree = tree();
    symlink("others", tree.path().join("bob")).unwrap();
    let purge = |trees: &str, files: &str| Taking::Purge {
        trees: vec![below(tree.path(), trees)],
        logs: vec![],
        files: vec![below(tree.path(), files)],
        emptied: vec![],
    };
    assert_eq!(taken(&purge("bob/x", "none")).1, Some(libc::ELOOP));
    assert_eq!(taken(&purge("none", "bob/kept")).1, Some(libc::ELOOP));
    assert_eq!(taken(&purge("../others", "none")).1, Some(libc::EINVAL));
    // The link itself is in the tree.
    assert_eq!(taken(&purge("bob", "none")).1, None);
    assert!(!tree.path().join("bob").exists() && tree.path().join("others/kept").exists());
}

#[test]
fn what_is_too_deep_is_told() {
    let tree = tempfile::tempdir().unwrap();
    let deep = (0..DEEPEST + 5).fold(tree.path().join("a"), |path, _| path.join("d"));
    fs::create_dir_all(deep).unwrap();
    let purge = Taking::Purge { trees: vec![below(tree.path(), "a")], logs: vec![], files: vec![], emptied: vec![] };
    assert_eq!(taken(&purge).1, Some(libc::ELOOP));
}
