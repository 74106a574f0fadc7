//! Parts of paths that become links to root's files and back, as fast as their owner can, while root starts, stops, reads and rotates.
//!
//! It must never leave the owner a moment without the race.

use std::path::Path;
use std::time::{Duration, Instant};

use super::canary::{Canary, Victim};
use super::host::{ByHand, Host};
use super::race;
use crate::accounts::Account;
use crate::parts;

/// Exchanges each pair of names in turn, renameat2(2) with RENAME_EXCHANGE.
const EXCHANGES: &str = r#"my ($number, @pairs) = @ARGV;
while (1) { for (my $i = 0; $i < @pairs; $i += 2) { my ($a, $b) = @pairs[$i, $i + 1]; syscall($number + 0, -100, $a, -100, $b, 2); } }"#;

/// Fills its log, so that it is rotated all the time.
const WRITES: &str = r#"while (1) { print "x" x 2000, "\n" for 1..50; select(undef, undef, undef, 0.01); }"#;

/// What no command may take longer than.
const AT_MOST: Duration = Duration::from_secs(60);

/// Lets a link stand beside each of these names of a tree and exchanges them.
fn swap(host: &Host, owner: &Account, canary: &Canary, names: &[&str]) -> ByHand {
    let tree = host.tree(owner);
    let number = if cfg!(target_arch = "x86_64") { "316" } else { "276" };
    let mut words = vec!["-e".to_owned(), EXCHANGES.to_owned(), number.to_owned()];
    for name in names {
        let (path, other) = (tree.join(name), tree.join(format!("{name}.other")));
        let target = canary.path.join(Path::new(name).file_name().unwrap());
        assert!(target.exists(), "{}", target.display());
        owner_link(owner, &target, &other);
        words.extend([path, other].map(|path| path.display().to_string()));
    }
    ByHand::of(owner.command(Path::new("/usr/bin/perl")).args(words))
}

/// A link that its owner made.
fn owner_link(owner: &Account, target: &Path, path: &Path) {
    let made = owner.command(Path::new("ln")).arg("-s").arg(target).arg(path).status().unwrap();
    assert!(made.success(), "{}", path.display());
}

/// Has root do everything over and over while the names are exchanged. Says how often.
fn under_a_racer(names: &[&str], verbs: &[&[&str]]) -> u32 {
    let host = Host::with(&[WRITES], "log_max = \"64K\"\nlog_keep = 2");
    let owner = &host.owners[0];
    let canary = Canary::lay_out(&host.beside("canary"));
    let mut victim = Victim::of_root();
    host.berth.done(&["start", &owner.name]);
    let racer = swap(&host, owner, &canary, names);
    let (begun, mut rounds) = (Instant::now(), 0);
    while begun.elapsed() < race::length() {
        for verb in verbs {
            let at = Instant::now();
            let ran = host.berth.run(&[verb, &[owner.name.as_str()][..]].concat());
            assert!(ran.code.is_some() && at.elapsed() < AT_MOST, "{verb:?} after {:?}: {:?} {}", at.elapsed(), ran.code, ran.text);
            // Where a workspace leads to, its owner wrote; nothing else may be told of what lies there.
            let mut lines = ran.text.lines().filter(|line| !line.contains(" leads to "));
            assert!(!lines.any(|line| line.contains("canary")), "{verb:?} shows what is root's: {}", ran.text);
        }
        canary.assert_unharmed(&names.join(", "));
        rounds += 1;
    }
    drop(racer);
    victim.assert_unharmed("the race");
    host.berth.done(&["stop", &owner.name]);
    owner.assert_idle();
    canary.assert_unharmed("the last stop");
    rounds
}

#[test]
fn a04_path_swapped() {
    let Some(()) = parts::root() else { return };
    let verbs: [&[&str]; 6] =
        [&["start", "--timeout", "1s"], &["logs"], &["show"], &["restart", "--timeout", "1s"], &["ls", "--user"], &["stop"]];
    let rounds = under_a_racer(&["logs", "config", "workspace", "server.pid"], &verbs);
    println!("{rounds} rounds");
}

#[test]
fn a20_removed_while_swapped() {
    let Some(()) = parts::root() else { return };
    // The rotation removes its oldest file, the keeper the PID file: both where a link may have come to stand.
    let rounds = under_a_racer(&["logs", "server.pid"], &[&["logs", "-n", "5"], &["restart", "--timeout", "5s"]]);
    println!("{rounds} rounds");
}
