//! The map of the range: moving on it, finding a port, going to whose it is.
//!
//! It must never act but through a question.

use std::sync::Arc;

use crate::domain::{Asked, InstanceId, PortRange, Row, Shown, Verb};
use crate::present::mend::{How, Mend};
use crate::present::ports::{PortMap, PortState};
use crate::tui::effect::Effect;
use crate::tui::keymap::{Action, Motion};
use crate::tui::state::picker::{Choice, Entry, Picker};
use crate::tui::state::ports::Grid;
use crate::tui::state::prompt::{Prompt, Purpose};
use crate::tui::state::{State, Tab};
use crate::tui::view::ports as view;

use super::{confirm, picker, plan, status, task};

/// Keeps the map and the cursor with the picture that is shown; nothing is kept while the tab is not.
pub fn settle(state: &mut State) {
    let Some(snapshot) = state.own().filter(|_| state.tab == Tab::Ports).cloned() else {
        state.ports.shown = None;
        return;
    };
    match &mut state.ports.shown {
        Some((of, _)) if Arc::ptr_eq(of, &snapshot) => {}
        Some((of, map)) if map.holds_for(of, &snapshot) => *of = snapshot,
        shown => *shown = Some((Arc::clone(&snapshot), PortMap::of(&snapshot, snapshot.range, &snapshot.reserved))),
    }
    let Some(map) = state.ports.map() else { return };
    let range = map.range;
    let there = |port: &u16| range.contains(*port) || map.taken(*port).is_some();
    // At first it stands where the eye was: on the chosen instance's port.
    let chosen = || state.chosen().and_then(|row| row.port);
    let cursor = state.ports.cursor.or_else(chosen).filter(there).unwrap_or(range.first);
    state.ports.cursor = Some(cursor);
    if let Some((grid, page)) = view::grid(state).filter(|_| range.contains(cursor)) {
        let line = grid.line_of(cursor);
        state.ports.top = state.ports.top.min(line).max((line + 1).saturating_sub(page));
        state.ports.top = state.ports.top.min(grid.lines().saturating_sub(page));
    }
}

/// A bound key while the tab is shown; `false` for what is not the tab's.
pub fn act(state: &mut State, action: Action, effects: &mut Vec<Effect>) -> bool {
    match action {
        Action::Reserve => task::begin(state, action, effects),
        Action::Plan => plan::open(state),
        Action::Escape => return plan::leave(state),
        Action::GivePort => give(state),
        Action::FindPort => state.prompt = Some(Prompt::new(Purpose::FindPort, "")),
        Action::GoToInstance if state.target().is_none() => {
            let port = state.ports.cursor.unwrap_or_default();
            status::refuse(state, &format!("{port}: there is no instance to go to"));
        }
        _ => return false,
    }
    true
}

/// Whether the port under the cursor can be assigned to anybody.
pub fn can_be_given(state: &State) -> bool {
    let of = state.ports.map().zip(state.ports.cursor).map(|(map, port)| map.state(port));
    !state.header.locked && matches!(of, Some(PortState::Free | PortState::Quarantine))
}

/// Asks who is to have the port under the cursor.
fn give(state: &mut State) {
    let (Some(map), Some(port), Some(snapshot)) = (state.ports.map(), state.ports.cursor, state.own()) else { return };
    if state.header.locked {
        let why = confirm::locked(state);
        status::refuse(state, &format!("{port} cannot be assigned: {why}"));
        return;
    }
    let of = map.state(port);
    let kept = map.quarantine(port).map(|kept| &kept.of);
    // Whose it was until lately may have it back.
    let may = |id: &InstanceId| of == PortState::Free || of == PortState::Quarantine && kept == Some(id);
    let given = |row: &&Arc<Row>| !row.id.is_unmanaged() && row.declared.is_some() && may(&row.id);
    let entries: Vec<Entry> = snapshot.rows.iter().filter(given).map(|row| recipient(row, port)).collect();
    if entries.is_empty() {
        let why = if of == PortState::Free {
            "there is no instance to assign it to".to_owned()
        } else {
            format!("it is not free ({})", of.word())
        };
        status::refuse(state, &format!("{port}: {why}"));
        return;
    }
    picker::open(state, Picker::new(Shown::new(&format!("assign {port} to")), entries));
}

/// An instance in that list, with the port that it has.
fn recipient(row: &Row, port: u16) -> Entry {
    let how = How::Ask(Verb::Assign(Asked::Port(port)), row.id.clone());
    let note = row.port.map_or_else(|| "has no port".to_owned(), |port| format!("has {port}, {}", row.state.word()));
    let label = Shown::new(&row.id.to_string());
    let mend = Mend { label: label.to_string(), how };
    Entry { note: Shown::new(&note), ..Entry::new(label, Choice::Mend(mend)) }
}

/// A row's port: the one that it was given, else one that it has.
pub fn of(row: &Row) -> Option<u16> {
    row.port.or_else(|| row.listening.first().map(|(endpoint, _)| endpoint.port))
}

/// Shows an instance's port.
pub fn show(state: &mut State) {
    match (state.target_row().and_then(|row| of(row)), state.target()) {
        (Some(port), _) => {
            super::go_to(state, Tab::Ports);
            state.ports.cursor = Some(port);
        }
        (None, Some(id)) => status::refuse(state, &format!("{id} has no port")),
        (None, None) => status::refuse(state, "there is no instance whose port could be shown"),
    }
}

/// Moves the cursor.
pub fn travel(state: &mut State, motion: Motion) {
    let (Some((grid, page)), Some(map), Some(cursor)) = (view::grid(state), state.ports.map(), state.ports.cursor) else { return };
    let outside: Vec<u16> = map.outside().map(|facts| facts.port).collect();
    state.ports.cursor = Some(moved(motion, cursor, grid, page, &outside));
}

/// Where a movement leads: over the range, and from its end to the ports outside.
fn moved(motion: Motion, cursor: u16, grid: Grid, page: usize, outside: &[u16]) -> u16 {
    let PortRange { first, last } = grid.range;
    if let Some(at) = outside.iter().position(|port| *port == cursor) {
        let before = at.checked_sub(1).and_then(|at| outside.get(at)).copied();
        return match motion {
            Motion::Left => before.unwrap_or(last),
            Motion::Right => outside.get(at + 1).copied().unwrap_or(cursor),
            Motion::Up | Motion::Last => last,
            Motion::PageUp => last.saturating_sub(step(grid, page)).max(first),
            Motion::First => first,
            Motion::Down | Motion::PageDown => cursor,
        };
    }
    let beyond = outside.first().copied();
    match motion {
        Motion::Left => cursor.saturating_sub(1).max(first),
        Motion::Right if cursor == last => beyond.unwrap_or(last),
        Motion::Right => cursor + 1,
        Motion::Up => cursor.checked_sub(grid.per_line()).filter(|port| *port >= first).unwrap_or(cursor),
        Motion::Down if grid.line_of(cursor) == grid.line_of(last) => beyond.unwrap_or(cursor),
        Motion::Down => cursor.saturating_add(grid.per_line()).min(last),
        Motion::PageUp => cursor.saturating_sub(step(grid, page)).max(first),
        Motion::PageDown => cursor.saturating_add(step(grid, page)).min(last),
        Motion::First => first,
        Motion::Last => last,
    }
}

/// How many ports a page is.
fn step(grid: Grid, page: usize) -> u16 {
    u16::try_from(page).unwrap_or(u16::MAX).saturating_mul(grid.per_line())
}

/// Goes to the port of a number, or to the next one of an owner or in a state.
///
/// # Errors
/// When there is none; in words.
pub fn find(state: &mut State, text: &str) -> Result<(), Shown> {
    let (Some(map), Some(cursor)) = (state.ports.map(), state.ports.cursor) else { return Ok(()) };
    if text.is_empty() {
        return Ok(());
    }
    if text.chars().all(|character| character.is_ascii_digit()) {
        let port = text.parse::<u16>().ok().filter(|port| map.range.contains(*port) || map.taken(*port).is_some());
        let port = port.ok_or_else(|| Shown::new(&format!("{text} is not in {}", map.range)))?;
        state.ports.cursor = Some(port);
        return Ok(());
    }
    let rows = || state.snapshot.iter().flat_map(|snapshot| &snapshot.rows);
    let ports = |is: &dyn Fn(&str, &str) -> bool| -> Vec<u16> {
        let mut ports: Vec<u16> = rows()
            .filter(|row| is(row.id.owner(), &row.id.to_string()))
            .flat_map(|row| row.port.into_iter().chain(row.listening.iter().map(|(endpoint, _)| endpoint.port)))
            .collect();
        ports.sort_unstable();
        ports
    };
    let wanted = text.to_ascii_lowercase();
    // An owner who is called like a state is found before the state.
    let mut found = ports(&|owner, id| owner.eq_ignore_ascii_case(&wanted) || id.eq_ignore_ascii_case(&wanted));
    if found.is_empty() {
        found = map_state(&wanted)
            .map(|state| (map.range.first..=map.range.last).filter(|port| map.state(*port) == state).collect())
            .unwrap_or_default();
    }
    if found.is_empty() {
        found = ports(&|_, id| id.to_ascii_lowercase().starts_with(&wanted));
    }
    let next = found.iter().find(|port| **port > cursor).or(found.first()).copied();
    state.ports.cursor = Some(next.ok_or_else(|| Shown::new(&format!("no port is {text}'s")))?);
    Ok(())
}

/// The state that a word names.
fn map_state(word: &str) -> Option<PortState> {
    use PortState::{Assigned, Conflict, Free, Listening, Quarantine, Reserved, Stranger, Unknown};
    [Free, Assigned, Listening, Conflict, Stranger, Reserved, Quarantine, Unknown].into_iter().find(|state| state.word() == word)
}

#[cfg(test)]
#[path = "ports_tests.rs"]
mod tests;
