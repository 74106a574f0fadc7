//! A new snapshot, moving, sorting.
//!
//! It must never choose another instance on its own, as long as the chosen one is there.

use std::sync::Arc;

use super::{events, findings, host, ports, progress};
use crate::domain::{InstanceId, Snapshot};
use crate::present::columns::Column;
use crate::tui::effect::Effect;
use crate::tui::event::Purpose;
use crate::tui::keymap::{Action, Motion};
use crate::tui::layout::Layout;
use crate::tui::state::filter::Filter;
use crate::tui::state::{State, header};

/// Takes a snapshot in. What is held stays on the screen; histories and questions go on.
pub fn learn(state: &mut State, snapshot: Arc<Snapshot>, effects: &mut Vec<Effect>) {
    if snapshot.sequence == 0 {
        // The engine has not judged yet: nothing found is not the same as not looked.
        return;
    }
    state.detail.learn(&snapshot);
    if let Some(confirm) = &mut state.confirm {
        confirm.check(&snapshot);
    }
    if let Some(bulk) = &mut state.bulk {
        bulk.check(&snapshot);
    }
    state.marks.learn(&snapshot);
    let doing = |picture: Option<&Arc<Snapshot>>| picture.map(|picture| picture.underway.len());
    let asked_again = doing(state.live.as_ref()) != doing(Some(&snapshot))
        || state_of_chosen(state, state.live.as_ref()) != state_of_chosen(state, Some(&snapshot));
    state.live = Some(Arc::clone(&snapshot));
    if !state.header.held {
        state.snapshot = Some(snapshot);
        arrange(state);
    }
    progress::learn(state, effects);
    ports::learn(state);
    findings::learn(state);
    events::learn(state);
    host::learn(state);
    if asked_again && let Some(id) = &state.fleet.chosen {
        // What may be done depends on what it is doing.
        effects.push(Effect::Ask(id.clone(), Purpose::Keys));
    }
}

/// What the chosen instance does in a snapshot.
fn state_of_chosen(state: &State, snapshot: Option<&Arc<Snapshot>>) -> Option<crate::domain::State> {
    let row = snapshot?.row(state.fleet.chosen.as_ref()?)?;
    Some(row.state)
}

/// Filters and sorts what is shown.
pub fn arrange(state: &mut State) {
    if let Some(snapshot) = &state.snapshot {
        state.fleet.arrange(snapshot, &state.filter);
        state.header.banner = header::banner(snapshot);
    }
}

/// Moves the choice.
pub fn travel(state: &mut State, motion: Motion) {
    let page = Layout::of(state).map_or(1, |layout| layout.fleet_page()).max(1);
    let (index, last) = (state.fleet.index, state.fleet.rows.len().saturating_sub(1));
    state.fleet.choose(match motion {
        Motion::Up => index.saturating_sub(1),
        Motion::Down => index + 1,
        Motion::PageUp => index.saturating_sub(page),
        Motion::PageDown => index + page,
        Motion::First => 0,
        Motion::Last => last,
        Motion::Left | Motion::Right => index,
    });
}

/// Chooses an instance; what keeps it from being seen, the filter, is taken away.
pub fn go_to(state: &mut State, id: &InstanceId) {
    if !state.fleet.rows.iter().any(|row| row.id == *id) {
        state.filter = Filter::default();
        arrange(state);
    }
    if let Some(index) = state.fleet.rows.iter().position(|row| row.id == *id) {
        state.fleet.choose(index);
    }
}

/// The instance above or below.
pub fn step(state: &mut State, step: isize) {
    state.fleet.choose(state.fleet.index.saturating_add_signed(step));
}

/// Sorts. A column that is chosen twice is turned round.
pub fn sort(state: &mut State, action: Action) {
    let fleet = &mut state.fleet;
    match action {
        Action::SortBy(column) if column != fleet.sort => (fleet.sort, fleet.reversed) = (column, false),
        Action::SortNext => {
            let at = Column::ALL.iter().position(|column| *column == fleet.sort).unwrap_or(0);
            (fleet.sort, fleet.reversed) = (Column::ALL.get(at + 1).copied().unwrap_or(Column::Owner), false);
        }
        _ => fleet.reversed = !fleet.reversed,
    }
    arrange(state);
}
