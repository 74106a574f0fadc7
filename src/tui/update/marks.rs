//! Marking instances.
//!
//! It must never mark what is not seen: `*` marks what the filter keeps.

use crate::tui::keymap::{Action, Motion};
use crate::tui::state::{Pane, State, Tab};

use super::{fleet, status};

/// A bound key.
pub fn act(state: &mut State, action: Action) {
    match action {
        Action::Mark => {
            if let Some(id) = &state.fleet.chosen {
                state.marks.toggle(id);
                fleet::travel(state, Motion::Down);
            }
        }
        Action::MarkAll => {
            for row in &state.fleet.rows {
                state.marks.add(row.id.clone());
            }
        }
        _ => {
            let count = state.marks.count();
            state.marks.clear();
            status::say(state, &if count == 0 { "nothing is marked".to_owned() } else { format!("{count} unmarked") });
        }
    }
}

/// Whether a key acts on the marked ones: where the marks are seen, and there are some.
pub fn count(state: &State) -> bool {
    state.tab == Tab::Instances && state.focus == Pane::Fleet && !state.marks.is_empty()
}
