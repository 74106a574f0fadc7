//! The text of a configuration that is not there yet.
//!
//! It must never write what it has not read back, nor a secret: what an example asks for is left to who knows it.

use std::net::IpAddr;
use std::path::Path;

use serde_json::json;

use crate::domain::{Assignment, InstanceId, read_env, value_of};
use crate::error::{Error, Result};

/// A `config.json` with the keys of the deployment guide, in its order.
///
/// # Errors
/// When the workspace is no text.
pub fn json_text(id: &InstanceId, port: u16, host: IpAddr, workspace: &Path) -> Result<String> {
    let workspace = workspace.to_str().ok_or_else(|| Error::failed("not added. Its workspace's path is no plain text"))?;
    let (host, name) = (json!(host.to_string()), json!(format!("{id} MCP Server")));
    let workspace = json!(workspace);
    Ok(format!("{{\n  \"port\": {port},\n  \"host\": {host},\n  \"serverName\": {name},\n  \"workspace\": {workspace}\n}}\n"))
}

/// An environment file: the example's text, where there is one, with these values for these variables.
///
/// # Errors
/// When the example cannot be read, or would be read otherwise than meant.
pub fn env_text(example: Option<&str>, values: &[(&str, String)]) -> Result<String> {
    let example = example.unwrap_or_default();
    let (before, fault) = read_env(example.as_bytes());
    if let Some(fault) = fault {
        return Err(Error::failed(format!(
            "not added. The example of its environment file is wrong in line {}: {}",
            fault.line, fault.reason
        )));
    }
    // By line, from the last: an earlier line keeps its number.
    let mut lines: Vec<String> = example.split_inclusive('\n').map(str::to_owned).collect();
    let mut new = Vec::new();
    for (name, value) in values {
        match value_of(&before, name).filter(|assignment| !assignment.value.contains(['\n', '\r'])) {
            Some(assignment) => {
                let line = lines.get_mut((assignment.line as usize).saturating_sub(1));
                let line = line.ok_or_else(|| Error::failed("not added. The example of its environment file cannot be changed"))?;
                let end = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
                *line = format!("{name}={value}{end}");
            }
            None => new.push(format!("{name}={value}\n")),
        }
    }
    if let Some(last) = lines.last_mut().filter(|last| !last.ends_with('\n')) {
        last.push('\n');
    }
    lines.extend(new);
    let text = lines.concat();
    let (after, fault) = read_env(text.as_bytes());
    let is_meant = |name: &str, value: &str| value_of(&after, name).is_some_and(|assignment| assignment.value == value);
    let are_new = values.iter().all(|(name, value)| is_meant(name, value));
    if fault.is_none() && are_new && others(&before, values) == others(&after, values) {
        return Ok(text);
    }
    Err(Error::failed("not added. The example of its environment file cannot be changed without changing something else"))
}

/// What is set beside these.
fn others<'a>(all: &'a [Assignment], values: &[(&str, String)]) -> Vec<(&'a str, &'a str)> {
    let others = all.iter().filter(|assignment| !values.iter().any(|(name, _)| *name == assignment.name));
    others.map(|assignment| (assignment.name.as_str(), assignment.value.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn id(text: &str) -> InstanceId {
        InstanceId::parse(text).unwrap()
    }

    #[test]
    fn a_configuration_is_the_guides() {
        let text = json_text(&id("amy/tools"), 8085, [127, 0, 0, 1].into(), Path::new("/srv/a \"b\"\\")).unwrap();
        let expected = "{\n  \"port\": 8085,\n  \"host\": \"127.0.0.1\",\n  \"serverName\": \"amy/tools MCP Server\",\n  \
                        \"workspace\": \"/srv/a \\\"b\\\"\\\\\"\n}\n";
        assert_eq!(text, expected);
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&read["port"], &read["workspace"]), (&8085.into(), &"/srv/a \"b\"\\".into()));
    }

    #[test]
    fn an_example_keeps_all_but_the_two() {
        let values = [("SDP_HTTP_PORT", "8085".to_owned()), ("SDP_HTTP_HOST", "127.0.0.1".to_owned())];
        let cases = [
            ("", "SDP_HTTP_PORT=8085\nSDP_HTTP_HOST=127.0.0.1\n"),
            (
                "# ours\nSDP_HTTP_PORT=3456 # the port\r\nKEY=your_key",
                "# ours\nSDP_HTTP_PORT=8085\r\nKEY=your_key\nSDP_HTTP_HOST=127.0.0.1\n",
            ),
            ("SDP_HTTP_PORT=1\nSDP_HTTP_PORT='2'\n", "SDP_HTTP_PORT=1\nSDP_HTTP_PORT=8085\nSDP_HTTP_HOST=127.0.0.1\n"),
            ("A='1\n2'\nexport SDP_HTTP_HOST=::1\n", "A='1\n2'\nSDP_HTTP_HOST=127.0.0.1\nSDP_HTTP_PORT=8085\n"),
        ];
        for (example, expected) in cases {
            assert_eq!(env_text(Some(example), &values).unwrap(), expected, "{example:?}");
        }
        assert!(env_text(Some("A='never closed"), &values).is_err());
    }

    proptest! {
        #[test]
        fn whatever_the_example_is_the_port_is_read_back(example in "([A-Z]{1,4}=[a-z0-9'\"# ]{0,8}\r?\n){0,6}|\\PC{0,40}", port in 1_u16..) {
            if let Ok(text) = env_text(Some(&example), &[("PORT", port.to_string())]) {
                let (read, fault) = read_env(text.as_bytes());
                prop_assert!(fault.is_none());
                prop_assert_eq!(value_of(&read, "PORT").unwrap().value.clone(), port.to_string());
            }
        }
    }
}
