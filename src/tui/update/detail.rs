//! Making the detail large and scrolling it.
//!
//! It must never decide how many lines there are: the view stops at the last.

use std::time::Duration;

use crate::domain::{InstanceId, Shown};
use crate::tui::effect::Effect;
use crate::tui::keymap::Motion;
use crate::tui::layout::Layout;
use crate::tui::state::detail::Clients;
use crate::tui::state::log::Phase;
use crate::tui::state::{Pane, State};

/// No detail is longer.
const LONGEST: usize = 2000;

/// How often the connections of the instance are counted while its detail is large.
const COUNTED_EVERY: Duration = Duration::from_secs(5);

/// Has the connections counted again when it is time, for the detail that is large.
pub fn count(state: &mut State, effects: &mut Vec<Effect>) {
    if state.large != Some(Pane::Detail) {
        state.detail.clients = None;
        return;
    }
    let Some(row) = state.chosen().filter(|row| !row.listening.is_empty()) else { return };
    let (id, now) = (row.id.clone(), state.header.now.boot);
    let asked = state.detail.clients.as_ref().filter(|clients| clients.of == id).map(|clients| clients.asked);
    if asked.is_some_and(|asked| now.saturating_sub(asked) < COUNTED_EVERY) {
        return;
    }
    let known = state.detail.clients.take().filter(|clients| clients.of == id).and_then(|clients| clients.count);
    state.detail.clients = Some(Clients { of: id.clone(), asked: now, count: known });
    effects.push(Effect::CountClients(id));
}

/// They were counted.
pub fn counted(state: &mut State, id: &InstanceId, count: Result<u64, Shown>) {
    if let Some(clients) = state.detail.clients.as_mut().filter(|clients| clients.of == *id) {
        clients.count = Some(count);
    }
}

/// Takes note of how many lines the log that is followed has by now.
pub fn observe_log(state: &mut State) {
    if let (Some(id), Phase::Open) = (&state.log.of, &state.log.phase) {
        state.detail.observe_lines(id, state.log.serial, state.log.view.newest, state.header.now.boot);
    }
}

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
