//! Directories of environment files as they are found on hosts. It must never need root, but tells more when it is.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;

/// A discoverer of `.env.*` in `root`, every instance running as the test's own account.
fn discoverer(root: &Path, template: &str, entry: &str) -> Discoverer {
    let own = nix::unistd::geteuid();
    let (file, root) = (root.join("berth.toml"), root.display());
    let template = template.replace("ROOT", &root.to_string());
    let entry = entry.replace("ROOT", &root.to_string());
    let base = "[layout]\nbase = \"/opt/elsewhere\"\n";
    std::fs::write(&file, format!("{base}[template.default]\nrun_as = \"{own}\"\n{template}\n[[discover]]\n{entry}\n")).unwrap();
    std::fs::set_permissions(Path::new(&file).parent().unwrap(), std::fs::Permissions::from_mode(0o755)).unwrap();
    Discoverer::new(Arc::new(Config::load(Some(&file)).unwrap()), Reader::start().unwrap())
}

const ENTRY: &str = "env = \"ROOT/.env.*\"\nport_key = \"SDP_HTTP_PORT\"";

fn put(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn names(of: &[Shown]) -> Vec<&str> {
    of.iter().map(Shown::as_str).collect()
}

#[test]
fn a_file_is_an_instance_whose_tree_begins_at_its_directory() {
    let tree = tempfile::tempdir().unwrap();
    let root = tree.path();
    put(
        root,
        ".env.user1",
        "\u{feff}export SDP_HTTP_PORT='3456' # mine\r\nSDP_CLIENT_SECRET=\"canary\"\r\nSDP_HTTP_HOST=localhost\r\nEMPTY=\r\n",
    );
    let roster = discoverer(root, "command = [\"node\", \"{base}/server.js\"]\ndirectory = \"{base}\"", ENTRY).scan().0;
    assert!(roster.faults.is_empty(), "{:?}", roster.faults);
    let user = &roster.instances[0];
    assert_eq!((user.id.to_string().as_str(), user.port, user.host), ("user1", Some(3456), Some([127, 0, 0, 1].into())));
    assert_eq!((user.config.clone(), user.config_root.as_path()), (root.join(".env.user1"), root));
    assert_eq!((user.log.clone(), user.pid_file.clone()), (root.join("users/user1/logs/server.log"), root.join("users/user1/server.pid")));
    let launch = user.launch.as_ref().unwrap();
    assert_eq!((launch.command[1].clone(), launch.directory.as_path()), (root.join("server.js").display().to_string(), root));
    let file = user.env_file.as_ref().unwrap();
    assert_eq!((file.path.clone(), file.root.as_path()), (root.join(".env.user1"), root));
    assert_eq!(names(&file.names), ["EMPTY", "SDP_CLIENT_SECRET", "SDP_HTTP_HOST", "SDP_HTTP_PORT"]);
    assert_eq!(names(&file.empty), ["EMPTY"]);
    assert!(!format!("{roster:?}").contains("canary"), "no value may stay in the roster");
}

#[test]
fn only_configurations_are_instances() {
    let tree = tempfile::tempdir().unwrap();
    for name in
        [".env.example", ".env.user1.bak", ".env.user1~", ".env.user1.swp", ".#.env.user1", "#.env.user1#", ".env.sample", ".env", ".env."]
    {
        put(tree.path(), name, "SDP_HTTP_PORT=1");
    }
    put(tree.path(), ".env.user2/x", "");
    put(tree.path(), ".env.user1", "SDP_HTTP_PORT=3456");
    let roster = discoverer(tree.path(), "", ENTRY).scan().0;
    let ids: Vec<String> = roster.instances.iter().map(|row| row.id.to_string()).collect();
    assert_eq!((ids, roster.faults.len()), (vec!["user1".to_owned()], 0), "{:?}", roster.faults);
}

#[test]
fn a_fault_is_told_with_its_place_and_never_with_a_value() {
    let tree = tempfile::tempdir().unwrap();
    let cases = [
        ("A=1\nSDP_HTTP_PORT=canary", Some(2), Some(1), "SDP_HTTP_PORT must be a number"),
        ("SDP_HTTP_PORT=3456\ncanary", Some(2), Some(7), "an = is expected"),
        ("SDP_HTTP_PORT=3456\nA=\"canary", Some(2), Some(3), "never closed"),
        ("A=canary", None, None, "it sets no SDP_HTTP_PORT"),
        ("", None, None, "it sets no SDP_HTTP_PORT"),
    ];
    for (text, line, column, words) in cases {
        put(tree.path(), ".env.user1", text);
        let roster = discoverer(tree.path(), "", ENTRY).scan().0;
        let row = &roster.instances[0];
        let fault = row.fault.as_ref().unwrap();
        assert_eq!((fault.line, fault.column, row.launch.is_none()), (line, column, true), "{text}");
        assert!(fault.reason.as_str().contains(words) && !format!("{roster:?}").contains("canary"), "{fault:?}");
    }
    // The row keeps the port that could be read.
    put(tree.path(), ".env.user1", "SDP_HTTP_PORT=3456\ncanary");
    assert_eq!(discoverer(tree.path(), "", ENTRY).scan().0.instances[0].port, Some(3456));
}

#[test]
fn what_the_example_names_is_looked_for_and_looked_for_again() {
    let tree = tempfile::tempdir().unwrap();
    put(tree.path(), ".env.user1", "SDP_HTTP_PORT=3456\nSDP_CLIENT_ID=user1_client_id_here\n");
    let mut discoverer = discoverer(tree.path(), "", ENTRY);
    let told = |discoverer: &mut Discoverer| {
        let (roster, changed) = discoverer.scan();
        let file = roster.instances[0].env_file.clone().unwrap();
        (names(&file.missing).join(" "), names(&file.untouched).join(" "), file.example.is_some(), changed)
    };
    assert_eq!(told(&mut discoverer), (String::new(), String::new(), false, true));
    put(tree.path(), ".env.example", "SDP_HTTP_PORT=1\nSDP_CLIENT_ID=your_client_id_here\nSDP_CLIENT_SECRET=x\nNODE_ENV=production\n");
    let expected = ("SDP_CLIENT_SECRET".to_owned(), "SDP_CLIENT_ID".to_owned(), true);
    let (missing, untouched, example, changed) = told(&mut discoverer);
    assert_eq!(((missing, untouched, example), changed), (expected, true), "the template provides NODE_ENV");
    assert!(!told(&mut discoverer).3);
    put(tree.path(), ".env.example", "SDP_HTTP_PORT=1\n");
    assert_eq!(told(&mut discoverer), (String::new(), String::new(), true, true));
}

#[test]
fn a_configuration_may_have_an_environment_file_of_its_template() {
    let tree = tempfile::tempdir().unwrap();
    let (root, directory) = (tree.path(), "directory = \"ROOT\"\nenv_file = \".env.{user}\"");
    put(root, "users/amy/config.json", "{\"port\": 8101}");
    let mut discoverer = discoverer(root, directory, "config = \"ROOT/users/*/config.json\"");
    let (first, _) = discoverer.scan();
    let fault = first.instances[0].fault.as_ref().unwrap();
    assert_eq!(fault.file.as_str(), root.join(".env.amy").to_string_lossy());
    put(root, ".env.amy", "KEY=canary\nTWO");
    let fault = discoverer.scan().0.instances[0].fault.clone().unwrap();
    assert_eq!((fault.line, fault.file.as_str()), (Some(2), &*root.join(".env.amy").to_string_lossy()));
    put(root, ".env.amy", "KEY=canary\nTWO=");
    let amy = Arc::clone(&discoverer.scan().0.instances[0]);
    assert_eq!((amy.port, amy.fault.clone(), amy.launch.is_some()), (Some(8101), None, true));
    let file = amy.env_file.as_ref().unwrap();
    assert_eq!((names(&file.names), file.root.as_path()), (vec!["KEY", "TWO"], root));
    let (_, changed) = discoverer.scan();
    assert!(!changed && !format!("{amy:?}").contains("canary"));
}

#[test]
fn a_link_is_no_environment_file() {
    let tree = tempfile::tempdir().unwrap();
    put(tree.path(), "secret", "SDP_HTTP_PORT=3456");
    std::os::unix::fs::symlink(tree.path().join("secret"), tree.path().join(".env.user1")).unwrap();
    let roster = discoverer(tree.path(), "", ENTRY).scan().0;
    assert!(roster.instances[0].fault.as_ref().unwrap().reason.as_str().contains("link"));
}

#[test]
fn a_file_that_only_root_may_read_is_told_with_the_account() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let tree = tempfile::tempdir().unwrap();
    put(tree.path(), ".env.user1", "SDP_HTTP_PORT=3456");
    std::fs::set_permissions(tree.path().join(".env.user1"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let entry = format!("{ENTRY}\ntemplate = \"service\"\n[template.service]\nrun_as = \"nobody\"");
    let roster = discoverer(tree.path(), "", &entry).scan().0;
    let reason = roster.instances[0].fault.as_ref().unwrap().reason.clone();
    assert!(reason.as_str().starts_with("nobody, which the server runs as, may not read it"), "{reason}");
}
