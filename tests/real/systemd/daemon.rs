//! The daemon under a real systemd, by its own unit: installed, ready, killed, reloaded, stopped; and a unit's server that notices nothing.
//!
//! It must never take berth's word for what systemd can tell.

use std::time::Instant;

use super::host::{Host, PATIENCE, text};
use super::with_units;
use crate::parts;

/// Asks the daemon's socket inside.
fn asked(host: &Host, words: &str) -> String {
    let line = format!("curl -s --max-time 50 --unix-socket /run/berth/berth.sock {words}");
    text(&host.enter(&["sh", "-c", &line]).stdout)
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE * 2, "never {what}");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

#[test]
fn the_daemons_own_unit_serves_is_reloaded_and_comes_back() {
    let Some(()) = parts::systemd() else { return };
    let Some(everything) = parts::everything() else { return };
    let host = Host::boot(&everything);
    with_units(&host, everything.node.to_str().unwrap(), &["amy"]);
    host.shell("printf '[layout]\\nstate = \"/run/berth-state\"\\n' >> /etc/berth-test/berth.toml");
    assert!(host.done(&["serve", "--install", "--dry-run"]).contains("/etc/berth-test/berth.toml\" serve\n"));
    assert_eq!(host.shell("ls /etc/systemd/system/berth.service 2>/dev/null || true"), "");
    host.done(&["serve", "--install"]);
    let show = |what: &str| host.shell(&format!("systemctl show -P {what} berth.service")).trim().to_owned();
    assert_eq!((show("UnitFileState"), show("ActiveState")), ("enabled".to_owned(), "active".to_owned()));
    let said = host.enter(&["systemd-analyze", "verify", "berth.service"]);
    let words = text(&said.stdout) + &text(&said.stderr);
    assert!(said.status.success() && !words.contains("berth.service"), "{words}");
    assert!(asked(&host, "http://berth/health").contains("\"status\":\"ok\""));

    let started = asked(&host, "-X POST http://berth/v1/instances/amy/start");
    assert!(started.contains("\"done\":true"), "{started}");
    let amy = || host.shell("systemctl show -P MainPID mcp@amy.service").trim().to_owned();
    let pid = amy();
    assert_ne!(pid, "0");

    let main = show("MainPID");
    host.shell(&format!("kill -9 {main}"));
    until("started again", || show("MainPID") != main && show("ActiveState") == "active" && show("MainPID") != "0");
    assert!(asked(&host, "http://berth/v1/instances/amy").contains("\"state\":\"running\""));
    assert_eq!(amy(), pid);

    let main = show("MainPID");
    host.shell("systemctl reload berth.service");
    until("begun anew", || asked(&host, "http://berth/health").contains("\"status\":\"ok\""));
    assert_eq!((show("MainPID"), show("ActiveState")), (main.clone(), "active".to_owned()));
    host.shell("echo wrong >> /etc/berth-test/berth.toml; systemctl reload berth.service");
    until("told", || show("StatusText").contains("the old configuration is kept"));
    assert_eq!((show("MainPID"), show("ActiveState"), amy()), (main, "active".to_owned(), pid.clone()));

    host.shell("systemctl stop berth.service");
    assert_eq!((show("Result"), amy()), ("success".to_owned(), pid));
    assert_eq!(host.shell("ls /run/berth/berth.sock 2>/dev/null || true"), "");
}
