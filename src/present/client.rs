//! How an MCP client reaches an instance: its URL, and the entry for each client's configuration file.
//!
//! It must never hold a secret: where one is needed, the entry names a variable or leaves a place for it. Every key is spelt as that
//! client reads it; Claude Code silently drops an entry without `type` (claude-code#73885).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use super::quote;
use crate::domain::{HealthState, Row, is_secret};

/// The variable that holds the credentials, where the instance's environment names none.
const KEY: &str = "MCP_API_KEY";

/// The path of the streamable HTTP endpoint that servers use unless told otherwise.
const PATH: &str = "/mcp";

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
    /// The variable that holds the credentials; `None` when it wants none, as far as is known.
    pub key: Option<String>,
}

impl Access {
    /// To a row; `None` when it has no port.
    pub fn of(row: &Row) -> Option<Self> {
        Some(Self { name: name(row), url: url(row)?, key: key(row) })
    }
}

/// `http://127.0.0.1:8101/mcp`.
pub fn url(row: &Row) -> Option<String> {
    let port = row.port?;
    let listening = || row.listening.iter().find(|(endpoint, _)| endpoint.port == port).map(|(endpoint, _)| endpoint.address);
    Some(url_at(row.host.or_else(listening), port))
}

/// The same where there is no row yet. Nobody connects to "everywhere": on this host that is the loopback of the same family.
pub fn url_at(host: Option<IpAddr>, port: u16) -> String {
    let host = match host {
        Some(IpAddr::V6(address)) if address.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        Some(address) if !address.is_unspecified() => address,
        _ => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    format!("http://{}{PATH}", std::net::SocketAddr::new(host, port))
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
    // A server's environment also holds what it needs itself elsewhere; only what is named for MCP is its own.
    let named = names.into_iter().find(|name| is_secret(name) && name.contains("MCP")).map(str::to_owned);
    named.or_else(|| (row.health.state == HealthState::Guarded).then(|| KEY.to_owned()))
}

/// The entry.
pub fn snippet(client: Client, access: &Access) -> String {
    let Access { name, url, key } = access;
    let bearer = |reference: String| json!({ "Authorization": format!("Bearer {reference}") });
    match client {
        Client::ClaudeCode => {
            let header = key.as_ref().map(|key| format!("Authorization: Bearer ${{{key}}}"));
            let mut words = vec!["claude", "mcp", "add", "--transport", "http", name, url];
            if let Some(header) = &header {
                words.extend(["--header", header]);
            }
            quote::line(words)
        }
        Client::ClaudeCodeFile => {
            let entry = with(json!({ "type": "http", "url": url }), "headers", key.as_ref().map(|key| bearer(format!("${{{key}}}"))));
            document("mcpServers", name, entry)
        }
        Client::VsCode => {
            let entry = json!({ "type": "http", "url": url });
            let Some(key) = key else { return document("servers", name, entry) };
            let entry = with(entry, "headers", Some(bearer(format!("${{input:{key}}}"))));
            let input = json!({ "type": "promptString", "id": key, "description": format!("The key of {name}"), "password": true });
            pretty(&json!({ "inputs": [input], "servers": { name: entry } }))
        }
        Client::Cursor => {
            let entry = with(json!({ "url": url }), "headers", key.as_ref().map(|key| bearer(format!("${{env:{key}}}"))));
            document("mcpServers", name, entry)
        }
        Client::ClaudeDesktop => {
            let mut arguments = vec!["-y", "mcp-remote", url.as_str()];
            if key.is_some() {
                arguments.extend(["--header", "Authorization:${AUTHORIZATION}"]);
            }
            let environment = key.as_ref().map(|key| json!({ "AUTHORIZATION": format!("Bearer <{key}>") }));
            document("mcpServers", name, with(json!({ "command": "npx", "args": arguments }), "env", environment))
        }
        Client::Codex => {
            let mut text = format!("[mcp_servers.{name}]\nurl = {}\n", json!(url));
            if let Some(key) = key {
                text.push_str(&format!("bearer_token_env_var = {}\n", json!(key)));
            }
            text
        }
        Client::Other => {
            let entry = with(json!({ "type": "http", "url": url }), "headers", key.as_ref().map(|key| bearer(format!("<{key}>"))));
            document("mcpServers", name, entry)
        }
    }
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
mod tests {
    use super::*;
    use crate::present::fleet::fleet;

    fn access(key: Option<&str>) -> Access {
        Access { name: "bob-tools".to_owned(), url: "http://127.0.0.1:8102/mcp".to_owned(), key: key.map(str::to_owned) }
    }

    #[test]
    fn the_url_is_one_that_can_be_reached() {
        let mut row = (*fleet().rows[0]).clone();
        for (host, expected) in [
            (Some("127.0.0.1"), "http://127.0.0.1:8101/mcp"),
            (Some("0.0.0.0"), "http://127.0.0.1:8101/mcp"),
            (Some("::"), "http://[::1]:8101/mcp"),
            (Some("192.0.2.7"), "http://192.0.2.7:8101/mcp"),
            (None, "http://127.0.0.1:8101/mcp"),
        ] {
            row.host = host.map(|host| host.parse().unwrap());
            assert_eq!(url(&row).as_deref(), Some(expected));
        }
        row.port = None;
        assert_eq!(Access::of(&row), None);
    }

    #[test]
    fn a_name_is_plain_and_guarded_ones_want_a_key() {
        let fleet = fleet();
        let tools = Access::of(&fleet.rows[1]).unwrap();
        assert_eq!((tools.name.as_str(), tools.key), ("bob-tools", None));
        assert_eq!(Access::of(&fleet.rows[3]).unwrap().key.as_deref(), Some("MCP_API_KEY"), "dave answers 401");
    }

    #[test]
    fn every_entry_is_what_its_client_reads() {
        let json = |client, key| serde_json::from_str::<Value>(&snippet(client, &access(key))).unwrap();
        let url = "http://127.0.0.1:8102/mcp";
        assert_eq!(snippet(Client::ClaudeCode, &access(None)), format!("claude mcp add --transport http bob-tools {url}"));
        assert_eq!(
            snippet(Client::ClaudeCode, &access(Some("K"))),
            format!("claude mcp add --transport http bob-tools {url} --header 'Authorization: Bearer ${{K}}'")
        );
        assert_eq!(json(Client::ClaudeCodeFile, None), json!({ "mcpServers": { "bob-tools": { "type": "http", "url": url } } }));
        assert_eq!(json(Client::ClaudeCodeFile, Some("K"))["mcpServers"]["bob-tools"]["headers"]["Authorization"], "Bearer ${K}");
        assert_eq!(json(Client::VsCode, None), json!({ "servers": { "bob-tools": { "type": "http", "url": url } } }));
        let code = json(Client::VsCode, Some("K"));
        assert_eq!(code["servers"]["bob-tools"]["headers"]["Authorization"], "Bearer ${input:K}");
        assert_eq!((&code["inputs"][0]["id"], &code["inputs"][0]["password"]), (&json!("K"), &json!(true)));
        assert_eq!(json(Client::Cursor, None), json!({ "mcpServers": { "bob-tools": { "url": url } } }), "Cursor knows no type");
        assert_eq!(json(Client::Cursor, Some("K"))["mcpServers"]["bob-tools"]["headers"]["Authorization"], "Bearer ${env:K}");
        let desktop = json(Client::ClaudeDesktop, Some("K"));
        assert_eq!(desktop["mcpServers"]["bob-tools"]["command"], "npx", "its file knows no URL");
        assert_eq!(desktop["mcpServers"]["bob-tools"]["args"][4], "Authorization:${AUTHORIZATION}");
        assert_eq!(snippet(Client::Codex, &access(None)), format!("[mcp_servers.bob-tools]\nurl = \"{url}\"\n"));
        assert!(snippet(Client::Codex, &access(Some("K"))).ends_with("bearer_token_env_var = \"K\"\n"));
        assert_eq!(json(Client::Other, None)["mcpServers"]["bob-tools"]["type"], "http");
    }
}
