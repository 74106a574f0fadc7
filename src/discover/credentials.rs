//! The credentials in what was read of an instance: their names, and what stands for them.
//!
//! It must never keep a value: the key by which it is sealed lives in this process's memory, and ends with it.

use std::io::Read;

use serde_json::Value;

use crate::domain::{Assignment, Credential, Sealed, Shown, holds_password, names_credential};

/// How many of one file are kept.
const MOST: usize = 64;

/// A key that nobody knows. Credentials are compared within one picture only, so that none has to be kept on a disk.
pub fn seal() -> Sealed {
    let mut bytes = [0; 16];
    // Where the kernel gives nothing random every process still has another place in memory, and another time.
    if std::fs::File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut bytes)).is_err() {
        let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_nanos());
        bytes = (time ^ (std::ptr::from_ref(&bytes).addr() as u128).rotate_left(64)).to_le_bytes();
    }
    Sealed::new(bytes)
}

/// Those of an environment file.
pub fn of_variables(assignments: &[Assignment], sealed: &Sealed) -> Vec<Credential> {
    let of = |assignment: &Assignment| of_value(&assignment.name, &assignment.value, true, sealed);
    assignments.iter().filter_map(of).take(MOST).collect()
}

/// Those of a `config.json`: nested objects have dotted names.
pub fn of_text(text: &str, sealed: &Sealed) -> Vec<Credential> {
    let mut found = Vec::new();
    if let Ok(value @ Value::Object(_)) = serde_json::from_str(text.trim_start_matches('\u{feff}')) {
        collect("", &value, sealed, &mut found);
    }
    found
}

fn collect(name: &str, value: &Value, sealed: &Sealed, found: &mut Vec<Credential>) {
    match value {
        _ if found.len() >= MOST => {}
        Value::Object(map) => {
            for (key, inner) in map {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                collect(&name, inner, sealed, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|inner| collect(name, inner, sealed, found)),
        Value::String(text) => found.extend(of_value(name, text, false, sealed)),
        _ => {}
    }
}

/// The credential that a value is; `None` where it is none by its name, or plainly something else.
fn of_value(name: &str, value: &str, in_env_file: bool, sealed: &Sealed) -> Option<Credential> {
    let value = value.trim();
    let is_switch = matches!(value.to_ascii_lowercase().as_str(), "" | "true" | "false" | "yes" | "no" | "on" | "off" | "none" | "null");
    let is_elsewhere = value.starts_with(['/', '.', '$', '<']) || super::example::is_placeholder(value);
    let is_one = (names_credential(name) && !is_switch && !is_elsewhere) || holds_password(value);
    is_one.then(|| Credential { name: Shown::within(name, 64), in_env_file, mark: sealed.mark(value) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::read_env;

    #[test]
    fn names_are_kept_and_values_are_not() {
        let sealed = seal();
        let text =
            r#"{"port": 8081, "auth": {"apiKey": "hunter2-hunter2", "keyFile": "/run/key", "enabled": "true"}, "db": "pg://u:pw@h/x"}"#;
        let found = of_text(text, &sealed);
        let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["auth.apiKey", "db"]);
        assert!(!format!("{found:?}").contains("hunter2"));
        let (assignments, _) = read_env(b"API_KEY=hunter2-hunter2\nOTHER_TOKEN=your_token_here\nPORT=1\nDB_PWD=short\n");
        let same = of_variables(&assignments, &sealed);
        assert_eq!(same.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["API_KEY", "DB_PWD"]);
        assert_eq!((same[0].mark, same[1].mark), (found[0].mark, None));
        assert_ne!(of_variables(&assignments, &seal())[0].mark, found[0].mark, "another process has another key");
        assert!(of_text("[1]", &sealed).is_empty() && of_text("{", &sealed).is_empty());
    }
}
