//! Servers that do not want to end, and berth that ends too early: what is left is named, and what ran runs on.
//!
//! It must never leave a group frozen.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::host::{Host, RESTS};
use crate::parts;

/// Deaf, and so is its child that left the session.
const DEAF: &str =
    r#"use POSIX qw(setsid); $SIG{TERM} = $SIG{INT} = $SIG{HUP} = "IGNORE"; unless (fork) { setsid; sleep 1 while 1; } sleep 1 while 1;"#;

/// A group in which nothing runs, not even to its end; thawed and removed when dropped.
struct Frozen(PathBuf);

impl Frozen {
    fn with(pid: i64) -> Option<Self> {
        let mounts = fs::read_to_string("/proc/mounts").unwrap();
        let point = mounts.lines().find(|line| line.contains(" cgroup ") && line.contains("freezer"))?.split(' ').nth(1)?;
        let group = PathBuf::from(point).join(format!("berth-real-{}", std::process::id()));
        fs::create_dir(&group).ok()?;
        let group = Self(group);
        fs::write(group.0.join("cgroup.procs"), pid.to_string()).unwrap();
        fs::write(group.0.join("freezer.state"), "FROZEN").unwrap();
        Some(group)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = fs::write(self.0.join("freezer.state"), "THAWED");
        for _ in 0..200 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn f17_sigterm_ignored() {
    let Some(()) = parts::root() else { return };
    // What is always started again must not be by the keeper that is told to end it.
    let host = Host::with(&[DEAF, RESTS], "restart = \"always\"");
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    host.berth.done(&["start", &alice.name, &bob.name]);
    let ran = host.berth.run(&["stop", &alice.name, "--timeout", "1s"]);
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    assert!(ran.text.contains("it had to be killed"), "{}", ran.text);
    alice.assert_idle();

    // What nothing can end is named, and it is not called stopped.
    let pid = host.berth.instance(&bob.name)["pid"].as_i64().unwrap();
    let Some(frozen) = Frozen::with(pid) else {
        println!("no freezer: nothing here cannot be killed");
        return;
    };
    let begun = Instant::now();
    let ran = host.berth.run(&["stop", &bob.name, "--timeout", "1s"]);
    assert_eq!(ran.code, Some(1), "{}", ran.text);
    assert!(ran.text.contains("still there") && ran.text.contains(&format!("pid {pid} in state ")), "{}", ran.text);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert_ne!(host.berth.instance(&bob.name)["state"], "stopped");
    drop(frozen);
    host.berth.done(&["stop", &bob.name]);
    bob.assert_idle();
}

#[test]
fn f20_berth_killed() {
    let Some(()) = parts::root() else { return };
    let host = Host::with(&[RESTS, RESTS], "memory_max = \"64M\"");
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    host.berth.done(&["start", &alice.name]);
    let mut console = host.berth.console(120, 40);
    console.until("both", Duration::from_secs(60), |text| text.contains("● 1 up") && text.contains("○ 1 down"));
    // Started by the console that is killed then, with all that it forked.
    console.keys("js");
    console.until("a question or a deed", Duration::from_secs(60), |text| text.contains("Start ") || text.contains("running"));
    console.keys("y");
    host.until(bob, "started", |row| row["state"] == "running" && !row["listening"].as_array().unwrap().is_empty());
    let pids = |host: &Host| host.owners.iter().map(|owner| host.berth.instance(&owner.name)["pid"].clone()).collect::<Vec<_>>();
    let before = pids(&host);
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", console.pid())).unwrap();
    let zygotes: Vec<i32> = children.split_ascii_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert!(!zygotes.is_empty());
    kill(Pid::from_raw(console.pid()), Signal::SIGKILL).unwrap();
    assert_ne!(console.end(Duration::from_secs(60)), 0);
    let begun = Instant::now();
    while zygotes.iter().any(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "berth-zygote")) {
        assert!(begun.elapsed() < Duration::from_secs(60), "its zygote outlives it");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(pids(&host), before);
    for owner in &host.owners {
        let row = host.berth.instance(&owner.name);
        assert_eq!((row["state"].as_str(), row["wish"].as_str()), (Some("running"), Some("up")), "{row:#}");
        host.berth.done(&["restart", &owner.name]);
        host.berth.done(&["stop", &owner.name]);
        owner.assert_idle();
    }
}
