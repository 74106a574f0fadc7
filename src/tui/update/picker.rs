//! Typing in a list and choosing from it.
//!
//! It must never do what an entry says is not possible: it says why.

use crossterm::event::{Event as Raw, KeyEvent};
use tui_input::InputRequest;
use tui_input::backend::crossterm::EventHandler;

use crate::tui::effect::Effect;
use crate::tui::keymap::{Action, Motion};
use crate::tui::state::State;
use crate::tui::state::picker::{Choice, Picker};
use crate::tui::view::picker as view;

use super::{columns, filter, fix, palette, plan, signal, status, theme, users};

/// Longer texts are of no use.
const LONGEST: usize = 100;

/// Opens it.
pub fn open(state: &mut State, picker: Picker) {
    if picker.entries.is_empty() {
        status::refuse(state, "there is nothing to choose from");
        return;
    }
    state.picker = Some(picker);
}

/// A key that is not bound.
pub fn type_key(state: &mut State, key: &KeyEvent) {
    let Some(picker) = &mut state.picker else { return };
    if picker.input.value().chars().count() < LONGEST || !matches!(key.code, crossterm::event::KeyCode::Char(_)) {
        picker.input.handle_event(&Raw::Key(*key));
        picker.narrow();
    }
    theme::look_at(state);
}

/// A pasted text.
pub fn paste(state: &mut State, text: &str) {
    let Some(picker) = &mut state.picker else { return };
    filter::insert(&mut picker.input, text, LONGEST);
    picker.narrow();
    theme::look_at(state);
}

/// A bound key.
pub fn act(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let page = view::page(state);
    let Some(picker) = &mut state.picker else { return };
    let chosen = picker.chosen;
    match action {
        Action::Move(Motion::Up) => picker.choose(chosen.saturating_sub(1), page),
        Action::Move(Motion::Down) => picker.choose(chosen + 1, page),
        Action::Move(Motion::PageUp) => picker.choose(chosen.saturating_sub(page), page),
        Action::Move(Motion::PageDown) => picker.choose(chosen + page, page),
        Action::Move(Motion::Left | Motion::Right) if picker.moves => columns::shift(state, action == Action::Move(Motion::Right)),
        Action::Move(Motion::Left) => drop(picker.input.handle(InputRequest::GoToPrevChar)),
        Action::Move(Motion::Right) => drop(picker.input.handle(InputRequest::GoToNextChar)),
        Action::Escape => state.picker = None,
        Action::Press => press(state, effects),
        _ => {}
    }
    theme::look_at(state);
}

fn press(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(picker) = &state.picker else { return };
    let Some(entry) = picker.entry().cloned() else { return };
    let argument = picker.argument().map(|(_, rest)| rest.to_owned()).filter(|rest| !rest.is_empty());
    if let (Choice::Command(action, _), Some(argument)) = (&entry.choice, argument) {
        palette::carry_out(state, *action, &argument, effects);
        return;
    }
    if !picker.stays {
        state.picker = None;
    }
    match entry.why_not {
        Some(why) => status::refuse(state, &format!("{}: {why}", entry.label)),
        None => choose(state, entry.choice, effects),
    }
}

/// What was chosen.
fn choose(state: &mut State, choice: Choice, effects: &mut Vec<Effect>) {
    match choice {
        Choice::Nothing => {}
        Choice::Action(action) => super::act(state, action, effects),
        Choice::Mend(mend) => fix::choose(state, &mend, effects),
        Choice::CopyCommand(text) => effects.push(Effect::Copy { what: "the command".to_owned(), text }),
        Choice::Column(column) => columns::toggle(state, column),
        Choice::ColumnsReset => columns::reset(state),
        Choice::User(user) => users::pick(state, user.as_deref()),
        Choice::Copy { what, text } => effects.push(Effect::Copy { what, text }),
        Choice::Signal(id, signal) => signal::choose(state, &id, signal),
        Choice::Command(action, place) => palette::act(state, action, place, effects),
        Choice::Theme(name) => theme::choose(state, &name),
        Choice::Plan(strategy) => plan::choose(state, strategy, effects),
    }
}
