//! The keys of the contract, the keymap, the help page, the palette and the README, compared with one another.

use std::collections::BTreeSet;

use berth::tui::keymap::{Key, Keymap, Place};
use berth::tui::view::help;
use crossterm::event::{KeyEvent, KeyModifiers};

use super::console::Console;

/// DESIGN section 7: where, and which keys have to mean something there.
pub const CONTRACT: [(Place, &[&str]); 4] = [
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
const NOT_BOUND: &[&str] = &[];

/// Actions whose keys the README does not name yet. Whoever writes them there takes them out; nothing is ever added.
const NOT_IN_README: &[&str] = &[];

fn event(key: Key) -> KeyEvent {
    KeyEvent::new(key.code, if key.control { KeyModifiers::CONTROL } else { KeyModifiers::NONE })
}

#[test]
fn every_key_of_the_contract_is_bound() {
    let keymap = Keymap::default();
    let mut missing = Vec::new();
    for (place, keys) in CONTRACT {
        for text in keys {
            if keymap.lookup(place, &event(Key::parse(text).unwrap())).is_none() {
                missing.push(format!("{} {text}", place.name()));
            }
        }
    }
    assert_eq!(missing, NOT_BOUND);
}

#[test]
fn help_names_every_line_of_the_keymap() {
    let keymap = Keymap::default();
    let page: BTreeSet<(String, String)> = help::lines(&keymap, Place::Fleet)
        .into_iter()
        .filter_map(|line| match line {
            help::Line::Key(keys, words) => Some((keys, words.into_owned())),
            _ => None,
        })
        .collect();
    let table: BTreeSet<(String, String)> = keymap.bound().iter().map(|bound| (bound.labels(), bound.words.to_owned())).collect();
    assert_eq!(page, table);
}

#[test]
fn the_palette_names_every_command_of_the_keymap_with_its_key() {
    let mut console = Console::with_fleet(80, 24);
    console.keys(":");
    let entries = &console.state.picker.as_ref().unwrap().entries;
    let keymap = Keymap::default();
    for bound in keymap.bound().iter().filter(|bound| bound.action.is_command() && bound.place != Place::Menu) {
        let entry = entries.iter().find(|entry| entry.label.as_str() == bound.action.name());
        let entry = entry.unwrap_or_else(|| panic!("the palette has no {}", bound.action.name()));
        let keys = keymap.bound().iter().filter(|other| other.action == bound.action).map(|other| other.label());
        assert!(bound.keys.is_empty() || keys.collect::<Vec<_>>().contains(&entry.key), "{}: {}", bound.action.name(), entry.key);
    }
}

/// The README's table of keys: the places of each row and the keys that it names.
fn readme() -> Vec<(&'static [Place], BTreeSet<String>)> {
    const ROWS: [(&str, &[Place]); 17] = [
        ("everywhere", &[Place::Everywhere, Place::Tabs, Place::Always]),
        ("instances", &[Place::Fleet]),
        ("detail", &[Place::Detail]),
        ("log", &[Place::Log]),
        ("ports", &[Place::Ports]),
        ("findings", &[Place::Findings]),
        ("events", &[Place::Events]),
        ("host", &[Place::Host]),
        ("filter", &[Place::Filter]),
        ("a question", &[Place::Confirm, Place::Reason]),
        ("a question about many", &[Place::Bulk]),
        ("action on many", &[Place::Progress]),
        ("why", &[Place::Why]),
        ("menu", &[Place::Menu]),
        ("a list", &[Place::Picker]),
        ("a line", &[Place::Prompt]),
        ("help", &[Place::Help]),
    ];
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
