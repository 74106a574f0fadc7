//! Containers of a real Podman over its API: listed, acted on by keys and by command, killed from outside, and in the way of others.
//!
//! It must never ask berth whether berth was right where the engine can be asked.

mod dockerd;
mod engine;
mod faults;
mod rootless;

use std::net::{Ipv4Addr, TcpListener};

use crate::parts;
use engine::{Engine, PATIENCE, SERVER, free_ports, row_until};

/// Options that publish the inner port 80.
fn published(port: u16) -> String {
    format!("127.0.0.1:{port}:80")
}

#[test]
fn containers_are_listed_started_stopped_and_seen_to_crash() {
    let Some(()) = parts::podman() else { return };
    let engine = Engine::start();
    let ports: [u16; 3] = free_ports();
    let (first, second) = (published(ports[0]), published(ports[1]));
    engine.run("mcp-amy", &["-p", &first, "--label", "berth.user=amy", "--memory", "256m"], SERVER);
    engine.run("my-mcp", &["-p", &second], SERVER);
    let project = ["--label", "com.docker.compose.project=shop", "--label"];
    engine.run("shop-mcp-1", &[&project[..], &["com.docker.compose.service=mcp"]].concat(), SERVER);
    engine.run("shop-cache-1", &[&project[..], &["com.docker.compose.service=cache", "--label", "berth.user=shop"]].concat(), SERVER);
    engine.run("other", &[], SERVER);
    let berth = engine.berth(&ports);

    for (id, name, port) in [("amy", "mcp-amy", ports[0]), ("root/my-mcp", "my-mcp", ports[1])] {
        let row = row_until(&berth, id, "running", |row| row["state"] == "running");
        assert_eq!(
            (row["supervisor"].as_str(), row["port"].as_u64(), row["wish"].as_str()),
            (Some("podman"), Some(port.into()), Some("up"))
        );
        assert_eq!((row["pid"].as_i64(), row["restarts"].as_u64()), (Some(engine.pid(name)), Some(0)), "{row:#}");
        assert!(row["memory_bytes"].as_u64().unwrap() > 0 && row["cpu_percent"].is_number(), "{row:#}");
        assert_eq!(
            (row["listening"][0]["port"].as_u64(), row["findings"].as_array().map(Vec::len)),
            (Some(port.into()), Some(0)),
            "{row:#}"
        );
    }
    let list = berth.json(&["ls"]);
    // Of the ports between these some are somebody's.
    let own = list["instances"].as_array().unwrap().iter().filter(|row| row["supervisor"] == "podman");
    let ids: Vec<&str> = own.map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["amy", "root/my-mcp", "root/shop-mcp-1", "shop"], "{list:#}");
    let shown = berth.json(&["show", "shop"]);
    assert_eq!(shown["instance"]["service"]["project"], "shop/cache", "{shown:#}");
    let said = berth.run(&["show", "amy"]).text;
    assert!(said.contains("mcp-amy is running") && said.contains("podman logs mcp-amy"), "{said}");

    its_log_is_told(&engine, &berth);
    berth.done(&["stop", "amy"]);
    assert_eq!(engine.podman(&["inspect", "-f", "{{.State.Status}}", "mcp-amy"]), "exited");
    row_until(&berth, "amy", "stopped", |row| row["state"] == "stopped" && row["pid"].is_null());
    berth.done(&["start", "amy"]);
    let before = engine.pid("mcp-amy");
    berth.done(&["restart", "amy"]);
    let pid = engine.pid("mcp-amy");
    assert_ne!(pid, before);
    row_until(&berth, "amy", "running anew", |row| row["pid"].as_i64() == Some(pid));

    // A thread of berth's that fails is told, and nothing waits for it.
    let mut failing = std::process::Command::new(env!("CARGO_BIN_EXE_berth"));
    failing.arg("--config").arg(&berth.config).arg("ls").env("BERTH_STATE", &berth.state).env("BERTH_FAILPOINT", "berth-docker");
    let said = failing.output().unwrap();
    assert!(String::from_utf8_lossy(&said.stderr).contains("the failpoint berth-docker was passed"));

    // Somebody else's podman is as good.
    engine.podman(&["stop", "my-mcp"]);
    row_until(&berth, "root/my-mcp", "stopped", |row| row["state"] == "stopped");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap()), nix::sys::signal::Signal::SIGKILL).unwrap();
    let row = row_until(&berth, "amy", "crashed", |row| row["state"] == "crashed");
    assert_eq!(row["exit"]["signal"].as_i64(), Some(9), "{row:#}");
    let refused = berth.run(&["assign", "amy", "--port", "auto"]);
    assert_ne!(refused.code, Some(0), "{}", refused.text);
    assert!(refused.text.contains("another container"), "{}", refused.text);
}

/// Both streams, told apart, with their times; and what is written later.
fn its_log_is_told(engine: &Engine, berth: &crate::berth::Berth) {
    let list = berth.json(&["logs", "amy", "-n", "5"]);
    let lines: Vec<&str> = list["lines"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert!(lines.iter().any(|line| line.ends_with("to the output") && !line.contains("[stderr]")), "{list:#}");
    assert!(lines.iter().any(|line| line.contains("[stderr] to the error")), "{list:#}");
    assert!(list["lines"].as_array().unwrap().iter().all(|line| line["at"].is_string()), "{list:#}");
    assert_eq!(engine.podman(&["logs", "mcp-amy"]).lines().count(), 2);
}

#[test]
fn what_stands_in_the_way_of_a_published_port_is_flagged_and_an_inner_port_is_not() {
    let Some(()) = parts::podman() else { return };
    let engine = Engine::start();
    let ports: [u16; 3] = free_ports();
    let address = published(ports[0]);
    engine.run("mcp-amy", &["-p", &address, "--label", "berth.user=amy"], SERVER);
    // Inside both listen on 80, which is nobody's on the host.
    engine.run("mcp-bob", &["-p", &published(ports[1]), "--label", "berth.user=bob"], SERVER);
    let berth = engine.berth(&ports);
    row_until(&berth, "amy", "running", |row| row["state"] == "running");
    assert_eq!(berth.json(&["check"])["findings"].as_array().unwrap().iter().filter(|found| found["level"] == "error").count(), 0);

    berth.done(&["stop", "amy"]);
    let stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, ports[0])).unwrap();
    let row = row_until(&berth, "amy", "in conflict", |row| row["findings"] == serde_json::json!(["port-taken"]));
    assert_eq!(row["state"], "stopped", "{row:#}");
    let found = berth.json(&["check"]);
    let taken = found["findings"].as_array().unwrap().iter().find(|found| found["code"] == "port-taken").unwrap().clone();
    assert_eq!(taken["pids"], serde_json::json!([std::process::id()]), "{taken:#}");
    let said = berth.run(&["start", "amy"]);
    assert_ne!(said.code, Some(0), "{}", said.text);
    drop(stranger);
    row_until(&berth, "amy", "without a conflict", |row| row["findings"] == serde_json::json!([]));
    berth.done(&["start", "amy"]);

    // Two that publish one port: only one of them can run.
    engine.podman(&["create", "--name", "mcp-cat", "-p", &address, "--label", "berth.user=cat", "bb", "/bin/sh", "-c", SERVER]);
    row_until(&berth, "cat", "in conflict", |row| row["findings"].to_string().contains("port-duplicate"));
}

#[test]
fn keys_start_stop_and_restart_containers() {
    let Some(()) = parts::podman() else { return };
    let engine = Engine::start();
    let ports: [u16; 2] = free_ports();
    engine.run("mcp-amy", &["-p", &published(ports[0]), "--label", "berth.user=amy"], SERVER);
    let project = ["--label", "com.docker.compose.project=shop", "--label", "com.docker.compose.service=web", "--label", "berth.user=bob"];
    engine.run("shop-web-1", &project, SERVER);
    let berth = engine.berth(&ports);
    let mut console = berth.console(140, 30);
    let line = |text: &str, id: &str| text.lines().find(|line| line.contains(id)).unwrap_or_default().to_owned();
    console.until("both rows", PATIENCE, |text| line(text, "amy").contains("running") && line(text, "bob").contains("running"));
    console.until("the project", PATIENCE, |text| line(text, "bob").contains("shop") && line(text, "amy").contains("podman"));
    console.keys("gS");
    console.until("the question", PATIENCE, |text| text.contains("Stop amy?"));
    console.keys("y");
    console.until("it stopped", PATIENCE, |text| line(text, "amy").contains("stopped"));
    assert_eq!(engine.podman(&["inspect", "-f", "{{.State.Status}}", "mcp-amy"]), "exited");
    console.keys("s");
    console.until("the question", PATIENCE, |text| text.contains("Start amy?"));
    console.keys("y");
    console.until("it runs", PATIENCE, |text| line(text, "amy").contains("running"));
    let before = engine.pid("mcp-amy");
    console.keys("r");
    console.until("the question", PATIENCE, |text| text.contains("Restart amy?"));
    console.keys("y");
    console.until("it runs anew", PATIENCE, |text| {
        let pid = engine.pid("mcp-amy");
        pid > 0 && pid != before && line(text, "amy").contains(&pid.to_string())
    });
    let pid = i32::try_from(engine.pid("mcp-amy")).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    let took = console.until("it crashed", PATIENCE, |text| line(text, "amy").contains("crashed"));
    println!("shown as crashed after {took:?}");
    console.keys("/supervisor:shop\r");
    console.until("the project alone", PATIENCE, |text| text.contains("1 of 2") && line(text, "bob").contains("running"));
}
