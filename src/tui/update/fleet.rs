//! A new snapshot, moving, sorting.
//!
//! It must never choose another instance on its own, as long as the chosen one is there.

use std::sync::Arc;

use super::{events, host, progress, status, task};
use crate::domain::{HostPart, InstanceId, Snapshot};
use crate::present::columns::Column;
use crate::tui::effect::Effect;
use crate::tui::event::Purpose;
use crate::tui::keymap::{Action, Motion};
use crate::tui::layout::Layout;
use crate::tui::state::filter::Filter;
use crate::tui::state::{State, header};
use crate::tui::view::fleet as view;

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
        || state_of_target(state, state.live.as_ref()) != state_of_target(state, Some(&snapshot));
    let before = state.live.replace(Arc::clone(&snapshot));
    meet(state, before.as_deref());
    if !state.header.held {
        state.snapshot = Some(snapshot);
        arrange(state);
    }
    progress::learn(state, effects);
    task::assigned(state, before.as_deref());
    events::learn(state);
    host::learn(state);
    if asked_again && let Some(id) = state.target() {
        // What may be done depends on what it is doing.
        effects.push(Effect::Ask(id.clone(), Purpose::Keys));
    }
}

/// A host answers again, or does not any more: what may be done there is asked for anew. `before`: the newest picture until now.
fn meet(state: &mut State, before: Option<&Snapshot>) {
    let (Some(before), Some(live)) = (before, state.live.clone()) else { return };
    for part in live.hosts.iter() {
        let was = before.hosts.iter().find(|was| was.name == part.name).map(HostPart::is_reached);
        if was.is_none_or(|was| was == part.is_reached()) {
            continue;
        }
        if part.is_reached() {
            status::say(state, &format!("{} answers again", part.name));
        }
        (state.status.asked, state.status.allowed) = (None, None);
    }
}

/// What the instance that keys act on does in a snapshot.
fn state_of_target(state: &State, snapshot: Option<&Arc<Snapshot>>) -> Option<crate::domain::State> {
    let row = snapshot?.row(state.target()?)?;
    Some(row.state)
}

/// Filters and sorts what is shown.
pub fn arrange(state: &mut State) {
    if let Some(snapshot) = &state.snapshot {
        state.fleet.arrange(snapshot, &state.filter, &state.preferences);
        let gone = header::gone(state.header.standing.as_ref(), state.header.now, &state.settings.zone);
        let apart = || header::apart(snapshot, state.header.now, &state.settings.zone);
        state.header.banner = gone.or_else(apart).or_else(|| header::banner(snapshot));
    }
}

/// Moves the choice.
pub fn travel(state: &mut State, motion: Motion) {
    let page = Layout::of(state).map_or(1, |layout| layout.fleet_page()).max(1);
    if let Motion::Left | Motion::Right = motion {
        return scroll(state, motion);
    }
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

/// Scrolls the columns by one, as far as there are some that are not seen.
fn scroll(state: &mut State, motion: Motion) {
    let wanted = if motion == Motion::Left { state.fleet.left.saturating_sub(1) } else { state.fleet.left + 1 };
    state.fleet.left = wanted;
    // What is the last one is known where columns are laid out.
    if let Some(area) = Layout::of(state).and_then(|layout| layout.fleet) {
        let arrangement = view::arrangement(state, area.width);
        state.fleet.left = arrangement.left;
        if arrangement.left < wanted {
            status::say(state, if arrangement.left == 0 { "every column is on the screen" } else { "that was the last column" });
        }
    }
}

/// Rows under their owner's heading, or in one list again.
pub fn group(state: &mut State) {
    state.preferences.grouped = !state.preferences.grouped;
    arrange(state);
}

/// Sorts. A column that is chosen twice is turned round.
pub fn sort(state: &mut State, action: Action) {
    let shown = state.columns();
    let liked = &mut state.preferences;
    match action {
        Action::SortBy(column) if column != liked.sort => (liked.sort, liked.reversed) = (column, false),
        Action::SortNext => {
            let shown = shown.as_slice();
            let next = shown.iter().position(|column| *column == liked.sort).map_or(0, |at| at + 1);
            (liked.sort, liked.reversed) = (shown.get(next).copied().unwrap_or(Column::Owner), false);
        }
        _ => liked.reversed = !liked.reversed,
    }
    arrange(state);
}
