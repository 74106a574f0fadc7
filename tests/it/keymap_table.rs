//! The keys of the contract, the keymap, the help page, the palette and the README, compared with one another.

use std::collections::BTreeSet;

use berth::tui::keymap::{Key, Keymap, Place};
use berth::tui::view::help;
use crossterm::event::{KeyEvent, KeyModifiers};

use super::console::Console;

/// DESIGN section 7: where, and which keys have to mean something there.
const CONTRACT: [(Place, &[&str]); 4] = [
    (
        Place::Fleet,
        &[
            "?",
            ":",
            "/",
            "esc",
            "tab",
            "shift-tab",
            "1",
            "2",
            "3",
            "4",
            "5",
            "q",
            "ctrl-c",
            "ctrl-l",
            "Z",
            "T",
            "V", // everywhere
            "j",
            "k",
            "up",
            "down",
            "g",
            "G",
            "pgup",
            "pgdn",
            "left",
            "right",
            "enter",
            "space",
            "*",
            "U",
            "o",
            "O",
            "P",
            "M",
            "N",
            "A",
            "u",
            "e",
            "l",
            "p",
            "w",
            "c",
            "y", // the table's own
            "a",
            "s",
            "S",
            "r",
            "F",
            "K", // acting
        ],
    ),
    (
        Place::Log,
        &[
            "f",
            "w",
            "t",
            "0",
            "1",
            "2",
            "3",
            "4",
            "5",
            "6",
            "7",
            "/",
            "n",
            "N",
            "&",
            "!",
            "e",
            "E",
            "m",
            "[",
            "]",
            "v",
            "y",
            "?",
            ":",
            "q",
            "esc",
            "tab",
            "shift-tab",
            "j",
            "k",
            "g",
            "G",
            "pgup",
            "pgdn",
        ],
    ),
    (Place::Confirm, &["y", "esc", "enter", "tab", "shift-tab", "ctrl-c"]),
    (Place::Picker, &["enter", "esc", "up", "down", "ctrl-c"]),
];

/// Keys of the contract that are not bound yet. Whoever binds one takes it out; nothing is ever added.
const NOT_BOUND: [&str; 0] = [];
    let text = include_str!("../../README.md");
    let section = text.split("\n## Keys\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut rows = Vec::new();
    for line in section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| where")) {
        let (title, rest) = line[2..].split_once(" | ").unwrap();
        let (_, places) = ROWS.iter().find(|(known, _)| *known == title).unwrap_or_else(|| panic!("the README has a row {title}"));
        let words = rest.split('`').skip(1).step_by(2);
        rows.push((*places, words.filter_map(key).map(Key::label).collect()));
    }
    rows
}

/// A key as the README writes it; `None` for words that are none, as `user:`.
fn key(word: &str) -> Option<Key> {
    let word = match word {
        "↑" => "up",
        "↓" => "down",
        "←" => "left",
        "→" => "right",
        "\\|" => "|",
        other => other,
    };
    Key::parse(word).ok()
}

#[test]
fn the_readme_names_only_keys_that_there_are() {
    let keymap = Keymap::default();
    let mut wrong = Vec::new();
    for (places, keys) in readme() {
        for label in keys {
            let bound = |place: &Place| keymap.at(*place).any(|bound| bound.keys.iter().any(|key| key.label() == label));
            if !places.iter().any(bound) {
                wrong.push(format!("{}: {label}", places[0].name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn the_readme_names_a_key_for_everything() {
    let rows = readme();
    let mut missing = Vec::new();
    for bound in Keymap::default().bound().iter().filter(|bound| !bound.keys.is_empty()) {
        let row = rows.iter().find(|(places, _)| places.contains(&bound.place));
        let named = row.is_some_and(|(_, named)| bound.keys.iter().any(|key| named.contains(&key.label())));
        let name = format!("{} {}", bound.place.name(), bound.action.name());
        if !named && !missing.contains(&name) {
            missing.push(name);
        }
    }
    assert_eq!(missing, NOT_IN_README);
}
