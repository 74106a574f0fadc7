//! One instance seen twice: a unit whose name says nobody, and a configuration in the tree for the port that its process holds.
//!
//! It must never take an action on the row for an action on a process of berth's own.

use super::host::Host;

/// Its port stands where nobody can know it before it runs: in its environment file.
const UNIT: &str = "[Service]
User=dan
EnvironmentFile=/etc/berth-test/dan.env
ExecStart=NODE /opt/berth/node_modules/@modelcontextprotocol/server-everything/dist/index.js streamableHttp
Restart=always";

/// Two rows until it runs; one from then on, which the unit owns, also when it does not run any more.
pub fn whose_process_has_a_configuration_of_another_name_is_one_row(host: &Host, node: &str) {
    host.shell("useradd -M -u 64110 dan");
    host.put("/etc/berth-test/dan.env", "PORT=8110");
    host.put("/etc/systemd/system/tools.service", &UNIT.replace("NODE", node));
    host.put("/etc/berth-test/users/dan/config.json", "{\"port\": 8110, \"host\": \"0.0.0.0\"}");
    // Whose it is is the account's of the directory.
    host.shell("chown -R dan /etc/berth-test/users/dan; systemctl daemon-reload");
    let rows = || {
        let rows = host.rows();
        let told = |key: &str, row: &serde_json::Value| row[key].as_str().unwrap_or_default().to_owned();
        let of_dan = rows.iter().filter(|row| row["owner"] == "dan");
        of_dan.map(|row| [told("id", row), told("supervisor", row), told("state", row)].join(" ")).collect::<Vec<_>>()
    };
    let state = || host.shell("systemctl show -P ActiveState tools").trim().to_owned();
    host.shell("systemctl start tools");
    host.row_until("dan", "the unit's", |row| row["supervisor"] == "systemd" && row["state"] == "running" && row["port"] == 8110);
    assert_eq!(rows(), ["dan systemd running"]);
    host.done(&["stop", "dan"]);
    assert_eq!((state().as_str(), rows()), ("inactive", vec!["dan systemd stopped".to_owned()]));
    host.done(&["start", "dan"]);
    assert_eq!((state().as_str(), rows()), ("active", vec!["dan systemd running".to_owned()]));
    host.done(&["stop", "dan"]);
}
