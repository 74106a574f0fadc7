//! What a server says of itself, read from what it sent. Pure.
//!
//! It must never believe a text to be short, harmless or of the right type.

use serde_json::Value;

use crate::domain::{Era, Shown};

/// The revision that is asked for first.
pub const MODERN: &str = "2026-07-28";

/// The last revision that begins with `initialize`.
pub const LEGACY: &str = "2025-11-25";

/// The key under which the modern protocol tells who a server is.
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

/// Errors that only a server of the modern kind answers with: a header that does not match, a capability or a version that is missing.
const MODERN_ERRORS: [i64; 3] = [-32_020, -32_021, -32_022];

/// The longest name, version, or capability that is kept, characters.
const LONGEST: usize = 48;

/// How many capabilities are kept.
const MOST_CAPABILITIES: usize = 12;

/// What was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Its name.
    pub name: Option<Shown>,
    /// Its version.
    pub version: Option<Shown>,
    /// The revision of the protocol.
    pub protocol: Option<Shown>,
    /// What it can do.
    pub capabilities: Vec<Shown>,
}

/// The question of the modern kind.
pub fn discover() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{{"_meta":{{"io.modelcontextprotocol/protocolVersion":"{MODERN}","io.modelcontextprotocol/clientInfo":{{"name":"berth","version":"{version}"}},"io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    )
}

/// The question of the older kind.
pub fn initialize() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{"protocolVersion":"{LEGACY}","capabilities":{{}},"clientInfo":{{"name":"berth","version":"{version}"}}}}}}"#
    )
}

/// The answer to question 1 in a body: JSON, or the events of a stream. `None` where it is not there (yet).
pub fn answer(body: &[u8]) -> Option<Value> {
    let is_it = |message: &Value| message.get("id") == Some(&Value::from(1)) && (message.get("result").or(message.get("error"))).is_some();
    let of = |text: &[u8]| match serde_json::from_slice(text).ok()? {
        Value::Array(messages) => messages.into_iter().find(is_it),
        message => Some(message).filter(is_it),
    };
    // Some servers answer an error without an id.
    let of_error = |text: &[u8]| serde_json::from_slice::<Value>(text).ok().filter(|message| message.get("error").is_some());
    if body.trim_ascii_start().starts_with(b"{") || body.trim_ascii_start().starts_with(b"[") {
        return of(body).or_else(|| of_error(body));
    }
    events(body).find_map(|(_, data)| of(&data))
}

/// The whole events of a stream so far: name and data. An event without data primes a client's memory and says nothing.
fn events(body: &[u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    // What stands behind the last line's end is no whole line yet.
    let whole = body.iter().rposition(|byte| *byte == b'\n').map_or(&[][..], |end| &body[..end]);
    let lines = whole.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let (mut found, mut name, mut data) = (Vec::new(), Vec::new(), Vec::new());
    for line in lines {
        let value = |field: &[u8]| line.strip_prefix(field).map(|value| value.strip_prefix(b" ").unwrap_or(value).to_vec());
        if line.is_empty() {
            found.push((std::mem::take(&mut name), std::mem::take(&mut data)));
        } else if let Some(value) = value(b"event:") {
            name = value;
        } else if let Some(value) = value(b"data:") {
            if !data.is_empty() {
                data.push(b'\n');
            }
            data.extend(value);
        }
    }
    found.into_iter().filter(|(_, data)| !data.is_empty())
}

/// Whether a stream told where to send messages: the older transport's first event.
pub fn has_endpoint(body: &[u8]) -> bool {
    events(body).any(|(name, _)| name == b"endpoint")
}

/// Which kind of server gave this answer to `server/discover`; anything but a modern answer is an older server's.
pub fn era(answer: Option<&Value>) -> Era {
    let Some(answer) = answer else { return Era::Legacy };
    let is_modern_error = answer.pointer("/error/code").and_then(Value::as_i64).is_some_and(|code| MODERN_ERRORS.contains(&code));
    let is_result = answer.pointer("/result/supportedVersions").is_some_and(Value::is_array);
    if is_modern_error || is_result { Era::Modern } else { Era::Legacy }
}

/// What an answer to either question tells.
pub fn told(answer: &Value) -> Told {
    let result = answer.get("result").unwrap_or(&Value::Null);
    let info = result.get("serverInfo").or_else(|| result.get("_meta")?.get(SERVER_INFO)).unwrap_or(&Value::Null);
    let short =
        |value: Option<&Value>| value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(|text| Shown::within(text, LONGEST));
    let versions = result.get("supportedVersions").or_else(|| answer.pointer("/error/data/supported")).and_then(Value::as_array);
    // Dates: the newest is the greatest.
    let newest = versions.and_then(|versions| versions.iter().filter_map(Value::as_str).max());
    let protocol = short(result.get("protocolVersion")).or_else(|| newest.map(|version| Shown::within(version, LONGEST)));
    let capabilities = result.get("capabilities").and_then(Value::as_object).into_iter().flatten();
    Told {
        name: short(info.get("name")),
        version: short(info.get("version")),
        protocol,
        capabilities: capabilities.map(|(name, _)| Shown::within(name, LONGEST)).take(MOST_CAPABILITIES).collect(),
    }
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
