//! Keys and snapshots in, states and effects out.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::KeyCode;

use super::*;
use crate::domain::{InstanceId, Order, Outcome, ProcessKey, Reading, Shown, Stage, Target, Uid, Underway, Verb};
use crate::tui::state::confirm::Field;
use crate::tui::testing::{answer, chosen, console, keys, moment, press, reply, row, showing, snapshot};

/// The instances in the order in which they are shown.
fn order(state: &State) -> Vec<String> {
    state.fleet.rows.iter().map(|row| row.id.to_string()).collect()
}

fn id(text: &str) -> InstanceId {
    InstanceId::parse(text).unwrap()
}

#[test]
fn the_first_row_is_chosen_and_its_log_is_asked_for_after_a_pause() {
    let mut state = console(120, 40);
    let effects = update(&mut state, Event::Snapshot(snapshot(1, vec![row("alice", |_| {}), row("bob", |_| {})])));
    assert_eq!(chosen(&state), "alice");
    assert!(effects.contains(&Effect::OpenLog { ids: vec![id("alice")], serial: 1, after: Duration::from_millis(150) }));
}

#[test]
fn the_choice_follows_the_instance_through_every_sort() {
    let mut state = showing(&["alice", "bob", "carol", "dave"]);
    keys(&mut state, "j");
    assert_eq!(chosen(&state), "bob");
    let loads = |loads: [f32; 4]| {
        let rows = ["alice", "bob", "carol", "dave"].iter().zip(loads);
        Event::Snapshot(snapshot(2, rows.map(|(id, load)| row(id, |row| row.cpu_percent = Reading::Known(load))).collect()))
    };
    update(&mut state, loads([1.0, 2.0, 3.0, 4.0]));
    keys(&mut state, "P");
    assert_eq!(order(&state), ["dave", "carol", "bob", "alice"]);
    update(&mut state, loads([1.0, 9.0, 3.0, 4.0]));
    assert_eq!(order(&state), ["bob", "dave", "carol", "alice"]);
    assert_eq!((chosen(&state).as_str(), state.fleet.index), ("bob", 0));
    for key in "PMMNNAAoooooooooOO".chars() {
        keys(&mut state, &key.to_string());
        assert_eq!(chosen(&state), "bob");
        assert_eq!(state.chosen().map(|row| row.id.to_string()).as_deref(), Some("bob"));
    }
}

#[test]
fn what_is_equal_or_looks_equal_keeps_its_place() {
    let mut state = showing(&["alice", "bob", "carol"]);
    keys(&mut state, "P");
    for noise in [0.01, 0.04, 0.02] {
        let rows = vec![
            row("alice", |row| row.cpu_percent = Reading::Known(1.0)),
            row("bob", |row| row.cpu_percent = Reading::Known(1.0 + noise)),
            row("carol", |row| row.cpu_percent = Reading::Denied),
        ];
        update(&mut state, Event::Snapshot(snapshot(2, rows)));
        assert_eq!(order(&state), ["alice", "bob", "carol"]);
    }
    keys(&mut state, "O");
    assert_eq!(order(&state).last().map(String::as_str), Some("carol"), "what is not known stays last");
}

#[test]
fn when_the_chosen_instance_is_gone_the_one_in_its_place_is_chosen() {
    let mut state = showing(&["alice", "bob", "carol"]);
    keys(&mut state, "j");
    update(&mut state, Event::Snapshot(snapshot(2, vec![row("alice", |_| {}), row("carol", |_| {})])));
    assert_eq!(chosen(&state), "carol");
    update(&mut state, Event::Snapshot(snapshot(3, vec![])));
    assert_eq!(chosen(&state), "");
    let effects = keys(&mut state, "S");
    assert_eq!(effects, []);
    assert!(state.confirm.is_none());
}

#[test]
fn moving_stays_inside_and_what_is_chosen_is_seen() {
    let ids: Vec<String> = (0..100).map(|number| format!("user{number:03}")).collect();
    let mut state = showing(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let page = Layout::of(&state).unwrap().fleet_page();
    keys(&mut state, "G");
    assert_eq!((state.fleet.index, state.fleet.top), (99, 100 - page));
    press(&mut state, KeyCode::Down);
    assert_eq!(state.fleet.index, 99);
    press(&mut state, KeyCode::PageUp);
    assert_eq!(state.fleet.index, 99 - page);
    keys(&mut state, "gk");
    assert_eq!((state.fleet.index, state.fleet.top), (0, 0));
    update(&mut state, Event::Resized(80, 12));
    keys(&mut state, "G");
    let page = Layout::of(&state).unwrap().fleet_page();
    assert!(state.fleet.top + page > 99);
}

#[test]
fn a_filter_counts_with_every_letter_and_escape_clears_it() {
    let mut state = showing(&["alice", "bob", "carol"]);
    keys(&mut state, "/");
    keys(&mut state, "bo");
    assert_eq!(order(&state), ["bob"]);
    assert_eq!(chosen(&state), "bob");
    press(&mut state, KeyCode::Enter);
    assert!(!state.filter.editing);
    keys(&mut state, "S");
    assert!(state.confirm.is_some(), "keys act again");
    press(&mut state, KeyCode::Esc);
    press(&mut state, KeyCode::Esc);
    assert_eq!(order(&state).len(), 3);
    assert_eq!(chosen(&state), "bob", "the choice outlives the filter");
}

#[test]
fn only_problems() {
    let mut state = showing(&["alice"]);
    let rows = vec![row("alice", |_| {}), row("bob", |row| row.state = crate::domain::State::Crashed)];
    update(&mut state, Event::Snapshot(snapshot(2, rows)));
    keys(&mut state, "e");
    assert_eq!(order(&state), ["bob"]);
    keys(&mut state, "e");
    assert_eq!(order(&state).len(), 2);
}

#[test]
fn a_paste_is_never_taken_for_keys() {
    let mut state = showing(&["alice"]);
    assert_eq!(update(&mut state, Event::Paste("Sy".to_owned())), []);
    assert!(state.confirm.is_none());
    keys(&mut state, "S");
    assert_eq!(update(&mut state, Event::Paste("y\n".to_owned())), []);
    assert!(state.confirm.is_some());
    press(&mut state, KeyCode::Esc);
    keys(&mut state, "/");
    update(&mut state, Event::Paste("\r\nal\u{1b}[2J\rrest".to_owned()));
    assert_eq!(state.filter.input.value(), "al[2J");
}

#[test]
fn stopping_asks_and_y_confirms_for_exactly_what_was_seen() {
    let mut state = showing(&["alice", "bob"]);
    let key = state.chosen().unwrap().main.known().unwrap();
    assert_eq!(keys(&mut state, "S"), []);
    let confirm = state.confirm.as_ref().unwrap();
    assert_eq!((confirm.verb, confirm.focus), (Verb::Stop, Field::Cancel));
    let effects = keys(&mut state, "y");
    let order = Order { verb: Verb::Stop, id: id("alice"), target: Target::Exactly(key), reason: None, timeout: None };
    assert_eq!(effects, [Effect::Submit(order)]);
    assert!(state.confirm.is_none());
}

#[test]
fn enter_cancels_because_the_focus_is_there() {
    for way_out in [KeyCode::Enter, KeyCode::Esc, KeyCode::Char('n'), KeyCode::Char('q')] {
        let mut state = showing(&["alice"]);
        keys(&mut state, "r");
        assert!(state.confirm.is_some());
        assert_eq!(press(&mut state, way_out), [], "{way_out:?}");
        assert!(state.confirm.is_none(), "{way_out:?}");
    }
}

#[test]
fn in_the_reason_y_is_a_letter() {
    let mut state = showing(&["alice"]);
    keys(&mut state, "S");
    press(&mut state, KeyCode::Tab);
    assert_eq!(keys(&mut state, "yes, y"), []);
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.confirm.as_ref().unwrap().focus, Field::Cancel);
    let effects = keys(&mut state, "y");
    assert!(matches!(&effects[..], [Effect::Submit(order)] if order.reason.as_deref() == Some("yes, y")), "{effects:?}");
}

#[test]
fn the_button_is_reached_by_tab() {
    let mut state = showing(&["alice"]);
    keys(&mut state, "S");
    press(&mut state, KeyCode::Tab);
    press(&mut state, KeyCode::Tab);
    assert!(matches!(&press(&mut state, KeyCode::Enter)[..], [Effect::Submit(_)]));
}

#[test]
fn another_process_in_its_place_is_not_hit() {
    let mut state = showing(&["alice"]);
    keys(&mut state, "S");
    let other = row("alice", |row| row.main = Reading::Known(ProcessKey { pid: 9, start_time: 9 }));
    update(&mut state, Event::Snapshot(snapshot(2, vec![other])));
    assert!(state.confirm.as_ref().unwrap().changed.is_some());
    assert_eq!(keys(&mut state, "y"), []);
    assert!(state.confirm.is_some(), "it stays and says why");
    // Also when the old one seems to be back.
    update(&mut state, Event::Snapshot(snapshot(3, vec![row("alice", |_| {})])));
    assert_eq!(keys(&mut state, "y"), []);
}

#[test]
fn a_question_on_a_held_picture_looks_at_the_live_one() {
    let mut state = showing(&["alice"]);
    keys(&mut state, "Z");
    let gone = row("alice", |row| (row.main, row.state) = (Reading::Gone, crate::domain::State::Stopped));
    update(&mut state, Event::Snapshot(snapshot(2, vec![gone])));
    assert_eq!(state.chosen().unwrap().state, crate::domain::State::Running, "the picture is held");
    keys(&mut state, "S");
    assert!(state.confirm.as_ref().unwrap().changed.is_some());
    assert_eq!(keys(&mut state, "y"), []);
    press(&mut state, KeyCode::Esc);
    keys(&mut state, "Z");
    assert_eq!(state.chosen().unwrap().state, crate::domain::State::Stopped);
}

#[test]
fn a_sort_while_a_question_is_open_does_not_change_whom_it_is_about() {
    let mut state = showing(&["alice", "bob"]);
    keys(&mut state, "P");
    keys(&mut state, "S");
    let asked = state.confirm.as_ref().unwrap().id().clone();
    let rows = vec![row("alice", |_| {}), row("bob", |row| row.cpu_percent = Reading::Known(99.0))];
    update(&mut state, Event::Snapshot(snapshot(2, rows)));
    let effects = keys(&mut state, "y");
    assert!(matches!(&effects[..], [Effect::Submit(order)] if order.id == asked));
}

#[test]
fn what_the_door_refuses_is_said_and_not_asked() {
    let mut state = showing(&["alice"]);
    let effects = press(&mut state, KeyCode::Char('S'));
    let [Effect::Ask(about, purpose)] = &effects[..] else { panic!("{effects:?}") };
    reply(&mut state, about.clone(), *purpose, Some("alice belongs to another account"));
    assert!(state.confirm.is_none());
    let message = state.status.message.clone().unwrap();
    assert!(message.refused && message.text.as_str().contains("another account"), "{message:?}");
    press(&mut state, KeyCode::Down);
    assert_eq!(state.status.message, None, "a key takes it away");
}

#[test]
fn locked_changes_are_refused_and_v_unlocks_unless_read_only() {
    let mut state = showing(&["alice"]);
    keys(&mut state, "V");
    keys(&mut state, "S");
    assert!(state.confirm.is_none());
    keys(&mut state, "VS");
    assert!(state.confirm.is_some());
    let mut state = showing(&["alice"]);
    (state.settings.read_only, state.header.locked) = (true, true);
    keys(&mut state, "VS");
    assert!(state.confirm.is_none());
    assert!(state.status.message.unwrap().text.as_str().contains("--read-only"));
}

#[test]
fn what_would_change_nothing_is_said() {
    let mut state = showing(&["alice"]);
    keys(&mut state, "s");
    assert!(state.confirm.is_none());
    assert_eq!(state.status.message.as_ref().unwrap().text.as_str(), "alice cannot be started: it runs already");
}

#[test]
fn an_answer_about_another_instance_opens_nothing() {
    let mut state = showing(&["alice", "bob"]);
    press(&mut state, KeyCode::Char('S'));
    reply(&mut state, id("bob"), Purpose::Confirm(Verb::Stop), None);
    assert!(state.confirm.is_none());
}

#[test]
fn what_may_not_be_seen_is_not_acted_on_and_nothing_yet_is_not_nothing() {
    let mut state = console(120, 40);
    update(&mut state, Event::Snapshot(snapshot(0, vec![])));
    assert!(state.snapshot.is_none());
    update(&mut state, Event::Snapshot(snapshot(1, vec![row("alice", |row| row.main = Reading::Denied)])));
    keys(&mut state, "r");
    assert!(state.confirm.is_none());
    assert!(state.status.message.unwrap().text.as_str().ends_with("its process may not be seen"));
}

#[test]
fn the_menu_names_reasons_and_asks_for_what_is_chosen() {
    let mut state = showing(&["alice"]);
    keys(&mut state, "a");
    let menu = state.menu.clone().unwrap();
    assert_eq!(
        menu.entries.iter().filter(|entry| entry.why.is_some()).count(),
        3,
        "start is pointless, nothing is wrong, nothing was done to many"
    );
    assert_eq!(menu.entries[menu.chosen].action, Action::Act(Verb::Stop));
    let effects = press(&mut state, KeyCode::Enter);
    answer(&mut state, effects);
    assert_eq!(state.confirm.as_ref().unwrap().verb, Verb::Stop);
}

#[test]
fn the_menu_leads_to_why_and_to_the_port() {
    let mut state = showing(&["alice"]);
    keys(&mut state, "aw");
    assert!(state.menu.is_none() && state.why.is_some());
    keys(&mut state, "qap");
    assert_eq!((state.menu.is_none(), state.tab), (true, Tab::Ports));
    keys(&mut state, "1aF");
    assert_eq!(state.status.message.unwrap().text.as_str(), "alice: there is nothing to mend");
}

#[test]
fn back_goes_one_step_and_leaves_at_the_last() {
    let mut state = showing(&["alice"]);
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.large, Some(Pane::Detail));
    assert_eq!(keys(&mut state, "q"), []);
    keys(&mut state, "l");
    assert_eq!((state.large, state.focus), (Some(Pane::Log), Pane::Log));
    press(&mut state, KeyCode::Esc);
    assert_eq!((state.large, state.focus), (None, Pane::Fleet));
    press(&mut state, KeyCode::Tab);
    assert_eq!(state.focus, Pane::Detail);
    assert_eq!(keys(&mut state, "q"), []);
    assert_eq!(press(&mut state, KeyCode::Esc), []);
    assert_eq!(keys(&mut state, "q"), [Effect::Quit]);
}

#[test]
fn results_stay_with_the_detail_and_questions_about_keys_are_asked_again() {
    let mut state = showing(&["alice"]);
    let mut done = (*snapshot(2, vec![row("alice", |_| {})])).clone();
    let outcome = Outcome { exit_code: 0, sentence: Shown::from("stopped after 1.2 s"), hints: vec![], log_lines: vec![] };
    let ended = Some(moment(1).boot);
    done.underway = vec![Underway {
        verb: Verb::Stop,
        id: id("alice"),
        by: Some(Uid::ROOT),
        since: moment(0).boot,
        stage: Stage::Ended(outcome),
        ended,
    }];
    let effects = update(&mut state, Event::Snapshot(Arc::new(done)));
    assert!(effects.contains(&Effect::Ask(id("alice"), Purpose::Keys)));
    assert!(state.detail.outcomes.contains_key(&id("alice")));
    update(&mut state, Event::Snapshot(snapshot(3, vec![])));
    assert!(state.detail.histories.is_empty());
}

#[test]
fn sentences_go_after_some_seconds() {
    let mut state = showing(&["alice"]);
    keys(&mut state, "V");
    update(&mut state, Event::Tick(moment(3)));
    assert!(state.status.message.is_some());
    update(&mut state, Event::Tick(moment(30)));
    assert!(state.status.message.is_none());
}

#[test]
fn control_c_leaves_from_anywhere() {
    use crossterm::event::{KeyEvent, KeyModifiers};
    let interrupt = || Event::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
    for before in ["", "S", "/", "?", "a", "l"] {
        let mut state = showing(&["alice"]);
        keys(&mut state, before);
        assert_eq!(update(&mut state, interrupt()), [Effect::Quit], "{before}");
    }
}
