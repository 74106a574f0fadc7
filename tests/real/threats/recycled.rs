//! A pid that becomes another process between the look and the signal, in a namespace where pids can be chosen.
//!
//! It must never run outside of a pid namespace of its own.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use berth::domain::Uid;
use berth::hand::{open_verified, process_facts, send};

use super::race;
use crate::parts;

/// Set for the program in the namespace.
const INSIDE: &str = "BERTH_TEST_RECYCLING";

/// The account that is to be signalled; accounts need no names here.
const SIGNALLED: u32 = 61_001;

/// The account whose process comes to stand at the pid.
const VICTIM: u32 = 61_002;

fn sleeper(uid: u32) -> Child {
    let mut command = Command::new("sleep");
    command.arg("1000").uid(uid).gid(uid).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Makes the next process that is forked have this pid, if nobody else forks meanwhile: ns_last_pid, sysctl(kernel).
fn next_is(pid: u32) {
    fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string()).unwrap();
}

#[test]
fn a02_pid_recycled() {
    let Some(()) = parts::root() else { return };
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc", "--kill-child", "--"]).arg(program);
    command.args(["threats::recycled::the_namespace_itself", "--exact", "--nocapture"]).env(INSIDE, "1");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let rounds = text.lines().find_map(|line| line.strip_prefix("given again: ")).unwrap_or_else(|| panic!("{text}"));
    println!("pids given again: {rounds}");
    assert!(rounds.parse::<u32>().unwrap() > 10, "{text}");
}

/// No test: what [`a02_pid_recycled`] runs in its namespace.
#[test]
fn the_namespace_itself() {
    if std::env::var(INSIDE).is_err() {
        return;
    }
    let begun = Instant::now();
    let mut given_again = 0;
    while begun.elapsed() < race::length() {
        let mut first = sleeper(SIGNALLED);
        let pid = first.id();
        let key = process_facts(pid.cast_signed()).unwrap().key;
        let held = open_verified(key, None).unwrap();
        let ends = Arc::new(AtomicBool::new(false));
        let racer = {
            let ends = Arc::clone(&ends);
            std::thread::spawn(move || {
                while !ends.load(Ordering::Relaxed) {
                    if let Ok(descriptor) = open_verified(key, Some(Uid(SIGNALLED))) {
                        drop(send(&descriptor, libc::SIGKILL, 0));
                    }
                }
            })
        };
        let _ = first.kill();
        first.wait().unwrap();
        next_is(pid);
        let mut victim = sleeper(VICTIM);
        std::thread::sleep(std::time::Duration::from_millis(10));
        if victim.id() == pid {
            given_again += 1;
            // Who held on to the first one reaches nobody, whoever may signal everybody.
            assert_eq!(send(&held, libc::SIGKILL, 0).unwrap_err().raw_os_error(), Some(libc::ESRCH));
            let is_told_apart = process_facts(pid.cast_signed()).unwrap().key != key;
            assert!(!is_told_apart || open_verified(key, None).is_err());
        }
        ends.store(true, Ordering::Relaxed);
        racer.join().unwrap();
        assert_eq!(victim.try_wait().unwrap(), None, "the victim at pid {pid} was signalled");
        victim.kill().unwrap();
        victim.wait().unwrap();
    }
    println!("given again: {given_again}");
}
