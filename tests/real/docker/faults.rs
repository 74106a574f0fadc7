//! Podman's service hangs in the middle of an action, ends, and comes again (THREATS F19).
//!
//! It must never take long for granted: everything is waited for.

use nix::sys::signal::{Signal, kill};

use super::engine::{DEAF, Engine, PATIENCE, SERVER, free_ports, row_until};
use super::published;
use crate::parts;

#[test]
fn f19_rows_are_unknown_while_podman_hangs_and_nothing_happens_twice() {
    let Some(()) = parts::podman() else { return };
    let mut engine = Engine::start();
    let ports: [u16; 2] = free_ports();
    engine.run("mcp-amy", &["-p", &published(ports[0]), "--label", "berth.user=amy"], SERVER);
    // Its end takes all the time that a container is given.
    engine.run("mcp-bob", &["--label", "berth.user=bob", "--stop-timeout", "15"], DEAF);
    let berth = engine.berth(&ports);
    row_until(&berth, "bob", "running", |row| row["state"] == "running");
    let mut console = berth.console(140, 30);
    let line = |text: &str, id: &str| text.lines().find(|line| line.contains(id)).unwrap_or_default().to_owned();
    console.until("both rows", PATIENCE, |text| line(text, "amy").contains("running") && line(text, "bob").contains("running"));
    // Below bob may be strangers on ports between these.
    console.keys("gjS");
    console.until("the question", PATIENCE, |text| text.contains("Stop bob?"));
    console.keys("y");
    console.until("it is being stopped", PATIENCE, |text| line(text, "bob").contains("stopping"));
    engine.until("it was asked for", |engine| engine.podman(&["inspect", "-f", "{{.State.Status}}", "mcp-bob"]) == "stopping");
    kill(engine.service(), Signal::SIGSTOP).unwrap();
    console.until("amy's is unknown", PATIENCE, |text| line(text, "amy").contains("unknown"));
    let refused = berth.run(&["stop", "amy"]);
    assert!(matches!(refused.code, Some(1..=6)), "{:?} {}", refused.code, refused.text);
    kill(engine.service(), Signal::SIGCONT).unwrap();
    console.until("amy's is known again", PATIENCE, |text| line(text, "amy").contains("running"));
    console.until("bob's has stopped", PATIENCE, |text| line(text, "bob").contains("stopped"));
    assert_eq!(engine.podman(&["inspect", "-f", "{{.State.Status}}", "mcp-bob"]), "exited");

    // Gone it is told, too; and what came again is asked again.
    engine.end_service();
    console.until("amy's is unknown", PATIENCE, |text| line(text, "amy").contains("unknown"));
    engine.come_again();
    console.until("amy's is known again", PATIENCE, |text| line(text, "amy").contains("running"));
}
