//! How an MCP client reaches an instance: its URL, and the entry for each client's configuration file.
//!
//! It must never hold a secret: where one is needed, the entry names a variable or leaves a place for it. Every key is spelt as that
//! client reads it; Claude Code silently drops an entry without `type` (claude-code#73885).

mod notes;
mod second;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

pub use notes::notes;
pub use second::{Doubt, doubts};

use super::quote;
use crate::domain::{HealthState, Row, is_secret};

/// The variable that holds the credentials, where the instance's environment names none.
const KEY: &str = "MCP_API_KEY";

/// How a server is spoken to, as far as what it is started with tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Streamable HTTP.
    #[default]
    Http,
    /// HTTP with SSE, which MCP has deprecated.
    Sse,
}

impl Transport {
    /// To a row. What is not said is streamable HTTP: it is what a server should speak.
    pub fn of(row: &Row) -> Self {
        let Some(launch) = row.declared.as_ref().and_then(|declared| declared.launch.as_ref()) else { return Self::Http };
        // server-everything's `sse`, the memory service's `--sse`, the service desk's `dist/indexSSE.js` and `start:sse`.
        let is_sse = |word: &String| {
            // The file's own name: a directory above it says nothing of how it speaks.
            let file = word.rsplit('/').next().unwrap_or_default();
            matches!(word.as_str(), "sse" | "--sse") || word.ends_with(":sse") || file.contains("SSE")
        };
        let named = |(name, value): (&str, &str)| name.contains("TRANSPORT") && value.eq_ignore_ascii_case("sse");
        if launch.command.iter().any(is_sse) || launch.environment.iter().any(named) { Self::Sse } else { Self::Http }
    }

    /// As clients' files spell it. `streamable-http` is the registry's word, which not every client takes.
    pub fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Sse => "sse",
        }
    }

    /// The path of the endpoint that servers use unless told otherwise.
    fn path(self) -> &'static str {
        match self {
            Self::Http => "/mcp",
            Self::Sse => "/sse",
        }
    }
}

/// A client that berth writes an entry for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Claude Code, as a command.
    ClaudeCode,
    /// Claude Code's project file.
    ClaudeCodeFile,
    /// Claude Desktop.
    ClaudeDesktop,
    /// Visual Studio Code.
    VsCode,
    /// Cursor.
    Cursor,
    /// Codex.
    Codex,
    /// Any other.
    Other,
}

impl Client {
    /// Every one.
    pub const ALL: [Client; 7] =
        [Client::ClaudeCode, Client::ClaudeCodeFile, Client::ClaudeDesktop, Client::VsCode, Client::Cursor, Client::Codex, Client::Other];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClaudeCode => "Claude Code (command)",
            Self::ClaudeCodeFile => "Claude Code (file)",
            Self::ClaudeDesktop => "Claude Desktop",
            Self::VsCode => "VS Code",
            Self::Cursor => "Cursor",
            Self::Codex => "Codex",
            Self::Other => "another client",
        }
    }

    /// The program's own name, whichever of its ways is meant.
    pub fn program(self) -> &'static str {
        match self {
            Self::ClaudeCode | Self::ClaudeCodeFile => "Claude Code",
            other => other.name(),
        }
    }

    /// Whether its file is JSON; another is TOML.
    pub fn reads_json(self) -> bool {
        !matches!(self, Self::Codex | Self::ClaudeCode)
    }

    /// Where the entry belongs.
    pub fn place(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude mcp add, for a shell",
            Self::ClaudeCodeFile => ".mcp.json in a project",
            Self::ClaudeDesktop => "claude_desktop_config.json, through mcp-remote",
            Self::VsCode => ".vscode/mcp.json in a workspace",
            Self::Cursor => "~/.cursor/mcp.json",
            Self::Codex => "~/.codex/config.toml",
            Self::Other => "JSON, as most clients read it",
        }
    }
}

/// What an entry is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The entry's name.
    pub name: String,
    /// Where it answers.
    pub url: String,
    /// How it is spoken to there.
    pub transport: Transport,
    /// The variable that holds the credentials; `None` when it wants none, as far as is known.
    pub key: Option<String>,
}

impl Access {
    /// To a row; `None` when it has no port.
    pub fn of(row: &Row) -> Option<Self> {
        Some(Self { name: name(row), url: url(row)?, transport: Transport::of(row), key: key(row) })
    }
}

/// `http://127.0.0.1:8101/mcp`.
pub fn url(row: &Row) -> Option<String> {
    let port = row.port?;
    let listening = || row.listening.iter().find(|(endpoint, _)| endpoint.port == port).map(|(endpoint, _)| endpoint.address);
    Some(url_of(speaks_tls(row), row.host.or_else(listening), port, Transport::of(row)))
}

/// The same where there is no row yet. Nobody connects to "everywhere": on this host that is the loopback of the same family.
pub fn url_at(host: Option<IpAddr>, port: u16) -> String {
    url_of(false, host, port, Transport::Http)
}

/// Whether clients have to: what it showed when it was asked, else what its configuration says.
pub fn speaks_tls(row: &Row) -> bool {
    match row.probed.as_ref().filter(|probed| probed.health.checked_at.is_some()) {
        Some(probed) if probed.certificate.is_some() => true,
        Some(probed) if probed.health.latency_ms.is_some() => false,
        _ => row.declared.as_ref().is_some_and(|declared| declared.https),
    }
}

fn url_of(is_tls: bool, host: Option<IpAddr>, port: u16, transport: Transport) -> String {
    let host = match host {
        Some(IpAddr::V6(address)) if address.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        Some(address) if !address.is_unspecified() => address,
        _ => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let scheme = if is_tls { "https" } else { "http" };
    format!("{scheme}://{}{}", std::net::SocketAddr::new(host, port), transport.path())
}

/// The id with nothing in it that a client's file or command could take for something else.
fn name(row: &Row) -> String {
    let safe = |character: char| if character.is_ascii_alphanumeric() || character == '_' { character } else { '-' };
    let name: String = row.id.to_string().chars().map(safe).collect();
    name.trim_matches('-').to_owned()
}

/// The variable that clients need, when the instance is known to want credentials.
fn key(row: &Row) -> Option<String> {
    let launch = row.declared.as_ref().and_then(|declared| declared.launch.as_ref());
    let names = launch.into_iter().flat_map(|launch| launch.environment.names());
    let file = row.declared.as_ref().and_then(|declared| declared.env_file.as_ref());
    let names = names.chain(file.into_iter().flat_map(|file| file.names.iter().map(|name| name.as_str())));
    // A server's environment also holds what it needs itself elsewhere; only what is named for MCP is its own.
    let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let named = names.into_iter().find(|name| is_secret(name) && name.contains("MCP") && plain(name)).map(str::to_owned);
    named.or_else(|| (row.health.state == HealthState::Guarded).then(|| KEY.to_owned()))
}

/// The entry.
pub fn snippet(client: Client, access: &Access) -> String {
    let Access { name, url, transport, key } = access;
    let kind = transport.word();
    let bearer = |reference: String| json!({ "Authorization": format!("Bearer {reference}") });
    let typed = || json!({ "type": kind, "url": url });
    match client {
        Client::ClaudeCode => {
            let header = key.as_ref().map(|key| format!("Authorization: Bearer ${{{key}}}"));
            let mut words = vec!["claude", "mcp", "add", "--transport", kind, name, url];
            if let Some(header) = &header {
                words.extend(["--header", header]);
            }
            quote::line(words)
        }
        Client::ClaudeCodeFile => {
            document("mcpServers", name, with(typed(), "headers", key.as_ref().map(|key| bearer(format!("${{{key}}}")))))
        }
        Client::VsCode => {
            let Some(key) = key else { return document("servers", name, typed()) };
            let entry = with(typed(), "headers", Some(bearer(format!("${{input:{key}}}"))));
            let input = json!({ "type": "promptString", "id": key, "description": format!("The key of {name}"), "password": true });
            pretty(&json!({ "inputs": [input], "servers": { name: entry } }))
        }
        Client::Cursor => {
            let entry = with(json!({ "url": url }), "headers", key.as_ref().map(|key| bearer(format!("${{env:{key}}}"))));
            document("mcpServers", name, entry)
        }
        Client::ClaudeDesktop => {
            // Claude Desktop reads no URL. The header has no space, because it is split at one on Windows: mcp-remote's own advice.
            let arguments = bridge(url, key.as_ref().map(|_| "Authorization:${AUTHORIZATION}".to_owned()));
            let environment = key.as_ref().map(|key| json!({ "AUTHORIZATION": format!("Bearer <{key}>") }));
            document("mcpServers", name, with(json!({ "command": "npx", "args": arguments }), "env", environment))
        }
        Client::Codex if *transport == Transport::Sse => {
            // Codex speaks streamable HTTP only.
            let arguments = bridge(url, key.as_ref().map(|key| format!("Authorization:Bearer ${{{key}}}")));
            let mut text = format!("[mcp_servers.{name}]\ncommand = \"npx\"\nargs = {}\n", json!(arguments));
            if let Some(key) = key {
                text.push_str(&format!("env_vars = {}\n", json!([key])));
            }
            text
        }
        Client::Codex => {
            let mut text = format!("[mcp_servers.{name}]\nurl = {}\n", json!(url));
            if let Some(key) = key {
                text.push_str(&format!("bearer_token_env_var = {}\n", json!(key)));
            }
            text
        }
        Client::Other => document("mcpServers", name, with(typed(), "headers", key.as_ref().map(|key| bearer(format!("<{key}>"))))),
    }
}

/// The arguments of mcp-remote, which joins a client that only starts programs to a server that runs already.
fn bridge(url: &str, header: Option<String>) -> Vec<String> {
    let mut arguments = vec!["-y".to_owned(), "mcp-remote".to_owned(), url.to_owned()];
    if !is_loopback(url) && url.starts_with("http://") {
        // It refuses plain HTTP to any other host.
        arguments.push("--allow-http".to_owned());
    }
    arguments.extend(header.into_iter().flat_map(|header| ["--header".to_owned(), header]));
    arguments
}

/// Whether only this host gets there.
fn is_loopback(url: &str) -> bool {
    let authority = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    authority.starts_with("localhost:") || authority.parse().is_ok_and(|address: std::net::SocketAddr| address.ip().is_loopback())
}

/// An entry with one more key, where there is something for it.
fn with(mut entry: Value, name: &str, value: Option<Value>) -> Value {
    if let Some(value) = value {
        entry[name] = value;
    }
    entry
}

fn document(outer: &str, name: &str, entry: Value) -> String {
    pretty(&json!({ outer: { name: entry } }))
}

/// JSON as a person would write it.
pub fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests;
