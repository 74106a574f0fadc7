//! The list of findings: moving in it.
//!
//! It must never act but through a question.

use crate::tui::effect::Effect;
use crate::tui::keymap::{Action, Motion};
use crate::tui::state::prompt::{Prompt, Purpose};
use crate::tui::state::{State, Tab};
use crate::tui::view::findings as view;

use super::status;

/// Keeps the choice with the picture that is shown.
pub fn settle(state: &mut State) {
    let Some(snapshot) = state.snapshot.as_ref().filter(|_| state.tab == Tab::Findings) else { return };
    let shown = state.findings.shown(snapshot);
    state.findings.settle(&shown);
    let count = shown.len();
    let page = view::page(state);
    state.findings.reveal(page, count);
}

/// A bound key while the tab is shown; `false` for what is not the tab's.
pub fn act(state: &mut State, action: Action, _effects: &mut [Effect]) -> bool {
    match action {
        Action::Filter => state.prompt = Some(Prompt::new(Purpose::FilterFindings, &state.findings.filter)),
        Action::Escape if !state.findings.filter.is_empty() => filter(state, ""),
        Action::GoToInstance if state.findings.chosen.is_none() => {
            status::refuse(state, "there is no finding whose instance could be shown")
        }
        Action::GoToInstance if state.target().is_none() => status::refuse(state, "it is about the host: there is no instance to go to"),
        _ => return false,
    }
    true
}

/// Keeps what holds these words; without words, everything.
pub fn filter(state: &mut State, text: &str) {
    state.findings.filter = text.to_owned();
}

/// Moves the choice.
pub fn travel(state: &mut State, motion: Motion) {
    let page = view::page(state).max(1);
    let Some(snapshot) = &state.snapshot else { return };
    let index = state.findings.index;
    let to = match motion {
        Motion::Up => index.saturating_sub(1),
        Motion::Down => index + 1,
        Motion::PageUp => index.saturating_sub(page),
        Motion::PageDown => index + page,
        Motion::First => 0,
        Motion::Last => usize::MAX,
        Motion::Left | Motion::Right => index,
    };
    let shown = state.findings.shown(snapshot);
    state.findings.choose(to, &shown);
}

#[cfg(test)]
#[path = "findings_tests.rs"]
mod tests;
