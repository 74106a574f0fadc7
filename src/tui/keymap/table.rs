//! The tables of keys, as DESIGN section 7 fixes them, one file for each place. Their order is the order on the help page and in
//! the last line.
//!
//! It must never hold a key for something that does not exist.

mod acting;
mod detail;
mod dialogues;
mod events;
mod everywhere;
mod findings;
mod fleet;
mod host;
mod log;
mod ports;
mod remedies;

use crossterm::event::KeyCode;

use super::{Action, Binding, Key, Place};

/// A plain character.
const fn char(character: char) -> Key {
    Key { code: KeyCode::Char(character), control: false }
}

/// A character with Ctrl.
const fn ctrl(character: char) -> Key {
    Key { code: KeyCode::Char(character), control: true }
}

/// A named key.
const fn named(code: KeyCode) -> Key {
    Key { code, control: false }
}

const UP: &[Key] = &[char('k'), named(KeyCode::Up)];
const DOWN: &[Key] = &[char('j'), named(KeyCode::Down)];
const FIRST: &[Key] = &[char('g'), named(KeyCode::Home)];
const LAST: &[Key] = &[char('G'), named(KeyCode::End)];
const PAGE_UP: &[Key] = &[named(KeyCode::PageUp)];
const PAGE_DOWN: &[Key] = &[named(KeyCode::PageDown)];
const ESCAPE: &[Key] = &[named(KeyCode::Esc)];

/// A line of a table.
const fn bind(place: Place, action: Action, keys: &'static [Key], short: &'static str, words: &'static str) -> Binding {
    Binding { action, place, keys, words, short }
}

/// The tables, in the order of the last line.
const TABLES: &[&[Binding]] = &[
    log::KEYS,
    events::KEYS,
    host::KEYS,
    detail::KEYS,
    ports::KEYS,
    findings::KEYS,
    acting::KEYS,
    fleet::KEYS,
    remedies::KEYS,
    everywhere::KEYS,
    dialogues::KEYS,
];

/// Every key.
pub fn bindings() -> impl Iterator<Item = &'static Binding> {
    TABLES.iter().copied().flatten()
}
