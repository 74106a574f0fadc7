//! Pressing, dragging and the wheel.

use std::sync::Arc;

use super::*;
use crate::fixture;
use crate::present::columns::Column;
use crate::tui::event::Event;
use crate::tui::testing::{chosen, console, keys, showing};
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
#[test]
fn a_cell_of_the_map_gets_the_cursor_and_twice_leads_to_its_instance() {
    let mut state = console(120, 40);
    update(&mut state, Event::Snapshot(Arc::new(fixture::fleet())));
    keys(&mut state, "2");
    let area = Layout::of(&state).unwrap().tab.unwrap();
    let places = |state: &State| -> Vec<(u16, u16, u16)> {
        let all = (area.y..area.bottom()).flat_map(|y| (0..120).map(move |x| (x, y)));
        all.filter_map(|(x, y)| view::ports::port_at(state, area, x, y).map(|port| (port, x, y))).collect()
    };
    // Each cell is as wide as its port's share: its sign and the blank behind it.
    let of = |state: &State, wanted: u16| places(state).into_iter().find(|(port, ..)| *port == wanted).unwrap();
    for port in [8100, 8103, 8119, 8107, 9443] {
        let Some((_, x, y)) = places(&state).into_iter().find(|(other, ..)| *other == port) else { continue };
        press_at(&mut state, x, y);
        assert_eq!((state.ports.cursor, state.tab), (Some(port), Tab::Ports));
    }
    let drawn = |state: &State, x: u16, y: u16| {
        let mut buffer = ratatui::buffer::Buffer::empty(Rect::new(0, 0, 120, 40));
        let _ = view::draw(state, &mut buffer);
        buffer[(x, y)].modifier.contains(ratatui::style::Modifier::REVERSED)
    };
    let (_, x, y) = of(&state, 8102);
    press_at(&mut state, x, y);
    assert!(drawn(&state, x, y), "the sign under the pointer is the one with the cursor");
    press_at(&mut state, x, y);
    assert_eq!((state.tab, chosen(&state).as_str()), (Tab::Instances, "bob/tools"));
    keys(&mut state, "2");
    press_at(&mut state, 0, area.y);
    assert_eq!(state.ports.cursor, Some(8102), "the title is no port");
}

#[test]
fn a_finding_and_an_event_are_chosen_by_pressing_them() {
    let mut state = console(120, 40);
    update(&mut state, Event::Snapshot(Arc::new(fixture::fleet())));
    keys(&mut state, "3");
    let area = Layout::of(&state).unwrap().tab.unwrap();
    press_at(&mut state, 10, area.y + 3);
    assert_eq!(state.findings.index, 1);
    let whom = state.target().unwrap().to_string();
    press_at(&mut state, 10, area.y + 3);
    assert_eq!((state.tab, chosen(&state)), (Tab::Instances, whom));
    keys(&mut state, "4");
    let line = (area.y..area.bottom()).find(|y| view::events::serial_at(&state, area, *y).is_some()).unwrap();
    press_at(&mut state, 10, line);
    assert_eq!(state.events.chosen, view::events::serial_at(&state, area, line));
}
