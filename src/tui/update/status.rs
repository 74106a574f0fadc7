//! Saying something in the last line, and taking it away again.
//!
//! It must never keep a sentence beyond the next key.

use std::time::Duration;

use crate::domain::Shown;
use crate::tui::state::State;
use crate::tui::state::status::{Message, STAYS};

/// Says something.
pub fn say(state: &mut State, text: &str) {
    put(state, text, false);
}

/// Says why something is not done.
pub fn refuse(state: &mut State, text: &str) {
    put(state, text, true);
}

/// Says what is being done: that stands until it is done, or a key takes it away.
pub fn keep(state: &mut State, text: &str) {
    state.status.message = Some(Message { text: Shown::new(text), refused: false, until: Duration::MAX });
}

/// Takes the sentence away: a key was pressed.
pub fn clear(state: &mut State) {
    state.status.message = None;
}

/// Takes the sentence away when it stood long enough.
pub fn expire(state: &mut State) {
    let now = state.header.now.boot;
    state.status.message.take_if(|message| message.until <= now);
}

fn put(state: &mut State, text: &str, refused: bool) {
    let until = state.header.now.boot + STAYS;
    state.status.message = Some(Message { text: Shown::new(text), refused, until });
}
