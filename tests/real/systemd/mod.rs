//! Units of a real systemd: listed, acted on, watched while they crash, and while their manager does not answer.
//!
//! It must never ask berth whether berth was right where systemd can be asked.

mod daemon;
mod faults;
mod hardened;
mod host;
mod keys;
mod sessions;
mod told;
mod twice;
mod users;

use crate::parts;
use host::{Host, Lines};

/// The template that the accounts' units are made from.
const TEMPLATE: &str = "[Unit]
Description=MCP server of %i
StartLimitIntervalSec=0
[Service]
User=%i
EnvironmentFile=/etc/berth-test/%i.env
ExecStart=NODE /opt/berth/node_modules/@modelcontextprotocol/server-everything/dist/index.js streamableHttp
Restart=on-failure
RestartSec=1s
TasksMax=200
[Install]
WantedBy=multi-user.target";

const CONFIGURATION: &str = "[ports]
range = \"8100-8120\"
[[discover]]
config = \"/etc/berth-test/users/*/config.json\"
[[discover]]
systemd = \"mcp@*.service\"
[[discover]]
systemd = \"tools.service\"";

/// A host with a unit for each of these accounts, none of them started. They listen on 8101 and so on.
fn with_units(host: &Host, node: &str, accounts: &[&str]) {
    host.put("/etc/berth-test/berth.toml", CONFIGURATION);
    host.put("/etc/systemd/system/mcp@.service", &TEMPLATE.replace("NODE", node));
    for (index, account) in accounts.iter().enumerate() {
        // Beyond those of other tests, whose processes run beside these.
        host.shell(&format!("useradd -M -u {} {account}", 64_100 + index));
        host.put(&format!("/etc/berth-test/{account}.env"), &format!("PORT={}", 8101 + index));
    }
    host.shell("systemctl daemon-reload");
    for account in accounts {
        host.shell(&format!("systemctl enable mcp@{account}.service 2>&1; systemctl show -P LoadState mcp@{account}.service"));
    }
    host.shell("systemctl daemon-reload");
}

#[test]
fn template_units_are_listed_started_stopped_and_seen_to_crash() {
    let Some(()) = parts::systemd() else { return };
    let Some(everything) = parts::everything() else { return };
    let host = Host::boot(&everything);
    with_units(&host, everything.node.to_str().unwrap(), &["amy", "bob", "cyd"]);
    let main = |account: &str| host.shell(&format!("systemctl show -P MainPID mcp@{account}")).trim().parse::<i64>().unwrap();

    let row = host.row("amy");
    assert_eq!((row["state"].as_str(), row["supervisor"].as_str(), row["user"].as_str()), (Some("stopped"), Some("systemd"), Some("amy")));

    host.done(&["start", "amy", "bob"]);
    for (account, port) in [("amy", 8101), ("bob", 8102)] {
        let row = host.row(account);
        assert_eq!(row["state"], "running", "{row:#}");
        assert_eq!((row["pid"].as_i64(), row["port"].as_u64()), (Some(main(account)), Some(port)), "{row:#}");
        assert_eq!((row["restarts"].as_u64(), row["wish"].as_str()), (Some(0), Some("up")));
        assert!(row["memory_bytes"].as_u64().unwrap() > 10 << 20 && row["cpu_percent"].is_number(), "{row:#}");
        assert_eq!(row["listening"][0]["pid"].as_i64(), Some(main(account)));
    }
    let shown = host.done(&["show", "amy"]);
    assert!(shown.contains("mcp@amy.service is active (running)") && shown.contains("system-mcp.slice"), "{shown}");

    let before = main("amy");
    assert!(host.done(&["restart", "amy"]).contains("listens on"));
    assert_ne!(main("amy"), before);
    host.done(&["stop", "bob"]);
    assert_eq!(host.shell("systemctl show -P ActiveState mcp@bob").trim(), "inactive");
    assert_eq!((host.row("bob")["state"].as_str(), main("bob")), (Some("stopped"), 0));

    it_is_one_row_with_its_configuration(&host);
    twice::whose_process_has_a_configuration_of_another_name_is_one_row(&host, everything.node.to_str().unwrap());
    what_is_killed_comes_again(&host, main("amy"));
    what_cannot_start_is_told_in_words(&host);

    the_journal_is_its_log(&host);
    what_fails_within_is_told(&host);

    // Somebody else's systemctl is as good.
    host.shell("systemctl start mcp@bob");
    host.row_until("bob", "running", |row| row["state"] == "running" && row["port"] == 8102);
    host.shell("systemctl stop mcp@bob");
    host.row_until("bob", "stopped", |row| row["state"] == "stopped");
    // systemd forgets what is neither enabled nor running; what berth has acted on is found again.
    host.shell("systemctl disable mcp@bob 2>&1; systemctl daemon-reload");
    assert_eq!(host.row("bob")["state"], "stopped");
    host.done(&["start", "bob"]);
}

/// A unit and a configuration of the same name are one row, and the unit's.
fn it_is_one_row_with_its_configuration(host: &Host) {
    host.put("/etc/berth-test/users/amy/config.json", "{\"port\": 8101, \"host\": \"0.0.0.0\"}");
    let rows = host.rows();
    let of_amy: Vec<_> = rows.iter().filter(|row| row["owner"] == "amy").collect();
    assert_eq!(of_amy.len(), 1, "{of_amy:#?}");
    assert_eq!((of_amy[0]["supervisor"].as_str(), of_amy[0]["state"].as_str()), (Some("systemd"), Some("running")), "{of_amy:#?}");
}

fn what_is_killed_comes_again(host: &Host, pid: i64) {
    host.shell(&format!("kill -9 {pid}"));
    let row = host.row_until("amy", "restarted", |row| row["restarts"] == 1 && row["state"] == "running");
    assert_ne!(row["pid"].as_i64(), Some(pid));
    // With nobody to start it again it has crashed.
    host.put("/etc/systemd/system/mcp@amy.service.d/once.conf", "[Service]\nRestart=no");
    host.shell("systemctl daemon-reload");
    let pid = row["pid"].as_i64().unwrap();
    host.shell(&format!("kill -9 {pid}"));
    let row = host.row_until("amy", "crashed", |row| row["state"] == "crashed");
    assert_eq!((row["exit"]["signal"].as_i64(), row["pid"].is_null()), (Some(9), true), "{row:#}");
    host.done(&["stop", "amy"]);
    host.row_until("amy", "stopped", |row| row["state"] == "stopped");
    host.done(&["start", "amy"]);
}

/// cyd's port is amy's: everything ends at once, and the journal says why.
fn what_cannot_start_is_told_in_words(host: &Host) {
    host.put("/etc/berth-test/cyd.env", "PORT=8101");
    let (code, said) = host.berth(&["start", "cyd"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("exited with code 1") && said.contains("mcp@cyd.service is"), "{said}");
    host.done(&["stop", "cyd"]);
    let (code, said) = host.berth(&["start", "nobody-is-called-so"]);
    assert_eq!(code, Some(4), "{said}");
}

/// What the server says is in the journal, and berth shows it with its times.
fn the_journal_is_its_log(host: &Host) {
    let said = host.done(&["logs", "amy", "-n", "5"]);
    assert!(said.to_lowercase().contains("listening"), "{said}");
    let list: serde_json::Value = serde_json::from_str(&host.done(&["logs", "amy", "--json"])).unwrap();
    let lines = list["lines"].as_array().unwrap();
    assert!(!lines.is_empty() && lines.iter().all(|line| line["at"].is_string()), "{list:#}");
    let following = Lines::of(host.berth_meanwhile(&["logs", "amy", "-f", "-n", "1"]));
    following.until("what is there", |_| Some(()));
    host.shell("systemctl restart mcp@amy");
    // What systemd says of its unit stands there, too.
    following.until("what comes", |line| line.contains("MCP server of amy").then_some(()));
}

/// A thread of berth's that fails is told, and nothing waits for it.
fn what_fails_within_is_told(host: &Host) {
    for (place, words) in [("berth-systemd", &["ls"][..]), ("berth-journal", &["logs", "amy"])] {
        let failing = format!("BERTH_FAILPOINT={place}");
        let output = host.enter(&[&["env", &failing, "berth", "--config", "/etc/berth-test/berth.toml"], words].concat());
        let said = host::text(&output.stderr);
        assert!(said.contains(&format!("the failpoint {place} was passed")), "{place}: {said}");
    }
}
