//! What an instance is started with, kept so that what differs later can be told.
//!
//! It must never hold the text of what may be a secret: of that, and of what is long, only a salted hash is kept.

use std::hash::Hasher;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher24;

use super::Shown;

/// The longest value that is kept as it is, in bytes.
const LONGEST_VALUE: usize = 48;

/// The longest key that is kept as it is, in bytes.
const LONGEST_KEY: usize = 64;

/// How many keys of one file are told apart. What comes after them counts as one.
const MOST_KEYS: usize = 64;

/// The key that stands for all that came after the others.
const THE_REST: &str = "further keys";

/// How long a value without a space may be before it is taken for a token.
const LONGEST_WORD: usize = 20;

/// Whether a name of this kind is likely to stand for what nobody else should read.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL", "AUTH"].iter().any(|word| name.contains(word))
}

/// Whether a value looks like a secret whatever it is called: an address with a password in it, or a long word of mixed characters.
fn looks_secret(value: &str) -> bool {
    let is_address = value.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
    let is_word = value.len() > LONGEST_WORD
        && !value.contains(['/', ' ', '{'])
        && value.bytes().any(|byte| byte.is_ascii_digit())
        && value.bytes().any(|byte| byte.is_ascii_alphabetic());
    is_address || is_word
}

/// What makes one instance's hashes different from every other's, and this boot's from every other boot's.
#[derive(Clone, Copy, Debug)]
pub struct Salt(u64, u64);

impl Salt {
    /// The salt of an instance. `boot` is the boot's id: what is recorded is believed in that boot only.
    pub fn new(boot: &str, instance: &str) -> Self {
        let half = |which: u64| {
            let mut hasher = SipHasher24::new_with_keys(which, 0);
            hasher.write(boot.as_bytes());
            hasher.write_u8(0);
            hasher.write(instance.as_bytes());
            hasher.finish()
        };
        Self(half(0), half(1))
    }

    /// 32 bits: enough to see a change, too few to prove a guess.
    fn hash(self, key: &str, value: &str) -> u32 {
        let mut hasher = SipHasher24::new_with_keys(self.0, self.1);
        hasher.write(key.as_bytes());
        hasher.write_u8(0);
        hasher.write(value.as_bytes());
        let [.., a, b, c, d] = hasher.finish().to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }
}

/// Who reads a part, and so what a start anew by the keeper brings into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadBy {
    /// The server, each time that it starts.
    Server,
    /// berth, when it is asked for a start; the keeper starts the server again with the same.
    Berth,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Value {
    /// As it stands.
    Plain(Box<str>),
    /// Too long to be kept: its hash.
    Long(u32),
    /// Likely a secret: its hash.
    Hidden(u32),
}

/// One file, or the template, with its keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The file's name, or "the template".
    pub name: String,
    /// Who reads it.
    pub read_by: ReadBy,
    /// When its content was last changed, as the file says.
    #[serde(skip)]
    pub modified: Option<Timestamp>,
    /// When it was last changed or put there, as the kernel says (st_ctime, inode(7)): nobody can set it back.
    #[serde(skip)]
    pub changed: Option<Timestamp>,
    /// Ordered by key; no key stands twice.
    values: Vec<(Box<str>, Value)>,
}

/// A file of the program that is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Where it is.
    pub path: String,
    /// When its content was last changed.
    pub modified: Timestamp,
    /// When it was last changed or put there.
    pub changed: Timestamp,
    /// Bytes.
    pub size: u64,
    /// The inode.
    pub inode: u64,
}

/// Everything that an instance is started with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Its files and its template.
    pub parts: Vec<Arc<Part>>,
    /// The files of its program, as far as they can be told from the command.
    #[serde(default)]
    pub programs: Vec<Arc<Program>>,
}

impl Part {
    /// A part without keys.
    pub fn new(name: &str, read_by: ReadBy) -> Self {
        Self { name: name.to_owned(), read_by, modified: None, changed: None, values: Vec::new() }
    }

    /// The part with all its keys: a thousand instances have one each, or share one.
    pub fn complete(mut self) -> Arc<Self> {
        self.values.shrink_to_fit();
        Arc::new(self)
    }

    /// Adds a key with its value. Of a key that stands twice the last counts, as in most readers.
    pub fn add(&mut self, salt: Salt, key: &str, value: &str) {
        self.put(salt, key, value, is_secret(key) || looks_secret(value));
    }

    /// Adds a variable of an environment file. There credentials have any name: only numbers, switches and addresses are kept.
    pub fn add_variable(&mut self, salt: Salt, name: &str, value: &str) {
        let is_harmless = value.is_empty()
            // Told to the whole network anyway.
            || matches!(name, "MCP_MDNS_SERVICE_NAME" | "MCP_MDNS_SERVICE_TYPE")
            || value.len() <= 5 && value.bytes().all(|byte| byte.is_ascii_digit())
            || matches!(value, "true" | "false" | "yes" | "no" | "on" | "off" | "localhost")
            || value.parse::<std::net::IpAddr>().is_ok();
        self.put(salt, name, value, is_secret(name) || !is_harmless);
    }

    fn put(&mut self, salt: Salt, key: &str, value: &str, is_hidden: bool) {
        let full = self.values.len() >= MOST_KEYS;
        let name = if full || key.len() > LONGEST_KEY { THE_REST } else { key };
        let kept = if name == THE_REST {
            let before = self.values.iter().find_map(|(known, value)| match value {
                Value::Long(hash) if &**known == THE_REST => Some(*hash),
                _ => None,
            });
            Value::Long(salt.hash(key, value).wrapping_add(before.unwrap_or(0).rotate_left(1)))
        } else if is_hidden {
            Value::Hidden(salt.hash(key, value))
        } else if value.len() > LONGEST_VALUE {
            Value::Long(salt.hash(key, value))
        } else {
            Value::Plain(value.into())
        };
        match self.values.binary_search_by(|(known, _)| (**known).cmp(name)) {
            Ok(index) => self.values[index].1 = kept,
            Err(index) => self.values.insert(index, (name.into(), kept)),
        }
    }

    /// The value of a key, if there is one; `Some(None)` where only a hash of it is kept.
    pub fn value(&self, key: &str) -> Option<Option<&str>> {
        let index = self.values.binary_search_by(|(known, _)| (**known).cmp(key)).ok()?;
        Some(match &self.values[index].1 {
            Value::Plain(text) => Some(text),
            Value::Hidden(_) | Value::Long(_) => None,
        })
    }

    /// Every key with its value as it may be shown: what is likely a secret, and what is too long, is not.
    pub fn shown(&self) -> impl Iterator<Item = (Shown, Shown)> + '_ {
        self.values.iter().map(|(key, value)| {
            let text = match value {
                Value::Plain(text) => Shown::new(text),
                Value::Hidden(_) => Shown::from("***"),
                Value::Long(_) => Shown::from("(long)"),
            };
            (Shown::new(key), text)
        })
    }

    /// What differs from an earlier state, a few words for each key, no secret among them.
    pub fn changes_since(&self, earlier: &Part) -> Vec<Shown> {
        let mut changes = Vec::new();
        let find = |values: &[(Box<str>, Value)], key: &str| {
            values.binary_search_by(|(known, _)| (**known).cmp(key)).ok().map(|index| values[index].1.clone())
        };
        for (key, now) in &self.values {
            let before = find(&earlier.values, key);
            if before.as_ref() != Some(now) {
                changes.push(told(key, before.as_ref(), Some(now)));
            }
        }
        let gone = earlier.values.iter().filter(|(key, _)| find(&self.values, key).is_none());
        changes.extend(gone.map(|(key, before)| told(key, Some(before), None)));
        changes
    }
}

fn told(key: &str, before: Option<&Value>, now: Option<&Value>) -> Shown {
    let text = match (before, now) {
        (Some(Value::Plain(before)), Some(Value::Plain(now))) => format!("{key} {} -> {}", quoted(before), quoted(now)),
        (None, Some(Value::Plain(now))) => format!("{key} added ({})", quoted(now)),
        (None, Some(Value::Hidden(_))) => format!("{key} added (hidden)"),
        (None, _) => format!("{key} added"),
        (Some(_), None) => format!("{key} taken out"),
        (Some(Value::Hidden(_)), _) | (_, Some(Value::Hidden(_))) => format!("{key} changed (hidden)"),
        _ => format!("{key} changed"),
    };
    Shown::new(&text)
}

/// A value as it stands in a sentence: what has spaces or nothing in it, in quotes.
fn quoted(value: &str) -> String {
    if value.is_empty() || value.contains([' ', ',', ';']) { format!("\"{value}\"") } else { value.to_owned() }
}

impl Settings {
    /// The part of this name.
    pub fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().map(|part| &**part).find(|part| part.name == name)
    }

    /// Whether both say the same, whenever their files were touched.
    pub fn says_the_same(&self, other: &Settings) -> bool {
        let same = |one: &Part, two: &Part| one.name == two.name && one.read_by == two.read_by && one.values == two.values;
        self.parts.len() == other.parts.len()
            && self.parts.iter().zip(&other.parts).all(|(one, two)| same(one, two))
            && self.programs == other.programs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(values: &[(&str, &str)]) -> Part {
        let mut part = Part::new("config.json", ReadBy::Server);
        for (key, value) in values {
            part.add(Salt::new("boot", "alice"), key, value);
        }
        part
    }

    fn changes(before: &[(&str, &str)], now: &[(&str, &str)]) -> Vec<String> {
        part(now).changes_since(&part(before)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_differs_is_told() {
        let long = "x".repeat(60);
        type Values<'a> = &'a [(&'a str, &'a str)];
        let cases: [(Values<'_>, Values<'_>, &[&str]); 11] = [
            (&[("port", "8081")], &[("port", "8081")], &[]),
            (&[("port", "8081")], &[("port", "8085")], &["port 8081 -> 8085"]),
            (&[("a", "1"), ("b", "2")], &[("b", "2"), ("a", "1")], &[]),
            (&[("name", "a b")], &[("name", "")], &["name \"a b\" -> \"\""]),
            (&[], &[("level", "debug")], &["level added (debug)"]),
            (&[("level", "debug")], &[], &["level taken out"]),
            (&[("API_KEY", "one")], &[("API_KEY", "two")], &["API_KEY changed (hidden)"]),
            (&[], &[("auth.user", "two")], &["auth.user added (hidden)"]),
            (&[("url", "a")], &[("url", "postgres://me:pw@db/x")], &["url changed (hidden)"]),
            (&[("note", "a")], &[("note", &long)], &["note changed"]),
            (&[("id", "a")], &[("id", "4f0a77c1d2b94e55a3f1c9")], &["id changed (hidden)"]),
        ];
        for (before, now, expected) in cases {
            assert_eq!(changes(before, now), expected, "{before:?} {now:?}");
        }
    }

    #[test]
    fn no_secret_is_kept() {
        let secret = "hunter2-hunter2";
        let part = part(&[("db.password", secret), ("dsn", "mysql://u:hunter2-hunter2@h"), ("MCP_TOKEN", secret)]);
        let text = serde_json::to_string(&part).unwrap() + &format!("{part:?}");
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn of_a_variable_only_what_cannot_be_a_credential_is_kept() {
        let of = |values: &[(&str, &str)]| {
            let mut part = Part::new(".env.amy", ReadBy::Berth);
            values.iter().for_each(|(name, value)| part.add_variable(Salt::new("b", "amy"), name, value));
            part
        };
        let before = of(&[("DB_PWD", "hunter2"), ("HOST", "127.0.0.1"), ("PORT", "3456"), ("API_KEY", "12345"), ("WHO", "hunter2")]);
        let now = of(&[("DB_PWD", "hunter3"), ("HOST", "::1"), ("PORT", "3457"), ("API_KEY", "12346"), ("WHO", "hunter3")]);
        let told: Vec<String> = now.changes_since(&before).iter().map(ToString::to_string).collect();
        let hidden = |name: &str| format!("{name} changed (hidden)");
        assert_eq!(
            told,
            [hidden("API_KEY"), hidden("DB_PWD"), "HOST 127.0.0.1 -> ::1".to_owned(), "PORT 3456 -> 3457".to_owned(), hidden("WHO"),]
        );
        assert!(!format!("{before:?}").contains("hunter2"));
    }

    #[test]
    fn equal_secrets_of_two_users_do_not_look_equal() {
        let of = |who| Salt::new("boot", who).hash("KEY", "s");
        assert_ne!(of("alice"), of("bob"));
        assert_ne!(Salt::new("boot", "alice").hash("KEY", "s"), Salt::new("later", "alice").hash("KEY", "s"));
    }

    #[test]
    fn a_thousand_keys_stay_small_and_a_change_among_them_is_seen() {
        let keys: Vec<String> = (0..1000).map(|number| format!("k{number}")).collect();
        let of = |value: &str| {
            let mut part = Part::new("config.json", ReadBy::Server);
            for key in &keys {
                part.add(Salt::new("b", "i"), key, if key == "k990" { value } else { "x" });
            }
            part
        };
        let (one, two) = (of("a"), of("b"));
        assert_eq!(one.values.len(), MOST_KEYS + 1);
        assert_eq!(two.changes_since(&one).iter().map(Shown::as_str).collect::<Vec<_>>(), ["further keys changed"]);
    }

    #[test]
    fn a_record_is_read_back() {
        let settings = Settings { parts: vec![part(&[("port", "8081"), ("API_KEY", "s")]).complete()], programs: Vec::new() };
        let back: Settings = serde_json::from_str(&serde_json::to_string(&settings).unwrap()).unwrap();
        assert!(back.says_the_same(&settings));
    }
}
