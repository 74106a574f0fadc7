//! What the daemon tells a real journald: each event with its fields and its priority, from the daemon's own hardened unit.
//!
//! It must never ask berth what it has told.

use std::time::Instant;

use serde_json::Value;

use super::host::{Host, PATIENCE};
use super::with_units;
use crate::parts;

/// What the journal has of berth, a value an entry.
fn entries(host: &Host) -> Vec<Value> {
    let lines = host.shell("journalctl --sync; journalctl -t berth -o json --no-pager");
    lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Waits for an entry with these fields, and gives it.
fn until(host: &Host, wanted: &[(&str, &str)]) -> Value {
    let begun = Instant::now();
    loop {
        let all = entries(host);
        let is_it = |entry: &&Value| wanted.iter().all(|(name, value)| entry[*name] == **value);
        if let Some(found) = all.iter().find(is_it) {
            return found.clone();
        }
        assert!(begun.elapsed() < PATIENCE * 2, "never {wanted:?} in {all:#?}");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
}

#[test]
fn the_journal_has_each_event_with_its_fields_and_its_priority() {
    let Some(()) = parts::systemd() else { return };
    let Some(everything) = parts::everything() else { return };
    let host = Host::boot(&everything);
    with_units(&host, everything.node.to_str().unwrap(), &["amy", "bob"]);
    let more = "[layout]\\nstate = \"/run/berth-state\"\\n[events]\\njournal = \"on\"\\n";
    host.shell(&format!("printf '{more}' >> /etc/berth-test/berth.toml"));
    host.put("/etc/systemd/system/mcp@amy.service.d/once.conf", "[Service]\nRestart=no");
    host.shell("systemctl daemon-reload");
    host.done(&["serve", "--install"]);
    let began = until(&host, &[("BERTH_KIND", "began"), ("PRIORITY", "6")]);
    // Who said so journald knows of the kernel.
    assert_eq!((&began["_COMM"], &began["_SYSTEMD_UNIT"]), (&"berth".into(), &"berth.service".into()), "{began:#}");

    // An action, with who and why, once it has ended.
    host.done(&["start", "amy", "--reason", "the night shift"]);
    let action = until(&host, &[("BERTH_KIND", "action"), ("BERTH_VERB", "start"), ("BERTH_ID", "amy")]);
    assert_eq!(
        (&action["PRIORITY"], &action["BERTH_UID"], &action["BERTH_EXIT_CODE"]),
        (&"6".into(), &"0".into(), &"0".into()),
        "{action:#}"
    );
    assert_eq!((&action["BERTH_REASON"], &action["BERTH_BY"]), (&"the night shift".into(), &"root".into()), "{action:#}");
    assert!(action["MESSAGE"].as_str().unwrap().starts_with("amy: start by root (the night shift): "), "{action:#}");

    // What it listens on, it listens on for everybody.
    let found = until(&host, &[("BERTH_KIND", "found"), ("BERTH_FINDING", "bind-public"), ("BERTH_ID", "amy")]);
    assert_eq!(found["PRIORITY"], "4", "{found:#}");

    host.row_until("amy", "running", |row| row["state"] == "running");
    host.shell("kill -9 $(systemctl show -P MainPID mcp@amy.service)");
    let crash = until(&host, &[("BERTH_KIND", "crashed"), ("BERTH_ID", "amy")]);
    assert_eq!(crash["PRIORITY"], "3", "{crash:#}");
    assert!(crash["MESSAGE"].as_str().unwrap().contains("killed by signal 9"), "{crash:#}");
    until(&host, &[("BERTH_KIND", "over"), ("BERTH_FINDING", "bind-public"), ("BERTH_ID", "amy"), ("PRIORITY", "6")]);

    // Who looks for what is bad finds that, and nothing else.
    let errors = host.shell("journalctl -t berth -p err -o json --no-pager");
    let kinds: Vec<Value> = errors.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect();
    assert!(!kinds.is_empty() && kinds.iter().all(|entry| entry["PRIORITY"] == "3"), "{kinds:#?}");
    host.shell("systemctl stop berth.service");
}
