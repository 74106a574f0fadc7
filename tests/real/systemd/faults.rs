//! The bus dies in the middle of an action, and systemd hangs (THREATS F19).
//!
//! It must never take long for granted: everything is waited for.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::host::{Host, Lines, text};
use super::with_units;
use crate::parts;

/// Notes each start, and takes its time with it.
const SLOW: &str = "[Service]\nExecStartPre=+/bin/sh -c 'echo started >> /run/starts; sleep 3'";

#[test]
fn f19_rows_are_unknown_while_systemd_hangs_and_nothing_happens_twice_when_its_bus_dies() {
    let Some(()) = parts::systemd() else { return };
    let Some(everything) = parts::everything() else { return };
    let host = Host::boot(&everything);
    with_units(&host, everything.node.to_str().unwrap(), &["amy", "bob"]);
    host.put("/etc/systemd/system/mcp@amy.service.d/slow.conf", SLOW);
    host.shell("systemctl daemon-reload");

    let starting = host.berth_meanwhile(&["start", "amy"]);
    host.shell("until [ -s /run/starts ]; do sleep 0.1; done");
    // The bus comes again with the next who wants it.
    host.shell("systemctl kill -s KILL dbus.service");
    let ended = starting.wait_with_output().unwrap();
    let said = text(&ended.stdout) + &text(&ended.stderr);
    assert_eq!(ended.status.code(), Some(0), "{said}");
    assert_eq!(host.shell("cat /run/starts").lines().count(), 1, "it was asked for twice: {said}");
    host.row_until("amy", "running", |row| row["state"] == "running" && row["port"] == 8101);

    let watching = Lines::of(host.berth_meanwhile(&["ls", "--watch", "--json"]));
    let until = |state: &str| {
        watching.until(state, |line| {
            let list: Value = serde_json::from_str(line).unwrap();
            let mut rows = list["instances"].as_array().unwrap().iter();
            rows.find(|row| row["id"] == "amy" && row["state"] == state).cloned()
        })
    };
    until("running");
    let init = Pid::from_raw(host.init);
    kill(init, Signal::SIGSTOP).unwrap();
    let row = until("unknown");
    let why = row["unknown"]["state"].as_str().unwrap_or_default();
    assert!(why.contains("systemd cannot be asked") && why.contains("since"), "{row:#}");
    // What the kernel tells is told all the same.
    assert_eq!((row["port"].as_u64(), row["pid"].is_number()), (Some(8101), true), "{row:#}");
    let (code, said) = host.berth(&["stop", "bob"]);
    assert!(matches!(code, Some(3..=6)), "{code:?} {said}");
    kill(init, Signal::SIGCONT).unwrap();
    until("running");
}
