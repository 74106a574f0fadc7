//! The mouse: rows, cells, headings, tabs, borders and the wheel.
//!
//! It must never act on an instance: what disturbs somebody is asked by a key.

use ratatui::layout::Rect;

use crate::tui::effect::Effect;
use crate::tui::event::Mouse;
use crate::tui::keymap::{Action, Motion};
use crate::tui::layout::Layout;
use crate::tui::state::fleet::Line;
use crate::tui::state::pointer::{Border, DOUBLE, Hit, Split};
use crate::tui::state::{Pane, State, Tab};
use crate::tui::view;

use super::{detail, events, fleet, log, status};

/// How many lines one notch of the wheel is.
const NOTCH: usize = 3;

/// The least that is left of a pane when a border is moved.
const LEAST_LINES: u16 = 4;

/// The least columns of the detail and of the log.
const LEAST_COLUMNS: u16 = 24;

/// Lets go of the mouse, or takes it again.
pub fn toggle(state: &mut State, effects: &mut Vec<Effect>) {
    state.pointer.taken = !state.pointer.taken;
    effects.push(Effect::Mouse(state.pointer.taken));
    let text = if state.pointer.taken {
        "the mouse is berth's again"
    } else {
        "the mouse is the terminal's: it selects text; :mouse takes it back"
    };
    status::say(state, text);
}

/// Something was done with it.
pub fn act(state: &mut State, mouse: Mouse, effects: &mut Vec<Effect>) {
    match mouse {
        Mouse::Wheel { x, y, down } => wheel(state, x, y, down, effects),
        Mouse::Release => state.pointer.dragged = None,
        Mouse::Drag(x, y) => drag(state, x, y),
        // What floats is answered by keys: a click beside it must not go to what lies below.
        Mouse::Press(..) if state.floats() => {}
        Mouse::Press(x, y) => press(state, x, y, effects),
    }
}

fn wheel(state: &mut State, x: u16, y: u16, down: bool, effects: &mut Vec<Effect>) {
    let motion = if down { Motion::Down } else { Motion::Up };
    let Some(layout) = Layout::of(state) else { return };
    let is_in = |area: Option<Rect>| area.is_some_and(|area| area.contains((x, y).into()));
    for _ in 0..NOTCH {
        if state.floats() {
            super::dispatch(state, Action::Move(motion), effects);
        } else if state.tab != Tab::Instances {
            super::act(state, Action::Move(motion), effects);
        } else if is_in(layout.log) {
            log::scroll(state, motion);
        } else if is_in(layout.detail) {
            detail::scroll(state, motion);
        } else if is_in(layout.fleet) {
            fleet::travel(state, motion);
        }
    }
}

fn press(state: &mut State, x: u16, y: u16, effects: &mut Vec<Effect>) {
    let Some(layout) = Layout::of(state) else { return };
    let at = (x, y).into();
    state.pointer.dragged = border(&layout, x, y);
    if let Some(area) = layout.tabs.filter(|area| area.contains(at)) {
        let hit = view::tabs::places(state, area).into_iter().find(|(_, place, _)| place.contains(at));
        if let Some((tab, ..)) = hit {
            super::act(state, Action::Tab(tab), effects);
        }
    } else if let Some(area) = layout.fleet.filter(|area| area.contains(at)) {
        state.focus = Pane::Fleet;
        match y.saturating_sub(area.y) {
            0 => on_title(state, area, x, y, effects),
            1 => {
                if let Some(column) = view::fleet::column_at(state, area, x) {
                    fleet::sort(state, Action::SortBy(column));
                }
            }
            line => row(state, usize::from(line - 2), effects),
        }
    } else if let Some(area) = layout.tab.filter(|area| area.contains(at)) {
        if y == area.y {
            on_title(state, area, x, y, effects);
        } else {
            in_tab(state, area, x, y, effects);
        }
    } else if layout.detail.is_some_and(|area| area.contains(at)) {
        state.focus = Pane::Detail;
    } else if layout.log.is_some_and(|area| area.contains(at)) {
        state.focus = Pane::Log;
    }
}

/// A tab in a title.
fn on_title(state: &mut State, area: Rect, x: u16, y: u16, effects: &mut Vec<Effect>) {
    let hit = view::tabs::in_title(state, area).into_iter().find(|(_, place, _)| place.contains((x, y).into()));
    if let Some((tab, ..)) = hit {
        super::act(state, Action::Tab(tab), effects);
    }
}

/// A row of the page; twice for its detail.
fn row(state: &mut State, line: usize, effects: &mut Vec<Effect>) {
    let Some(Line::Row(index)) = state.fleet.at(state.fleet.top + line) else { return };
    let Some(id) = state.fleet.rows.get(index).map(|row| row.id.clone()) else { return };
    state.fleet.choose(index);
    if is_second(state, Hit::Row(id)) {
        super::act(state, Action::Detail, effects);
    }
}

/// A cell of the map, a line of a list; twice for the instance that it is about.
fn in_tab(state: &mut State, area: Rect, x: u16, y: u16, effects: &mut Vec<Effect>) {
    let (hit, open) = match state.tab {
        Tab::Ports => {
            let Some(port) = view::ports::port_at(state, area, x, y) else { return };
            state.ports.cursor = Some(port);
            (Some(Hit::Port(port)), Action::GoToInstance)
        }
        Tab::Findings => {
            let (Some(index), Some(snapshot)) = (view::findings::index_at(state, area, y), &state.snapshot) else { return };
            let shown = state.findings.shown(snapshot);
            state.findings.choose(index, &shown);
            (state.findings.chosen.clone().map(Hit::Finding), Action::GoToInstance)
        }
        Tab::Events => {
            let Some(serial) = view::events::serial_at(state, area, y) else { return };
            events::choose(state, serial);
            (Some(Hit::Event(serial)), Action::GoTo)
        }
        Tab::Instances | Tab::Host => return,
    };
    if hit.is_some_and(|hit| is_second(state, hit)) {
        super::act(state, open, effects);
    }
}

/// Whether the same was pressed just before; if not, this is the first time.
fn is_second(state: &mut State, hit: Hit) -> bool {
    let now = state.header.now.boot;
    let is_second = state.pointer.pressed.take().is_some_and(|(before, at)| before == hit && now.saturating_sub(at) <= DOUBLE);
    if !is_second {
        state.pointer.pressed = Some((hit, now));
    }
    is_second
}

/// The border at a place.
fn border(layout: &Layout, x: u16, y: u16) -> Option<Border> {
    let (fleet, log) = (layout.fleet?, layout.log?);
    if layout.detail.is_some() && x + 1 == log.x && y > log.y && y < log.bottom() {
        return Some(Border::Upright);
    }
    (y == log.y && log.y == fleet.bottom()).then_some(Border::Across)
}

fn drag(state: &mut State, x: u16, y: u16) {
    let (Some(border), Some(layout)) = (state.pointer.dragged, Layout::of(state)) else { return };
    let (Some(fleet), Some(log)) = (layout.fleet, layout.log) else { return };
    let Split { lower, left } = &mut state.split;
    match border {
        Border::Across => {
            let least = fleet.y + LEAST_LINES;
            *lower = Some(log.bottom().saturating_sub(y.max(least)).max(LEAST_LINES));
        }
        Border::Upright => {
            let most = state.size.0.saturating_sub(LEAST_COLUMNS + 1);
            *left = Some(x.clamp(LEAST_COLUMNS.min(most), most));
        }
    }
}

#[cfg(test)]
#[path = "pointer_tests.rs"]
mod tests;
