//! What a user can do to a tree, and what the roster must say of it. It must never need root, but tells more when it is.

use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use super::*;

fn build(root: &Path, run_as: Option<&str>, patterns: &[&str]) -> Discoverer {
    let file = root.join("berth.toml");
    let run_as = run_as.map_or(String::new(), |name| format!("[template.default]\nrun_as = \"{name}\"\n"));
    let list: String = patterns.iter().map(|pattern| format!("[[discover]]\nconfig = \"{}/{pattern}\"\n", root.display())).collect();
    std::fs::write(&file, format!("{run_as}[layout]\nbase = \"{}\"\n{list}", root.display())).unwrap();
    std::fs::set_permissions(root, std::fs::Permissions::from_mode(0o755)).unwrap();
    Discoverer::new(Arc::new(Config::load(Some(&file)).unwrap()), Reader::start().unwrap())
}

fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn own() -> String {
    nix::unistd::geteuid().to_string()
}

#[test]
fn an_array_is_no_configuration() {
    let (config, fault) = server_config::read("[8101, null, null, null]");
    assert!(fault.is_some(), "{config:?}");
}

#[test]
fn the_line_is_that_of_the_key_at_the_top() {
    let (_, fault) = server_config::read("{\"inner\": {\n\"port\": 1},\n\"port\": \"x\"}");
    assert_eq!(fault.unwrap().line, Some(3));
}

#[test]
fn a_workspace_that_is_no_text_is_a_fault() {
    assert!(server_config::read("{\"port\": 8101, \"workspace\": 7}").1.is_some());
}

#[test]
fn a_byte_order_mark_does_not_change_the_reason() {
    let (_, fault) = server_config::read("\u{feff}{\"port\": 1,\n\"port\": 2}");
    assert!(fault.unwrap().reason.contains("duplicate"));
}

#[test]
fn a_linked_user_directory_is_told() {
    let tree = tempfile::tempdir().unwrap();
    put(tree.path(), "users/abe/config/config.json", "{\"port\": 8101}");
    symlink(tree.path().join("users/abe"), tree.path().join("users/lou")).unwrap();
    let roster = build(tree.path(), Some(&own()), &["users/*/config/config.json"]).scan().0;
    assert!(roster.instances.len() == 2 || !roster.faults.is_empty(), "{roster:?}");
}

#[test]
fn a_second_level_that_may_not_be_listed_is_told() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let tree = tempfile::tempdir().unwrap();
    put(tree.path(), "users/abe/tools.json", "{\"port\": 8101}");
    std::fs::set_permissions(tree.path().join("users/abe"), std::fs::Permissions::from_mode(0o700)).unwrap();
    let roster = build(tree.path(), Some("65534"), &["users/*/*.json"]).scan().0;
    assert!(!roster.instances.is_empty() || !roster.faults.is_empty(), "{roster:?}");
}

#[test]
fn a_path_that_two_patterns_find_keeps_its_rows() {
    let tree = tempfile::tempdir().unwrap();
    put(tree.path(), "u/abe/main.json", "{\"port\": 8101}");
    let mut discoverer = build(tree.path(), Some(&own()), &["u/*/main.json", "u/abe/*.json"]);
    let first = discoverer.scan().0;
    let (second, changed) = discoverer.scan();
    assert!(!changed, "{first:#?}\n{second:#?}");
}

#[test]
fn what_is_no_file_of_the_account_is_a_fault_on_its_row() {
    let tree = tempfile::tempdir().unwrap();
    put(tree.path(), "users/abe/config.json", "{\"port\": 8101}");
    put(tree.path(), "users/big/config.json", &format!("{{\"port\": 8102, \"x\": \"{}\"}}", "x".repeat(256 * 1024)));
    std::fs::create_dir_all(tree.path().join("users/dir/config.json")).unwrap();
    std::fs::create_dir_all(tree.path().join("users/pipe")).unwrap();
    nix::unistd::mkfifo(&tree.path().join("users/pipe/config.json"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut expected = vec!["big", "dir", "pipe"];
    if nix::unistd::geteuid().is_root() {
        put(tree.path(), "users/zoe/config.json", "{\"port\": 8103}");
        chown(tree.path().join("users/zoe/config.json"), Some(54321), None).unwrap();
        expected.push("zoe");
    }
    let roster = build(tree.path(), Some(&own()), &["users/*/config.json"]).scan().0;
    let broken: Vec<_> =
        roster.instances.iter().filter(|row| row.fault.is_some() && row.launch.is_none()).map(|row| row.id.owner()).collect();
    assert_eq!(broken, expected);
}

#[test]
fn the_same_word_elsewhere_is_not_the_key() {
    let text = "{\"name\": \"port\", \"a\\\"b\": [\"port\"],\n \"port\" : \"x\"}";
    let fault = server_config::read(text).1.unwrap();
    assert_eq!((fault.line, fault.column), (Some(2), Some(2)));
}

#[test]
fn an_array_of_any_length_must_be_an_object() {
    for text in ["[]", "[1]", "[8101, null, null, null]", "[8101, \"0.0.0.0\", \"x\", \"/w\"]", "7", "\"x\"", "null"] {
        assert!(server_config::read(text).1.unwrap().reason.contains("object"), "{text}");
    }
}
