//! A TOML text as a tree in which every key and value knows its line and column.
//!
//! It must never know which keys there are: that is for `apply`.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use crate::domain::Shown;

/// A place in a file; lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file; `None` for berth's own defaults.
    pub file: Option<Arc<Path>>,
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(formatter, "{}:{}:{}", Shown::new(&file.to_string_lossy()), self.line, self.column),
            None => write!(formatter, "default:{}:{}", self.line, self.column),
        }
    }
}

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub place: Place,
    pub message: String,
}

/// A value with its place and its key's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub key_place: Place,
    pub place: Place,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    /// As it was written when it does not fit.
    Integer(Result<i64, String>),
    Flag(bool),
    /// What no key takes: floats and dates, as they were written.
    Other(String),
    List(Vec<Item>),
    Table(Table),
}

impl Value {
    /// The value in TOML, without anything that a terminal could obey.
    pub fn shown(&self) -> Shown {
        Shown::new(&self.written())
    }

    pub fn written(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Integer(Ok(number)) => number.to_string(),
            Self::Integer(Err(digits)) | Self::Other(digits) => digits.clone(),
            Self::Flag(flag) => flag.to_string(),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(|item| item.value.written()).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Table(table) => {
                let entries: Vec<String> = table.entries.iter().map(|(key, item)| format!("{key} = {}", item.value.written())).collect();
                format!("{{ {} }}", entries.join(", "))
            }
        }
    }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => quoted.push_str(&format!("\\u{:04x}", control as u32)),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// Keys in the order in which they were written, so that the first fault of a file is the one that is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub entries: Vec<(String, Item)>,
}

impl Table {
    pub fn get(&self, key: &str) -> Option<&Item> {
        self.entries.iter().find(|(name, _)| name == key).map(|(_, item)| item)
    }

    /// The table under a key; `None` when there is none.
    pub fn table(&self, key: &str) -> Option<&Table> {
        match self.get(key).map(|item| &item.value) {
            Some(Value::Table(table)) => Some(table),
            _ => None,
        }
    }

    pub fn table_mut(&mut self, key: &str) -> Option<&mut Table> {
        match self.entries.iter_mut().find(|(name, _)| name == key).map(|(_, item)| &mut item.value) {
            Some(Value::Table(table)) => Some(table),
            _ => None,
        }
    }

    /// Lays `patch` over this: tables key by key, everything else replaces.
    pub fn patch(&mut self, patch: &Table) {
        for (key, item) in &patch.entries {
            match self.entries.iter_mut().find(|(name, _)| name == key) {
                None => self.entries.push((key.clone(), item.clone())),
                Some((_, known)) => match (&mut known.value, &item.value) {
                    (Value::Table(below), Value::Table(above)) => below.patch(above),
                    _ => *known = item.clone(),
                },
            }
        }
    }
}

/// Reads a text.
///
/// # Errors
/// The place and the reason when it is no TOML.
pub(super) fn parse(text: &str, file: Option<&Arc<Path>>) -> Result<Table, Fault> {
    let places = Places { text, file };
    match DeTable::parse(text) {
        Ok(table) => Ok(places.table(table.get_ref())),
        Err(error) => {
            let start = error.span().map_or(text.len(), |span| span.start);
            let mut message = error.message().lines().collect::<Vec<_>>().join(", ");
            if let (true, Some(name)) = (message.contains("duplicate key"), error.span().and_then(|span| text.get(span))) {
                message = format!("{name} is given twice");
            }
            Err(Fault { place: places.at(start), message: Shown::new(&message).as_str().to_owned() })
        }
    }
}

struct Places<'a> {
    text: &'a str,
    file: Option<&'a Arc<Path>>,
}

impl Places<'_> {
    /// The place of a byte.
    fn at(&self, byte: usize) -> Place {
        let before = self.text.get(..byte).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[line_start..].chars().count() + 1;
        Place { file: self.file.cloned(), line: line.try_into().unwrap_or(u32::MAX), column: column.try_into().unwrap_or(u32::MAX) }
    }

    fn table(&self, table: &DeTable<'_>) -> Table {
        let mut entries: Vec<(usize, String, Item)> = table
            .iter()
            .map(|(key, value)| (key.span().start, key.get_ref().to_string(), self.item(key.span(), value.span(), value.get_ref())))
            .collect();
        entries.sort_by_key(|(start, _, _)| *start);
        Table { entries: entries.into_iter().map(|(_, key, item)| (key, item)).collect() }
    }

    fn item(&self, key: Range<usize>, span: Range<usize>, value: &DeValue<'_>) -> Item {
        let value = match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => {
                Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).map_err(|_| number.to_string()))
            }
            DeValue::Boolean(flag) => Value::Flag(*flag),
            DeValue::Float(number) => Value::Other(number.to_string()),
            DeValue::Datetime(date) => Value::Other(date.to_string()),
            DeValue::Array(items) => Value::List(items.iter().map(|item| self.item(item.span(), item.span(), item.get_ref())).collect()),
            DeValue::Table(table) => Value::Table(self.table(table)),
        };
        Item { key_place: self.at(key.start), place: self.at(span.start), value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, column: u32) -> Place {
        Place { file: None, line, column }
    }

    #[test]
    fn every_key_and_value_knows_its_place() {
        let table = parse("[ports]\nrange = \"1-2\"\n\n[layout]\n  ü = 1 # x\n", None);
        assert!(table.is_err(), "bare keys are ASCII");
        let table = parse("[ports]\nrange = \"1-2\"\n\n[layout]\n \"ü\" = [1, 2]\n", None).unwrap();
        let range = table.table("ports").unwrap().get("range").unwrap();
        assert_eq!((&range.key_place, &range.place), (&at(2, 1), &at(2, 9)));
        let list = table.table("layout").unwrap().get("ü").unwrap();
        assert_eq!((&list.key_place, &list.place), (&at(5, 2), &at(5, 8)));
        let Value::List(items) = &list.value else { panic!() };
        assert_eq!(items[1].place, at(5, 12));
    }

    #[test]
    fn syntax_errors_have_a_place_and_one_line() {
        for (text, place) in [("[ports\n", at(1, 7)), ("a = \n", at(1, 5)), ("a = 1\na = 2\n", at(2, 1)), ("x = \"\u{7}\"", at(1, 6))] {
            let fault = parse(text, None).unwrap_err();
            assert_eq!(fault.place, place, "{text:?}: {}", fault.message);
            assert!(!fault.message.contains('\n'), "{}", fault.message);
        }
    }

    #[test]
    fn entries_come_in_the_order_of_the_text() {
        let table = parse("z = 1\na = 2\nm = 3\n", None).unwrap();
        let keys: Vec<&str> = table.entries.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["z", "a", "m"]);
    }

    #[test]
    fn a_patch_merges_tables_and_replaces_the_rest() {
        let mut below = parse("[a]\nx = 1\ny = [1, 2]\n[a.b]\nz = 1\n", None).unwrap();
        below.patch(&parse("[a]\ny = [3]\n[a.b]\nw = 2\n[c]\nk = true\n", None).unwrap());
        assert_eq!(Value::Table(below).shown().as_str(), "{ a = { x = 1, y = [3], b = { z = 1, w = 2 } }, c = { k = true } }");
    }

    #[test]
    fn values_are_shown_as_toml_without_control_characters() {
        let shown = Value::Text("a\"b\\c\n\u{1b}[2J\u{202e}".to_owned()).shown();
        assert_eq!(shown.as_str(), "\"a\\\"b\\\\c\\n\\u001b[2J\u{fffd}\"");
    }
}
