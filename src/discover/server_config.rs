//! The guide's `config.json`: port, host, serverName, workspace. Everything else in it is the server's own.
//!
//! It must never guess a port: what is not exactly a port is a fault with its line.

use std::net::IpAddr;

use serde::Deserialize;
use serde_json::Value;

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
}

/// Reads a `config.json`. What could be read is returned beside the fault, so that the row keeps its port where it has one.
pub fn read(text: &str) -> (ServerConfig, Option<Fault>) {
    let mut config = ServerConfig::default();
    if text.trim().is_empty() {
        return (config, Some(Fault { line: Some(1), column: None, reason: "the file is empty".to_owned() }));
    }
    let map: Fields = match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
        Ok(fields) => fields,
        Err(error) if error.is_data() && !text.trim_start().starts_with('{') => {
            return (config, Some(Fault { line: Some(1), column: None, reason: "it must be an object in braces".to_owned() }));
        }
        Err(error) => {
            let (line, column) = (u32::try_from(error.line()).ok(), u32::try_from(error.column()).ok());
            let whole = error.to_string();
            let reason = whole.split(" at line ").next().unwrap_or(&whole).to_owned();
            let reason = if error.is_data() { reason } else { format!("it is not JSON: {reason}") };
            return (config, Some(Fault { line, column, reason }));
        }
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
    if let Some(workspace) = &config.workspace
        && !workspace.starts_with('/')
    {
        faults.push(at(text, "workspace", "workspace must be an absolute path".to_owned()));
        config.workspace = None;
    }
    (config, faults.into_iter().next())
}

/// A fault at the line of a key.
fn at(text: &str, key: &str, reason: String) -> Fault {
    let needle = format!("\"{key}\"");
    let place = text.lines().enumerate().find_map(|(index, line)| line.find(&needle).map(|column| (index + 1, column + 1)));
    let (line, column) = place.map_or((None, None), |(line, column)| (u32::try_from(line).ok(), u32::try_from(column).ok()));
    Fault { line, column, reason }
}
