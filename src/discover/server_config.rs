//! The guide's `config.json`: port, host, serverName, workspace. Everything else in it is the server's own.
//!
//! It must never guess a port: what is not exactly a port is a fault with its line.

use std::net::IpAddr;

use serde::Deserialize;
use serde_json::Value;

use super::https;

/// What a server's configuration says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerConfig {
    /// Its port.
    pub port: Option<u16>,
    /// Its address; `None` when it names none.
    pub host: Option<IpAddr>,
    /// `serverName`.
    pub server_name: Option<String>,
    /// `workspace`.
    pub workspace: Option<String>,
    /// Whether it speaks TLS; `None` where it does not say.
    pub https: Option<bool>,
}

/// Why it cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: Option<u32>,
    /// The column, from 1.
    pub column: Option<u32>,
    /// The reason and the way out.
    pub reason: String,
}

/// The keys that berth reads. A derived reader refuses one that stands twice: two programs would read two values.
#[derive(Deserialize)]
struct Fields {
    port: Option<Value>,
    host: Option<Value>,
    #[serde(rename = "serverName")]
    server_name: Option<Value>,
    workspace: Option<Value>,
    scheme: Option<Value>,
    https: Option<Value>,
    tls: Option<Value>,
    ssl: Option<Value>,
}

/// Reads a `config.json`. What could be read is returned beside the fault, so that the row keeps its port where it has one.
pub fn read(text: &str) -> (ServerConfig, Option<Fault>) {
    let mut config = ServerConfig::default();
    if text.trim().is_empty() {
        return (config, Some(Fault { line: Some(1), column: None, reason: "the file is empty".to_owned() }));
    }
    let text = text.trim_start_matches('\u{feff}');
    let is_object = text.trim_start().starts_with('{');
    let map: Fields = match serde_json::from_str(text) {
        Ok(fields) if is_object => fields,
        // A derived reader takes an array too, its fields in order.
        Err(error) if is_object || !error.is_data() => return (config, Some(not_json(&error))),
        _ => return (config, Some(Fault { line: Some(1), column: None, reason: "it must be an object in braces".to_owned() })),
    };
    let mut faults = Vec::new();
    match map.port.as_ref() {
        Some(Value::Number(number)) => match number.as_u64().and_then(|number| u16::try_from(number).ok()).filter(|port| *port > 0) {
            Some(port) => config.port = Some(port),
            None => faults.push(at(text, "port", format!("port must be from 1 to 65535, not {number}"))),
        },
        Some(Value::String(_)) => faults.push(at(text, "port", "port must be a number, not a string: take the quotes away".to_owned())),
        Some(_) => faults.push(at(text, "port", "port must be a number".to_owned())),
        None => faults.push(Fault { line: None, column: None, reason: "it has no port".to_owned() }),
    }
    match map.host.as_ref() {
        Some(Value::String(host)) if host == "localhost" => config.host = Some(IpAddr::from([127, 0, 0, 1])),
        Some(Value::String(host)) => match host.parse() {
            Ok(address) => config.host = Some(address),
            Err(_) => faults.push(at(text, "host", format!("host must be an IP address or localhost, not \"{host}\""))),
        },
        Some(_) => faults.push(at(text, "host", "host must be a text in quotes".to_owned())),
        None => {}
    }
    let text_of = |value: &Option<Value>| value.as_ref().and_then(Value::as_str).map(str::to_owned);
    config.server_name = text_of(&map.server_name);
    config.workspace = text_of(&map.workspace);
    config.https = https::of_keys(map.scheme.as_ref(), [map.https.as_ref(), map.tls.as_ref(), map.ssl.as_ref()]);
    if config.workspace.is_none() && map.workspace.is_some() {
        faults.push(at(text, "workspace", "workspace must be a text in quotes".to_owned()));
    }
    if let Some(workspace) = &config.workspace
        && !workspace.starts_with('/')
    {
        faults.push(at(text, "workspace", "workspace must be an absolute path".to_owned()));
        config.workspace = None;
    }
    (config, faults.into_iter().next())
}

fn not_json(error: &serde_json::Error) -> Fault {
    let whole = error.to_string();
    let reason = whole.split(" at line ").next().unwrap_or(&whole).to_owned();
    let reason = if error.is_data() { reason } else { format!("it is not JSON: {reason}") };
    Fault { line: u32::try_from(error.line()).ok(), column: u32::try_from(error.column()).ok(), reason }
}

/// A fault at the line of a key.
fn at(text: &str, key: &str, reason: String) -> Fault {
    let before = key_offset(text, key).and_then(|offset| text.get(..offset));
    let line = before.and_then(|before| u32::try_from(before.matches('\n').count() + 1).ok());
    let column = before.and_then(|before| u32::try_from(before.len() - before.rfind('\n').map_or(0, |end| end + 1) + 1).ok());
    Fault { line, column, reason }
}

/// Where a key of the outermost object stands. The same word deeper inside, or as a value, is the server's own.
fn key_offset(text: &str, key: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut depth, mut index) = (0_usize, 0);
    while index < bytes.len() {
        match bytes[index] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let start = index;
                index += 1;
                while index < bytes.len() && bytes[index] != b'"' {
                    index += if bytes[index] == b'\\' { 2 } else { 1 };
                }
                let is_key = text.get(index + 1..).is_some_and(|after| after.trim_start().starts_with(':'));
                if depth == 1 && is_key && text.get(start + 1..index) == Some(key) {
                    return Some(start);
                }
            }
            _ => {}
        }
        index += 1;
    }
    None
}
