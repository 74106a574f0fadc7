//! The daemon's streams: what changes, in order, to readers of every pace; logs as they grow; numbers for Prometheus.
//!
//! It must never read faster than a test says.

use std::io::{Read, Write};

use serde_json::{Value, json};

use super::api::{Events, ask, connect, get, until};
use super::serve::Site;

fn tells(value: &Value, id: &str, state: &str) -> bool {
    value["instances"].as_array().is_some_and(|rows| rows.iter().any(|row| row["id"] == id && row["state"] == state))
}

#[test]
fn a_stream_is_a_picture_and_then_what_changes_of_it() {
    let site = Site::new(&["zoe", "yan"]);
    let _daemon = site.daemon();
    let mut events = Events::of(&site.socket, "/v1/stream");
    let (name, first) = events.next().unwrap();
    // The range lies between ports that the kernel gave: other tests' servers may listen there.
    let declared = first["instances"].as_array().unwrap().iter().filter(|row| row["wish"] != "none").count();
    assert_eq!((name.as_str(), &first["sequence"], declared), ("snapshot", &json!(1), 2));
    let whole = get(&site.socket, "/v1/snapshot");
    assert_eq!((&first["range"], &first["host"]), (&whole["range"], &whole["host"]));
    assert_eq!(ask(&site.socket, "POST", "/v1/instances/zoe/start", "").status, 200);
    let mut number = 1;
    let changes = events.until("zoe runs", |name, value| {
        number += 1;
        assert_eq!((name, &value["sequence"]), ("changes", &json!(number)), "none is left out");
        tells(value, "zoe", "running")
    });
    let row = changes["instances"].as_array().unwrap().iter().find(|row| row["id"] == "zoe").unwrap().clone();
    // Whole rows: every key but the one that moves without a change.
    let mut keys: Vec<_> = site.instance("zoe").as_object().unwrap().keys().cloned().collect();
    keys.retain(|key| !["env_file", "disk", "limits", "announced", "service"].contains(&key.as_str()));
    assert_eq!(row.as_object().unwrap().keys().cloned().collect::<Vec<_>>(), keys);
    assert!(row["health"].get("checked_at").is_none());
    assert!(!tells(&changes, "yan", "stopped"), "who did not change is not told: {changes:#}");
    std::fs::remove_dir_all(site.tree.path().join("users/yan")).unwrap();
    events.until("yan is gone", |_, value| value["removed"].as_array().is_some_and(|ids| ids.contains(&json!("yan"))));
}

#[test]
fn a17_who_takes_nothing_costs_nobody_else_anything() {
    let site = Site::new(&["zoe"]);
    let daemon = site.daemon();
    // Twenty who ask for everything, over and over, and take nothing of it.
    let stuck: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = connect(&site.socket);
            stream.set_nonblocking(true).unwrap();
            let request = "GET /v1/snapshot HTTP/1.1\r\nHost: berth\r\n\r\n".repeat(500);
            let _ = stream.write(request.as_bytes());
            let _ = stream.write(b"GET /v1/stream HTTP/1.1\r\nHost: berth\r\n\r\n");
            stream
        })
        .collect();
    let mut events = Events::of(&site.socket, "/v1/stream");
    for (verb, state) in [("start", "running"), ("stop", "stopped"), ("start", "running")] {
        assert_eq!(ask(&site.socket, "POST", &format!("/v1/instances/zoe/{verb}"), "").status, 200);
        events.until(state, |_, value| tells(value, "zoe", state));
    }
    let memory = |pid: i64| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap()
    };
    assert!(memory(daemon.pid()) < 150 * 1024, "{} kB: nothing is queued for who takes nothing", memory(daemon.pid()));
    // And they are given up: their connections end though they go on to say nothing.
    for mut stream in stuck {
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(super::api::PATIENCE)).unwrap();
        // The daemon has let go when nothing more comes; it may take its patience and the head's.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read(&mut [0; 16]);
    }
    assert_eq!(get(&site.socket, "/health")["status"], "ok");
}

#[test]
fn a_log_is_read_and_followed() {
    let site = Site::new(&["zoe"]);
    let _daemon = site.daemon();
    let log = site.tree.path().join("users/zoe/logs/server.log");
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    std::fs::write(&log, "INFO one\nWARN two\n").unwrap();
    let lines = get(&site.socket, "/v1/instances/zoe/logs?lines=1");
    assert_eq!((&lines["lines"][0]["text"], &lines["lines"][0]["level"]), (&json!("WARN two"), &json!("warn")), "{lines:#}");
    let mut events = Events::of(&site.socket, "/v1/instances/zoe/default/logs?follow=1&lines=5");
    let mut told = Vec::new();
    let mut has = |events: &mut Events, text: &str| {
        events.until(text, |_, value| {
            let lines = value["lines"].as_array().unwrap().iter();
            told.extend(lines.filter(|line| line["mark"] == false).map(|line| line["text"].as_str().unwrap().to_owned()));
            told.iter().any(|line: &String| line.starts_with(text))
        });
    };
    has(&mut events, "WARN two");
    let mut file = std::fs::OpenOptions::new().append(true).open(&log).unwrap();
    file.write_all(b"half").unwrap();
    file.write_all(b" a line\nERROR three \x1b[2J\n").unwrap();
    has(&mut events, "ERROR three");
    assert_eq!(told[..3], ["INFO one", "WARN two", "half a line"]);
    assert!(!events.read.contains('\u{1b}'));
    assert_eq!(ask(&site.socket, "GET", "/v1/instances/nobody/logs", "").status, 404);
}

#[test]
fn the_numbers_are_the_pictures() {
    let site = Site::new(&["zoe", "yan"]);
    let _daemon = site.daemon();
    assert_eq!(ask(&site.socket, "POST", "/v1/instances/zoe/start", "").status, 200);
    let metrics = || ask(&site.socket, "GET", "/metrics", "");
    until("it is counted", || metrics().text.contains("berth_instances{state=\"running\"} 1\n"));
    let told = metrics();
    assert!(told.head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{}", told.head);
    assert!(told.text.contains("berth_instance_up{instance=\"yan\",owner=\"yan\"} 0\n") && told.text.ends_with("# EOF\n"));
    let line = told.text.lines().find(|line| line.starts_with("berth_instance_memory_bytes{instance=\"zoe\"")).unwrap();
    assert!(line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() > 1e6, "{line}");
}
