//! The table's own rules, and what a configuration may change about it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyModifiers};

use super::*;
use crate::config::KeyLine;
use crate::domain::Verb;

fn event(text: &str) -> KeyEvent {
    let key = Key::parse(text).unwrap();
    KeyEvent::new(key.code, if key.control { KeyModifiers::CONTROL } else { KeyModifiers::NONE })
}

fn lookup(place: Place, event: &KeyEvent) -> Option<Action> {
    Keymap::default().lookup(place, event)
}

/// Section, action and keys.
type Written<'a> = (&'a str, &'a str, &'a [&'a str]);

/// Lines as `config` reads them: section, action, keys; each stands on a line of its own.
fn rebound(lines: &[Written<'_>]) -> Result<Keymap, String> {
    let file: Arc<Path> = Path::new("/etc/berth/berth.toml").into();
    let mut number = 1;
    let mut place = || {
        number += 1;
        config::Place { file: Some(file.clone()), line: number, column: 1 }
    };
    let line = |(section, action, keys): &Written<'_>| {
        let at = place();
        KeyLine {
            section: (*section).to_owned(),
            section_place: at.clone(),
            action: (*action).to_owned(),
            place: at.clone(),
            keys: keys.iter().map(|key| ((*key).to_owned(), at.clone())).collect(),
        }
    };
    let lines: Vec<KeyLine> = lines.iter().map(line).collect();
    Keymap::of(&lines).map_err(|error| error.to_string().replace("/etc/berth/berth.toml:", ""))
}

#[test]
fn no_key_means_two_things_in_one_place() {
    for place in Place::ALL {
        let mut seen: Vec<(Key, Action)> = Vec::new();
        for binding in bindings().filter(|binding| place.chain().contains(&binding.place)) {
            for key in binding.keys {
                let clash = seen.iter().find(|(known, action)| known == key && *action != binding.action);
                assert!(clash.is_none(), "{place:?}: {} means {:?} and {clash:?}", key.label(), binding.action);
                seen.push((*key, binding.action));
            }
        }
    }
}

#[test]
fn nothing_that_disturbs_is_on_ctrl_and_flow_control_is_left_alone() {
    for binding in bindings() {
        for key in binding.keys.iter().filter(|key| key.control) {
            assert!(!binding.action.disturbs(), "{}", key.label());
            assert!(!matches!(key.code, KeyCode::Char('a' | 'b' | 's' | 'q')), "{}", key.label());
        }
    }
}

#[test]
fn every_binding_has_words_and_a_key_or_a_name_in_the_palette() {
    for binding in bindings() {
        assert!(!binding.words.is_empty() && !binding.words.ends_with('.'), "{:?} {}", binding.action, binding.words);
        assert!(!binding.keys.is_empty() || binding.action.is_command(), "{:?} can never be asked for", binding.action);
        assert!(binding.short.len() <= 14, "{}", binding.short);
    }
}

#[test]
fn names_are_one_to_one_and_plain() {
    let mut names: BTreeMap<&str, Action> = BTreeMap::new();
    for binding in bindings() {
        let (name, action) = (binding.action.name(), binding.action);
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'), "{name}");
        assert_eq!(*names.entry(name).or_insert(action), action, "{name} is two actions");
    }
}

#[test]
fn every_action_is_in_the_table() {
    // The variants as they are written: what is added to the enumeration and forgotten in the table is found here.
    let source = include_str!("action.rs").split("pub enum LogKey").next().unwrap().split("pub enum Action {").nth(1).unwrap();
    let variants = source.lines().map(str::trim).filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()));
    for variant in variants.map(|line| line.trim_end_matches(',').split('(').next().unwrap()) {
        let of_it = |binding: &Binding| format!("{:?}", binding.action).split('(').next() == Some(variant);
        assert!(bindings().any(of_it), "no line of the tables is for {variant}");
    }
}

#[test]
fn every_key_is_written_so_that_it_can_be_read() {
    for key in bindings().flat_map(|binding| binding.keys) {
        assert_eq!(Key::parse(&key.written()), Ok(*key), "{}", key.label());
    }
}

#[test]
fn dialogues_leave_no_pane_key_through() {
    let start = KeyEvent::new(KeyCode::Char('S'), KeyModifiers::SHIFT);
    assert_eq!(lookup(Place::Fleet, &start), Some(Action::Act(Verb::Stop)));
    for place in [Place::Confirm, Place::Reason, Place::Help, Place::Filter] {
        assert_eq!(lookup(place, &start), None, "{place:?}");
        assert_eq!(lookup(place, &event("ctrl-c")), Some(Action::Quit), "{place:?}");
    }
    assert_eq!(lookup(Place::Reason, &event("y")), None);
}

#[test]
fn alt_means_nothing() {
    assert_eq!(lookup(Place::Confirm, &KeyEvent::new(KeyCode::Char('y'), KeyModifiers::ALT)), None);
}

#[test]
fn a_key_is_moved_where_it_was_and_where_it_is_shared() {
    let keymap = rebound(&[("everywhere", "restart", &["R"]), ("instances", "sort-cpu", &["D", "f5"])]).unwrap();
    let restart = Some(Action::Act(Verb::Restart));
    for place in [Place::Fleet, Place::Log, Place::Ports] {
        assert_eq!((keymap.lookup(place, &event("R")), keymap.lookup(place, &event("r"))), (restart, None), "{place:?}");
    }
    assert_eq!(keymap.label(Place::Fleet, Action::SortBy(crate::present::columns::Column::Cpu)), "D");
    assert_eq!(keymap.lookup(Place::Fleet, &event("P")), None);

    // In one place only: elsewhere it stays.
    let keymap = rebound(&[("instances", "restart", &["R"])]).unwrap();
    assert_eq!((keymap.lookup(Place::Fleet, &event("R")), keymap.lookup(Place::Fleet, &event("r"))), (restart, None));
    assert_eq!((keymap.lookup(Place::Log, &event("R")), keymap.lookup(Place::Log, &event("r"))), (None, restart));
    assert_eq!(keymap.footer(Place::Fleet).filter(|bound| Some(bound.action) == restart).count(), 1);
}

#[test]
fn a_key_may_be_taken_away_and_given_to_another() {
    let keymap = rebound(&[("everywhere", "stop", &[]), ("everywhere", "theme", &["S"])]).unwrap();
    assert_eq!(keymap.lookup(Place::Fleet, &event("S")), Some(Action::Theme));
    assert_eq!(keymap.label(Place::Fleet, Action::Act(Verb::Stop)), "");
    assert!(keymap.footer(Place::Fleet).all(|bound| bound.action != Action::Act(Verb::Stop)), "what has no key is not in the last line");
}

#[test]
fn mistakes_are_told_with_their_line() {
    let table: &[(&[Written<'_>], &str)] = &[
        (&[("instnces", "restart", &["R"])], "2:1: there is no [keys.instnces]; did you mean \"instances\"?"),
        (&[("instances", "restrat", &["R"])], "2:1: unknown action \"restrat\" in [keys.instances]; did you mean \"restart\"?"),
        (&[("log", "sort-cpu", &["R"])], "2:1: unknown action \"sort-cpu\" in [keys.log]"),
        (&[("instances", "restart", &["ctrl-i"])], "2:1: wrong key \"ctrl-i\" for restart in [keys.instances]: it is tab on a terminal"),
        (&[("instances", "restart", &["ctrl-r"])], "2:1: wrong key \"ctrl-r\" for restart in [keys.instances]: it holds Ctrl"),
        (&[("instances", "restart", &["q"])], "2:1: the key \"q\" would be both restart and back in [keys.instances]"),
        (
            &[("everywhere", "restart", &["X"]), ("instances", "sort-cpu", &["X"])],
            "3:1: the key \"X\" would be both restart (2:1) and sort-cpu in [keys.instances]",
        ),
        (&[("filter", "press", &["x"])], "2:1: wrong key \"x\" for press in [keys.filter]: it is text there"),
        (&[("list", "escape", &[])], "2:1: escape in [keys.list] needs a key: without one there would be no way out"),
    ];
    for (lines, expected) in table {
        let told = rebound(lines).unwrap_err();
        assert!(told.starts_with(expected), "{lines:?}\n  expected {expected}\n  told     {told}");
    }
}

#[test]
fn two_keys_may_change_places() {
    let keymap = rebound(&[("everywhere", "start", &["S"]), ("everywhere", "stop", &["s"])]).unwrap();
    assert_eq!(keymap.lookup(Place::Fleet, &event("s")), Some(Action::Act(Verb::Stop)));
    let menu = rebound(&[("menu", "start", &["x"])]).unwrap();
    assert_eq!(menu.lookup(Place::Menu, &event("x")), Some(Action::Act(Verb::Start)));
    assert_eq!(menu.lookup(Place::Fleet, &event("s")), Some(Action::Act(Verb::Start)));
}

#[test]
fn what_holds_can_be_written_as_a_configuration() {
    let keymap = rebound(&[("instances", "restart", &["R"])]).unwrap();
    let lines: Vec<String> = keymap.describe().iter().map(|(key, value, place)| format!("{key} = {value} {}", place.is_some())).collect();
    assert!(lines.contains(&"keys.instances.restart = [\"R\"] true".to_owned()), "{lines:?}");
    assert!(lines.contains(&"keys.always.quit = [\"ctrl-c\"] false".to_owned()));
    let keys = |line: &String| line.split(' ').next().unwrap().to_owned();
    let mut names: Vec<String> = lines.iter().map(keys).collect();
    names.sort();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "a place has one line for an action");
}
