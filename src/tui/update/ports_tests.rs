//! Moving on the map, finding ports, going to and fro.

use crossterm::event::KeyCode;

use super::*;
use crate::domain::{Allotments, InstanceId, Quarantine, Reading, Shown};
use crate::fixture;
use crate::tui::event::Event;
use crate::tui::testing::{chosen, console, keys, press, row, snapshot};
use crate::tui::update::update;

/// The fixture fleet on its ports, the cursor on alice's.
fn shown() -> State {
    let mut state = console(120, 40);
    update(&mut state, Event::Snapshot(Arc::new(fixture::fleet())));
    keys(&mut state, "2");
    state
}

fn find(state: &mut State, text: &str) -> u16 {
    keys(state, "/");
    keys(state, text);
    press(state, KeyCode::Enter);
    state.ports.cursor.unwrap()
}

#[test]
fn the_cursor_begins_on_the_chosen_instances_port_and_p_jumps_to_one() {
    let mut state = shown();
    assert_eq!((state.tab, state.ports.cursor), (Tab::Ports, Some(8101)));
    keys(&mut state, "1jjp");
    assert_eq!((state.tab, state.ports.cursor), (Tab::Ports, Some(8107)));
    keys(&mut state, "12");
    assert_eq!(state.ports.cursor, Some(8107), "it stays where it was");
}

#[test]
fn enter_goes_to_whose_the_port_is() {
    let mut state = shown();
    find(&mut state, "8107");
    press(&mut state, KeyCode::Enter);
    assert_eq!((state.tab, chosen(&state).as_str()), (Tab::Instances, "carol"));
    keys(&mut state, "2");
    find(&mut state, "8190");
    assert_eq!(state.target(), Some(&InstanceId::unmanaged("bob", 8190)), "a stranger has a row too");
    find(&mut state, "8103");
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.tab, Tab::Ports);
    assert!(state.status.message.as_ref().unwrap().refused, "nobody's port leads nowhere");
}

#[test]
fn a_free_port_is_assigned_from_the_map() {
    let mut state = shown();
    find(&mut state, "8103");
    assert_eq!(keys(&mut state, "A"), []);
    let list = state.picker.as_ref().unwrap();
    assert_eq!(list.title.as_str(), "assign 8103 to");
    let of = |entry: &Entry| format!("{}: {}", entry.label, entry.note);
    let entries: Vec<String> = list.entries.iter().map(of).collect();
    assert_eq!((entries.len(), entries[2].as_str()), (8, "carol: has 8107, crashed"), "{entries:?}");
    keys(&mut state, "hank");
    let effects = press(&mut state, KeyCode::Enter);
    let [Effect::Foresee(order)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((order.id.to_string().as_str(), order.verb), ("hank", Verb::Assign(Asked::Port(8103))));
    assert_eq!((state.tab, state.ports.cursor), (Tab::Ports, Some(8103)), "the map stays where it was");
}

#[test]
fn what_is_somebodys_is_not_assigned_from_the_map() {
    let mut state = shown();
    for (port, why) in [("8107", "8107: it is not free (conflict)"), ("8190", "8190: it is not free (stranger)")] {
        find(&mut state, port);
        keys(&mut state, "A");
        assert!(state.picker.is_none());
        assert_eq!(state.status.message.as_ref().unwrap().text.as_str(), why);
    }
    find(&mut state, "8103");
    keys(&mut state, "VA");
    assert!(state.picker.is_none() && state.status.message.as_ref().unwrap().text.as_str().starts_with("8103 cannot be assigned: changes"));
}

#[test]
fn who_had_a_port_until_lately_may_have_it_back() {
    let mut state = console(120, 40);
    let mut snapshot = fixture::fleet();
    let mut all = Allotments::default();
    all.keep(8103, Quarantine { of: fixture::id("hank"), until: fixture::now() + std::time::Duration::from_secs(60) });
    snapshot.allotments = Reading::Known(Arc::new(all));
    update(&mut state, Event::Snapshot(Arc::new(snapshot)));
    keys(&mut state, "2");
    assert_eq!(find(&mut state, "quarantine"), 8103);
    keys(&mut state, "A");
    let names: Vec<&str> = state.picker.as_ref().unwrap().entries.iter().map(|entry| entry.label.as_str()).collect();
    assert_eq!(names, ["hank"]);
}

#[test]
fn a_port_is_found_by_number_owner_and_state() {
    let mut state = shown();
    let cases = [
        ("9080", 9080),
        ("bob", 8102),
        ("bob", 8190),
        ("BOB", 8102),
        ("gi", 8108),
        ("free", 8110),
        ("conflict", 8107),
        ("bob/tools", 8102),
    ];
    for (text, port) in cases {
        assert_eq!(find(&mut state, text), port, "{text}");
        assert!(state.prompt.is_none());
    }
}

#[test]
fn what_is_not_found_is_said_and_the_text_stays() {
    let mut state = shown();
    for text in ["7000", "70000", "nobody"] {
        assert_eq!(find(&mut state, text), 8101);
        let prompt = state.prompt.take().unwrap();
        assert_eq!(prompt.input.value(), text);
        assert!(prompt.wrong.is_some());
    }
    assert_eq!(find(&mut state, ""), 8101);
    assert!(state.prompt.is_none());
}

#[test]
fn movements_stay_on_the_map() {
    let grid = Grid { range: PortRange { first: 8085, last: 8141 }, blocks: 2 };
    let outside = [443, 9443];
    let cases = [
        (Motion::Left, 8085, 8085),
        (Motion::Left, 8100, 8099),
        (Motion::Right, 8141, 443),
        (Motion::Up, 8104, 8104),
        (Motion::Up, 8105, 8085),
        (Motion::Down, 8090, 8110),
        (Motion::Down, 8138, 8141),
        (Motion::Down, 8141, 443),
        (Motion::PageUp, 8141, 8101),
        (Motion::PageUp, 8090, 8085),
        (Motion::PageDown, 8120, 8141),
        (Motion::First, 9443, 8085),
        (Motion::Last, 8090, 8141),
        (Motion::Last, 9443, 8141),
        (Motion::Right, 443, 9443),
        (Motion::Right, 9443, 9443),
        (Motion::Left, 443, 8141),
        (Motion::Left, 9443, 443),
        (Motion::Up, 9443, 8141),
        (Motion::Down, 443, 443),
        (Motion::PageUp, 443, 8101),
    ];
    for (motion, from, to) in cases {
        assert_eq!(moved(motion, from, grid, 2, &outside), to, "{motion:?} from {from}");
    }
    for motion in [Motion::Right, Motion::Down] {
        assert_eq!(moved(motion, 8141, grid, 2, &[]), 8141, "{motion:?}");
    }
    let all = Grid { range: PortRange { first: 1, last: u16::MAX }, blocks: 10 };
    for motion in [Motion::Down, Motion::PageDown, Motion::Right, Motion::Last] {
        assert_eq!(moved(motion, u16::MAX, all, 1000, &[]), u16::MAX, "{motion:?}");
    }
}

#[test]
fn a_large_range_scrolls_with_the_cursor() {
    let mut state = console(80, 24);
    let mut wide = (*snapshot(1, vec![row("alice", |_| {})])).clone();
    wide.range = PortRange { first: 8080, last: 12_000 };
    update(&mut state, Event::Snapshot(Arc::new(wide)));
    keys(&mut state, "2G");
    let (grid, page) = view::grid(&state).unwrap();
    assert_eq!(state.ports.top + page, grid.lines());
    keys(&mut state, "g");
    assert_eq!((state.ports.cursor, state.ports.top), (Some(8080), 0));
    press(&mut state, KeyCode::PageDown);
    press(&mut state, KeyCode::PageDown);
    let line = grid.line_of(state.ports.cursor.unwrap());
    assert!((state.ports.top..state.ports.top + page).contains(&line));
    update(&mut state, Event::Resized(60, 12));
    let (grid, page) = view::grid(&state).unwrap();
    assert!((state.ports.top..state.ports.top + page).contains(&grid.line_of(state.ports.cursor.unwrap())));
}

#[test]
fn the_map_is_made_only_while_it_is_shown_and_follows_the_picture() {
    let mut state = shown();
    let mut next = fixture::fleet();
    next.sequence = 8;
    next.rows.retain(|row| row.id.owner() != "alice");
    next.listeners = crate::domain::Reading::Denied;
    update(&mut state, Event::Snapshot(Arc::new(next)));
    assert_eq!(state.ports.map().unwrap().state(8101), PortState::Unknown);
    keys(&mut state, "1");
    assert!(state.ports.map().is_none());
    keys(&mut state, "Z");
    update(&mut state, Event::Snapshot(Arc::new(fixture::fleet())));
    keys(&mut state, "2");
    assert_eq!(state.ports.map().unwrap().state(8101), PortState::Unknown, "what is held is what is shown");
}

#[test]
fn a_port_that_is_gone_leaves_the_cursor_in_the_range() {
    let mut state = shown();
    let mut outside = fixture::fleet();
    outside.range = PortRange { first: 9000, last: 9100 };
    update(&mut state, Event::Snapshot(Arc::new(outside.clone())));
    assert_eq!(state.ports.cursor, Some(8101), "an instance's port outside the range can be looked at");
    outside.rows.clear();
    update(&mut state, Event::Snapshot(Arc::new(outside)));
    assert_eq!(state.ports.cursor, Some(9000));
}

#[test]
fn one_without_a_port_says_so() {
    let mut state = console(120, 40);
    update(&mut state, Event::Snapshot(snapshot(1, vec![row("alice", |row| row.port = None)])));
    keys(&mut state, "p");
    assert_eq!(state.status.message.as_ref().map(|message| message.text.clone()), Some(Shown::from("alice has no port")));
    assert_eq!(state.tab, Tab::Instances);
}

#[test]
fn a_port_outside_the_range_is_shown_too() {
    let mut state = console(120, 40);
    update(&mut state, Event::Snapshot(snapshot(1, vec![row("alice", |row| row.port = Some(9443)), row("bob", |_| {})])));
    keys(&mut state, "p");
    assert_eq!((state.tab, state.ports.cursor), (Tab::Ports, Some(9443)));
    assert_eq!(state.target().map(ToString::to_string).as_deref(), Some("alice"));
}
