//! The table of restart-pending. It must never need a file: what was found on disk is given.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{Code, Part, Program, ReadBy, Remedy, Salt, Settings};
use crate::judge::testing::{Host, findings, id, key, wall};

/// Seconds before now.
fn ago(seconds: i64) -> Timestamp {
    wall() - SignedDuration::from_secs(seconds)
}

fn part(name: &str, read_by: ReadBy, changed: Timestamp, values: &[(&str, &str)]) -> Part {
    let mut part = Part::new(name, read_by);
    (part.modified, part.changed) = (Some(changed), Some(changed));
    for (key, value) in values {
        part.add(Salt::new("boot", "alice"), key, value);
    }
    part
}

fn config(changed: Timestamp, values: &[(&str, &str)]) -> Settings {
    Settings { parts: vec![part("config.json", ReadBy::Server, changed, values).complete()], programs: Vec::new() }
}

fn program(changed: Timestamp, inode: u64) -> Program {
    Program { path: "src/main.js".to_owned(), modified: changed, changed, size: 10, inode }
}

/// alice's instance, started 100 seconds ago with `before`, as it is now declared with `now`.
fn evidence(before: Option<Settings>, now: Settings) -> Vec<String> {
    let mut host = Host::new();
    host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 9_899, Some("127.0.0.1:8081"));
    let claim = host.claim("alice");
    claim.started_at = Some(ago(100));
    claim.started_with = before.map(Arc::new);
    host.redeclare("alice", |declared| declared.settings = Arc::new(now));
    let snapshot = host.judge();
    for finding in snapshot.findings.iter().filter(|finding| finding.code == Code::RestartPending) {
        assert_eq!((&finding.remedies[..], finding.processes[0]), (&[Remedy::Restart][..], key(9_900)));
        assert_eq!(finding.instances, [id("alice")]);
    }
    findings(&snapshot, Code::RestartPending).into_iter().map(|(_, evidence)| evidence).collect()
}

const OLD: &[(&str, &str)] = &[("API_KEY", "one"), ("port", "8081"), ("serverName", "a")];
const NEW: &[(&str, &str)] = &[("API_KEY", "two"), ("port", "8085"), ("serverName", "a")];

#[test]
fn what_differs_from_the_record_is_told_and_secrets_are_not() {
    let told = evidence(Some(config(ago(500), OLD)), config(ago(10), NEW));
    let expected = "config.json changed at 03:11:54, after alice's instance was started: API_KEY changed (hidden), port 8081 -> 8085";
    assert_eq!(told, [expected]);
}

#[test]
fn recorded_cases() {
    let template = |command: &str| {
        let mut part = part("the template", ReadBy::Berth, ago(0), &[("command", command)]);
        (part.modified, part.changed) = (None, None);
        Settings { parts: vec![part.complete()], programs: Vec::new() }
    };
    let with_program = |changed, inode| Settings { parts: Vec::new(), programs: vec![Arc::new(program(changed, inode))] };
    let cases: [(&str, Settings, Settings, &[&str]); 10] = [
        ("nothing", config(ago(500), OLD), config(ago(500), OLD), &[]),
        ("touched", config(ago(500), OLD), config(ago(10), OLD), &[]),
        ("touched tomorrow", config(ago(500), OLD), config(ago(-90_000), OLD), &[]),
        // The keeper has started the server again since; it has read the file then.
        ("changed before this run", config(ago(900), OLD), config(ago(500), NEW), &[]),
        (
            "changed, with a time ahead of the clock",
            config(ago(500), &[("port", "1")]),
            config(ago(-90_000), &[("port", "2")]),
            &["config.json changed after alice's instance was started: port 1 -> 2"],
        ),
        (
            "the template, which the keeper does not read again",
            template("node a.js"),
            template("node b.js"),
            &["the template changed after alice's instance was started: command \"node a.js\" -> \"node b.js\""],
        ),
        ("a file that came", Settings::default(), config(ago(10), OLD), &["config.json is new since alice's instance was started"]),
        ("a file that went", config(ago(10), OLD), Settings::default(), &["config.json is gone since alice's instance was started"]),
        (
            "another program",
            with_program(ago(500), 7),
            with_program(ago(20), 8),
            &["src/main.js changed at 03:11:44, after alice's instance was started"],
        ),
        ("another program before this run", with_program(ago(500), 7), with_program(ago(200), 8), &[]),
    ];
    for (name, before, now, expected) in cases {
        assert_eq!(evidence(Some(before), now), expected, "{name}");
    }
}

#[test]
fn where_nothing_was_recorded_only_a_newer_time_counts() {
    let programs = |changed| Settings { parts: Vec::new(), programs: vec![Arc::new(program(changed, 7))] };
    let cases: [(&str, Settings, &[&str]); 6] = [
        ("older", config(ago(500), OLD), &[]),
        ("as old as the process", config(ago(100), OLD), &[]),
        (
            "newer",
            config(ago(10), OLD),
            &["config.json changed at 03:11:54, after alice's instance was started; \
               what differs is not known, because berth did not start it"],
        ),
        ("ahead of the clock", config(ago(-3_600), OLD), &[]),
        ("a newer program", programs(ago(20)), &["src/main.js changed at 03:11:44, after alice's instance was started"]),
        ("an older program", programs(ago(2_000)), &[]),
    ];
    for (name, now, expected) in cases {
        assert_eq!(evidence(None, now), expected, "{name}");
    }
}

#[test]
fn an_adopted_process_is_compared_by_its_own_start() {
    let mut host = Host::new();
    host.declare("alice", 1001, "127.0.0.1:8081").process(9_000, 1, 1001, "node main.js").listen(9_000, "127.0.0.1:8081");
    // The record is of a run that is over: what it was started with says nothing of this one.
    host.claim("alice").started_with = Some(Arc::new(config(ago(50), OLD)));
    host.redeclare("alice", |declared| declared.settings = Arc::new(config(ago(500), NEW)));
    let told = findings(&host.judge(), Code::RestartPending);
    assert!(told[0].1.contains("what differs is not known"), "{told:?}");
    host.redeclare("alice", |declared| declared.settings = Arc::new(config(ago(1_500), NEW)));
    assert_eq!(findings(&host.judge(), Code::RestartPending), []);
}

#[test]
fn what_does_not_run_or_cannot_be_started_waits_for_nothing() {
    let mut host = Host::new();
    host.declare("alice", 1001, "127.0.0.1:8081");
    host.redeclare("alice", |declared| declared.settings = Arc::new(config(ago(10), NEW)));
    assert_eq!(findings(&host.judge(), Code::RestartPending), []);
    host.keep("alice", 9_899, Some("127.0.0.1:8081"));
    host.redeclare("alice", |declared| {
        let fault = crate::domain::ConfigFault { file: "/x".into(), line: Some(1), column: None, reason: "broken".into(), denied: false };
        declared.fault = Some(fault);
    });
    assert_eq!(findings(&host.judge(), Code::RestartPending), []);
}

#[test]
fn many_differences_are_counted() {
    let names: Vec<String> = (0..9).map(|number| format!("k{number}")).collect();
    let of = |value: &'static str| names.iter().map(|name| (name.as_str(), value)).collect::<Vec<_>>();
    let told = evidence(Some(config(ago(500), &of("1"))), config(ago(10), &of("2")));
    assert!(told[0].ends_with("k5 1 -> 2, and 3 more"), "{told:?}");
}
