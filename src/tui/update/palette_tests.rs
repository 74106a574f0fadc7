//! The palette's words, its reasons, and what choosing does.

use std::sync::Arc;

use crossterm::event::KeyCode;

use super::*;
use crate::tui::keymap::{Keymap, bindings};
use crate::tui::state::picker::Choice;
use crate::tui::testing::{answer, chosen, console, keys, press, reply, showing};
use crate::tui::themes::Themes;

fn palette(state: &State, name: &str) -> Entry {
    entries(state).into_iter().find(|entry| entry.label.as_str() == name).unwrap_or_else(|| panic!("no {name}"))
}

/// Types a text into the palette and chooses.
fn command(state: &mut State, text: &str) -> Vec<Effect> {
    keys(state, ":");
    assert!(state.picker.as_ref().is_some_and(|picker| picker.commands), "the palette is open");
    keys(state, text);
    let effects = press(state, KeyCode::Enter);
    answer(state, effects)
}

#[test]
fn every_action_is_found_by_its_name_once() {
    let state = showing(&["alice"]);
    let names: Vec<String> = entries(&state).iter().map(|entry| entry.label.as_str().to_owned()).collect();
    for binding in bindings().filter(|binding| binding.action.is_command() && binding.place != Place::Menu) {
        assert_eq!(names.iter().filter(|name| *name == binding.action.name()).count(), 1, "{}", binding.action.name());
    }
    for name in &names {
        let mut state = showing(&["alice"]);
        keys(&mut state, ":");
        keys(&mut state, name);
        assert_eq!(state.picker.as_ref().unwrap().entry().unwrap().label.as_str(), name, "what is named whole stands first");
    }
}

#[test]
fn entries_tell_their_key_as_it_is_configured() {
    let mut state = showing(&["alice"]);
    assert_eq!((palette(&state, "restart").key.as_str(), palette(&state, "theme").key.as_str()), ("r", "theme NAME"));
    let place = crate::config::Place { file: None, line: 1, column: 1 };
    let line = crate::config::KeyLine {
        section: "everywhere".to_owned(),
        section_place: place.clone(),
        action: "restart".to_owned(),
        place: place.clone(),
        keys: vec![("R".to_owned(), place)],
    };
    state.settings.keymap = Arc::new(Keymap::of(&[line]).unwrap());
    assert_eq!(palette(&state, "restart").key, "R");
    let effects = keys(&mut state, "r");
    assert_eq!((effects, state.confirm.is_some()), (vec![], false), "the old key does nothing");
    keys(&mut state, "R");
    assert!(state.confirm.is_some());
}

#[test]
fn what_cannot_be_done_says_why() {
    let mut state = showing(&["alice"]);
    let id = crate::domain::InstanceId::parse("alice").unwrap();
    reply(&mut state, id, Purpose::Keys, Some("you are a viewer"));
    assert_eq!(palette(&state, "stop").why_not, Some(Shown::from("you are a viewer")));
    keys(&mut state, "V");
    assert_eq!(palette(&state, "stop").why_not, Some(Shown::from("changes are locked; V unlocks them")));
    let state = console(120, 40);
    assert_eq!(palette(&state, "detail").why_not, Some(Shown::from("there is no instance to do that to")));
    assert_eq!(palette(&state, "help").why_not, None);
    let mut state = showing(&["alice"]);
    state.settings.themes = Arc::new(Themes::built_in(Depth::None).unwrap());
    assert_eq!(palette(&state, "theme").why_not, Some(Shown::from(theme::NO_COLOURS)));
    keys(&mut state, "T");
    assert!(state.status.message.as_ref().unwrap().refused);
}

#[test]
fn choosing_does_what_the_key_does() {
    let mut state = showing(&["alice", "bob"]);
    keys(&mut state, "j");
    command(&mut state, "restart");
    let confirm = state.confirm.as_ref().unwrap();
    assert_eq!((confirm.verb, confirm.row.id.to_string().as_str()), (Verb::Restart, "bob"));

    let mut state = showing(&["alice"]);
    assert_eq!(command(&mut state, "quit"), [Effect::Quit]);
    command(&mut state, "help");
    assert!(state.help.is_some());

    let mut state = showing(&["alice"]);
    command(&mut state, "zzzqqq");
    assert!(state.picker.is_some(), "what matches nothing stays to be mended");
}

#[test]
fn what_counts_elsewhere_goes_there_first_and_keeps_the_instance() {
    let mut state = showing(&["alice", "bob"]);
    keys(&mut state, "j");
    command(&mut state, "wrap");
    assert_eq!((state.large, chosen(&state).as_str()), (Some(Pane::Log), "bob"));
    command(&mut state, "sort-memory");
    assert_eq!((state.large, state.focus, state.preferences.sort), (None, Pane::Fleet, crate::present::columns::Column::Memory));
    keys(&mut state, "2");
    command(&mut state, "problems");
    assert_eq!((state.tab, state.filter.problems), (Tab::Instances, true));
}

#[test]
fn a_name_may_be_followed_by_what_it_takes() {
    let mut state = showing(&["alice"]);
    command(&mut state, "theme light");
    assert_eq!((state.theme.as_deref(), state.picker.is_none()), (Some("light"), true));
    assert_eq!(Ok(&state.settings.theme), state.settings.themes.styles("light"));
    command(&mut state, "theme lihgt");
    assert!(state.status.message.as_ref().unwrap().text.as_str().contains("did you mean \"light\""));
    assert!(state.picker.is_some(), "it stays to be mended");
    assert_eq!(state.theme.as_deref(), Some("light"));
}

#[test]
fn themes_are_seen_while_one_chooses_and_given_back_by_escape() {
    let mut state = showing(&["alice"]);
    theme::begin(&mut state, None, None);
    let style = |state: &State, name: &str| state.settings.themes.styles(name).unwrap().clone();
    command(&mut state, "theme");
    assert!(matches!(&state.picker.as_ref().unwrap().entry().unwrap().choice, Choice::Theme(name) if name == "dark"));
    press(&mut state, KeyCode::Down);
    assert_eq!((&state.settings.theme, state.theme.as_deref()), (&style(&state, "light"), None));
    keys(&mut state, "mono");
    assert_eq!(state.settings.theme, style(&state, "mono"));
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.settings.theme, style(&state, "dark"));
    command(&mut state, "theme");
    press(&mut state, KeyCode::Down);
    press(&mut state, KeyCode::Enter);
    assert_eq!((&state.settings.theme, state.theme.as_deref()), (&style(&state, "light"), Some("light")));
    for name in ["high-contrast", "colour-blind", "mono", "dark"] {
        keys(&mut state, "T");
        assert_eq!((state.theme.as_deref(), &state.settings.theme), (Some(name), &style(&state, name)));
    }
}

#[test]
fn a_theme_that_is_not_there_leaves_the_default_and_says_so() {
    let mut state = showing(&["alice"]);
    theme::begin(&mut state, Some("drak".to_owned()), None);
    assert_eq!(state.settings.theme, *state.settings.themes.styles("dark").unwrap());
    assert_eq!(state.status.message.as_ref().unwrap().text.as_str(), "there is no theme drak; did you mean \"dark\"?");
    theme::begin(&mut state, Some("light".to_owned()), None);
    assert_eq!((state.theme_name(), state.theme.as_deref()), ("light", None), "what is configured is nobody's choice");
    assert_eq!(state.settings.theme, *state.settings.themes.styles("light").unwrap());
    theme::begin(&mut state, Some("light".to_owned()), Some("mono".to_owned()));
    assert_eq!((state.theme_name(), state.theme.as_deref()), ("mono", Some("mono")));
}
