//! Typing a filter. Every letter counts at once.
//!
//! It must never move the choice to another instance while the chosen one is still kept.

use crossterm::event::{Event as Raw, KeyEvent};
use tui_input::InputRequest;
use tui_input::backend::crossterm::EventHandler;

use crate::tui::keymap::Action;
use crate::tui::query::Query;
use crate::tui::state::State;

use super::fleet;

/// Longer filters are of no use.
const LONGEST: usize = 200;

/// Starts typing.
pub fn open(state: &mut State) {
    state.filter.editing = true;
}

/// Only what has a problem, or all again.
pub fn problems(state: &mut State) {
    state.filter.problems = !state.filter.problems;
    fleet::arrange(state);
}

/// Keeps everything again.
pub fn clear(state: &mut State) {
    state.filter = crate::tui::state::filter::Filter::default();
    fleet::arrange(state);
}

/// A key that is not bound.
pub fn type_key(state: &mut State, key: &KeyEvent) {
    state.filter.input.handle_event(&Raw::Key(*key));
    changed(state);
}

/// A pasted text, up to its first line's end.
pub fn paste(state: &mut State, text: &str) {
    insert(&mut state.filter.input, text, LONGEST);
    changed(state);
}

/// A bound key.
pub fn act(state: &mut State, action: Action) {
    match action {
        Action::Press => state.filter.editing = false,
        Action::Escape => {
            let problems = state.filter.problems;
            clear(state);
            state.filter.problems = problems;
            fleet::arrange(state);
        }
        Action::Move(motion) => fleet::travel(state, motion),
        _ => {}
    }
}

/// Puts text into an input: the first line, without anything that is not printed.
pub fn insert(input: &mut tui_input::Input, text: &str, longest: usize) {
    let line = text.lines().next().unwrap_or_default();
    for character in line.chars().filter(|character| !character.is_control()).take(longest) {
        if input.value().chars().count() >= longest {
            return;
        }
        input.handle(InputRequest::InsertChar(character));
    }
}

fn changed(state: &mut State) {
    state.filter.query = Query::parse(state.filter.input.value());
    fleet::arrange(state);
}
