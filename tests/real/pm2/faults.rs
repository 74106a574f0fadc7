//! PM2's daemon hangs, and is killed in the middle of an action (THREATS F19).
//!
//! It must never take long for granted: everything is waited for.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::host::{Host, PATIENCE, Watching};
use crate::parts;

fn signal(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).unwrap();
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn f19_rows_are_unknown_while_pm2_hangs_and_nothing_happens_twice_when_it_is_killed() {
    let Some(()) = parts::root() else { return };
    let (Some(everything), Some(pm2)) = (parts::everything(), parts::pm2()) else { return };
    let host = Host::new(&everything, &pm2, 2);
    let (amy, bob) = (&host.owners[0], &host.owners[1]);
    let (slow, notes) = host.stubborn(amy, "s", host.first);
    host.start(amy, &json!([slow]));
    host.start(bob, &json!([host.server("f", host.first + 1, &json!({}))]));
    let (of_amy, of_bob) = (host.id(amy, "s"), host.id(bob, "f"));
    let is_running = |row: &Value| row["state"] == "running";
    let pid = host.row_until(&of_amy, "running", is_running)["pid"].as_i64().unwrap();
    host.row_until(&of_bob, "running", is_running);

    let watching = Watching::of(&host);
    let until_state = |id: &str, state: &str| {
        watching.until(&format!("{id} {state}"), |list| {
            let mut rows = list["instances"].as_array().unwrap().iter();
            rows.find(|row| row["id"] == id && row["state"] == state).cloned()
        })
    };
    until_state(&of_amy, "running");
    let daemon = host.daemon(amy);
    signal(daemon, Signal::SIGSTOP);
    let row = until_state(&of_amy, "unknown");
    let why = row["unknown"]["state"].as_str().unwrap_or_default();
    assert!(why.contains(&format!("PM2 of {} cannot be asked", amy.name)) && why.contains("since"), "{row:#}");
    // What the kernel tells is told all the same, and the other's goes on.
    assert_eq!((row["port"].as_u64(), row["pid"].as_i64()), (Some(host.first.into()), Some(pid)), "{row:#}");
    until_state(&of_bob, "running");
    host.berth.done(&["restart", &of_bob]);
    signal(daemon, Signal::SIGCONT);
    until_state(&of_amy, "running");

    // It is asked to end its app, which takes its time, and is killed meanwhile.
    std::thread::scope(|scope| {
        let stopping = scope.spawn(|| host.berth.run(&["stop", &of_amy]));
        until("the app's being asked", || fs::read_to_string(&notes).is_ok_and(|text| !text.is_empty()));
        signal(daemon, Signal::SIGKILL);
        let ran = stopping.join().unwrap();
        assert_eq!(ran.code, Some(6), "{}", ran.text);
        assert!(ran.text.contains("perhaps not stopped") && ran.text.contains("asked once"), "{}", ran.text);
    });
    assert_eq!(fs::read_to_string(&notes).unwrap().lines().count(), 1, "it was asked twice");
    let row = until_state(&of_amy, "unknown");
    assert!(row["unknown"]["state"].as_str().unwrap_or_default().contains("it has ended"), "{row:#}");
    assert_eq!(row["pid"].as_i64(), Some(pid), "{row:#}");
    // With its process gone, too, there is nothing left to be unknown.
    signal(pid.try_into().unwrap(), Signal::SIGKILL);
    let row = until_state(&of_amy, "crashed");
    assert!(row["pid"].is_null(), "{row:#}");
    // When it is back it is asked again.
    host.start(amy, &json!([slow]));
    until_state(&of_amy, "running");
}
