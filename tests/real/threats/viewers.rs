//! What an ordinary account is told of a host, beside what root is told of the same one.
//!
//! It must never compare what moves by itself: what two looks one after the other may tell differently is only to be there or not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::host::{Host, RESTS};
use crate::accounts::Account;
use crate::parts;

/// How /proc is mounted for the viewer.
const MOUNTS: [&str; 3] = ["", "mount -t proc -o hidepid=1 none /proc && ", "mount -t proc -o hidepid=2 none /proc && "];

/// What two looks tell alike, or one of them does not tell.
const FIXED: [&str; 7] = ["wish", "port", "pid", "started_at", "restarts", "exit", "tasks"];

/// What may have moved between two looks.
const MOVING: [&str; 3] = ["cpu_percent", "memory_bytes", "open_files"];

/// berth as an account with a home of its own, where its state is, and nobody's.
fn run(host: &Host, who: &Account, mount: &str, words: &str) -> Output {
    let (program, config, home) = (host.base.join("berth"), host.berth.config.display(), host.beside(&who.name));
    let (uid, gid, program) = (who.uid, who.gid, program.display());
    let script = format!("{mount}exec setpriv --reuid={uid} --regid={gid} --clear-groups -- {program} --config {config} {words}");
    let mut command = Command::new("unshare");
    command.args(["--mount", "--", "sh", "-c", &script]).env_remove("BERTH_STATE").env_remove("XDG_STATE_HOME").env("HOME", home);
    command.current_dir("/").stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn f09_a_viewer_is_told_what_root_is_told_or_that_it_is_not_known() {
    let Some(()) = parts::root() else { return };
    let host = Host::new(&[RESTS, RESTS, RESTS]);
    let [alice, bob, carol] = &host.owners[..] else { panic!("three owners") };
    fs::copy(env!("CARGO_BIN_EXE_berth"), host.base.join("berth")).unwrap();
    fs::set_permissions(host.base.join("berth"), fs::Permissions::from_mode(0o755)).unwrap();
    bob.directory(&host.beside(&bob.name));
    // alice's and bob's run by root's order, carol's was stopped by it.
    host.berth.done(&["start", &alice.name, &bob.name, &carol.name]);
    host.berth.done(&["stop", &carol.name]);
    let root = host.berth.json(&["ls"]);
    let rows = |list: &Value| list["instances"].as_array().unwrap().clone();
    for mount in MOUNTS {
        let output = run(&host, bob, mount, "--json ls");
        let list: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{mount}{error}: {output:?}"));
        assert_eq!(rows(&list).len(), rows(&root).len(), "{mount}: nobody comes and nobody is missing: {list:#}");
        for (seen, known) in rows(&list).iter().zip(&rows(&root)) {
            assert_eq!(seen["id"], known["id"]);
            let is_told_why = |key: &str| seen["unknown"].as_object().is_some_and(|unknown| unknown.contains_key(key));
            let is_unknown = seen["state"] == "unknown" && is_told_why("state");
            assert!(seen["state"] == known["state"] || is_unknown, "{mount}: {seen:#}\nroot: {known:#}");
            for key in FIXED {
                let is_same = seen[key] == known[key];
                assert!(is_same || (seen[key].is_null() && is_told_why(key)), "{mount}{key}: {seen:#}\nroot: {known:#}");
            }
            for key in MOVING {
                let is_same = seen[key].is_null() == known[key].is_null();
                assert!(is_same || (seen[key].is_null() && is_told_why(key)), "{mount}{key}: {seen:#}\nroot: {known:#}");
            }
            let places = |row: &Value| row["listening"].as_array().unwrap().iter().map(|at| at["port"].clone()).collect::<Vec<_>>();
            assert!(places(seen) == places(known) || is_told_why("listening"), "{mount}: {seen:#}\nroot: {known:#}");
            assert_eq!(seen["findings"], known["findings"], "{mount}: what may not be looked at is no finding");
        }
        let own = rows(&list).into_iter().find(|row| row["id"] == bob.name.as_str()).unwrap();
        assert_eq!((&own["state"], own["pid"].is_i64()), (&Value::from("running"), true), "{mount}: {own:#}");
        // What is said in words, where a script does not ask for it.
        let output = run(&host, bob, mount, "check");
        let (told, aside) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success() && told.starts_with("nothing is wrong of what may be seen: 3 instances"), "{mount}{told}{aside}");
        assert!(aside.contains("the files of 2 of 3 instances may not be read by this account"), "{mount}{aside}");
        let output = run(&host, bob, mount, "--json ports");
        let ports: Value = serde_json::from_slice(&output.stdout).unwrap();
        let strangers: Vec<&Value> = ports["ports"].as_array().unwrap().iter().filter(|port| port["state"] == "stranger").collect();
        assert!(strangers.is_empty(), "{mount}: who may be an instance's is no stranger: {strangers:#?}");
        let output = run(&host, bob, mount, &format!("start {}", alice.name));
        assert_eq!(output.status.code(), Some(3), "{mount}: he may not, whatever may be read: {output:?}");
    }
}
