//! Apps of real PM2 daemons of two accounts: listed, acted on, watched while they crash, and while their daemon does not answer.
//!
//! It must never ask berth whether berth was right where PM2 or /proc can be asked.

mod faults;
mod host;
mod keys;

use std::collections::HashSet;
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::parts;
use host::Host;

/// Two accounts with a forked app and a cluster of two workers each: on the first port and the next, and so on.
fn with_apps() -> Option<Host> {
    parts::root()?;
    let (everything, pm2) = (parts::everything()?, parts::pm2()?);
    let host = Host::new(&everything, &pm2, 2);
    for (index, owner) in host.owners.iter().enumerate() {
        let port = host.first + 2 * u16::try_from(index).unwrap();
        let cluster = json!({ "exec_mode": "cluster", "instances": 2 });
        host.start(owner, &json!([host.server("f", port, &json!({})), host.server("c", port + 1, &cluster)]));
    }
    Some(host)
}

/// The codes of all findings.
fn codes(host: &Host) -> HashSet<String> {
    let found = host.berth.json(&["check"]);
    found["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn apps_of_two_accounts_are_listed_started_stopped_and_restarted() {
    let Some(host) = with_apps() else { return };
    for (index, owner) in host.owners.iter().enumerate() {
        let port = host.first + 2 * u16::try_from(index).unwrap();
        let (fork, cluster) = (host.id(owner, "f"), host.id(owner, "c"));
        let row = host.row_until(&fork, "running", |row| row["state"] == "running");
        is_listed(&row, owner.uid, port, host.told(owner, "f")[0].0);
        assert_eq!(row["listening"][0]["pid"], row["pid"], "{row:#}");
        // The daemon holds the port of its clusters, and no worker does.
        let row = host.row_until(&cluster, "running", |row| row["state"] == "running");
        is_listed(&row, owner.uid, port + 1, host.told(owner, "c")[0].0);
        assert_eq!(row["listening"][0]["pid"].as_i64(), Some(host.daemon(owner).into()), "{row:#}");
    }
    let found = codes(&host);
    assert!(["port-taken", "port-stranger", "port-silent", "port-duplicate"].iter().all(|code| !found.contains(*code)), "{found:?}");

    let owner = &host.owners[0];
    let (fork, cluster) = (host.id(owner, "f"), host.id(owner, "c"));
    let shown = host.berth.run(&["show", &cluster]).text;
    assert!(shown.contains("cluster of 2"), "{shown}");
    let log = host.berth.run(&["logs", &fork, "-n", "20"]).text;
    assert!(log.contains("listening on port"), "{log}");

    let before = host.told(owner, "c");
    host.berth.done(&["restart", &cluster]);
    let after = host.told(owner, "c");
    assert!(after.iter().all(|(pid, status)| status == "online" && before.iter().all(|(old, _)| old != pid)), "{before:?} {after:?}");
    host.berth.done(&["stop", &fork, &cluster]);
    for (name, id) in [("f", &fork), ("c", &cluster)] {
        assert!(host.told(owner, name).iter().all(|(pid, status)| *pid == 0 && status == "stopped"), "{:?}", host.told(owner, name));
        let row = host.berth.instance(id);
        assert_eq!((row["state"].as_str(), row["pid"].is_null(), row["wish"].as_str()), (Some("stopped"), true, Some("down")), "{row:#}");
    }
    host.berth.done(&["start", &fork, &cluster]);
    assert!(host.told(owner, "c").iter().all(|(_, status)| status == "online"));

    what_is_killed_comes_again(&host, &fork);
    a_port_that_somebody_has_is_told(&host);
    what_fails_within_is_told(&host);
}

fn is_listed(row: &Value, uid: u32, port: u16, pid: i64) {
    assert_eq!((row["supervisor"].as_str(), row["uid"].as_u64()), (Some("pm2"), Some(uid.into())), "{row:#}");
    assert_eq!((row["port"].as_u64(), row["pid"].as_i64()), (Some(port.into()), Some(pid)), "{row:#}");
    assert_eq!((row["restarts"].as_u64(), row["wish"].as_str()), (Some(0), Some("up")), "{row:#}");
    assert!(row["memory_bytes"].as_u64().unwrap() > 10 << 20 && row["cpu_percent"].is_number(), "{row:#}");
    assert_eq!(row["listening"][0]["port"].as_u64(), Some(port.into()), "{row:#}");
}

fn what_is_killed_comes_again(host: &Host, fork: &str) {
    let before = host.row_until(fork, "running", |row| row["state"] == "running");
    let pid = before["pid"].as_i64().unwrap();
    let restarts = before["restarts"].as_u64().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.try_into().unwrap()), nix::sys::signal::Signal::SIGKILL).unwrap();
    let is_new = |row: &Value| row["state"] == "running" && row["pid"].as_i64().is_some_and(|now| now != pid);
    let row = host.row_until(fork, "restarted", is_new);
    assert_eq!(row["restarts"].as_u64(), Some(restarts + 1), "{row:#}");
}

/// Somebody else listens on the port of an app that is stopped: it is flagged, and nothing is started.
fn a_port_that_somebody_has_is_told(host: &Host) {
    let owner = &host.owners[1];
    let fork = host.id(owner, "f");
    host.berth.done(&["stop", &fork]);
    let squatter = TcpListener::bind(("0.0.0.0", host.first + 2)).unwrap();
    assert!(codes(host).contains("port-taken"));
    let ran = host.berth.run(&["start", &fork]);
    assert_eq!(ran.code, Some(5), "{}", ran.text);
    assert!(host.told(owner, "f").iter().all(|(_, status)| status == "stopped"));
    drop(squatter);
}

/// A thread of berth's that fails is told, and nothing waits for it.
fn what_fails_within_is_told(host: &Host) {
    let said = host.berth.failing("berth-pm2", &["ls"]);
    assert!(said.contains("the failpoint berth-pm2 was passed"), "{said}");
}
