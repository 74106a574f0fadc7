//! `[keys.PLACE]`: which keys do what in the console, as it was written, each word with its place in the file.
//!
//! It must never know an action or a key: the console does, and refuses what is none with the places from here.

use super::apply::wrong_value;
use super::item::{Fault, Place, Table, Value};

/// `restart = ["R", "f5"]` in `[keys.instances]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLine {
    /// `instances`.
    pub section: String,
    /// Where that stands.
    pub section_place: Place,
    /// `restart`.
    pub action: String,
    /// Where that stands.
    pub place: Place,
    /// The keys, each with its place; none takes the key away.
    pub keys: Vec<(String, Place)>,
}

/// Reads `[keys]`.
pub(super) fn lines(table: &Table) -> Result<Vec<KeyLine>, Fault> {
    let mut lines = Vec::new();
    for (section, item) in &table.entries {
        let Value::Table(actions) = &item.value else {
            let message = format!("\"{}\" in [keys] must be a table: write [keys.PLACE] before it", crate::domain::Shown::new(section));
            return Err(Fault { place: item.key_place.clone(), message });
        };
        for (action, item) in &actions.entries {
            let told = |wrong| wrong_value(&wrong, action, &format!("[keys.{}]", crate::domain::Shown::new(section)));
            let keys = match &item.value {
                Value::Text(_) => vec![(item.text().map_err(told)?.to_owned(), item.place.clone())],
                Value::List(items) => {
                    let key = |item: &super::item::Item| Ok((item.text()?.to_owned(), item.place.clone()));
                    items.iter().map(key).collect::<super::read::Reading<_>>().map_err(told)?
                }
                _ => return Err(told(item.wrong("must be a key in quotes, or a list of keys"))),
            };
            let (section, action) = (section.clone(), action.clone());
            let section_place = table.get(&section).map_or_else(|| item.key_place.clone(), |item| item.key_place.clone());
            lines.push(KeyLine { section, section_place, action, place: item.key_place.clone(), keys });
        }
    }
    Ok(lines)
}
