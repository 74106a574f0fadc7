//! Opening, scrolling and closing the help page.
//!
//! It must never act on anything but the page.

use crate::tui::keymap::{Action, Motion};
use crate::tui::state::State;
use crate::tui::state::help::Help;
use crate::tui::view;

/// Opens it for what has the focus.
pub fn open(state: &mut State) {
    state.help = Some(Help { place: state.place(), top: 0 });
}

/// A bound key.
pub fn act(state: &mut State, action: Action) {
    let Some(help) = &mut state.help else { return };
    let page = view::help::page(state.size);
    let last = view::help::last(&state.settings, help.place, state.size);
    match action {
        Action::Escape => state.help = None,
        Action::Move(motion) => {
            help.top = match motion {
                Motion::Up => help.top.saturating_sub(1),
                Motion::Down => help.top + 1,
                Motion::PageUp => help.top.saturating_sub(page),
                Motion::PageDown => help.top + page,
                Motion::First => 0,
                Motion::Last => last,
                Motion::Left | Motion::Right => help.top,
            }
            .min(last);
        }
        _ => {}
    }
}
