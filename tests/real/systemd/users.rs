//! Units of users' own managers: each account's systemd is asked at its own socket, believed about that account alone, and missed when it hangs.
//!
//! It must never ask the system's manager about them.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::host::{Host, Lines, PATIENCE};
use crate::parts;

/// What every account's own manager has.
const TEMPLATE: &str = "[Unit]
Description=MCP server of %u
StartLimitIntervalSec=0
[Service]
EnvironmentFile=/etc/berth-test/%u.env
ExecStart=NODE /opt/berth/node_modules/@modelcontextprotocol/server-everything/dist/index.js streamableHttp
Restart=on-failure
RestartSec=1s";

const CONFIGURATION: &str = "[ports]
range = \"8100-8120\"
[[discover]]
systemd = \"mcp@*.service\"";

const ACCOUNTS: [(&str, u32, u16); 2] = [("amy", 64_130, 8101), ("bob", 64_131, 8102)];

/// Speaks to a user's own manager, as that user.
fn own(host: &Host, account: &str, words: &str) -> String {
    let (_, uid, _) = ACCOUNTS.iter().find(|(name, ..)| *name == account).unwrap();
    host.shell(&format!("setpriv --reuid={uid} --regid={uid} --clear-groups env XDG_RUNTIME_DIR=/run/user/{uid} systemctl --user {words}"))
}

fn main_of(host: &Host, account: &str) -> i64 {
    own(host, account, &format!("show -P MainPID mcp@{account}")).trim().parse().unwrap()
}

/// A host on which amy's manager runs, and bob's does not yet.
fn with_managers(host: &Host, node: &str) {
    host.put("/etc/berth-test/berth.toml", CONFIGURATION);
    host.put("/etc/systemd/user/mcp@.service", &TEMPLATE.replace("NODE", node));
    for (account, uid, port) in ACCOUNTS {
        host.shell(&format!("useradd -M -u {uid} {account}"));
        host.put(&format!("/etc/berth-test/{account}.env"), &format!("PORT={port}"));
    }
    host.shell("systemctl start user@64130.service");
}

#[test]
fn units_of_users_own_managers_are_listed_acted_on_and_unknown_while_their_manager_hangs() {
    let Some(()) = parts::systemd() else { return };
    let Some(everything) = parts::everything() else { return };
    let host = Host::boot(&everything);
    with_managers(&host, everything.node.to_str().unwrap());

    // amy starts her unit herself, and berth sees it; nobody's manager is started by being looked for.
    own(&host, "amy", "start mcp@amy");
    let watching = Lines::of(host.berth_meanwhile(&["ls", "--watch", "--json"]));
    let until = |id: &str, what: &str, is_so: &dyn Fn(&Value) -> bool| {
        watching.until(&format!("{id} {what}"), |line| {
            let list: Value = serde_json::from_str(line).unwrap();
            let mut rows = list["instances"].as_array().unwrap().iter();
            rows.find(|row| row["id"] == id && is_so(row)).cloned()
        })
    };
    let row = until("amy", "running", &|row| row["state"] == "running" && row["port"] == 8101 && row["memory_bytes"].is_number());
    assert_eq!((row["supervisor"].as_str(), row["user"].as_str(), row["uid"].as_u64()), (Some("systemd"), Some("amy"), Some(64_130)));
    assert_eq!((row["pid"].as_i64(), row["restarts"].as_u64()), (Some(main_of(&host, "amy")), Some(0)), "{row:#}");
    assert!(row["memory_bytes"].as_u64().unwrap() > 10 << 20, "{row:#}");
    assert_eq!(host.shell("systemctl is-active user@64131.service || true").trim(), "inactive");

    // bob logs in while it is looked on. A unit that is called as amy is in his manager is his all the same.
    host.shell("systemctl start user@64131.service");
    own(&host, "bob", "start mcp@bob");
    until("bob", "running", &|row| row["state"] == "running" && row["port"] == 8102 && row["user"] == "bob");
    host.put("/etc/systemd/user/mcp@amy.service.d/none.conf", "[Service]");
    own(&host, "bob", "start mcp@amy");
    until("bob/amy", "there", &|row| row["user"] == "bob" && row["supervisor"] == "systemd");
    own(&host, "bob", "stop mcp@amy");

    they_obey(&host);
    host.shell(&format!("kill -9 {}", main_of(&host, "amy")));
    until("amy", "restarted", &|row| row["restarts"] == 1 && row["state"] == "running");

    // bob's manager hangs: his rows are unknown, amy's are not, and she is acted on.
    let manager = |uid: u32| host.shell(&format!("systemctl show -P MainPID user@{uid}.service")).trim().parse::<i32>().unwrap();
    let hanging = outside(&host, manager(64_131));
    kill(hanging, Signal::SIGSTOP).unwrap();
    let row = until("bob", "unknown", &|row| row["state"] == "unknown");
    let why = row["unknown"]["state"].as_str().unwrap_or_default();
    assert!(why.contains("the systemd of bob cannot be asked"), "{row:#}");
    assert_eq!((row["port"].as_u64(), row["pid"].is_number()), (Some(8102), true), "{row:#}");
    let (code, said) = host.berth(&["stop", "bob"]);
    assert!(matches!(code, Some(3..=6)), "{code:?} {said}");
    host.done(&["restart", "amy"]);
    until("amy", "running", &|row| row["state"] == "running");
    kill(hanging, Signal::SIGCONT).unwrap();
    until("bob", "known again", &|row| row["state"] == "running");

    // He logs out, and in again.
    host.shell("systemctl stop user@64131.service");
    until("bob", "without a manager", &|row| row["state"] == "unknown" && row["pid"].is_null());
    host.shell("systemctl start user@64131.service");
    own(&host, "bob", "start mcp@bob");
    until("bob", "back", &|row| row["state"] == "running" && row["port"] == 8102);
    an_account_sees_its_own(&host);
    // A thread of berth's that fails is told, and nothing waits for it.
    let failing = ["env", "BERTH_FAILPOINT=berth-user-units", "berth", "--config", "/etc/berth-test/berth.toml", "ls"];
    let said = super::host::text(&host.enter(&failing).stderr);
    assert!(said.contains("the failpoint berth-user-units was passed"), "{said}");
}

/// Start, stop, restart and the log, by root.
fn they_obey(host: &Host) {
    let before = main_of(host, "amy");
    assert!(host.done(&["restart", "amy"]).contains("listens on"));
    assert_ne!(main_of(host, "amy"), before);
    host.done(&["stop", "bob"]);
    assert_eq!(own(host, "bob", "show -P ActiveState mcp@bob").trim(), "inactive");
    host.row_until("bob", "stopped", |row| row["state"] == "stopped");
    host.done(&["start", "bob"]);
    assert_eq!(own(host, "bob", "show -P ActiveState mcp@bob").trim(), "active");
    let begun = std::time::Instant::now();
    loop {
        let said = host.done(&["logs", "bob", "-n", "20"]);
        if said.to_lowercase().contains("listening on port 8102") {
            assert!(!said.contains("8101"), "amy's log is another: {said}");
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{said}");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let shown = host.done(&["show", "amy"]);
    assert!(shown.contains("mcp@amy.service is active (running)") && shown.contains("user@64130.service"), "{shown}");
}

/// Whoever is not root sees his own manager, and nobody else's.
fn an_account_sees_its_own(host: &Host) {
    let as_amy = "setpriv --reuid=64130 --regid=64130 --clear-groups env HOME=/run/user/64130 BERTH_STATE=/run/user/64130/berth";
    let list = host.shell(&format!("{as_amy} berth --config /etc/berth-test/berth.toml ls --json"));
    let list: Value = serde_json::from_str(&list).unwrap();
    let ids: Vec<&str> = list["instances"].as_array().unwrap().iter().filter_map(|row| row["id"].as_str()).collect();
    assert!(ids.contains(&"amy") && !ids.contains(&"bob"), "{ids:?}");
}

/// A process of the host as it is called outside of it.
fn outside(host: &Host, pid: i32) -> Pid {
    let inside = |status: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
        line.split_whitespace().nth(1)?.parse::<i32>().ok()
    };
    let of_host = std::fs::read_link(format!("/proc/{}/ns/pid", host.init)).unwrap();
    let pids = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_it = |other: &i32| {
        std::fs::read_link(format!("/proc/{other}/ns/pid")).is_ok_and(|namespace| namespace == of_host)
            && std::fs::read_to_string(format!("/proc/{other}/status")).is_ok_and(|status| inside(&status) == Some(pid))
    };
    Pid::from_raw(pids.into_iter().find(is_it).expect("its process outside"))
}
