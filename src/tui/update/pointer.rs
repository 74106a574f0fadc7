//! The mouse: rows, headings, tabs, borders and the wheel.
//!
//! It must never act on an instance: what disturbs somebody is asked by a key.

use crate::tui::effect::Effect;
use crate::tui::event::Mouse;
use crate::tui::keymap::{Action, Motion};
use crate::tui::layout::Layout;
use crate::tui::state::fleet::Line;
use crate::tui::state::pointer::{Border, DOUBLE, Split};
use crate::tui::state::{Pane, State, Tab};
use crate::tui::view;

use super::{detail, fleet, log, status};

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
    let is_in = |area: Option<ratatui::layout::Rect>| area.is_some_and(|area| area.contains((x, y).into()));
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
            0 => {
                let hit = view::fleet::tabs_in_title(state, area).into_iter().find(|(_, place, _)| place.contains(at));
                if let Some((tab, ..)) = hit {
                    super::act(state, Action::Tab(tab), effects);
                }
            }
            1 => {
                if let Some(column) = view::fleet::column_at(state, area, x) {
                    fleet::sort(state, Action::SortBy(column));
                }
            }
            line => row(state, usize::from(line - 2), effects),
        }
    } else if layout.detail.is_some_and(|area| area.contains(at)) {
        state.focus = Pane::Detail;
    } else if layout.log.is_some_and(|area| area.contains(at)) {
        state.focus = Pane::Log;
    }
}

/// A row of the page; twice for its detail.
fn row(state: &mut State, line: usize, effects: &mut Vec<Effect>) {
    let Some(Line::Row(index)) = state.fleet.at(state.fleet.top + line) else { return };
    let Some(id) = state.fleet.rows.get(index).map(|row| row.id.clone()) else { return };
    state.fleet.choose(index);
    let now = state.header.now.boot;
    let twice = state.pointer.pressed.take().is_some_and(|(before, at)| before == id && now.saturating_sub(at) <= DOUBLE);
    if twice {
        super::act(state, Action::Detail, effects);
    } else {
        state.pointer.pressed = Some((id, now));
    }
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
mod tests {
    use super::*;
    use crate::present::columns::Column;
    use crate::tui::event::Event;
    use crate::tui::testing::{chosen, keys, showing};
    use crate::tui::update::update;

    fn press_at(console: &mut State, x: u16, y: u16) {
        update(console, Event::Mouse(Mouse::Press(x, y)));
        update(console, Event::Mouse(Mouse::Release));
    }

    /// Where the rows of the table begin.
    fn rows(console: &State) -> u16 {
        Layout::of(console).unwrap().fleet.unwrap().y + 2
    }

    #[test]
    fn a_row_is_chosen_by_pressing_it_and_twice_is_its_detail() {
        let mut console = showing(&["alice", "bob", "carol"]);
        let y = rows(&console) + 1;
        press_at(&mut console, 5, y);
        assert_eq!(chosen(&console), "bob");
        press_at(&mut console, 5, y + 1);
        assert_eq!((chosen(&console).as_str(), console.large), ("carol", None));
        press_at(&mut console, 5, y + 1);
        assert_eq!(console.large, Some(Pane::Detail));
    }

    #[test]
    fn a_heading_sorts_and_a_tab_opens() {
        let mut console = showing(&["alice", "bob"]);
        let area = Layout::of(&console).unwrap().fleet.unwrap();
        let x = (0..120).find(|x| view::fleet::column_at(&console, area, *x) == Some(Column::Memory)).unwrap();
        press_at(&mut console, x, area.y + 1);
        assert_eq!((console.preferences.sort, console.preferences.reversed), (Column::Memory, false));
        press_at(&mut console, x, area.y + 1);
        assert!(console.preferences.reversed);
        let line = Layout::of(&console).unwrap().tabs.unwrap();
        let (_, place, _) = view::tabs::places(&console, line).into_iter().find(|(tab, ..)| *tab == Tab::Ports).unwrap();
        press_at(&mut console, place.x, place.y);
        assert_eq!(console.tab, Tab::Ports);
    }

    #[test]
    fn borders_are_dragged_and_no_pane_is_lost() {
        let mut console = showing(&["alice", "bob"]);
        let layout = Layout::of(&console).unwrap();
        let fleet = layout.fleet.unwrap();
        for y in [20, 0, 60, 15] {
            let at = Layout::of(&console).unwrap().log.unwrap();
            update(&mut console, Event::Mouse(Mouse::Press(at.x + 5, at.y)));
            update(&mut console, Event::Mouse(Mouse::Drag(at.x + 5, y)));
            update(&mut console, Event::Mouse(Mouse::Release));
            let layout = Layout::of(&console).unwrap();
            assert!(layout.fleet_page() >= 1 && layout.log_page() >= 2, "{y}: {layout:?}");
        }
        assert_eq!(Layout::of(&console).unwrap().log.unwrap().y, 15.max(fleet.y + LEAST_LINES));
        let log = Layout::of(&console).unwrap().log.unwrap();
        update(&mut console, Event::Mouse(Mouse::Press(log.x - 1, log.y + 5)));
        update(&mut console, Event::Mouse(Mouse::Drag(90, log.y + 5)));
        update(&mut console, Event::Mouse(Mouse::Release));
        assert_eq!(Layout::of(&console).unwrap().detail.unwrap().width, 90);
    }

    #[test]
    fn the_wheel_goes_to_what_is_below_it_and_a_dialogue_lets_nothing_through() {
        let mut console = showing(&["alice", "bob", "carol", "dave", "erin"]);
        let y = rows(&console);
        update(&mut console, Event::Mouse(Mouse::Wheel { x: 5, y, down: true }));
        assert_eq!(chosen(&console), "dave");
        keys(&mut console, "S");
        assert!(console.confirm.is_some());
        press_at(&mut console, 5, y);
        update(&mut console, Event::Mouse(Mouse::Wheel { x: 5, y, down: false }));
        assert_eq!(chosen(&console), "dave");
        assert!(console.confirm.is_some());
    }
}
