//! Typing a filter. Every letter counts at once.
//!
//! It must never move the choice to another instance while the chosen one is still kept.

use crossterm::event::{Event as Raw, KeyCode, KeyEvent};
use tui_input::backend::crossterm::EventHandler;
use tui_input::{Input, InputRequest};

use crate::tui::keymap::Action;
use crate::tui::query;
use crate::tui::state::State;
use crate::tui::state::filter::Filter;

use super::fleet;

/// Longer filters are of no use.
const LONGEST: usize = 200;

/// Starts typing.
pub fn open(state: &mut State) {
    state.filter.editing = true;
    offer(state);
}

/// Only what has a problem, or all again.
pub fn problems(state: &mut State) {
    state.filter.problems = !state.filter.problems;
    fleet::arrange(state);
}

/// Keeps everything again.
pub fn clear(state: &mut State) {
    state.filter = Filter::default();
    fleet::arrange(state);
}

/// Another text in the place of the one that is there.
pub fn set(state: &mut State, text: &str) {
    state.filter.input = Input::from(text);
    changed(state);
}

/// A key that is not bound.
pub fn type_key(state: &mut State, key: &KeyEvent) {
    if state.filter.input.value().chars().count() < LONGEST || !matches!(key.code, KeyCode::Char(_)) {
        state.filter.input.handle_event(&Raw::Key(*key));
    }
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
        // What is wrong stays to be mended; what is wrong with it is on the screen.
        Action::Press => state.filter.editing = state.filter.wrong.is_some(),
        Action::Escape => {
            let problems = state.filter.problems;
            clear(state);
            state.filter.problems = problems;
            fleet::arrange(state);
        }
        Action::Complete => complete(state, true),
        Action::CompleteBack => complete(state, false),
        Action::Move(motion) => fleet::travel(state, motion),
        _ => {}
    }
}

/// Puts text into an input: the first line, without anything that is not printed.
pub fn insert(input: &mut Input, text: &str, longest: usize) {
    // Most terminals send the end of a line as the Enter key does, by a carriage return.
    let line = text.trim_start_matches(['\r', '\n']).split(['\r', '\n']).next().unwrap_or_default();
    for character in line.chars().filter(|character| !character.is_control()).take(longest) {
        if input.value().chars().count() >= longest {
            return;
        }
        input.handle(InputRequest::InsertChar(character));
    }
}

fn changed(state: &mut State) {
    state.filter.read();
    offer(state);
    fleet::arrange(state);
}

/// What can be typed where the cursor is.
fn offer(state: &mut State) {
    let input = &state.filter.input;
    let cursor = input.value().char_indices().nth(input.cursor()).map_or(input.value().len(), |(at, _)| at);
    state.filter.completion = query::complete(input.value(), cursor, state.snapshot.as_deref());
}

/// Puts the next of what can be typed into the text; the only one opens what comes after it.
fn complete(state: &mut State, forward: bool) {
    let completion = state.filter.completion.clone();
    let count = completion.options.len();
    let next = match (completion.taken, forward) {
        (None, true) => 0,
        (None, false) => count.saturating_sub(1),
        (Some(taken), true) => (taken + 1) % count.max(1),
        (Some(taken), false) => (taken + count.saturating_sub(1)) % count.max(1),
    };
    let Some(option) = completion.options.get(next) else { return };
    let text = state.filter.input.value();
    let (head, tail) = (text.get(..completion.start).unwrap_or_default(), text.get(completion.end..).unwrap_or_default());
    if head.len() + option.len() + tail.len() > LONGEST * 4 {
        return;
    }
    let end = completion.start + option.len();
    let (text, cursor) = (format!("{head}{option}{tail}"), head.chars().count() + option.chars().count());
    state.filter.input = Input::new(text).with_cursor(cursor);
    state.filter.read();
    if count > 1 {
        state.filter.completion = query::Completion { end, taken: Some(next), ..completion };
    } else {
        offer(state);
    }
    fleet::arrange(state);
}
