//! Instances of berth's own where systemd runs the host: each in a transient service with its limits, which outlives the session that started
//! it and is gone with it.
//!
//! It must never take berth's word for what systemd knows.

use super::host::{Host, PATIENCE, text};
use crate::parts;

const CONFIGURATION: &str = "[ports]
range = \"8130-8140\"
[layout]
base = \"/srv/mcp\"
[template.default]
command = [\"NODE\", \"/opt/berth/node_modules/@modelcontextprotocol/server-everything/dist/index.js\", \"streamableHttp\"]
directory = \"/\"
environment = { PORT = \"{port}\" }
memory_max = \"400M\"
cpu_max = \"80%\"
tasks_max = 100
restart = \"on-failure\"
[[discover]]
config = \"/srv/mcp/users/*/config/config.json\"
[[discover]]
systemd = \"*.service\"";

/// Two instances of berth's own, none of them started.
fn with_instances(host: &Host, node: &str) {
    host.put("/etc/berth-test/berth.toml", &CONFIGURATION.replace("NODE", node));
    for (uid, account) in [(64_120, "eve"), (64_121, "fay")] {
        let port = uid - 64_120 + 8131;
        host.shell(&format!("useradd -M -u {uid} {account}; mkdir -p /srv/mcp/users/{account}/logs /srv/mcp/users/{account}/workspace"));
        host.put(&format!("/srv/mcp/users/{account}/config/config.json"), &format!("{{\"port\": {port}, \"host\": \"0.0.0.0\"}}"));
        host.shell(&format!("chown -R {account}: /srv/mcp/users/{account}; chmod 755 /srv/mcp /srv/mcp/users"));
    }
}

#[test]
fn what_berth_starts_is_a_transient_service_that_outlives_its_session_and_is_collected() {
    let Some(()) = parts::systemd() else { return };
    let Some(everything) = parts::everything() else { return };
    let host = Host::boot(&everything);
    with_instances(&host, everything.node.to_str().unwrap());
    let show = |account: &str, property: &str| {
        host.shell(&format!("systemctl show -P {property} berth-instance-{account}.service")).trim().to_owned()
    };

    // A session: what is started in it goes with it, unless it is put elsewhere.
    let berth = "berth --config /etc/berth-test/berth.toml start eve fay";
    host.shell(&format!("systemd-run --scope --unit=session sh -c '{berth}; sleep 100000' >/run/session.log 2>&1 &"));
    let pid = |account: &str| host.row_until(account, "running", |row| row["state"] == "running" && row["port"].is_u64())["pid"].clone();
    let (eve, fay) = (pid("eve"), pid("fay"));
    host.shell("systemctl kill -s KILL session.scope; until ! systemctl is-active -q session.scope; do sleep 0.1; done");
    assert_eq!((pid("eve"), pid("fay")), (eve.clone(), fay.clone()), "{}", host.shell("cat /run/session.log"));

    let told = ["ActiveState", "MemoryMax", "TasksMax", "CPUQuotaPerSecUSec", "Transient"].map(|property| show("eve", property));
    assert_eq!(told, ["active", "419430400", "102", "800ms", "yes"]);
    assert!(host.shell(&format!("cat /proc/{eve}/cgroup")).contains("/berth-instance-eve.service/"));
    // Its keeper is the unit's process, and both are the account's; so is the log.
    let keeper = show("eve", "MainPID");
    assert_eq!(host.shell(&format!("stat -c %U /proc/{eve} /srv/mcp/users/eve/logs/server.log")), "eve\neve\n");
    assert_eq!(host.shell(&format!("grep '^Uid:' /proc/{keeper}/status | tr '\\t' ' '")), "Uid: 64120 64120 64120 64120\n");
    // It is one row: its unit is not another instance.
    let rows = host.rows();
    assert!(rows.iter().all(|row| row["owner"] != "eve" || row["supervisor"] == "process"), "{rows:#?}");

    // The keeper starts it again, systemd does not end it.
    host.shell(&format!("kill -9 {eve}"));
    let row = host.row_until("eve", "started again", |row| row["restarts"] == 1 && row["state"] == "running" && row["port"] == 8131);
    assert!(row["pid"] != eve && show("eve", "MainPID") == keeper, "{row:#}");
    host.done(&["restart", "fay"]);
    assert_ne!(pid("fay"), fay);

    // Who kills its keeper ends it, and nothing is left of it.
    host.shell(&format!("kill -9 {}", show("fay", "MainPID")));
    host.row_until("fay", "ended", |row| row["state"] != "running" && row["pid"].is_null());
    host.done(&["start", "fay"]);
    pid("fay");

    host.done(&["stop", "eve"]);
    // A thread of berth's that fails is told, and nothing waits for it.
    let failing = ["env", "BERTH_FAILPOINT=berth-unit", "berth", "--config", "/etc/berth-test/berth.toml", "start", "eve"];
    let output = host.enter(&failing);
    assert!(!output.status.success() && text(&output.stderr).contains("the failpoint berth-unit was passed"), "{output:?}");
    // Somebody else's systemctl is as good.
    host.shell("systemctl stop berth-instance-fay*.service");
    host.row_until("fay", "ended", |row| row["state"] != "running" && row["pid"].is_null());
    let left = "systemctl list-units --all --no-legend 'berth-instance-*'; ps -o pid= -u eve,fay || true";
    let begun = std::time::Instant::now();
    while !host.shell(left).trim().is_empty() {
        assert!(begun.elapsed() < PATIENCE, "left: {}", host.shell(left));
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}
