//! What an instance would be started with now, for telling later what differs.
//!
//! It must never read a file: it is given what was read, once, when it changed.

use std::path::Path;

use serde_json::Value;

use crate::config::{Config, Template};
use crate::domain::{Assignment, Part, ReadBy, Salt};
use crate::hand::FileFacts;

/// What the template's part is called in a sentence.
const TEMPLATE: &str = "the template";

/// The part of a `config.json` with this text.
pub fn of_text(path: &Path, facts: &FileFacts, text: &str, salt: Salt) -> Part {
    let mut part = dated(path, ReadBy::Server, Some(facts));
    if let Ok(Value::Object(map)) = serde_json::from_str(text.trim_start_matches('\u{feff}')) {
        for (key, value) in &map {
            flatten(&mut part, salt, key, value);
        }
    }
    part
}

/// The part of an environment file: berth reads it, and gives the server its variables.
pub fn of_variables(path: &Path, facts: Option<&FileFacts>, assignments: &[Assignment], salt: Salt) -> Part {
    let mut part = dated(path, ReadBy::Berth, facts);
    for assignment in assignments {
        part.add_variable(salt, &assignment.name, &assignment.value);
    }
    part
}

fn dated(path: &Path, read_by: ReadBy, facts: Option<&FileFacts>) -> Part {
    let mut part = Part::new(&path.file_name().unwrap_or_default().to_string_lossy(), read_by);
    let time = |nanoseconds| jiff::Timestamp::from_nanosecond(nanoseconds).ok();
    part.modified = facts.and_then(|facts| time(facts.modified_ns));
    part.changed = facts.and_then(|facts| time(facts.changed_ns));
    part
}

/// Nested objects become dotted keys; a list is one value.
fn flatten(part: &mut Part, salt: Salt, key: &str, value: &Value) {
    match value {
        Value::Object(map) => {
            for (inner, value) in map {
                flatten(part, salt, &format!("{key}.{inner}"), value);
            }
        }
        Value::String(text) => part.add(salt, key, text),
        other => part.add(salt, key, &other.to_string()),
    }
}

/// The template as it is written: what its placeholders stand for is told by the parts that they come from.
pub fn of_template(config: &Config, template: &Template, salt: Salt) -> Part {
    let mut part = Part::new(TEMPLATE, ReadBy::Berth);
    part.add(salt, "base", &config.layout.base);
    part.add(salt, "command", &template.command.join(" "));
    part.add(salt, "directory", &template.directory);
    part.add(salt, "log", &config.layout.log);
    for (name, value) in &template.environment {
        part.add(salt, &format!("environment {name}"), value);
    }
    part.add(salt, "restart", &format!("{:?}", template.restart).to_lowercase());
    let limits = template.limits();
    let number = |number: Option<u64>| number.map_or_else(|| "off".to_owned(), |number| number.to_string());
    part.add(salt, "memory_max", &number(limits.memory_max));
    part.add(salt, "cpu_max", &number(limits.cpu_max.map(u64::from)));
    part.add(salt, "tasks_max", &number(limits.tasks_max));
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_keys_are_told_apart_and_secrets_stay_hidden() {
        let of = |text: &str| {
            let mut part = Part::new("config.json", ReadBy::Server);
            let Ok(Value::Object(map)) = serde_json::from_str(text) else { panic!("{text}") };
            map.iter().for_each(|(key, value)| flatten(&mut part, Salt::new("b", "i"), key, value));
            part
        };
        let before = of(r#"{"port": 8081, "log": {"level": "info"}, "auth": {"user": "abe"}, "tools": [1, 2]}"#);
        let now = of(r#"{"port": 8081, "log": {"level": "debug"}, "auth": {"user": "eve"}, "tools": [1, 3]}"#);
        let told: Vec<String> = now.changes_since(&before).iter().map(ToString::to_string).collect();
        assert_eq!(told, ["auth.user changed (hidden)", "log.level info -> debug", "tools \"[1,2]\" -> \"[1,3]\""]);
    }
}
