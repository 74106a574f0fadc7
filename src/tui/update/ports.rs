//! The map of the range: keys and new pictures.
//!
//! It must never act but through a question.

use crate::tui::effect::Effect;
use crate::tui::keymap::{Action, Motion};
use crate::tui::state::State;

/// Takes over what a new snapshot says; the tab need not be shown.
pub fn learn(_state: &mut State) {}

/// A bound key while the tab is shown; `false` for what is not the tab's.
pub fn act(_state: &mut State, _action: Action, _effects: &mut Vec<Effect>) -> bool {
    false
}

/// Moves its cursor.
pub fn travel(_state: &mut State, _motion: Motion) {}
