//! The clock, holding the picture, locking changes.
//!
//! It must never let what is held be acted on unseen: a question looks at the live picture.

use crate::domain::{Moment, Standing};
use crate::tui::keymap::Action;
use crate::tui::state::State;

use super::{fleet, status};

/// The time went on.
pub fn tick(state: &mut State, now: Moment) {
    state.header.now = now;
    status::expire(state);
}

/// Whose engine is shown has changed: what may be done is asked for anew.
pub fn stand(state: &mut State, standing: Standing) {
    let before = state.header.standing.replace(standing.clone());
    match (before, &standing) {
        (Some(Standing::Lost { .. }), Standing::Attached) => status::say(state, "attached to the daemon again"),
        (_, Standing::Looking(why)) => status::say(state, why.as_str()),
        _ => {}
    }
    state.status.asked = None;
    state.status.allowed = None;
    fleet::arrange(state);
}

/// Holds the picture, or shows the newest one again.
pub fn hold(state: &mut State) {
    state.header.held = !state.header.held && state.snapshot.is_some();
    if state.header.held {
        let sentence = format!("the picture is held; {} lets it go on", state.key(Action::Hold));
        status::say(state, &sentence);
    } else {
        state.snapshot.clone_from(&state.live);
        fleet::arrange(state);
    }
}

/// That changes are locked, and by which key they are not.
pub fn locked(state: &State) -> String {
    format!("changes are locked; {} unlocks them", state.key(Action::Lock))
}

/// Locks or unlocks changes.
pub fn lock(state: &mut State) {
    if state.settings.read_only {
        status::refuse(state, "berth was started with --read-only: changes stay locked");
        return;
    }
    state.header.locked = !state.header.locked;
    let sentence = if state.header.locked { locked(state) } else { "changes are unlocked".to_owned() };
    status::say(state, &sentence);
}
