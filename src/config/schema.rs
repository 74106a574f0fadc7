//! Every key that a configuration may have, with its kind and default: the one table behind reading, refusing and describing.
//!
//! It must never know how a file is read.

use super::value::Kind;

const SUPERVISORS: &[&str] = &["process", "systemd", "docker", "pm2"];
const RESTARTS: &[&str] = &["no", "on-failure", "always"];
const STRATEGIES: &[&str] = &["registry", "static", "uid", "name-hash", "block"];
const VERBS: &[&str] = &["start", "stop", "restart", "logs"];

/// One key: its table and name, its kind, its default as TOML (empty: none).
pub struct Key {
    /// The table; `template.*` is any template.
    pub table: &'static str,
    /// The name in the table.
    pub name: &'static str,
    /// What its value must be.
    pub kind: Kind,
    /// The default as a TOML value; empty when there is none.
    pub default: &'static str,
}

const fn key(table: &'static str, name: &'static str, kind: Kind, default: &'static str) -> Key {
    Key { table, name, kind, default }
}

/// Every key but those of `[[discover]]` and the free ones of `environment`.
pub const KEYS: &[Key] = &[
    key("ports", "range", Kind::Range, "\"8080-9080\""),
    key("ports", "strategy", Kind::Choice(STRATEGIES), "\"registry\""),
    key("ports", "modulus", Kind::Number(1, 65_535), "1000"),
    key("ports", "block", Kind::Number(1, 65_535), "10"),
    key("ports", "reserved", Kind::Ranges, "[]"),
    key("layout", "base", Kind::Text, "\"/opt/mcp-server\""),
    key("layout", "config", Kind::Pattern, "\"{base}/users/{user}/config/config.json\""),
    key("layout", "workspace", Kind::Pattern, "\"{base}/users/{user}/workspace\""),
    key("layout", "log", Kind::Pattern, "\"{base}/users/{user}/logs/server.log\""),
    key("layout", "pid", Kind::Pattern, "\"{base}/users/{user}/server.pid\""),
    key("layout", "state", Kind::Text, ""),
    key("template.*", "supervisor", Kind::Choice(SUPERVISORS), "\"process\""),
    key("template.*", "command", Kind::Patterns, "[\"node\", \"src/main.js\", \"--config={config}\"]"),
    key("template.*", "directory", Kind::Pattern, "\"/opt/mcp-server\""),
    key("template.*", "host", Kind::Address, "\"127.0.0.1\""),
    key("template.*", "health", Kind::Text, "\"/health\""),
    key("template.*", "probe_key_env", Kind::Texts, "[\"MCP_API_KEY\"]"),
    key("template.*", "env_file", Kind::Pattern, ""),
    key("template.*", "run_as", Kind::Text, ""),
    key("template.*", "start_timeout", Kind::Duration, "\"60s\""),
    key("template.*", "memory_max", Kind::Size, "\"512M\""),
    key("template.*", "cpu_max", Kind::Percent, "\"50%\""),
    key("template.*", "tasks_max", Kind::Number(1, 4_194_304), "256"),
    key("template.*", "log_max", Kind::Size, "\"10M\""),
    key("template.*", "log_keep", Kind::Number(0, 1000), "3"),
    key("template.*", "stop_timeout", Kind::Duration, "\"10s\""),
    key("template.*", "restart", Kind::Choice(RESTARTS), "\"on-failure\""),
    key("access", "admins", Kind::Texts, "[\"root\", \"%sudo\"]"),
    key("access", "viewers", Kind::Texts, "[\"*\"]"),
    key("access", "owners_may", Kind::Choices(VERBS), "[\"start\", \"stop\", \"restart\", \"logs\"]"),
    key("daemon", "socket", Kind::Text, "\"/run/berth/berth.sock\""),
    key("daemon", "http", Kind::Http, "\"off\""),
    key("sampling", "ports", Kind::Duration, "\"100ms\""),
    key("sampling", "processes", Kind::Duration, "\"1s\""),
    key("sampling", "discover", Kind::Duration, "\"2s\""),
];

/// The keys of one `[[discover]]` entry.
pub const DISCOVER_KEYS: &[(&str, Kind)] = &[
    ("config", Kind::Text),
    ("env", Kind::Text),
    ("port_key", Kind::Text),
    ("systemd", Kind::Text),
    ("docker", Kind::Text),
    ("pm2", Kind::Text),
    ("mdns", Kind::Text),
    ("template", Kind::Text),
];

/// The default of `[template.default] environment`.
pub const DEFAULT_ENVIRONMENT: (&str, &str) = ("NODE_ENV", "production");

/// The entries of `[[discover]]` when no file has any.
pub const DEFAULT_DISCOVER: &[(&str, &str)] = &[
    ("config", "/opt/mcp-server/users/*/config/config.json"),
    ("config", "/etc/mcp-server/*/config.json"),
    ("env", "/opt/sdp-mcp/.env.*"),
    ("systemd", "*mcp*.service"),
    ("docker", "*mcp*"),
    ("pm2", "*mcp*"),
];

/// The key of a table by its name. `table` is as written: `template.default`.
pub fn find(table: &str, name: &str) -> Option<&'static Key> {
    let table = general(table);
    KEYS.iter().find(|key| key.table == table && key.name == name)
}

/// The names that a table may have, for the nearest one to a wrong one.
pub fn names_of(table: &str) -> Vec<&'static str> {
    let table = general(table);
    let mut names: Vec<_> = KEYS.iter().filter(|key| key.table == table).map(|key| key.name).collect();
    if table == "template.*" {
        names.push("environment");
    }
    names
}

/// The top-level names.
pub const TABLES: [&str; 7] = ["ports", "layout", "template", "discover", "access", "daemon", "sampling"];

fn general(table: &str) -> &str {
    if table.starts_with("template.") { "template.*" } else { table }
}
