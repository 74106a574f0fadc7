//! PID files that lie, and pids that are given again: nothing but the instance's own processes is ever signalled.
//!
//! It must never count a victim as alive that it did not look at.

use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::Path;
use std::process::Command;

use super::canary::{Canary, Victim};
use super::host::{Host, RESTS};
use crate::accounts::Account;
use crate::parts;

/// What is asked of berth while a PID file lies.
const VERBS: [&str; 3] = ["stop", "restart", "stop"];

#[test]
fn a01_pid_file_lies() {
    let Some(()) = parts::root() else { return };
    let host = Host::new(&[RESTS, RESTS]);
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    host.berth.done(&["start", &bob.name]);
    let bobs = host.berth.instance(&bob.name)["pid"].as_i64().unwrap();
    let (mut roots, mut anothers) = (Victim::of_root(), Victim::of(bob));
    let path = host.tree(alice).join("server.pid");
    let own = std::process::id();
    let huge = "9".repeat(10 << 20);
    let lies: Vec<String> = ["1", "0", "-1", "-2", "", " ", "junk", "1 2", "0x1", "4294967297", "99999999999999999999", "1\n1\n", "\u{0}1"]
        .into_iter()
        .map(str::to_owned)
        .chain([roots.pid(), anothers.pid(), own].map(|pid| format!("{pid}\n")))
        .chain([bobs.to_string(), format!("-{}", roots.pid()), format!("+{}", roots.pid()), huge])
        .collect();
    for lie in &lies {
        let what: String = lie.chars().take(40).collect();
        for verb in VERBS {
            alice.file(&path, lie);
            let ran = host.berth.run(&[verb, &alice.name]);
            assert_eq!(ran.code, Some(0), "{verb} with {what:?}: {}", ran.text);
            roots.assert_unharmed(&what);
            anothers.assert_unharmed(&what);
            assert_eq!(host.berth.instance(&bob.name)["pid"].as_i64(), Some(bobs), "{verb} with {what:?}");
        }
        alice.assert_idle();
    }
    // Nor does it lie about what runs, started by berth or by hand: it is a finding, and the row is of the true one.
    let truth = host.by_hand(0);
    for victim in [roots.pid(), anothers.pid()] {
        alice.file(&path, &victim.to_string());
        let row = host.until(alice, "known by its command", |row| row["pid"].as_u64() == Some(truth.0.id().into()));
        assert_eq!(row["uid"].as_u64(), Some(alice.uid.into()), "{row:#}");
    }
    host.berth.done(&["stop", &alice.name]);
    alice.assert_idle();
    roots.assert_unharmed("stopping what was started by hand");
    anothers.assert_unharmed("stopping what was started by hand");
}

#[test]
fn a03_pid_file_is_a_link() {
    let Some(()) = parts::root() else { return };
    let host = Host::new(&[RESTS]);
    let alice = &host.owners[0];
    let canary = Canary::lay_out(&host.beside("canary"));
    let path = host.tree(alice).join("server.pid");
    let places = ["server.pid", "secret", "nothing-here", "config"].map(|name| canary.path.join(name));
    for target in &places {
        for replaced in [false, true] {
            let what = format!("server.pid -> {}", target.display());
            if fs::symlink_metadata(&path).is_ok() {
                fs::remove_file(&path).unwrap();
            }
            link(alice, target, &path);
            host.berth.done(&["start", &alice.name]);
            assert!(fs::symlink_metadata(&path).unwrap().is_file(), "{what}: a file of the account's own has taken the link's place");
            if replaced {
                fs::remove_file(&path).unwrap();
                link(alice, target, &path);
            }
            host.berth.done(&["restart", &alice.name]);
            host.berth.done(&["stop", &alice.name]);
            canary.assert_unharmed(&what);
        }
    }
    // A directory of the path as a link, and the whole tree as one.
    let tree = host.tree(alice);
    fs::rename(&tree, tree.with_extension("away")).unwrap();
    link(alice, &canary.path, &tree);
    for verb in ["start", "stop", "restart", "logs"] {
        assert_ne!(host.berth.run(&[verb, &alice.name]).code, None);
        canary.assert_unharmed("the tree itself is a link");
    }
    assert!(host.berth.run(&["check"]).text.contains("link"), "{}", host.berth.run(&["check"]).text);
    fs::remove_file(&tree).unwrap();
    fs::rename(tree.with_extension("away"), &tree).unwrap();
}

fn link(owner: &Account, target: &Path, path: &Path) {
    symlink(target, path).unwrap();
    assert!(Command::new("chown").args(["-h", &owner.name]).arg(path).status().unwrap().success());
    chown(path.parent().unwrap(), Some(owner.uid), Some(owner.gid)).unwrap();
}
