//! Processes, accounts and directories whose names are meant for something else: fields, options, paths, lines, shells.
//!
//! It must never make an account that it does not take away.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::unistd::User;

use super::canary::{Canary, Victim};
use super::host::{ByHand, Host, RESTS};
use crate::accounts::Account;
use crate::parts;

/// Gives itself a name that looks like the rest of its line in /proc/PID/stat.
const LIES: &str =
    r#"$0 = "sshd: root\@pts/0"; open(my $comm, ">", "/proc/self/comm"); print $comm "x) Z 1\n"; close $comm; sleep 1 while 1;"#;

#[test]
fn a08_process_names_lie() {
    let Some(()) = parts::root() else { return };
    let host = Host::new(&[LIES, RESTS]);
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    host.berth.done(&["start", &alice.name]);
    let row = host.until(alice, "renamed", |row| {
        let comm = row["pid"].as_i64().map(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default());
        comm.is_some_and(|comm| comm.starts_with("x) Z"))
    });
    assert_eq!((row["state"].as_str(), row["uid"].as_u64()), (Some("running"), Some(alice.uid.into())), "{row:#}");
    assert!(row["memory_bytes"].as_u64() > Some(1 << 20), "{row:#}");
    host.berth.done(&["stop", &alice.name]);
    alice.assert_idle();

    // Somebody else's process says that it is alice's, by every word that hers would have.
    let config = format!("--config={}", host.tree(alice).join("config/config.json").display());
    let mut command = bob.command(Path::new("/usr/bin/perl"));
    let mut impostor = ByHand::of(command.args(["-e", "sleep 1 while 1;", "--", "server.pl", &config]));
    let row = host.berth.instance(&alice.name);
    assert_eq!((row["state"].as_str(), row["pid"].is_null()), (Some("stopped"), true), "{row:#}");
    for verb in ["stop", "start", "restart", "stop"] {
        host.berth.done(&[verb, &alice.name]);
        assert!(impostor.0.try_wait().unwrap().is_none(), "{verb}");
    }
    alice.assert_idle();
    drop(impostor);

    // It listens as well, on its own account's port and then on alice's: so it is among those that berth looks at closely.
    for port in [host.ports[1], host.ports[0]] {
        let mut command = bob.command(Path::new("/usr/bin/perl"));
        command.arg(host.tree(bob).join("workspace/server.pl")).arg(&config).env("PORT", port.to_string());
        let mut impostor = ByHand::of(&mut command);
        let pid = u64::from(impostor.0.id());
        let is_seen = || {
            let list = host.berth.json(&["ls"]);
            let rows = list["instances"].as_array().unwrap().iter();
            let its =
                rows.filter(|row| row["pid"].as_u64() == Some(pid)).map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
            let of_alice = list["instances"].as_array().unwrap().iter().find(|row| row["id"] == alice.name.as_str()).cloned().unwrap();
            (its, of_alice)
        };
        let begun = Instant::now();
        let (its, row) = loop {
            let (its, row) = is_seen();
            if !its.is_empty() {
                break (its, row);
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{port}: nobody's: {row:#}");
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(its.iter().all(|id| id.split('/').next() == Some(bob.name.as_str())), "{port}: {its:?}");
        assert_eq!((row["state"].as_str(), row["pid"].is_null()), (Some("stopped"), true), "{port}: {row:#}");
        for verb in ["stop", "restart", "stop"] {
            let ran = host.berth.run(&[verb, &alice.name, "--timeout", "2s"]);
            assert!(ran.code.is_some_and(|code| code <= 7), "{port} {verb}: {}", ran.text);
            assert!(impostor.0.try_wait().unwrap().is_none(), "{port} {verb}");
        }
        alice.assert_idle();
    }
}

/// An account whose name only `--badname` allows.
fn bad_account(name: &str) -> Option<Account> {
    let made = Command::new("useradd").args(["--badname", "--no-create-home", "--user-group", "--", name]).output().unwrap();
    if !made.status.success() {
        println!("useradd refuses {name:?}: {}", String::from_utf8_lossy(&made.stderr).trim());
        return None;
    }
    let user = User::from_name(name).unwrap().unwrap();
    Some(Account { name: name.to_owned(), uid: user.uid.as_raw(), gid: user.gid.as_raw() })
}

#[test]
fn a06_names() {
    let Some(()) = parts::root() else { return };
    let tag = std::process::id();
    // A name that systemd once took for root's uid, a uid in words, dots and capitals.
    let names = [format!("0day{tag}"), format!("{tag}"), format!("Ber.th_{tag}"), format!("a-b{tag}"), format!("berth{tag}$")];
    let accounts: Vec<Account> = names.iter().filter_map(|name| bad_account(name)).collect();
    assert!(!accounts.is_empty());
    let programs = vec![RESTS; accounts.len()];
    let host = Host::of(accounts, &programs, "");
    let canary = Canary::lay_out(&host.beside("canary"));
    let mut victim = Victim::of_root();
    for owner in &host.owners {
        host.berth.done(&["start", &owner.name]);
        let row = host.berth.instance(&owner.name);
        assert_eq!(row["uid"].as_u64(), Some(owner.uid.into()), "{row:#}");
        let pid = row["pid"].as_i64().unwrap();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let ids = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap().split_ascii_whitespace();
        assert!(ids.clone().count() == 4 && ids.clone().all(|uid| uid == owner.uid.to_string()), "{}: {status}", owner.name);
        host.berth.done(&["stop", &owner.name]);
        owner.assert_idle();
    }

    // Directories that no account is called by: told, and never acted on.
    let users = host.base.join("users");
    let strange =
        ["-rf", "--all", "a b", "$(touch owned)", "`id`", "a;reboot", "x\ny", "\u{1b}[2J", "..x", "'", "\"", "\u{202e}abc", "*", "a\\b"];
    for name in strange {
        let config = users.join(name).join("config");
        fs::create_dir_all(&config).unwrap();
        fs::write(config.join("config.json"), r#"{"port": 1}"#).unwrap();
        for path in [&config, &config.join("config.json")] {
            chown(path, Some(host.owners[0].uid), Some(host.owners[0].gid)).unwrap();
        }
        fs::set_permissions(&config, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let list = host.berth.json(&["ls"]);
    let ids: Vec<&str> = list["instances"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "every id is one instance's: {ids:?}");
    for id in &ids {
        assert!(!id.starts_with('-') && !id.trim_end_matches('$').contains(['\n', ' ', '$', '`', ';', '\u{1b}', '\u{202e}']), "{id:?}");
    }
    for name in strange.into_iter().chain(["../canary", "../../etc", ".", "..", "/", "root/../root", "%i", ""]) {
        for verb in ["start", "stop", "restart", "logs", "show"] {
            let ran = host.berth.run(&[verb, "--", name]);
            assert!(ran.code.is_some_and(|code| code != 0), "{verb} {name:?}: {:?} {}", ran.code, ran.text);
        }
    }
    canary.assert_unharmed("strange names");
    victim.assert_unharmed("strange names");
    for place in [host.base.join("owned"), Path::new("owned").to_owned(), host.berth.state.join("owned")] {
        assert!(!place.exists(), "{}", place.display());
    }
}
