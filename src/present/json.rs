//! The JSON documents of DESIGN section 5. Scripts rely on every key, its order and its spelling.
//!
//! It must never print a number for what is not known: that is null, and `"unknown"` says why.

use std::net::IpAddr;
use std::rc::Rc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::ports::PortFacts;
use super::{health, limits};
use crate::domain::{
    Code, Endpoint, ExitStatus, Finding, HostPart, LastExit, Level, PortRange, Reading, Row, Shown, Snapshot, Standing, State,
};

/// The version of all documents.
pub const SCHEMA: u32 = 1;

/// `berth ls --json`.
pub fn ls(snapshot: &Snapshot) -> Value {
    let mut document = json!({
        "schema": SCHEMA,
        "host": snapshot.host.as_str(),
        "taken_at": timestamp(snapshot.taken.wall),
        "range": range(snapshot.range),
        "instances": null,
        "findings": null,
        "totals": totals(snapshot),
    });
    // Put in afterwards: the macro makes every value that it is given once more.
    document["instances"] = snapshot.rows.iter().map(|row| instance(row)).collect();
    document["findings"] = snapshot.findings.iter().map(finding).collect();
    if let Some(notified) = &snapshot.notified {
        document["notified"] = notified.iter().map(super::notified::json).collect();
    }
    if !snapshot.hosts.is_empty() {
        document["hosts"] = snapshot.hosts.iter().map(host).collect();
    }
    document
}

/// One of several hosts. What an instance's id begins with is its name.
fn host(part: &HostPart) -> Value {
    let why = match &part.standing {
        Standing::Lost { why, .. } => Some(why.as_str()),
        _ => None,
    };
    let taken = (part.picture.sequence > 0).then(|| timestamp(part.picture.taken.wall));
    json!({ "name": &*part.name, "reached": part.is_reached(), "taken_at": taken, "why": why })
}

/// The counts, as they stand in `ls`.
pub fn totals(snapshot: &Snapshot) -> Value {
    json!({
        "instances": snapshot.totals.instances,
        "running": snapshot.totals.in_state(State::Running),
        "conflicts": snapshot.totals.conflicts,
        "findings": {
            "error": level(snapshot, Level::Error),
            "warning": level(snapshot, Level::Warning),
            "note": level(snapshot, Level::Note),
        },
    })
}

/// `berth show ID --json`. The environment file's names are for those who may read it: never is there a value.
pub fn show(row: &Row, snapshot: &Snapshot, may_read: bool) -> Value {
    let mut shown = instance(row);
    shown["env_file"] = row.declared.as_ref().and_then(|declared| declared.env_file.as_ref()).map_or(Value::Null, |file| {
        let known = |names: &[Shown]| may_read.then(|| names.iter().map(ToString::to_string).collect::<Vec<_>>());
        let path = Shown::from_bytes(file.path.as_os_str().as_encoded_bytes());
        json!({ "path": path.as_str(), "variables": known(&file.names), "missing": known(&file.missing), "placeholders": known(&file.untouched) })
    });
    shown["health"] = health::json_in_full(row);
    shown["disk"] = super::disk::json(row, snapshot);
    shown["limits"] = limits::json(row);
    shown["announced"] = super::announced::json_of(&row.id, snapshot);
    shown["service"] = row.service.as_ref().map_or(Value::Null, |service| {
        json!({
            "name": service.name.as_str(),
            "state": service.told.as_str(),
            "result": service.result.as_ref().map(Shown::as_str),
            "since": service.since.map(timestamp),
            "project": service.project.as_ref().map(Shown::as_str),
            "group": service.group.as_ref().map(Shown::as_str),
            "memory_max": service.limits.memory_max,
            "cpu_max": service.limits.cpu_max,
            "tasks_max": service.limits.tasks_max,
        })
    });
    json!({ "schema": SCHEMA, "instance": shown })
}

/// `berth check --json`.
pub fn check(snapshot: &Snapshot) -> Value {
    let mut document = json!({ "schema": SCHEMA, "findings": snapshot.findings.iter().map(finding).collect::<Vec<_>>() });
    if !snapshot.hosts.is_empty() {
        document["hosts"] = snapshot.hosts.iter().map(host).collect();
    }
    document
}

/// `berth ports --json`.
///
/// Written from what there is: as a tree of values a thousand ports take longer than to look at them.
pub fn ports(of: PortRange, facts: &[PortFacts]) -> impl Serialize {
    // Many are given in one go: their time is put into words once.
    let mut last: Option<(Timestamp, Rc<str>)> = None;
    let mut in_words = |at: Timestamp| match &last {
        Some((known, words)) if *known == at => Rc::clone(words),
        _ => Rc::clone(&last.insert((at, timestamp(at).into())).1),
    };
    Ports { schema: SCHEMA, range: range(of), ports: facts.iter().map(|facts| port(facts, &mut in_words)).collect() }
}

#[derive(Serialize)]
struct Ports<'a> {
    schema: u32,
    range: Value,
    ports: Vec<Port<'a>>,
}

#[derive(Serialize)]
struct Port<'a> {
    port: u16,
    state: &'static str,
    instance: Option<String>,
    pid: Option<i32>,
    uid: Option<u32>,
    command: Option<&'a str>,
    listeners: Vec<Place>,
    assigned_at: Option<Rc<str>>,
    assigned_by: Option<&'a str>,
    quarantine: Option<Kept>,
}

#[derive(Serialize)]
struct Kept {
    instance: String,
    until: String,
}

#[derive(Serialize)]
struct Place {
    address: IpAddr,
    port: u16,
    pid: Option<i32>,
}

/// One instance, as it stands in `ls` and `show`.
pub fn instance(row: &Row) -> Value {
    json!({
        "id": row.id.to_string(),
        "owner": row.id.owner(),
        "name": row.id.name(),
        "user": row.user.as_str(),
        "uid": row.uid.0,
        "supervisor": row.supervisor.word(),
        "state": row.state.word(),
        "wish": row.wish.map(|wish| wish.word()),
        "port": row.port,
        "listening": listening(&row.listening),
        "pid": row.main.known().map(|key| key.pid),
        "started_at": row.started_at.map(timestamp),
        "cpu_percent": row.cpu_percent.known().map(one_decimal),
        "memory_bytes": row.memory_bytes.known(),
        "tasks": row.tasks.known(),
        "open_files": row.open_files.known(),
        "restarts": row.restarted().known(),
        "health": health::json(row),
        "exit": row.exit.as_ref().map(exit),
        "unknown": unknown(row),
        "findings": row.findings.iter().map(|code: &Code| code.word()).collect::<Vec<_>>(),
    })
}

/// One finding.
pub fn finding(finding: &Finding) -> Value {
    json!({
        "code": finding.code.word(),
        "level": finding.level().word(),
        "instances": finding.instances.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "port": finding.port,
        "pids": finding.processes.iter().map(|key| key.pid).collect::<Vec<_>>(),
        "since": timestamp(finding.since),
        "evidence": finding.evidence.as_str(),
        "remedies": finding.remedies.iter().map(|remedy| remedy.word()).collect::<Vec<_>>(),
    })
}

fn port<'facts>(facts: &'facts PortFacts, in_words: &mut impl FnMut(Timestamp) -> Rc<str>) -> Port<'facts> {
    Port {
        port: facts.port,
        state: facts.state.json_word(),
        instance: facts.instance.as_ref().map(ToString::to_string),
        pid: facts.pid,
        uid: facts.uid.map(|uid| uid.0),
        command: facts.command.as_ref().map(Shown::as_str),
        listeners: listening(&facts.listeners),
        assigned_at: facts.assigned.as_ref().map(|(at, _)| in_words(*at)),
        assigned_by: facts.assigned.as_ref().map(|(_, by)| by.as_str()),
        quarantine: facts.quarantine.as_ref().map(|kept| Kept { instance: kept.of.to_string(), until: timestamp(kept.until) }),
    }
}

fn range(range: PortRange) -> Value {
    json!({ "first": range.first, "last": range.last })
}

fn listening(places: &[(Endpoint, Option<i32>)]) -> Vec<Place> {
    places.iter().map(|(endpoint, pid)| Place { address: endpoint.address, port: endpoint.port, pid: *pid }).collect()
}

fn exit(last: &LastExit) -> Value {
    let (code, signal) = match last.status {
        ExitStatus::Code(code) => (Some(code), None),
        ExitStatus::Signal(signal) => (None, Some(signal)),
        ExitStatus::Unknown => (None, None),
    };
    json!({ "code": code, "signal": signal, "at": timestamp(last.at), "over_memory": last.over_memory })
}

/// Why what is null is null. What does not apply (the pid of what does not run) is not unknown.
fn unknown(row: &Row) -> Value {
    let mut reasons = Map::new();
    let mut add = |key: &str, why: Option<&str>| {
        if let Some(why) = why {
            reasons.insert(key.to_owned(), Value::from(why));
        }
    };
    let applies = row.state.is_up() || row.state == State::Unknown;
    add("state", (row.state == State::Unknown).then(|| row.why.as_ref().map_or("denied", |why| why.as_str())));
    add("wish", row.wish.is_none().then_some("denied"));
    add("port", row.own_port().why_unknown().filter(|_| row.own_port() == Reading::Denied));
    add("restarts", row.restarted().why_unknown());
    add("listening", (row.state == State::Unknown).then_some("denied"));
    add("started_at", (row.started_at.is_none() && row.main == Reading::Denied).then_some("denied"));
    add("exit", (row.wish.is_none() && row.exit.is_none() && !row.state.is_up()).then_some("denied"));
    add("pid", why(row.main, applies));
    add("cpu_percent", why(row.cpu_percent, applies));
    add("memory_bytes", why(row.memory_bytes, applies));
    add("tasks", why(row.tasks, applies));
    add("open_files", why(row.open_files, applies));
    Value::Object(reasons)
}

fn why<T>(reading: Reading<T>, applies: bool) -> Option<&'static str> {
    reading.why_unknown().filter(|_| applies)
}

fn level(snapshot: &Snapshot, level: Level) -> usize {
    snapshot.totals.findings.get(&level).copied().unwrap_or(0)
}

/// RFC 3339 in UTC, always with three digits after the second: "2026-11-21T03:12:04.120Z".
pub fn timestamp(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn one_decimal(percent: f32) -> f64 {
    (f64::from(percent) * 10.0).round() / 10.0
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
