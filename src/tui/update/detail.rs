//! Making the detail large and scrolling it.
//!
//! It must never decide how many lines there are: the view stops at the last.

use crate::tui::keymap::Motion;
use crate::tui::layout::Layout;
use crate::tui::state::{Pane, State};

/// No detail is longer.
const LONGEST: usize = 2000;

/// Large, or small again.
pub fn toggle(state: &mut State) {
    if state.large == Some(Pane::Detail) {
        (state.large, state.focus) = (None, Pane::Fleet);
    } else if state.fleet.chosen.is_some() {
        state.detail.top = 0;
        (state.large, state.focus) = (Some(Pane::Detail), Pane::Detail);
    }
}

/// Scrolls.
pub fn scroll(state: &mut State, motion: Motion) {
    let page = Layout::of(state).map_or(1, |layout| layout.detail_page()).max(1);
    let top = state.detail.top;
    state.detail.top = match motion {
        Motion::Up => top.saturating_sub(1),
        Motion::Down => top + 1,
        Motion::PageUp => top.saturating_sub(page),
        Motion::PageDown => top + page,
        Motion::First => 0,
        Motion::Last | Motion::Left | Motion::Right => top,
    }
    .min(LONGEST);
}
