//! Discovery against real trees. It must never need root.

use std::path::Path;

use super::*;

/// A configuration whose only tree lies below `root`.
fn config(root: &Path) -> Arc<Config> {
    let file = root.join("berth.toml");
    // The test's own account, by number, so that the trees may belong to root when root runs the tests.
    let own = nix::unistd::geteuid();
    let text = format!(
        "[template.default]\nrun_as = \"{own}\"\n[layout]\nbase = \"{0}\"\n[[discover]]\nconfig = \"{0}/users/*/config/config.json\"\n",
        root.display()
    );
    std::fs::write(&file, text).unwrap();
    Arc::new(Config::load(Some(&file)).unwrap())
}

fn write(root: &Path, user: &str, text: &str) {
    let directory = root.join("users").join(user).join("config");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("config.json"), text).unwrap();
}

fn scan(root: &Path) -> Arc<Roster> {
    Discoverer::new(config(root), Reader::start().unwrap()).scan().0
}

fn fault(root: &Path, text: &str) -> (Option<u32>, String) {
    write(root, "zed", text);
    let roster = scan(root);
    let declared = roster.instances.iter().find(|declared| declared.id.owner() == "zed").unwrap();
    assert!(declared.launch.is_none());
    let fault = declared.fault.clone().unwrap();
    (fault.line, fault.reason.as_str().to_owned())
}

#[test]
fn a_tree_is_declared() {
    let tree = tempfile::tempdir().unwrap();
    write(tree.path(), "zed", r#"{"port": 8101, "host": "0.0.0.0", "serverName": "zed MCP", "extra": [1]}"#);
    let roster = scan(tree.path());
    let zed = &roster.instances[0];
    assert_eq!((zed.port, zed.id.to_string()), (Some(8101), "zed".to_owned()));
    assert_eq!(zed.log, tree.path().join("users/zed/logs/server.log"));
    assert_eq!(zed.config_root, tree.path().join("users"));
    assert_eq!(zed.uid.0, nix::unistd::geteuid().as_raw());
    let command = &zed.launch.as_ref().unwrap().command;
    assert_eq!(command.last().unwrap(), &format!("--config={}", zed.config.display()));
}

#[test]
fn of_one_what_its_file_says_now_is_known_before_the_next_scan() {
    let tree = tempfile::tempdir().unwrap();
    write(tree.path(), "abe", r#"{"port": 8101}"#);
    write(tree.path(), "zed", r#"{"port": 8102}"#);
    let mut discoverer = Discoverer::new(config(tree.path()), Reader::start().unwrap());
    let first = discoverer.scan().0;
    let zed = [InstanceId::of_owner("zed").unwrap()];
    assert!(Arc::ptr_eq(&discoverer.look_again(&zed).0, &first));
    write(tree.path(), "abe", r#"{"port": 8111}"#);
    write(tree.path(), "zed", r#"{"port": 8112}"#);
    let ports = |roster: &Roster| roster.instances.iter().map(|declared| declared.port).collect::<Vec<_>>();
    let (roster, changed) = discoverer.look_again(&zed);
    assert_eq!((ports(&roster), changed), (vec![Some(8101), Some(8112)], true));
    // An editor takes the file away before it puts the new one there.
    std::fs::remove_file(tree.path().join("users/zed/config/config.json")).unwrap();
    assert!(!discoverer.look_again(&zed).1);
    assert_eq!(ports(&discoverer.scan().0), [Some(8111)]);
}

#[test]
fn what_the_template_says_is_kept_once() {
    let tree = tempfile::tempdir().unwrap();
    write(tree.path(), "abe", r#"{"port": 8101}"#);
    write(tree.path(), "zed", r#"{"port": 8102}"#);
    let roster = scan(tree.path());
    let [abe, zed] = &roster.instances[..] else { panic!("two") };
    let [own, shared] = &abe.settings.parts[..] else { panic!("a file and a template") };
    assert!(Arc::ptr_eq(shared, &zed.settings.parts[1]));
    assert_ne!(own, &zed.settings.parts[0]);
}

#[test]
fn a_broken_file_is_told_with_its_line_and_hides_nobody() {
    let tree = tempfile::tempdir().unwrap();
    write(tree.path(), "abe", r#"{"port": 8101}"#);
    let cases = [
        ("", Some(1), "empty"),
        ("{\n  \"port\": 81,,\n}", Some(2), "not JSON"),
        ("[1]", Some(1), "object"),
        ("{\"host\": \"0.0.0.0\"}", None, "no port"),
        ("{\n\"port\": \"8101\"}", Some(2), "not a string"),
        ("{\"port\": 8101,\n\"port\": 8102}", Some(2), "duplicate"),
        ("{\"port\": 0}", Some(1), "1 to 65535"),
        ("{\"port\": 70000}", Some(1), "1 to 65535"),
        ("{\"port\": 8101,\n\"host\": \"example\"}", Some(2), "IP address"),
        ("{\"port\": 8101,\n\"workspace\": \"x\"}", Some(2), "absolute"),
    ];
    for (text, line, words) in cases {
        let (found, reason) = fault(tree.path(), text);
        assert_eq!(found, line, "{text}");
        assert!(reason.contains(words), "{text}: {reason}");
    }
    assert!(scan(tree.path()).instances[0].fault.is_none());
}

#[test]
fn links_and_strange_names_are_faults() {
    let tree = tempfile::tempdir().unwrap();
    write(tree.path(), "abe", "{\"port\": 8101}");
    write(tree.path(), "-rf", "{\"port\": 8102}");
    let config = tree.path().join("users/lou/config");
    std::fs::create_dir_all(&config).unwrap();
    std::os::unix::fs::symlink(tree.path().join("users/abe/config/config.json"), config.join("config.json")).unwrap();
    let roster = scan(tree.path());
    assert_eq!(roster.instances.len(), 2);
    assert_eq!(roster.faults.len(), 1);
    assert!(roster.instances[1].fault.is_some());
}

#[test]
fn what_did_not_change_is_not_read_again() {
    let tree = tempfile::tempdir().unwrap();
    write(tree.path(), "abe", "{\"port\": 8101}");
    let mut discoverer = Discoverer::new(config(tree.path()), Reader::start().unwrap());
    let (first, changed) = discoverer.scan();
    assert!(changed);
    let (second, changed) = discoverer.scan();
    assert!(!changed && Arc::ptr_eq(&first, &second));
    write(tree.path(), "abe", "{\"port\": 8102 }");
    let (third, changed) = discoverer.scan();
    assert!(changed);
    assert_eq!(third.instances[0].port, Some(8102));
}

#[test]
fn one_owner_cannot_drown_the_others() {
    let tree = tempfile::tempdir().unwrap();
    for (owner, count) in [("abe", 1), ("mal", 1005), ("zed", 1)] {
        let directory = tree.path().join("users").join(owner);
        std::fs::create_dir_all(&directory).unwrap();
        (0..count).for_each(|number| std::fs::write(directory.join(format!("i{number:04}.json")), r#"{"port": 8101}"#).unwrap());
    }
    let file = tree.path().join("berth.toml");
    let (own, base) = (nix::unistd::geteuid(), tree.path().display());
    let text = format!("[template.default]\nrun_as = \"{own}\"\n[[discover]]\nconfig = \"{base}/users/*/*.json\"\n");
    std::fs::write(&file, text).unwrap();
    let config = Arc::new(Config::load(Some(&file)).unwrap());
    let roster = Discoverer::new(config, Reader::start().unwrap()).scan().0;
    let of = |owner: &str| roster.instances.iter().filter(|declared| declared.id.owner() == owner).count();
    assert_eq!(["abe", "mal", "zed"].map(of), [1, 1000, 1]);
    let faults: Vec<String> = roster.faults.iter().map(|fault| format!("{}: {}", fault.file, fault.reason)).collect();
    assert_eq!(faults, [format!("{base}/users/mal: mal has more than 1000 configurations here; the others are not looked at")]);
}
