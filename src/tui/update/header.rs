//! The clock, holding the picture, locking changes.
//!
//! It must never let what is held be acted on unseen: a question looks at the live picture.

use crate::domain::Moment;
use crate::tui::state::State;

use super::{fleet, status};

/// The time went on.
pub fn tick(state: &mut State, now: Moment) {
    state.header.now = now;
    status::expire(state);
}

/// Holds the picture, or shows the newest one again.
pub fn hold(state: &mut State) {
    state.header.held = !state.header.held && state.snapshot.is_some();
    if state.header.held {
        status::say(state, "the picture is held; Z lets it go on");
    } else {
        state.snapshot.clone_from(&state.live);
        fleet::arrange(state);
    }
}

/// Locks or unlocks changes.
pub fn lock(state: &mut State) {
    if state.settings.read_only {
        status::refuse(state, "berth was started with --read-only: changes stay locked");
        return;
    }
    state.header.locked = !state.header.locked;
    status::say(state, if state.header.locked { "changes are locked; V unlocks them" } else { "changes are unlocked" });
}
