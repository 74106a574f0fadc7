//! Filtering, completing, sorting, grouping, choosing columns and users, scrolling sideways: keys in, states out.

use std::sync::Arc;

use crossterm::event::KeyCode;

use super::*;
use crate::domain::{Code, Reading, Row, State as Doing};
use crate::present::columns::Column;
use crate::tui::preferences::Preferences;
use crate::tui::state::fleet::Line;
use crate::tui::testing::{chosen, console, keys, press, row, showing, snapshot};

/// The instances in the order in which they are shown.
fn order(state: &State) -> String {
    state.fleet.rows.iter().map(|row| row.id.to_string()).collect::<Vec<_>>().join(" ")
}

/// The table's lines, headings in brackets.
fn lines(state: &State) -> String {
    let line = |number| match state.fleet.at(number)? {
        Line::Heading(index) => Some(format!("[{}]", state.fleet.groups[index].owner)),
        Line::Row(index) => Some(state.fleet.rows[index].id.to_string()),
    };
    (0..).map_while(line).collect::<Vec<_>>().join(" ")
}

fn show(state: &mut State, sequence: u64, rows: Vec<Row>) {
    update(state, Event::Snapshot(snapshot(sequence, rows)));
}

/// bob has three rows, one of them a stranger's; alice and carol one each.
fn mixed() -> Vec<Row> {
    vec![
        row("alice", |row| row.cpu_percent = Reading::Known(5.0)),
        row("bob", |row| (row.state, row.cpu_percent) = (Doing::Crashed, Reading::Gone)),
        row("bob/tools", |row| (row.findings, row.cpu_percent) = (vec![Code::PortDrift, Code::PortTaken], Reading::Known(9.0))),
        row("carol", |row| row.cpu_percent = Reading::Known(7.0)),
        row("bob/:8190", |row| row.findings = vec![Code::PortStranger]),
    ]
}

fn with_mixed() -> State {
    let mut state = console(120, 40);
    show(&mut state, 1, mixed());
    state
}

#[test]
fn a_wrong_filter_is_said_and_leaves_the_last_good_one() {
    let mut state = with_mixed();
    keys(&mut state, "/state:cr");
    assert_eq!(order(&state), "bob");
    keys(&mut state, "x");
    assert_eq!((order(&state).as_str(), state.filter.words().as_str()), ("bob", "state:cr"));
    assert!(state.filter.wrong.as_ref().unwrap().as_str().starts_with("there is no state crx"));
    press(&mut state, KeyCode::Enter);
    assert!(state.filter.editing, "it stays to be mended");
    press(&mut state, KeyCode::Backspace);
    assert_eq!(state.filter.wrong, None);
    press(&mut state, KeyCode::Enter);
    assert!(!state.filter.editing);
    keys(&mut state, "/ /(/");
    press(&mut state, KeyCode::Esc);
    assert_eq!((order(&state).split(' ').count(), state.filter.wrong.is_none()), (5, true));
}

#[test]
fn what_was_typed_exactly_stands_before_what_has_only_its_letters() {
    let mut state = console(120, 40);
    show(&mut state, 1, vec![row("alba", |_| {}), row("a-lab", |_| {}), row("lab", |_| {}), row("x", |_| {})]);
    keys(&mut state, "/lab");
    assert_eq!(order(&state), "a-lab lab");
    let mut state = console(120, 40);
    show(&mut state, 1, vec![row("bob/tools", |_| {}), row("btl", |_| {}), row("carol", |_| {})]);
    keys(&mut state, "/btl");
    assert_eq!(order(&state), "btl bob/tools");
}

#[test]
fn tab_completes_fields_and_values_and_goes_round() {
    let mut state = with_mixed();
    keys(&mut state, "/st");
    press(&mut state, KeyCode::Tab);
    assert_eq!(state.filter.input.value(), "state:", "the only one; its values come next");
    press(&mut state, KeyCode::Tab);
    assert_eq!(state.filter.input.value(), "state:running");
    press(&mut state, KeyCode::Tab);
    assert_eq!((state.filter.input.value(), order(&state).as_str()), ("state:crashed", "bob"));
    press(&mut state, KeyCode::BackTab);
    press(&mut state, KeyCode::BackTab);
    assert_eq!(state.filter.input.value(), "state:down", "round");
    keys(&mut state, " u");
    press(&mut state, KeyCode::Tab);
    keys(&mut state, "c");
    press(&mut state, KeyCode::Tab);
    assert_eq!(state.filter.input.value(), "state:down user:carol");
    press(&mut state, KeyCode::Tab);
    assert_eq!(state.filter.input.value(), "state:down user:carol", "nothing more to add");
    assert_eq!(state.focus, Pane::Fleet, "Tab belongs to the filter");
}

#[test]
fn a_picked_user_is_a_word_of_the_filter() {
    let mut state = with_mixed();
    keys(&mut state, "/state:running");
    press(&mut state, KeyCode::Enter);
    keys(&mut state, "u");
    let picker = state.picker.as_ref().unwrap();
    let told: Vec<_> = picker.entries.iter().map(|entry| format!("{}: {}", entry.label, entry.note)).collect();
    assert_eq!(told[0], "everybody: 4 instances  ✖ 1 crashed  1 stranger");
    assert_eq!(told[2], "bob: 2 instances  ✖ 1 crashed  1 stranger");
    keys(&mut state, "bob");
    press(&mut state, KeyCode::Enter);
    assert!(state.picker.is_none());
    assert_eq!((state.filter.words().as_str(), order(&state).as_str()), ("state:running user:=bob", "bob/tools bob/:8190"));
    keys(&mut state, "ucarol");
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.filter.words(), "state:running user:=carol");
    keys(&mut state, "u");
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.filter.words(), "state:running", "everybody's again");
    let mut state = console(120, 40);
    keys(&mut state, "u");
    assert!(state.picker.is_none() && state.status.message.unwrap().refused);
}

#[test]
fn every_column_sorts_and_turns_round() {
    let mut state = with_mixed();
    let mut seen = vec![state.preferences.sort];
    let usual: Vec<Column> = Column::ALL.into_iter().filter(|column| column.is_usual()).collect();
    for _ in 1..usual.len() {
        keys(&mut state, "o");
        seen.push(state.preferences.sort);
    }
    assert_eq!(seen, usual);
    keys(&mut state, "o");
    assert_eq!(state.preferences.sort, Column::Owner, "round");
    for (key, column) in [("P", Column::Cpu), ("M", Column::Memory), ("N", Column::Pid), ("A", Column::Up)] {
        keys(&mut state, key);
        assert_eq!((state.preferences.sort, state.preferences.reversed), (column, false));
        keys(&mut state, key);
        assert!(state.preferences.reversed);
    }
    keys(&mut state, "PC");
    assert_eq!(order(&state), "bob/tools carol alice bob/:8190 bob");
}

#[test]
fn sorting_by_the_next_column_passes_over_what_is_not_shown() {
    let mut state = with_mixed();
    state.preferences.columns.toggle(Column::State);
    keys(&mut state, "o");
    assert_eq!(state.preferences.sort, Column::Port);
    state.preferences.columns.toggle(Column::Port);
    keys(&mut state, "o");
    assert_eq!(state.preferences.sort, Column::Owner);
}

#[test]
fn groups_have_headings_and_the_choice_is_still_an_instance() {
    let mut state = with_mixed();
    keys(&mut state, "jjP");
    assert_eq!(chosen(&state), "bob/tools");
    keys(&mut state, "t");
    assert_eq!(lines(&state), "[alice] alice [bob] bob/tools bob/:8190 bob [carol] carol");
    assert_eq!((chosen(&state).as_str(), state.fleet.lines()), ("bob/tools", 8));
    let bob = &state.fleet.groups[1];
    assert_eq!((bob.instances, bob.strangers, bob.crashed, bob.degraded, bob.findings), (2, 1, 1, 0, 3));
    for (index, line) in [(0, 1), (1, 3), (2, 4), (3, 5), (4, 7)] {
        assert_eq!((state.fleet.line_of(index), state.fleet.at(line)), (line, Some(Line::Row(index))));
    }
    assert_eq!(state.fleet.at(8), None);
    keys(&mut state, "/crashed");
    assert_eq!(lines(&state), "[bob] bob");
    press(&mut state, KeyCode::Esc);
    keys(&mut state, "t");
    assert_eq!(lines(&state), order(&state));
}

#[test]
fn a_chosen_row_is_seen_with_its_heading() {
    let mut state = console(120, 12);
    show(&mut state, 1, (0..50).map(|number| row(&format!("user{number:02}"), |_| {})).collect());
    keys(&mut state, "t");
    let page = Layout::of(&state).unwrap().fleet_page();
    for key in "GkkgjjjG".chars() {
        keys(&mut state, &key.to_string());
        let line = state.fleet.line_of(state.fleet.index);
        assert!(state.fleet.top < line && line < state.fleet.top + page, "{key}");
    }
    assert_eq!(state.fleet.top + page, state.fleet.lines());
}

#[test]
fn columns_are_switched_and_moved_in_their_list() {
    let mut state = with_mixed();
    keys(&mut state, "Cpid");
    press(&mut state, KeyCode::Enter);
    assert!(!state.preferences.columns.shown().contains(&Column::Pid));
    let picker = state.picker.as_ref().unwrap();
    assert_eq!((picker.input.value(), picker.entry().unwrap().label.as_str(), picker.entry().unwrap().on), ("pid", "pid", Some(false)));
    (0..3).for_each(|_| drop(press(&mut state, KeyCode::Backspace)));
    (0..2).for_each(|_| drop(press(&mut state, KeyCode::Down)));
    assert_eq!(state.picker.as_ref().unwrap().entry().unwrap().label.as_str(), "port");
    press(&mut state, KeyCode::Left);
    press(&mut state, KeyCode::Left);
    assert_eq!(&state.preferences.columns.shown()[..3], [Column::Owner, Column::Port, Column::State]);
    assert_eq!(state.picker.as_ref().unwrap().entry().unwrap().label.as_str(), "port", "the choice goes with it");
    press(&mut state, KeyCode::Up);
    press(&mut state, KeyCode::Enter);
    assert!(state.status.message.as_ref().unwrap().text.as_str().starts_with("owner: always shown"));
    keys(&mut state, "at first");
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.preferences.columns, Preferences::default().columns);
    press(&mut state, KeyCode::Esc);
    assert!(state.picker.is_none());
}

#[test]
fn left_and_right_scroll_the_columns_as_far_as_there_are_some() {
    let mut state = with_mixed();
    update(&mut state, Event::Resized(80, 24));
    press(&mut state, KeyCode::Left);
    assert_eq!(state.fleet.left, 0);
    (0..30).for_each(|_| drop(press(&mut state, KeyCode::Right)));
    assert_eq!(state.fleet.left, 5);
    assert_eq!(state.status.message.as_ref().unwrap().text.as_str(), "that was the last column");
    press(&mut state, KeyCode::Left);
    assert_eq!(state.fleet.left, 4);
    update(&mut state, Event::Resized(200, 50));
    press(&mut state, KeyCode::Right);
    assert_eq!(state.fleet.left, 0, "all are seen");
    assert_eq!(chosen(&state), "alice");
}

#[test]
fn what_is_liked_is_kept_once_when_it_changes() {
    let mut state = showing(&["alice", "bob"]);
    let kept = |effects: Vec<Effect>| {
        effects.into_iter().filter_map(|effect| match effect {
            Effect::Keep(preferences) => Some(preferences),
            _ => None,
        })
    };
    let liked: Vec<_> = kept(keys(&mut state, "P")).collect();
    assert_eq!(liked, [Preferences { sort: Column::Cpu, ..Preferences::default() }]);
    assert_eq!(kept(keys(&mut state, "j")).count(), 0);
    assert_eq!(kept(keys(&mut state, "t")).next().unwrap(), Preferences { grouped: true, ..liked[0].clone() });
    keys(&mut state, "C");
    press(&mut state, KeyCode::Down);
    assert_eq!(kept(press(&mut state, KeyCode::Enter)).count(), 1);
    update(&mut state, Event::Unkept("no room".into()));
    assert!(state.status.message.as_ref().unwrap().refused);
    let again = Arc::clone(state.live.as_ref().unwrap());
    assert_eq!(kept(update(&mut state, Event::Snapshot(again))).count(), 0);
}
