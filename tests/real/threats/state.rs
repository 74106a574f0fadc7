//! berth's own state: killed at every step that leaves something behind, cut off and changed at every byte, read under a wrong clock.
//!
//! It must never repair what it tests: berth finds everything as the fault left it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::host::{Host, RESTS};
use super::race;
use crate::accounts::Account;
use crate::parts;

/// What leaves something behind: a record, a transaction, a message to the zygote, a file that takes another's name.
const STEPS: &str = "fsync,fdatasync,pwrite64,ftruncate,unlink,rename,sendmsg,flock,mkdir";

/// The longest that any of it may take.
const AT_MOST: Duration = Duration::from_secs(60);

fn berth(host: &Host, command: &mut Command) -> Output {
    let command = command.env("BERTH_STATE", &host.berth.state).env("HOME", &host.berth.home).env("XDG_CONFIG_HOME", &host.berth.home);
    command.stdin(Stdio::null()).output().unwrap()
}

/// One action under strace: what it does, or killed at its step of this number. What it executes is let go.
fn traced(host: &Host, owner: &Account, verb: &str, kill_at: Option<usize>) -> Output {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-b", "execve", "-e"]).arg(format!("trace={STEPS}"));
    if let Some(step) = kill_at {
        command.arg("-e").arg(format!("inject={STEPS}:signal=KILL:when={step}"));
    }
    command.args(["-o", "/dev/stdout", env!("CARGO_BIN_EXE_berth"), "--config"]).arg(&host.berth.config).args([verb, &owner.name]);
    berth(host, &mut command)
}

/// Servers of the account, keepers left out: the processes that listen.
fn servers(owner: &Account) -> Vec<i32> {
    let is_server = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default().contains("server.pl");
    owner.processes().into_iter().filter(is_server).collect()
}

fn killed_at_every_step(verb: &str) {
    let Some(()) = parts::root() else { return };
    let strace = Command::new("strace").arg("-V").stdout(Stdio::null()).status().map(drop).map_err(|error| error.to_string());
    let Some(()) = parts::part("strace", strace) else { return };
    let host = Host::new(&[RESTS]);
    let alice = &host.owners[0];
    let prepare = || {
        let before = if verb == "start" { "stop" } else { "start" };
        host.berth.done(&[before, &alice.name]);
    };
    prepare();
    let whole = traced(&host, alice, verb, None);
    let lines = String::from_utf8_lossy(&whole.stdout).lines().filter(|line| line.contains('(')).count();
    assert!(whole.status.success() && lines > 10, "{lines} {}", String::from_utf8_lossy(&whole.stderr));
    let begun = Instant::now();
    let (mut killed, mut step, mut unfinished) = (0, 1, 0);
    // The steps are counted for each thread: the last number that any of them reaches kills nobody any more.
    let stride = if race::length() >= Duration::from_secs(30) { 1 } else { 5 };
    loop {
        prepare();
        let cut = traced(&host, alice, verb, Some(step));
        let is_cut = !cut.status.success();
        let what = format!("{verb} killed at step {step}");
        // What the dead one had begun, its keeper may still be at.
        let row = host.until(alice, "told", |row| ["running", "stopped", "crashed"].contains(&row["state"].as_str().unwrap()));
        let running = servers(alice);
        assert!(running.len() <= 1, "{what}: {running:?}");
        if let Some(pid) = row["pid"].as_i64() {
            assert_eq!(running, [i32::try_from(pid).unwrap()], "{what}: {row:#}");
        }
        let deeds = unfinished_deeds(&host);
        unfinished += usize::from(!deeds.is_empty());
        // It goes on from what there is: nothing is started twice.
        let ran = host.berth.run(&["start", &alice.name]);
        assert_eq!(ran.code, Some(0), "{what}, then start: {}", ran.text);
        let now = servers(alice);
        assert_eq!(now.len(), 1, "{what}, then start: {now:?}");
        assert!(running.is_empty() || now == running, "{what}, then start: {running:?} became {now:?}");
        assert_eq!(unfinished_deeds(&host), [] as [String; 0], "{what}: what was cut off is put down as that by the next order");
        let ran = host.berth.run(&["stop", &alice.name]);
        assert_eq!(ran.code, Some(0), "{what}, then stop: {}", ran.text);
        alice.assert_idle();
        if !is_cut {
            break;
        }
        killed += 1;
        step += stride;
    }
    println!("{verb}: killed {killed} times, {unfinished} times between the intent and its result, in {:?}", begun.elapsed());
    assert!(killed > 2 && (unfinished > 0 || stride > 1), "{killed} {unfinished}");
}

/// The entries of the trail without a result.
fn unfinished_deeds(host: &Host) -> Vec<String> {
    let path = host.berth.state.join("events.db");
    if !path.exists() {
        return Vec::new();
    }
    let trail = rusqlite::Connection::open(path).unwrap();
    let mut rows = trail.prepare("SELECT verb || ' ' || instance FROM actions WHERE ended_at IS NULL").unwrap();
    rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn f01_killed_while_starting() {
    killed_at_every_step("start");
}

#[test]
fn f01_killed_while_stopping() {
    killed_at_every_step("stop");
}

#[test]
fn f01_killed_while_restarting() {
    killed_at_every_step("restart");
}

/// Every so manyth place of a file, so that the whole takes as long as a race.
fn places(length: usize, most: usize) -> impl Iterator<Item = usize> {
    let most = if race::length() >= Duration::from_secs(30) { most } else { most / 10 };
    (0..length).step_by((length / most.max(1)).max(1))
}

#[test]
fn f07_corrupt() {
    let Some(()) = parts::root() else { return };
    let host = Host::new(&[RESTS, RESTS]);
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    host.berth.done(&["start", &alice.name, &bob.name]);
    let pids = |host: &Host| [alice, bob].map(|owner| host.berth.instance(&owner.name)["pid"].clone());
    let before = pids(&host);
    let damaged = |bytes: &[u8], at: usize| {
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 0x55;
        [bytes[..at].to_vec(), flipped]
    };
    // The user's own file.
    let config = host.tree(alice).join("config/config.json");
    let text = fs::read(&config).unwrap();
    for at in places(text.len(), 40) {
        for wrong in damaged(&text, at) {
            fs::write(&config, &wrong).unwrap();
            let list = host.berth.json(&["ls"]);
            let of = |name: &str| list["instances"].as_array().unwrap().iter().find(|row| row["id"] == name).cloned();
            let row = of(&alice.name).unwrap_or_else(|| panic!("never gone: {list:#}"));
            assert_ne!(row["state"], "stopped", "{:?}: {row:#}", String::from_utf8_lossy(&wrong));
            assert_eq!(of(&bob.name).unwrap()["pid"], before[1]);
        }
    }
    fs::write(&config, &text).unwrap();
    // What its keeper recorded.
    let record = host.berth.state.join(format!("instances/{}+default.jsonl", alice.name));
    let text = fs::read(&record).unwrap();
    for at in places(text.len(), 100) {
        for wrong in damaged(&text, at) {
            fs::write(&record, &wrong).unwrap();
            let row = host.berth.instance(&alice.name);
            let shown = String::from_utf8_lossy(&wrong).into_owned();
            assert!(row["state"] != "stopped" || row["pid"].is_null(), "{shown}: {row:#}");
            assert!(row["pid"].is_null() || row["pid"] == before[0], "{shown}: {row:#}");
            // It listens on its port as its account: that is seen without any record.
            assert_eq!(row["pid"], before[0], "{shown}: {row:#}");
        }
    }
    fs::write(&record, &text).unwrap();
    assert_eq!(pids(&host), before);
    // The trail: an order is refused or done, never half; and stop works whatever it is.
    let trail = host.berth.state.join("events.db");
    let text = fs::read(&trail).unwrap();
    for at in places(text.len(), 60) {
        for wrong in damaged(&text, at) {
            fs::write(&trail, &wrong).unwrap();
            let ran = host.berth.run(&["start", &alice.name]);
            assert!(ran.code == Some(0) || ran.text.contains("could not be recorded"), "at {at}: {:?} {}", ran.code, ran.text);
        }
    }
    fs::write(&trail, b"no trail at all, but long enough to be taken for the header of one, and then some more of it").unwrap();
    host.berth.done(&["stop", &alice.name]);
    alice.assert_idle();
    // A damaged one is put aside, and few of those are kept.
    host.berth.done(&["start", &alice.name]);
    let names = fs::read_dir(&host.berth.state).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
    let aside = names.filter(|name| name.starts_with("events.db.damaged-") && !name.ends_with("-journal")).count();
    assert!((1..=3).contains(&aside), "{aside}");
    // berth's own configuration: an error with its place, or another valid one; never a crash.
    let config = host.berth.config.clone();
    let text = fs::read(&config).unwrap();
    for at in places(text.len(), 300) {
        for wrong in damaged(&text, at) {
            fs::write(&config, &wrong).unwrap();
            let ran = host.berth.run(&["config"]);
            assert!(matches!(ran.code, Some(0 | 2)), "at {at}: {:?} {}", ran.code, ran.text);
            assert!(!ran.text.contains("panicked"), "at {at}: {}", ran.text);
        }
    }
    fs::write(&config, &text).unwrap();
    host.berth.done(&["stop", &alice.name, &bob.name]);
}

/// Adds what stands in a file to the time of day, and to nothing else.
const SHIFTS: &str = r#"#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <sys/time.h>
static long shift(void) { const char *by = getenv("SHIFT"); return by ? atol(by) : 0; }
int clock_gettime(clockid_t clock, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, at);
    if (!result && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) at->tv_sec += shift();
    return result;
}
time_t time(time_t *at) { struct timespec now; clock_gettime(CLOCK_REALTIME, &now); if (at) *at = now.tv_sec; return now.tv_sec; }
"#;

fn shim(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("shift.c"), folder.join("shift.so"));
    fs::write(&source, SHIFTS).unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source).arg("-ldl").status().unwrap();
    assert!(built.success());
    fs::set_permissions(&library, fs::Permissions::from_mode(0o755)).unwrap();
    library
}

#[test]
fn f10_clock_a_year_off() {
    let Some(()) = parts::root() else { return };
    let host = Host::new(&[RESTS]);
    let alice = &host.owners[0];
    let library = shim(host.base.parent().unwrap());
    let shifted = |by: i64, words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_berth"));
        command.arg("--config").arg(&host.berth.config).args(words).env("LD_PRELOAD", &library).env("SHIFT", by.to_string());
        let begun = Instant::now();
        let output = berth(&host, &mut command);
        assert!(begun.elapsed() < AT_MOST, "{by} {words:?}: {:?}", begun.elapsed());
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(!text.contains("panicked"), "{by} {words:?}: {text}");
        (output.status.code(), text)
    };
    let year = 366 * 24 * 3600;
    for (started, looked) in [(0, year), (0, -year), (year, -year), (-year, year)] {
        let (code, text) = shifted(started, &["start", &alice.name]);
        assert_eq!(code, Some(0), "{started}: {text}");
        let (_, text) = shifted(looked, &["ls", "--json"]);
        let list: serde_json::Value = serde_json::from_str(&text).unwrap();
        let row = &list["instances"][0];
        assert_eq!((row["state"].as_str(), row["pid"].is_i64()), (Some("running"), true), "{started} {looked}: {row:#}");
        for words in [&["show", &alice.name][..], &["check"], &["logs", &alice.name, "--since", "1h"], &["ports"]] {
            let (code, text) = shifted(looked, words);
            assert!(code.is_some_and(|code| code <= 1), "{started} {looked} {words:?}: {text}");
        }
        for verb in ["restart", "stop"] {
            let (code, text) = shifted(looked, &[verb, &alice.name]);
            assert_eq!(code, Some(0), "{started} {looked} {verb}: {text}");
        }
        alice.assert_idle();
    }
}
