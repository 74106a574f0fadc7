//! `berth why` names the cause in each broken set-up: real files, real processes, the real binary.
//!
//! It must never take an account of the host: those that it needs are numbers that nobody has.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::actions::{Tree, told};

/// Accounts that nobody has.
const OWNER: u32 = 61_421;
const OTHER: u32 = 61_422;

/// Takes a port and says so.
const HOLDER: &str = "require('net').createServer().listen(+process.argv[1], '127.0.0.1', () => console.log('held'))";

/// Lets everybody in and answers nobody.
const SILENT: &str = "require('net').createServer(() => 0).listen(+process.argv[1], '127.0.0.1')";

/// Takes more memory than its runtime gives it.
const HUNGRY: &str = "const all = []; for (;;) all.push(new Array(100000).fill(Math.random()))";

/// A tree with one owner, zoe, whose server is this command; a line of TOML.
fn tree(command: &str) -> Tree {
    let tree = Tree::new(&["zoe"]);
    set(&tree, "command = ", &format!("command = {command}"));
    fs::set_permissions(tree.path(), Permissions::from_mode(0o755)).unwrap();
    tree
}

/// Puts a line in the place of the one that begins like this.
fn set(tree: &Tree, begins: &str, line: &str) {
    let text = fs::read_to_string(tree.config()).unwrap();
    let old = text.lines().find(|old| old.starts_with(begins)).unwrap().to_owned();
    fs::write(tree.config(), text.replace(&old, line)).unwrap();
}

fn home(tree: &Tree) -> PathBuf {
    tree.path().join("users/zoe")
}

fn is_root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        eprintln!("skipped: only root can be two users");
    }
    is_root
}

/// Starts it, which fails.
fn fail(tree: &Tree) {
    let (code, text, errors) = tree.berth(&["start", "zoe", "--timeout", "20s"]);
    assert_ne!(code, 0, "{text}{errors}");
}

/// Asks why, and demands this cause.
fn named(tree: &Tree, check: &str, words: &str) -> Value {
    let (code, text, errors) = tree.berth(&["--json", "why", "zoe"]);
    let document: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{errors}"));
    let cause = &document["cause"];
    let sentence = cause["sentence"].as_str().unwrap_or_default();
    assert!(code == 1 && cause["check"] == check && sentence.contains(words), "{check}: {words}: {document:#}");
    assert!(!cause["next"].as_array().unwrap().is_empty(), "there is no next step: {document:#}");
    document
}

/// A process that is killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Something that is unmounted when dropped.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn what_is_written_wrong_is_named() {
    let broken = tree("[\"true\"]");
    broken.configure("zoe", "{\n  \"port\": 8081,\n}");
    named(&broken, "configuration", "config.json:3:1 cannot be used: it is not JSON");

    broken.configure("zoe", "{\"port\": 70000, \"host\": \"127.0.0.1\"}");
    named(&broken, "configuration", "port must be from 1 to 65535, not 70000");

    let env = tree("[\"sh\", \"-c\", \"echo starting; exit 1\"]\nenv_file = \".env.{user}\"");
    named(&env, "environment", ".env.zoe cannot be used: ");
    fs::write(env.path().join(".env.zoe"), "A=1\nTOKEN=\"never closed\n").unwrap();
    named(&env, "environment", ".env.zoe cannot be used: line 2: ");

    // A key that is required is still the example's.
    fs::write(env.path().join(".env.example"), "API_KEY=your_key_here\n").unwrap();
    fs::write(env.path().join(".env.zoe"), "API_KEY=your_key_here\n").unwrap();
    fail(&env);
    named(&env, "environment", ".env.zoe leaves API_KEY at its placeholder");
    fs::write(env.path().join(".env.zoe"), "OTHER=1\n").unwrap();
    named(&env, "environment", ".env.zoe lacks API_KEY, which its example names");
}

#[test]
fn what_is_not_there_is_named() {
    let missing = tree("[\"no-such-node-here\", \"main.js\"]");
    fail(&missing);
    named(&missing, "command", "the program no-such-node-here is not there: it was looked for in ");

    let plain = tree("[\"{base}/server.sh\"]");
    fs::write(plain.path().join("server.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(plain.path().join("server.sh"), Permissions::from_mode(0o644)).unwrap();
    fail(&plain);
    named(&plain, "command", "may not execute ");

    let gone = tree("[\"sleep\", \"600\"]");
    let base = gone.path().display().to_string();
    set(&gone, "directory = ", &format!("directory = \"{base}/gone\""));
    fail(&gone);
    named(&gone, "directory", "gone is not there");

    let bare = tree("[\"sh\", \"-c\", \"exit 1\"]");
    fs::remove_dir(home(&bare).join("workspace")).unwrap();
    named(&bare, "workspace", "workspace is not there");
}

#[test]
fn how_it_ended_is_named() {
    let ends = tree("[\"sh\", \"-c\", \"echo no reason given; exit 1\"]");
    fail(&ends);
    let document = named(&ends, "process", "it exited with code 1");
    assert_eq!(document["cause"]["log"][0], "no reason given", "{document:#}");

    let late = tree("[\"sh\", \"-c\", \"echo Server listening on port 1; echo Error: listen EADDRINUSE: address already in use; exit 1\"]");
    fail(&late);
    named(&late, "port", "was taken when it last began to listen, and is free now, although its log says before that it listens");

    let hungry = tree(&format!("[\"node\", \"--max-old-space-size=16\", \"-e\", \"{HUNGRY}\"]"));
    fail(&hungry);
    named(&hungry, "process", "ran out of memory");

    let again = tree("[\"sh\", \"-c\", \"exit 3\"]");
    set(&again, "restart = ", "restart = \"always\"");
    fail(&again);
    again.until("zoe", |row| row["state"] == "crash-loop");
    named(&again, "process", "it exited with code 3, again and again");
}

#[test]
fn who_answers_nothing_is_named() {
    let silent = tree("[]");
    let port = silent.ports[0];
    set(&silent, "command = ", &format!("command = [\"node\", \"-e\", \"{SILENT}\", \"{port}\"]"));
    let (code, text, errors) = silent.berth(&["start", "zoe"]);
    assert_eq!(code, 0, "{text}{errors}");
    named(&silent, "answer", "it accepts connections, and it did not answer");
}

#[test]
fn who_listens_on_nothing_is_not_started_and_who_stopped_it_is_named() {
    if !is_root() {
        return;
    }
    let mute = tree("[\"sleep\", \"1000\"]");
    // Of an account of which nobody else's listener may be hidden.
    owned(&mute);
    set(&mute, "start_timeout = ", "start_timeout = \"1s\"");
    let (code, text, errors) = mute.berth(&["start", "zoe"]);
    assert!(code == 1 && errors.contains("listens on nothing"), "{text}{errors}");
    let (code, text, errors) = mute.berth(&["start", "zoe"]);
    assert!(code == 1 && errors.contains("listens on nothing; its port is "), "{text}{errors}");
    mute.until("zoe", |row| row["findings"].as_array().is_some_and(|all| all.contains(&"port-silent".into())));
    assert_eq!(named(&mute, "port", "listens on nothing")["works"], false);

    assert_eq!(mute.berth(&["stop", "zoe"]).0, 0);
    named(&mute, "process", "it does not run: stopped by ");
    // In the zone that is asked for by name, as long as this system knows it.
    let when = |zone: &str| {
        let (_, text, _) = told(mute.command(&["why", "zoe"]).env("TZ", zone).output().unwrap());
        text.lines().find_map(|line| line.split_once("stopped by ")).unwrap_or_else(|| panic!("{text}")).1.to_owned()
    };
    if Path::new("/usr/share/zoneinfo/Asia/Kolkata").exists() {
        assert_ne!(when("Asia/Kolkata"), when("UTC"));
    }
}

#[test]
fn whose_port_it_is_is_named() {
    let taken = tree("[\"sleep\", \"600\"]");
    let mut command = Command::new("node");
    command.args(["-e", HOLDER, &taken.ports[0].to_string()]).current_dir("/").stdout(Stdio::piped());
    if nix::unistd::geteuid().is_root() {
        command.uid(OTHER).gid(OTHER);
    }
    let mut holder = Running(command.spawn().unwrap());
    let mut first = [0; 5];
    std::io::Read::read_exact(holder.0.stdout.as_mut().unwrap(), &mut first).unwrap();
    named(&taken, "port", &format!("{} is held by pid {}", taken.ports[0], holder.0.id()));
}

/// Has zoe's server run as an account of its own, whose her files are.
fn owned(tree: &Tree) {
    set(tree, "run_as = ", &format!("run_as = \"{OWNER}\""));
    let own = |path: &Path| chown(path, Some(OWNER), Some(OWNER)).unwrap();
    for path in ["", "config", "config/config.json", "workspace"] {
        own(&home(tree).join(path));
    }
}

#[test]
fn rights_that_are_missing_are_named() {
    if !is_root() {
        return;
    }
    let barred = tree("[\"sleep\", \"600\"]");
    owned(&barred);
    chown(home(&barred).join("config"), Some(0), Some(0)).unwrap();
    fs::set_permissions(home(&barred).join("config"), Permissions::from_mode(0o700)).unwrap();
    named(&barred, "configuration", "config, and so cannot read ");

    let denied = tree("[\"sleep\", \"600\"]");
    owned(&denied);
    fs::create_dir(home(&denied).join("logs")).unwrap();
    named(&denied, "log", "cannot be made: ");
    fs::set_permissions(home(&denied).join("workspace"), Permissions::from_mode(0o500)).unwrap();
    named(&denied, "workspace", "may not write to the workspace");
}

#[test]
fn a_full_disk_is_named() {
    let told = tree("[\"sh\", \"-c\", \"echo Error: ENOSPC: no space left on device, write; exit 1\"]");
    fail(&told);
    named(&told, "disk", "its log says that there was no room left on a disk");
    if !is_root() {
        return;
    }
    let full = tree("[\"sleep\", \"600\"]");
    let logs = home(&full).join("logs");
    fs::create_dir(&logs).unwrap();
    if !Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&logs).status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: nothing can be mounted here");
        return;
    }
    let _mounted = Mounted(logs.clone());
    named(&full, "disk", "the file system of ");
}
