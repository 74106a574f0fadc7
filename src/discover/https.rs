//! Whether what declares an instance says that it speaks TLS. Pure.
//!
//! It must never be proof: what the server does speak shows when it is asked.

use serde_json::Value;

use crate::domain::{Assignment, value_of};

/// How variables end that switch it on: `MCP_HTTPS_ENABLED` is the memory service's.
const ENDINGS: [&str; 5] = ["HTTPS_ENABLED", "TLS_ENABLED", "SSL_ENABLED", "ENABLE_HTTPS", "USE_HTTPS"];

/// The keys of a configuration that do: a switch, or what the server needs for it.
const KEYS: [&str; 3] = ["https", "tls", "ssl"];

/// What variables say, those of a file over those of a template; `None` where none of them is about it.
pub fn of_variables<'a>(assignments: &[Assignment], template: impl Iterator<Item = (&'a str, &'a str)>) -> Option<bool> {
    let is_one = |name: &str| ENDINGS.iter().any(|ending| name.to_ascii_uppercase().ends_with(ending));
    let in_file = assignments.iter().filter(|assignment| is_one(&assignment.name));
    // The last one of a name counts, as it does for the server.
    let in_file = in_file.filter_map(|assignment| value_of(assignments, &assignment.name)).map(|assignment| assignment.value.as_str());
    let mut said = in_file.peekable();
    if said.peek().is_some() {
        return Some(said.any(is_on));
    }
    let mut said = template.filter(|(name, _)| is_one(name)).map(|(_, value)| value).peekable();
    said.peek().is_some().then(|| said.any(is_on))
}

fn is_on(value: &str) -> bool {
    ["true", "1", "yes", "on"].iter().any(|on| value.trim().eq_ignore_ascii_case(on))
}

/// What a `config.json` says with `scheme`, or with one of the keys: `true`, or what is not switched off in it.
pub fn of_keys(scheme: Option<&Value>, switches: [Option<&Value>; KEYS.len()]) -> Option<bool> {
    if let Some(scheme) = scheme.and_then(Value::as_str) {
        return Some(scheme.eq_ignore_ascii_case("https"));
    }
    let said = |value: &Value| match value {
        Value::Bool(is_on) => Some(*is_on),
        Value::Object(fields) => Some(fields.get("enabled").and_then(Value::as_bool).unwrap_or(!fields.is_empty())),
        _ => None,
    };
    let mut said = switches.into_iter().flatten().filter_map(said).peekable();
    said.peek().is_some().then(|| said.any(|is_on| is_on))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::read_env;
    use serde_json::json;

    #[test]
    fn variables_switch_it_on_and_the_files_count_before_the_templates() {
        let of = |file: &str, template: &[(&str, &str)]| of_variables(&read_env(file.as_bytes()).0, template.iter().copied());
        assert_eq!(of("MCP_HTTPS_ENABLED=true\n", &[]), Some(true));
        assert_eq!(of("MCP_HTTPS_ENABLED=false\n", &[("MCP_HTTPS_ENABLED", "true")]), Some(false));
        assert_eq!(of("PORT=1\n", &[("MCP_HTTPS_ENABLED", "1")]), Some(true));
        assert_eq!(of("MCP_HTTPS_ENABLED=true\nMCP_HTTPS_ENABLED=no\n", &[]), Some(false), "the last one counts");
        assert_eq!(of("MCP_SSL_CERT_FILE=/x\nMCP_MEMORY_PREFER_HTTPS=true\n", &[]), None);
    }

    #[test]
    fn keys_do() {
        let of = |text: Value| of_keys(text.get("scheme"), KEYS.map(|key| text.get(key)));
        assert_eq!(of(json!({"scheme": "https"})), Some(true));
        assert_eq!(of(json!({"scheme": "http", "tls": true})), Some(false));
        assert_eq!(of(json!({"https": true})), Some(true));
        assert_eq!(of(json!({"tls": {"cert": "/x", "key": "/y"}})), Some(true));
        assert_eq!(of(json!({"ssl": {"enabled": false, "cert": "/x"}})), Some(false));
        assert_eq!((of(json!({"tls": {}})), of(json!({"ssl": "x"})), of(json!({}))), (Some(false), None, None));
    }
}
