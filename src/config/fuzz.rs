//! Fuzzing door: a configuration file, from its bytes to what is in force.
//!
//! It must never touch a file: the text is given.

use std::path::Path;

use super::item::{Fault, Item, Table, Value, parse};
use super::{Config, build, layers, placeholders, themes};
use crate::domain::Shown;
use crate::domain::fuzz::is_fit_to_be_seen;

/// One layer over the defaults. A fault lies in the file and is fit to be seen; a text means the same when it is written and read again.
pub fn config(data: &[u8]) -> Option<Config> {
    let path = Path::new("/etc/berth/berth.toml");
    let text = std::str::from_utf8(data).unwrap_or_default();
    if let Err(wrong) = themes::lines(text, None) {
        assert_eq!(Shown::new(wrong.as_str()), wrong);
    }
    let table = match layers::layer(path, data) {
        Ok(table) => table,
        Err(fault) => return refused(&fault, data),
    };
    table.entries.iter().for_each(|(_, item)| reads_again(item));
    let Ok(mut merged) = layers::defaults() else { unreachable!("the defaults are right") };
    merged.patch(&table);
    let once = merged.clone();
    merged.patch(&table);
    assert_eq!(once, merged);
    match build::config(merged, vec![path.into()]) {
        Ok(config) => {
            for (key, value, _) in config.describe() {
                assert!(config.origins.of_key(&key).is_some() && Shown::new(value.as_str()) == value);
            }
            Some(config)
        }
        Err(fault) => refused(&fault, data),
    }
}

/// Holds a refusal against the file.
fn refused(fault: &Fault, data: &[u8]) -> Option<Config> {
    is_fit_to_be_seen(&fault.message);
    if fault.place.file.is_some() {
        let lines = data.iter().filter(|byte| **byte == b'\n').count() + 1;
        assert!((1..=lines).contains(&(fault.place.line as usize)), "{:?}", fault.place);
        assert!((1..=data.len() + 1).contains(&(fault.place.column as usize)), "{:?}", fault.place);
    }
    None
}

fn reads_again(item: &Item) {
    match &item.value {
        Value::Text(text) => {
            let line = format!("text = {}\n", item.value.written());
            let table: Result<Table, Fault> = parse(&line, None);
            let value = table.ok().and_then(|table| table.get("text").map(|item| item.value.clone()));
            assert_eq!(value, Some(Value::Text(text.clone())), "{line}");
            // A text without braces is filled with itself.
            if !text.contains(['{', '}']) {
                assert_eq!(placeholders::fill(text, &placeholders::Values::default()).ok().as_ref(), Some(text));
            }
        }
        Value::List(items) => items.iter().for_each(reads_again),
        Value::Table(table) => table.entries.iter().for_each(|(_, item)| reads_again(item)),
        Value::Integer(_) | Value::Flag(_) | Value::Other(_) => {}
    }
}
