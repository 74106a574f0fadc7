//! `berth add --supervisor systemd`: a hardened unit that systemd itself finds nothing to say against, started, found, and gone again.
//!
//! It must never take berth's word for how well it is hardened.

use super::host::Host;
use crate::parts;

const CONFIGURATION: &str = "[ports]
range = \"8150-8160\"
[layout]
base = \"/srv/mcp\"
[template.default]
command = [\"NODE\", \"/opt/berth/node_modules/@modelcontextprotocol/server-everything/dist/index.js\", \"streamableHttp\"]
directory = \"/opt/berth\"
environment = { PORT = \"{port}\" }
memory_max = \"400M\"
tasks_max = 100
restart = \"on-failure\"
[[discover]]
config = \"/srv/mcp/users/*/config/config.json\"
[[discover]]
systemd = \"*mcp*.service\"";

/// Better than this is asked for; the scale is systemd's, 0 to 10.
const EXPOSURE: f64 = 4.0;

#[test]
fn what_is_added_for_systemd_is_a_hardened_unit_that_is_enabled_and_goes_again() {
    let Some(()) = parts::systemd() else { return };
    let Some(everything) = parts::everything() else { return };
    let host = Host::boot(&everything);
    host.put("/etc/berth-test/berth.toml", &CONFIGURATION.replace("NODE", everything.node.to_str().unwrap()));
    host.shell("useradd -M -u 64130 gil; mkdir -p /srv/mcp/users; chmod 755 /srv/mcp /srv/mcp/users");
    let unit = "mcp@gil.service";
    let template = "/etc/systemd/system/mcp@.service";

    let told = host.done(&["add", "gil", "--supervisor", "systemd", "--dry-run"]);
    for part in [template, "mcp@gil.service.d/berth.conf", "NoNewPrivileges=yes", "User=64130", "\"PORT=8150\""] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    assert_eq!(host.shell(&format!("ls {template} /srv/mcp/users/gil 2>/dev/null || true")), "");

    let told = host.done(&["add", "gil", "--supervisor", "systemd"]);
    assert!(told.contains("mcp@gil.service is made and enabled"), "{told}");
    let row = host.row_until("gil", "running", |row| row["state"] == "running" && row["port"] == 8150);
    let facts = (row["supervisor"].as_str(), row["user"].as_str(), row["pid"].to_string());
    assert_eq!(facts, (Some("systemd"), Some("gil"), host.shell(&format!("systemctl show -P MainPID {unit}")).trim().to_owned()));
    assert_eq!(host.shell(&format!("systemctl is-enabled {unit}")).trim(), "enabled");
    assert_eq!(host.shell(&format!("systemctl show -P MemoryMax -P TasksMax {unit}")).split_whitespace().collect::<Vec<_>>().len(), 2);

    // systemd's own verdicts.
    let said = host.enter(&["systemd-analyze", "verify", unit]);
    let words = super::host::text(&said.stdout) + &super::host::text(&said.stderr);
    // What it has to say of the distribution's units that these need is not about this one.
    assert!(said.status.success() && !words.contains("mcp@"), "{words}");
    let verdict = host.shell(&format!("systemd-analyze security --no-pager {unit}"));
    let overall = verdict.lines().rfind(|line| line.contains("exposure level")).unwrap_or_default();
    let exposure: f64 = overall.split(": ").nth(1).and_then(|rest| rest.split(' ').next()).and_then(|number| number.parse().ok()).unwrap();
    assert!(exposure < EXPOSURE, "{verdict}");

    // Once more is no other: what is there is taken as it is.
    host.done(&["add", "gil", "--supervisor", "systemd"]);
    assert!(host.done(&["remove", "gil", "--yes"]).contains("mcp@gil.service is disabled"));
    assert!(host.rows().iter().all(|row| row["owner"] != "gil"), "{:#?}", host.rows());
    let left =
        "ls -d /etc/systemd/system/mcp@gil.service.d /etc/systemd/system/multi-user.target.wants/mcp@gil.service 2>/dev/null || true";
    assert_eq!(host.shell(left), "");
}
