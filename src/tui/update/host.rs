//! The host: new pictures, what went to the terminal, scrolling.
//!
//! It must never act.

use crate::tui::effect::Effect;
use crate::tui::keymap::{Action, Motion};
use crate::tui::state::State;
use crate::tui::view::host as view;

/// Takes over what a new snapshot says; the tab need not be shown.
pub fn learn(state: &mut State) {
    let Some(live) = &state.live else { return };
    let (at, reading) = (live.taken.boot, &live.host_reading);
    // Nothing was read where there is no memory at all.
    let known = reading.memory_total > 0;
    state.host.cpu.add(at, known.then_some(reading.cpu_percent));
    #[allow(clippy::cast_precision_loss)]
    state.host.memory.add(at, known.then_some(reading.memory_used as f32));
}

/// So many bytes went to the terminal.
pub fn sent(state: &mut State, total: u64) {
    let now = state.header.now.boot;
    state.host.note_sent(now, total);
}

/// A bound key while the tab is shown; `false` for what is not the tab's.
pub fn act(_state: &mut State, _action: Action, _effects: &mut Vec<Effect>) -> bool {
    false
}

/// Scrolls.
pub fn travel(state: &mut State, motion: Motion) {
    let (page, lines) = view::extent(state);
    let (top, last) = (state.host.top.min(lines.saturating_sub(page)), lines.saturating_sub(page));
    state.host.top = match motion {
        Motion::Up => top.saturating_sub(1),
        Motion::Down => top + 1,
        Motion::PageUp => top.saturating_sub(page.max(1)),
        Motion::PageDown => top + page,
        Motion::First => 0,
        Motion::Last => last,
        Motion::Left | Motion::Right => top,
    }
    .min(last);
}
