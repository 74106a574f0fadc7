//! Where each value came from, for `berth config`.
//!
//! It must never show a value that is likely to be a secret.

use std::fmt;

use super::Config;
use super::item::{Item, Place, Table, Value};
use super::template::is_secret;
use crate::domain::Shown;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// No file says otherwise.
    Default,
    /// This line of a file.
    File(Place),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(Place { file: Some(file), line, .. }) => write!(formatter, "{}:{line}", Shown::new(&file.to_string_lossy())),
            _ => formatter.write_str("default"),
        }
    }
}

/// Every key's value and origin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    entries: Vec<(String, Shown, Origin)>,
}

impl Origins {
    /// Where a key's value came from; `None` for a key that has none. Keys are `ports.range`, `template.default.command`,
    /// `discover[0].config`.
    pub fn of_key(&self, key: &str) -> Option<&Origin> {
        self.entries.iter().find(|(known, _, _)| known == key).map(|(_, _, origin)| origin)
    }

    pub(super) fn of(merged: &Table) -> Self {
        let mut origins = Self::default();
        origins.table(merged, "");
        origins
    }

    fn table(&mut self, table: &Table, prefix: &str) {
        for (key, item) in &table.entries {
            let joint = if prefix.is_empty() { "" } else { "." };
            self.item(item, format!("{prefix}{joint}{key}"));
        }
    }

    fn item(&mut self, item: &Item, key: String) {
        match &item.value {
            Value::Table(table) => self.table(table, &key),
            Value::List(items) if matches!(key.as_str(), "discover" | "notify" | "host") && !items.is_empty() => {
                for (index, entry) in items.iter().enumerate() {
                    self.item(entry, format!("{key}[{index}]"));
                }
            }
            value => {
                let secret = key.rsplit_once(".environment.").is_some_and(|(_, variable)| is_secret(variable));
                let value = if secret { Shown::new("(hidden)") } else { value.shown() };
                let origin = if item.place.file.is_some() { Origin::File(item.key_place.clone()) } else { Origin::Default };
                self.entries.push((key, value, origin));
            }
        }
    }
}

impl Config {
    /// Every key with its value in TOML and where it came from, in the order of the documented defaults. Values of variables that
    /// are named like secrets are hidden.
    pub fn describe(&self) -> Vec<(String, Shown, Origin)> {
        self.origins.entries.clone()
    }
}
