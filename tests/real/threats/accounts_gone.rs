//! Accounts that are deleted, uids that are given again, records of processes that are others by now.
//!
//! It must never delete an account that the test did not make.

use std::fs;
use std::process::Command;

use nix::unistd::User;

use super::canary::Victim;
use super::host::{Host, RESTS};
use crate::accounts::Account;
use crate::parts;

#[test]
fn f23_account_deleted() {
    let Some(()) = parts::root() else { return };
    let host = Host::new(&[RESTS, RESTS]);
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    host.berth.done(&["start", &alice.name, &bob.name]);
    let pid = host.berth.instance(&alice.name)["pid"].clone();
    // Forced, because her server runs: a host's directory service does not ask either.
    assert!(Command::new("userdel").args(["--force", &alice.name]).status().unwrap().success());
    let row = host.berth.instance(&alice.name);
    assert_eq!((row["uid"].as_u64(), row["user"].as_str() == Some(alice.name.as_str())), (Some(alice.uid.into()), false), "{row:#}");
    assert_ne!(row["state"], "stopped", "{row:#}");
    let text = host.berth.run(&["check"]).text;
    assert!(text.contains("config-invalid") && text.contains(&format!("uid {}", alice.uid)), "{text}");
    for verb in ["start", "restart"] {
        let ran = host.berth.run(&[verb, &alice.name]);
        assert_eq!(ran.code, Some(1), "{verb}: {}", ran.text);
    }
    assert_eq!(host.berth.instance(&bob.name)["state"], "running");
    // What runs can be ended, under its number.
    let ran = host.berth.run(&["stop", &alice.name]);
    assert_eq!(ran.code, Some(0), "{pid}: {}", ran.text);
    alice.assert_idle();
    assert_eq!(host.berth.run(&["start", &alice.name]).code, Some(1));
    assert!(alice.processes().is_empty(), "nothing runs under a uid that is nobody's");

    // Somebody new gets the uid: never under the old name.
    let heir = format!("{}h", alice.name);
    let uid = alice.uid.to_string();
    assert!(Command::new("useradd").args(["--no-create-home", "--user-group", "--uid", &uid, &heir]).status().unwrap().success());
    let heir = Account { name: heir.clone(), uid: alice.uid, gid: User::from_name(&heir).unwrap().unwrap().gid.as_raw() };
    let row = host.berth.instance(&alice.name);
    assert_ne!(row["user"].as_str(), Some(alice.name.as_str()), "{row:#}");
    // The old name comes back with another uid: what lies there is not that account's.
    let (old, other) = (alice.name.clone(), Account::make());
    assert!(Command::new("usermod").args(["--login", &old, &other.name]).status().unwrap().success());
    let renamed = Account { name: old.clone(), uid: other.uid, gid: other.gid };
    let text = host.berth.run(&["check"]).text;
    let ran = host.berth.run(&["start", &old]);
    assert_eq!(ran.code, Some(1), "{} {text}", ran.text);
    assert!(renamed.processes().is_empty() && heir.processes().is_empty());
}

#[test]
fn f11_records_of_other_processes() {
    let Some(()) = parts::root() else { return };
    let host = Host::new(&[RESTS, RESTS]);
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    host.berth.done(&["start", &alice.name]);
    host.berth.done(&["stop", &alice.name]);
    let mut victims = [Victim::of_root(), Victim::of(bob), Victim::of(alice)];
    let record = host.berth.state.join(format!("instances/{}+default.jsonl", alice.name));
    let asked = fs::read_to_string(&record).unwrap().lines().next().unwrap().to_owned();
    for index in 0..victims.len() {
        let pid = victims[index].pid();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let own: u64 = stat.rsplit_once(") ").unwrap().1.split(' ').nth(19).unwrap().parse().unwrap();
        // Of the account's own only one with another start is a stranger.
        for start in [own + 1, own].into_iter().take(if index == 2 { 1 } else { 2 }) {
            let at = "2026-11-21T03:12:04Z";
            let started = serde_json::json!({ "started": { "keeper": [pid, start], "main": [pid, start], "at": at, "unlimited": null } });
            for verb in ["stop", "restart", "stop"] {
                fs::write(&record, format!("{asked}\n{started}\n")).unwrap();
                // Without the right start it is not shown as the instance's.
                let row = host.berth.instance(&alice.name);
                assert!(start == own || row["pid"].as_u64() != Some(pid.into()), "{row:#}");
                host.berth.run(&[verb, &alice.name]);
                for victim in &mut victims {
                    victim.assert_unharmed(&format!("{verb} with pid {pid} recorded"));
                }
            }
        }
    }
    fs::remove_file(&record).unwrap();
    host.berth.run(&["stop", &alice.name]);
}
