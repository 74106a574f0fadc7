//! The form of an instance and of all that is told of one. What makes it is `present::json`; a test holds the two together.
//!
//! It must never be what is answered: nothing is made from it but the document.

#![expect(dead_code, reason = "what has a form is described here, and made elsewhere")]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

use super::words::{CodeWord, HealthWord, LevelWord, StateWord, SupervisorWord, Time, WishWord};

/// An instance. What is not known is null, and `unknown` says why. What is not required stands in the answer about one instance only.
#[derive(JsonSchema)]
pub struct Instance {
    /// `OWNER` or `OWNER/NAME`.
    id: String,
    owner: String,
    name: String,
    /// The account that it runs as.
    user: String,
    uid: u32,
    supervisor: SupervisorWord,
    state: StateWord,
    wish: Option<WishWord>,
    /// The assigned port, else the configured, else the published, else the one that is listened on.
    port: Option<u16>,
    listening: Vec<Place>,
    /// The server's own process.
    pid: Option<i32>,
    started_at: Option<Time>,
    /// Of one core.
    cpu_percent: Option<f64>,
    /// Of the whole process tree.
    memory_bytes: Option<u64>,
    tasks: Option<u64>,
    open_files: Option<u64>,
    restarts: Option<u64>,
    health: Health,
    exit: Option<Exit>,
    /// Why what is null is not known.
    unknown: BTreeMap<String, String>,
    findings: Vec<CodeWord>,
    /// Where a client connects; in `/v1/me` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    env_file: Option<EnvFile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disk: Option<Disk>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<Limits>,
    /// What it announces by mDNS; null where nobody listened.
    #[serde(skip_serializing_if = "Option::is_none")]
    announced: Option<Vec<Announced>>,
    /// What its supervisor says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<Service>,
}

/// A place that is listened on.
#[derive(JsonSchema)]
pub struct Place {
    address: String,
    port: u16,
    pid: Option<i32>,
}

/// How it ended last.
#[derive(JsonSchema)]
pub struct Exit {
    code: Option<i32>,
    signal: Option<i32>,
    at: Time,
    /// The bytes that it was ended for having reached.
    over_memory: Option<u64>,
}

/// What it answers.
#[derive(JsonSchema)]
pub struct Health {
    state: HealthWord,
    latency_ms: Option<u32>,
    /// Not in a stream: that it was asked again is no change.
    #[serde(skip_serializing_if = "Option::is_none")]
    checked_at: Option<Time>,
    server: Option<Server>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    percentiles_ms: Option<Percentiles>,
    /// The last answers; null where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    course_ms: Option<Vec<Option<u32>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Certificate>,
    /// What it counts of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<BTreeMap<String, Value>>,
}

/// So many of a hundred answers came within that.
#[derive(JsonSchema)]
pub struct Percentiles {
    p50: Option<u32>,
    p95: Option<u32>,
    p99: Option<u32>,
}

/// What a server says of itself.
#[derive(JsonSchema)]
pub struct Server {
    name: Option<String>,
    version: Option<String>,
    /// The revision of MCP.
    protocol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    era: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capabilities: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wants_key: Option<bool>,
}

/// By which certificate it is known.
#[derive(JsonSchema)]
pub struct Certificate {
    sha256: String,
    ends_at: Option<Time>,
    known_sha256: Option<String>,
    known_since: Option<Time>,
}

/// Its environment file; names only, and only for those who may read it.
#[derive(JsonSchema)]
pub struct EnvFile {
    path: String,
    variables: Option<Vec<String>>,
    missing: Option<Vec<String>>,
    placeholders: Option<Vec<String>>,
}

/// What it takes on the disks.
#[derive(JsonSchema)]
pub struct Disk {
    log_bytes: Option<u64>,
    log_file_bytes: Option<u64>,
    log_max_bytes: Option<u64>,
    log_keep: Option<u32>,
    rotated: u32,
    workspace_bytes: Option<u64>,
    growth_bytes_per_second: Option<i64>,
    counted_at: Time,
    file_systems: Vec<FileSystem>,
    unknown: BTreeMap<String, String>,
}

/// Where its log and its workspace lie.
#[derive(JsonSchema)]
pub struct FileSystem {
    mounted_on: String,
    r#type: String,
    total_bytes: u64,
    used_bytes: u64,
    free_bytes: u64,
    filling_bytes_per_second: Option<i64>,
    full_in_seconds: Option<u64>,
}

/// What it may take.
#[derive(JsonSchema)]
pub struct Limits {
    configured: Option<Configured>,
    in_force: Option<InForce>,
}

/// As it is configured.
#[derive(JsonSchema)]
pub struct Configured {
    memory_max: Option<u64>,
    cpu_max_percent: Option<u32>,
    tasks_max: Option<u64>,
}

/// As the kernel has it.
#[derive(JsonSchema)]
pub struct InForce {
    group: Option<String>,
    memory: Option<MemoryLimit>,
    cpu: Option<CpuLimit>,
    tasks: Option<Limit>,
    open_files: Limit,
    ulimit_m_without_effect: Option<u64>,
}

/// Of memory.
#[derive(JsonSchema)]
pub struct MemoryLimit {
    max: u64,
    now: Option<u64>,
    percent: Option<u64>,
    oom_kills: Option<u64>,
}

/// Of one core.
#[derive(JsonSchema)]
pub struct CpuLimit {
    max_percent: f64,
    percent: Option<u64>,
    throttled_seconds: Option<f64>,
}

/// Of anything that is counted.
#[derive(JsonSchema)]
pub struct Limit {
    max: Option<u64>,
    now: Option<u64>,
    percent: Option<u64>,
}

/// What is announced by mDNS.
#[derive(JsonSchema)]
pub struct Announced {
    name: String,
    r#type: String,
    host: String,
    addresses: Vec<String>,
    port: u16,
    txt: BTreeMap<String, Option<String>>,
    txt_left_out: bool,
    here: bool,
    instance: Option<String>,
}

/// What a supervisor tells.
#[derive(JsonSchema)]
pub struct Service {
    name: String,
    state: String,
    result: Option<String>,
    since: Option<Time>,
    project: Option<String>,
    group: Option<String>,
    memory_max: Option<u64>,
    cpu_max: Option<u32>,
    tasks_max: Option<u64>,
}

/// Something that is wrong, or may be.
#[derive(JsonSchema)]
pub struct Finding {
    code: CodeWord,
    level: LevelWord,
    instances: Vec<String>,
    port: Option<u16>,
    /// The processes in the way.
    pids: Vec<i32>,
    since: Time,
    evidence: String,
    /// What berth can do about it.
    remedies: Vec<String>,
}
