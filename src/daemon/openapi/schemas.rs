//! The form of each answer. What makes them is in `present` and beside the routes; tests hold the two together.
//!
//! It must never be what is answered: nothing is made from it but the document.

#![expect(dead_code, reason = "what has a form is described here, and made elsewhere")]

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::instance::{Finding, Instance};
use super::words::{EventWord, KindWord, LevelWord, RoleWord, StateWord, Time, VerbWord};
use crate::daemon::routes::LONGEST_REASON;

/// All instances, as `berth ls --json`.
#[derive(JsonSchema)]
pub struct Snapshot {
    /// The version of this form.
    schema: u32,
    host: String,
    taken_at: Time,
    range: Range,
    instances: Vec<Instance>,
    findings: Vec<Finding>,
    totals: Totals,
    /// How it goes with those who are told of events; for admins, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    notified: Option<Vec<Notified>>,
}

/// One `[[notify]]`, since the daemon began.
#[derive(JsonSchema)]
pub struct Notified {
    /// An address without its path, or a program without its arguments.
    to: String,
    /// Whether the last that was to be told was not.
    failing: bool,
    told: u64,
    told_at: Option<Time>,
    failed: u64,
    failed_at: Option<Time>,
    /// Why the last that failed did.
    why: Option<String>,
    /// How many events were told of as a number only, or not at all.
    dropped: u64,
}

/// Ports, both included.
#[derive(JsonSchema)]
pub struct Range {
    first: u16,
    last: u16,
}

/// The counts.
#[derive(JsonSchema)]
pub struct Totals {
    instances: u64,
    running: u64,
    conflicts: u64,
    findings: ByLevel,
}

/// The findings, by how bad they are.
#[derive(JsonSchema)]
pub struct ByLevel {
    error: u64,
    warning: u64,
    note: u64,
}

/// One instance and everything known about it, as `berth show ID --json`.
#[derive(JsonSchema)]
pub struct Shown {
    schema: u32,
    instance: Instance,
}

/// Who asks, and what that one has.
#[derive(JsonSchema)]
pub struct Me {
    schema: u32,
    uid: u32,
    user: String,
    role: RoleWord,
    /// Whether nothing can be changed from here.
    read_only: bool,
    instances: Vec<Instance>,
}

/// The ports of one owner's instances.
#[derive(JsonSchema)]
pub struct Ports {
    schema: u32,
    owner: String,
    ports: Vec<Port>,
}

/// Of one instance.
#[derive(JsonSchema)]
pub struct Port {
    id: String,
    port: Option<u16>,
    state: StateWord,
}

/// The end of a log.
#[derive(JsonSchema)]
pub struct Log {
    schema: u32,
    id: String,
    lines: Vec<Line>,
    /// Why there is none, or not all.
    notice: Option<String>,
}

/// A line of a log.
#[derive(JsonSchema)]
pub struct Line {
    number: u64,
    at: Option<Time>,
    /// `error`, `warn`, `info` or `debug`.
    level: Option<String>,
    /// berth's own: the file was rotated, emptied, or lines were left out.
    mark: bool,
    text: String,
}

/// What was added to a log.
#[derive(JsonSchema)]
pub struct Lines {
    lines: Vec<Line>,
    /// There are further ones already, which come with the next event.
    more: bool,
    /// How many were left out, because the reader was slow.
    passed: u64,
    notice: Option<String>,
}

/// What happened and what was done, as `berth events --json`.
#[derive(JsonSchema)]
pub struct Events {
    schema: u32,
    events: Vec<Event>,
}

/// What came since.
#[derive(JsonSchema)]
pub struct NewEvents {
    events: Vec<Event>,
}

/// One of them.
#[derive(JsonSchema)]
pub struct Event {
    number: i64,
    at: Time,
    kind: EventWord,
    level: LevelWord,
    id: Option<String>,
    finding: Option<String>,
    sentence: String,
    action: Option<Action>,
}

/// Who did what.
#[derive(JsonSchema)]
pub struct Action {
    verb: String,
    by: String,
    uid: u32,
    reason: Option<String>,
    ended_at: Option<Time>,
    done: Option<bool>,
    result: Option<String>,
}

/// What came of an order.
#[derive(JsonSchema)]
pub struct Acted {
    schema: u32,
    results: Vec<Outcome>,
}

/// Of one instance.
#[derive(JsonSchema)]
pub struct Outcome {
    id: String,
    verb: VerbWord,
    done: bool,
    /// As the command would exit.
    exit_code: u8,
    sentence: String,
    hints: Vec<String>,
    log_lines: Vec<String>,
}

/// Why it is not answered, or what an order failed of.
#[derive(JsonSchema)]
pub struct Refused {
    schema: u32,
    error: Fault,
    /// Of an order that was begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<Vec<Outcome>>,
}

/// The error.
#[derive(JsonSchema)]
pub struct Fault {
    kind: KindWord,
    message: String,
    /// The way out.
    hint: Option<String>,
    /// As a command would exit.
    exit_code: u8,
}

/// Whether the engine looks.
#[derive(JsonSchema)]
pub struct Alive {
    schema: u32,
    /// `ok`, or `stale` where the newest picture is old.
    status: String,
    picture_age_ms: u64,
    serving_s: u64,
    version: String,
}

/// The first event of a stream, and whenever the whole has to be told anew.
#[derive(JsonSchema)]
pub struct Picture {
    schema: u32,
    /// One more with each event.
    sequence: u64,
    host: String,
    taken_at: Time,
    range: Range,
    instances: Vec<Instance>,
    findings: Vec<Finding>,
    totals: Totals,
}

/// What changed: whole rows.
#[derive(JsonSchema)]
pub struct Changes {
    sequence: u64,
    taken_at: Time,
    instances: Vec<Instance>,
    /// The ids of those that are gone.
    removed: Vec<String>,
    /// All of them, if any changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<Vec<Finding>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    totals: Option<Totals>,
}

/// That the reader was too slow: the whole picture follows.
#[derive(JsonSchema)]
pub struct Resync {
    sequence: u64,
    why: String,
}

/// The body of an order; it may be left out.
pub struct Reason;

impl JsonSchema for Reason {
    fn schema_name() -> Cow<'static, str> {
        "Reason".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "Why, for the audit trail.",
            "properties": { "reason": { "type": ["string", "null"], "maxLength": LONGEST_REASON } },
            "additionalProperties": false,
        })
    }
}
