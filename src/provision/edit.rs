//! One value changed in the text of a configuration: everything else stays as it is, to the byte.
//!
//! It must never write what it has not read back: the changed text is read as its server would, and says the same but for the port.

use serde_json::Value;

use crate::domain::{read_env, value_of};
use crate::error::{Error, Result};

/// A change of one place in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Where, in bytes.
    pub at: usize,
    /// What stands there.
    pub old: String,
    /// What is to stand there.
    pub new: String,
    /// The line, from 1.
    pub line: usize,
}

impl Edit {
    fn of(text: &str, at: usize, old: &str, new: String) -> Self {
        Self { at, old: old.to_owned(), new, line: text[..at].matches('\n').count() + 1 }
    }

    /// The changed text; `None` when something else stands there.
    pub fn applied(&self, text: &str) -> Option<String> {
        let rest = text.get(self.at..)?.strip_prefix(self.old.as_str())?;
        Some(format!("{}{}{rest}", &text[..self.at], self.new))
    }
}

/// Changes the port of a `config.json`.
///
/// # Errors
/// When it has none at its top level, or could not be read.
pub fn json_port(text: &str, port: u16) -> Result<Edit> {
    let begin = text.len() - text.trim_start_matches('\u{feff}').len();
    let read = |text: &str| serde_json::from_str::<Value>(&text[begin..]);
    let mut expected = read(text).map_err(|error| Error::failed("the configuration is not JSON").because(error))?;
    let none = || Error::failed("the configuration has no port at its top level");
    let (at, end) = top_level(text, begin, "port").ok_or_else(none)?;
    let edit = Edit::of(text, at, &text[at..end], port.to_string());
    *expected.get_mut("port").ok_or_else(none)? = port.into();
    let after = edit.applied(text).and_then(|changed| read(&changed).ok());
    if after.as_ref() != Some(&expected) {
        return Err(Error::failed("the configuration's port cannot be changed without changing something else"));
    }
    Ok(edit)
}

/// Where the value of a key of the outermost object stands. The text is JSON.
fn top_level(text: &str, begin: usize, key: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0_usize, begin);
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            b'"' => {
                let end = string_end(bytes, at)?;
                let value = end + bytes[end..].iter().position(|byte| !byte.is_ascii_whitespace())?;
                // What is before a colon is a key.
                if depth == 1 && bytes[value] == b':' && serde_json::from_str::<String>(&text[at..end]).is_ok_and(|name| name == key) {
                    let first = value + 1 + bytes[value + 1..].iter().position(|byte| !byte.is_ascii_whitespace())?;
                    let length = bytes[first..].iter().position(|byte| matches!(byte, b',' | b'}') || byte.is_ascii_whitespace())?;
                    return Some((first, first + length));
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The place after a string's closing quote.
fn string_end(bytes: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Changes the port of an environment file, which is `now`: in the variable of this name; where none is known, in the one that is named
/// like a port and has it.
///
/// # Errors
/// When the variable does not have it; when no variable, or more than one, that is named like a port does.
pub fn env_port(text: &str, name: Option<&str>, now: u16, port: u16) -> Result<Edit> {
    let (before, _) = read_env(text.as_bytes());
    let old = now.to_string();
    let mut names: Vec<&str> = before.iter().map(|assignment| assignment.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|known| {
        let is_it = value_of(&before, known).is_some_and(|assignment| assignment.value.trim() == old);
        is_it && name.map_or_else(|| known.to_ascii_uppercase().ends_with("PORT"), |name| name == *known)
    });
    let name = match (names.as_slice(), name) {
        ([name], _) => *name,
        ([], Some(name)) => return Err(Error::failed(format!("{name} is not {now} in the environment file any more"))),
        ([], None) => return Err(Error::failed(format!("no variable of the environment file that is named like a port is {now}"))),
        (several, _) => return Err(Error::failed(format!("which of {} is the port cannot be told", several.join(", ")))),
    };
    let none = || Error::failed(format!("the line of {name} in the environment file cannot be changed"));
    let line = value_of(&before, name).map_or(0, |assignment| assignment.line as usize);
    let start = if line <= 1 { 0 } else { text.match_indices('\n').nth(line - 2).map(|(at, _)| at + 1).ok_or_else(none)? };
    let rest = &text[start..];
    let sign = rest.find(name).and_then(|at| rest[at..].find(['=', ':']).map(|sign| at + sign + 1)).ok_or_else(none)?;
    let value = rest[sign..].find(&old).ok_or_else(none)?;
    let edit = Edit::of(text, start + sign + value, &old, port.to_string());
    let after = edit.applied(text).map(|changed| read_env(changed.as_bytes()).0).unwrap_or_default();
    // Every assignment as before, and the last one of that name another value.
    let last = before.iter().rposition(|assignment| assignment.name == name);
    let same = before.len() == after.len()
        && before.iter().zip(&after).enumerate().all(|(index, (one, other))| {
            let value = if Some(index) == last { edit.new.as_str() } else { one.value.trim() };
            one.name == other.name && other.value.trim() == value
        });
    if same { Ok(edit) } else { Err(none()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_number_changes_and_nothing_else() {
        let cases = [
            ("{\"port\": 8081}", "{\"port\": 9000}", 1),
            (
                "{\n  \"host\": \"127.0.0.1\",\n  \"port\"  :  8081  ,\r\n  \"x\": [1, {\"port\": 8081}]\n}\n",
                "{\n  \"host\": \"127.0.0.1\",\n  \"port\"  :  9000  ,\r\n  \"x\": [1, {\"port\": 8081}]\n}\n",
                3,
            ),
            (
                "{\"a\": {\"port\": 1}, \"b\": \"port\", \"c\": \"\\\"port\\\": 8081\",\"port\":8081}",
                "{\"a\": {\"port\": 1}, \"b\": \"port\", \"c\": \"\\\"port\\\": 8081\",\"port\":9000}",
                1,
            ),
            ("\u{feff}{\"p\\u006frt\": 8081}", "\u{feff}{\"p\\u006frt\": 9000}", 1),
            ("{\"n\": 1e400000, \"port\": 8081}", "", 0),
        ];
        for (text, expected, line) in cases {
            let edit = json_port(text, 9000);
            if expected.is_empty() {
                assert!(edit.is_err(), "{text}");
                continue;
            }
            let edit = edit.unwrap();
            assert_eq!((edit.applied(text).as_deref(), edit.line, edit.old.as_str()), (Some(expected), line, "8081"), "{text}");
        }
    }

    #[test]
    fn where_there_is_no_port_nothing_changes() {
        for text in ["{}", "{\"a\": {\"port\": 8081}}", "[{\"port\": 1}]", "\"port\"", "{\"port\": 1, \"port\": 2}", "{", ""] {
            assert!(json_port(text, 9000).is_err(), "{text}");
        }
        assert_eq!(json_port("{\"port\": 1}", 2).unwrap().applied("{\"port\": 3}"), None);
    }

    #[test]
    fn variables_keep_their_quotes_remarks_and_neighbours() {
        let cases = [
            ("# 8081\nSDP_HTTP_PORT=8081\nKEY=8081\n", "# 8081\nSDP_HTTP_PORT=9000\nKEY=8081\n", 2),
            ("export PORT='8081' # PORT was 8081\r\nA=\"x\ny\"\r\n", "export PORT='9000' # PORT was 8081\r\nA=\"x\ny\"\r\n", 1),
            ("A='1\n2'\nPORT = \"8081\"", "A='1\n2'\nPORT = \"9000\"", 3),
            ("PORT=1\nPORT: 8081\n", "PORT=1\nPORT: 9000\n", 2),
        ];
        for (text, expected, line) in cases {
            let edit = env_port(text, None, 8081, 9000).unwrap_or_else(|error| panic!("{text}: {}", error.chain()));
            assert_eq!((edit.applied(text).as_deref(), edit.line), (Some(expected), line), "{text}");
        }
        for text in ["", "KEY=8081\n", "PORT=8082\n", "A_PORT=8081\nB_PORT=8081\n"] {
            assert!(env_port(text, None, 8081, 9000).is_err(), "{text}");
        }
        // Which one it is was said: what else has the number, and how it is called, does not count.
        let text = "A_PORT=8081\nLISTEN=8081\n";
        let changed = |name| env_port(text, Some(name), 8081, 9000).ok().and_then(|edit| edit.applied(text));
        assert_eq!(changed("LISTEN").as_deref(), Some("A_PORT=8081\nLISTEN=9000\n"));
        assert_eq!(changed("A_PORT").as_deref(), Some("A_PORT=9000\nLISTEN=8081\n"));
        assert_eq!((changed("PORT"), changed("listen")), (None, None));
    }

    proptest! {
        /// Whatever else stands in it, and wherever the port stands.
        #[test]
        fn what_is_read_back_differs_by_the_port_alone(
            before in prop::collection::btree_map("[a-z\"\\\\{}:, ü]{0,8}", prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::from), "\\PC{0,12}".prop_map(Value::from)], 0..5),
            now in 1_u16.., port in 1_u16.., pretty in any::<bool>(),
        ) {
            let mut map: serde_json::Map<String, Value> = before.into_iter().collect();
            map.insert("port".to_owned(), now.into());
            map.insert("zz".to_owned(), serde_json::json!({ "port": now, "list": ["port", now] }));
            let value = Value::Object(map);
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let changed = json_port(&text, port).unwrap().applied(&text).unwrap();
            let mut expected = value;
            expected["port"] = port.into();
            prop_assert_eq!(serde_json::from_str::<Value>(&changed).unwrap(), expected);
            prop_assert_eq!(changed.len() + now.to_string().len(), text.len() + port.to_string().len());
        }
    }
}
