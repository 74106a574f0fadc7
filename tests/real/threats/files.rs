//! Logs and configurations that are not what they are called: second names of root's files, pipes, devices, directories, links.
//!
//! It must never wait for what does not answer: each has its words within a deadline.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::canary::Canary;
use super::host::{Host, RESTS};
use crate::accounts::Account;
use crate::berth::Ran;
use crate::parts;

/// The longest that any of it may take.
const AT_MOST: Duration = Duration::from_secs(60);

fn within(host: &Host, words: &[&str]) -> Ran {
    let begun = Instant::now();
    let ran = host.berth.run(words);
    assert!(ran.code.is_some() && begun.elapsed() < AT_MOST, "{words:?}: {:?} after {:?}: {}", ran.code, begun.elapsed(), ran.text);
    assert!(!ran.text.contains("canary"), "{words:?} shows what is root's: {}", ran.text);
    ran
}

fn make(program: &str, words: &[&str], path: &Path, owner: &Account) {
    assert!(Command::new(program).args(words).arg(path).status().unwrap().success(), "{program}");
    assert!(Command::new("chown").args(["-h", &owner.name]).arg(path).status().unwrap().success());
}

#[test]
fn a05_hard_link_to_roots_file() {
    let Some(()) = parts::root() else { return };
    let host = Host::new(&[RESTS]);
    let alice = &host.owners[0];
    let path = host.beside("canary");
    fs::create_dir(&path).unwrap();
    // The worst case: everybody may write it, and a kernel without protected_hardlinks let the user give it a second name.
    let secret = path.join("a-file");
    fs::write(&secret, "canary\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o666)).unwrap();
    let log = host.tree(alice).join("logs/server.log");
    fs::hard_link(&secret, &log).unwrap();
    let before = fs::read(&secret).unwrap();
    for verb in ["start", "restart"] {
        let ran = host.berth.run(&[verb, &alice.name]);
        assert_eq!(ran.code, Some(1), "{}", ran.text);
        assert!(ran.text.contains("second name"), "{}", ran.text);
        alice.assert_idle();
    }
    assert_eq!(fs::read(&secret).unwrap(), before);
    fs::remove_file(&log).unwrap();
    host.berth.done(&["start", &alice.name]);
}

#[test]
fn a12_log_is_no_file() {
    let Some(()) = parts::root() else { return };
    let host = Host::new(&[RESTS, RESTS]);
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    let canary = Canary::lay_out(&host.beside("canary"));
    let log = host.tree(alice).join("logs/server.log");
    let kinds: [(&str, &dyn Fn()); 6] = [
        ("a pipe", &|| make("mkfifo", &["-m", "666"], &log, alice)),
        ("a link to root's", &|| symlink(canary.path.join("secret"), &log).unwrap()),
        ("a link to another's", &|| symlink(host.tree(bob).join("config/config.json"), &log).unwrap()),
        ("a directory", &|| make("mkdir", &[], &log, alice)),
        ("an endless device", &|| {
            assert!(Command::new("mknod").args(["-m", "666"]).arg(&log).args(["c", "1", "5"]).status().unwrap().success())
        }),
        ("a terminal", &|| symlink("/dev/tty", &log).unwrap()),
    ];
    for (what, make) in kinds {
        make();
        let ran = within(&host, &["logs", &alice.name]);
        assert_ne!(ran.code, Some(0), "{what}: {}", ran.text);
        let ran = within(&host, &["start", &alice.name]);
        assert_eq!(ran.code, Some(1), "{what}: {}", ran.text);
        assert!(ran.text.contains("not started"), "{what}: {}", ran.text);
        alice.assert_idle();
        for words in [&["ls"][..], &["check"], &["show", &alice.name]] {
            within(&host, words);
        }
        canary.assert_unharmed(what);
        if fs::symlink_metadata(&log).unwrap().is_dir() { fs::remove_dir(&log).unwrap() } else { fs::remove_file(&log).unwrap() }
    }
    // The configuration itself.
    let config = host.tree(alice).join("config/config.json");
    let text = fs::read_to_string(&config).unwrap();
    let kinds: [(&str, &dyn Fn()); 4] = [
        ("a pipe", &|| make("mkfifo", &["-m", "666"], &config, alice)),
        ("a link to root's", &|| symlink(canary.path.join("config.json"), &config).unwrap()),
        ("a directory", &|| make("mkdir", &[], &config, alice)),
        ("ten megabytes", &|| alice.file(&config, &format!("{{\"port\": {}}}", " ".repeat(10 << 20)))),
    ];
    for (what, make) in kinds {
        fs::remove_file(&config).unwrap();
        make();
        let ran = within(&host, &["check"]);
        assert_eq!(ran.code, Some(1), "{what}: {}", ran.text);
        assert!(ran.text.contains("config-invalid"), "{what}: {}", ran.text);
        assert_ne!(within(&host, &["start", &alice.name]).code, Some(0), "{what}");
        assert_eq!(host.berth.instance(&bob.name)["state"], "stopped", "{what}: the others are told as ever");
        if fs::symlink_metadata(&config).unwrap().is_dir() {
            fs::remove_dir(&config).unwrap();
            fs::write(&config, "").unwrap();
        }
        canary.assert_unharmed(what);
    }
    fs::remove_file(&config).unwrap();
    alice.file(&config, &text);
    host.berth.done(&["start", &alice.name]);
}
