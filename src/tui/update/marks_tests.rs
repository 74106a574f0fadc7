//! Marks, the question about many, and a bulk action on its way.

use crossterm::event::KeyCode;

use super::*;
use crate::domain::{InstanceId, Order, Outcome, Pace, ProcessKey, Reading, Row, Shown, Stage, Target, Uid, Underway, Verb};
use crate::tui::testing::{answer, chosen, keys, press, row, showing, snapshot};

fn id(text: &str) -> InstanceId {
    InstanceId::parse(text).unwrap()
}

fn marked(state: &State) -> Vec<String> {
    state.marks.ids().map(ToString::to_string).collect()
}

/// Lets the console see these rows, and what is underway.
fn see(state: &mut State, sequence: u64, rows: Vec<Row>, underway: Vec<Underway>) -> Vec<Effect> {
    let mut seen = snapshot(sequence, rows);
    std::sync::Arc::make_mut(&mut seen).underway = underway;
    update(state, Event::Snapshot(seen))
}

fn submitted(effects: &[Effect]) -> Vec<&Order> {
    effects.iter().filter_map(|effect| if let Effect::Submit(order) = effect { Some(order) } else { None }).collect()
}

fn said(state: &State) -> &str {
    state.status.message.as_ref().map_or("", |message| message.text.as_str())
}

#[test]
fn space_marks_and_moves_on_and_marks_go_with_their_instance() {
    let mut state = showing(&["alice", "bob", "carol", "dave"]);
    keys(&mut state, "  ");
    assert_eq!((marked(&state), chosen(&state).as_str()), (vec!["alice".to_owned(), "bob".to_owned()], "carol"));
    keys(&mut state, "OPN/car");
    press(&mut state, KeyCode::Esc);
    assert_eq!(marked(&state), ["alice", "bob"], "sorted and filtered, the marks are the same instances");
    keys(&mut state, "g");
    let first = chosen(&state);
    keys(&mut state, " ");
    assert_eq!(marked(&state).contains(&first), !["alice", "bob"].contains(&first.as_str()));
    see(&mut state, 2, vec![row("bob", |_| {}), row("dave", |_| {})], vec![]);
    assert!(!marked(&state).contains(&"alice".to_owned()), "an instance that is gone takes its mark along");
    keys(&mut state, "U");
    assert!(state.marks.is_empty());
}

#[test]
fn star_marks_what_the_filter_keeps() {
    let mut state = showing(&["alice", "bob", "bobby"]);
    keys(&mut state, "/bob");
    press(&mut state, KeyCode::Enter);
    keys(&mut state, "*");
    assert_eq!(marked(&state), ["bob", "bobby"]);
}

#[test]
fn many_are_confirmed_by_typing_how_many() {
    let mut state = showing(&["alice", "bob", "carol"]);
    keys(&mut state, "*S");
    assert_eq!(state.bulk.as_ref().map(|bulk| bulk.number()), Some(3));
    // A yes is not swallowed without a word.
    keys(&mut state, "y");
    assert_eq!(state.bulk.as_ref().and_then(|bulk| bulk.wrong.as_ref()).unwrap().as_str(), "type 3 to go on; Esc leaves");
    for wrong in ["y", "", "2", "33"] {
        keys(&mut state, wrong);
        assert!(submitted(&press(&mut state, KeyCode::Enter)).is_empty(), "{wrong}");
        assert!(state.bulk.is_some() && state.progress.is_none());
    }
    press(&mut state, KeyCode::Tab);
    keys(&mut state, "new disk 3");
    press(&mut state, KeyCode::Enter);
    keys(&mut state, "3");
    let effects = press(&mut state, KeyCode::Enter);
    let orders = submitted(&effects);
    assert_eq!(orders.iter().map(|order| order.id.to_string()).collect::<Vec<_>>(), ["alice", "bob", "carol"]);
    assert!(orders.iter().all(|order| order.verb == Verb::Stop && matches!(order.target, Target::Exactly(_))));
    assert_eq!(orders[0].reason.as_deref(), Some("new disk 3"));
    assert!(state.marks.is_empty() && state.bulk.is_none());
    assert_eq!(state.asked.as_deref(), Some("berth stop alice bob carol --reason 'new disk 3'"));
}

#[test]
fn escape_leaves_and_the_marks_stay() {
    let mut state = showing(&["alice", "bob"]);
    keys(&mut state, "*S2");
    press(&mut state, KeyCode::Esc);
    assert!(state.bulk.is_none() && state.progress.is_none());
    assert_eq!(state.marks.count(), 2);
}

#[test]
fn what_changed_meanwhile_is_left_out_and_the_number_with_it() {
    let mut state = showing(&["alice", "bob", "carol"]);
    keys(&mut state, "*r3");
    let other = ProcessKey { pid: 1, start_time: 9 };
    let rows = || vec![row("alice", |_| {}), row("bob", |row| row.main = Reading::Known(other)), row("carol", |_| {})];
    see(&mut state, 2, rows(), vec![]);
    assert!(submitted(&press(&mut state, KeyCode::Enter)).is_empty(), "3 was typed and 2 are left");
    keys(&mut state, "2");
    let effects = press(&mut state, KeyCode::Enter);
    assert_eq!(submitted(&effects).iter().map(|order| order.id.to_string()).collect::<Vec<_>>(), ["alice", "carol"]);
}

#[test]
fn who_cannot_is_said_with_the_reason_and_one_alone_is_asked_about_as_one() {
    let mut state = showing(&["alice", "bob"]);
    keys(&mut state, "*s");
    assert!(state.bulk.is_none());
    assert_eq!(said(&state), "none of them can be started: 2 cannot: it runs already (alice, bob)");
    see(&mut state, 2, vec![row("alice", |_| {}), row("bob", |row| row.state = crate::domain::State::Crashed)], vec![]);
    keys(&mut state, "s");
    let bulk = state.bulk.as_ref().unwrap();
    assert_eq!((bulk.number(), bulk.refusals(3)), (1, vec!["1 cannot: it runs already (alice)".to_owned()]));
    press(&mut state, KeyCode::Esc);
    keys(&mut state, "Uj S");
    assert_eq!(state.confirm.as_ref().map(|confirm| confirm.id().to_string()).as_deref(), Some("bob"), "one mark, one question");
}

#[test]
fn marked_rows_that_the_filter_hides_are_hit_and_said() {
    let mut state = showing(&["alice", "bob", "carol"]);
    keys(&mut state, "*/bob");
    press(&mut state, KeyCode::Enter);
    keys(&mut state, "S");
    let bulk = state.bulk.as_ref().unwrap();
    assert_eq!((bulk.number(), bulk.hidden()), (3, 2));
    assert_eq!(bulk.hits[0].row.id.to_string(), "bob", "what is seen stands first");
}

#[test]
fn a_bulk_action_goes_on_in_the_background_and_tells_its_end() {
    let ids: Vec<String> = (0..10).map(|number| format!("user{number}")).collect();
    let rows = || ids.iter().map(|id| row(id, |_| {})).collect::<Vec<_>>();
    let mut state = showing(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    keys(&mut state, "*r10");
    let effects = press(&mut state, KeyCode::Enter);
    assert_eq!(submitted(&effects).len(), 8, "no more than that at once");
    let since = state.header.now.boot;
    let told = |number: usize, exit_code, sentence: &str| {
        let outcome = Outcome { exit_code, sentence: Shown::new(sentence), hints: vec![], log_lines: vec![] };
        Underway {
            verb: Verb::Restart,
            id: id(&format!("user{number}")),
            by: Some(Uid::ROOT),
            since,
            stage: Stage::Ended(outcome),
            ended: None,
        }
    };
    let effects = see(&mut state, 2, rows(), vec![told(0, 0, "restarted"), told(1, 5, "not started. 8107 is held")]);
    assert_eq!(submitted(&effects).iter().map(|order| order.id.to_string()).collect::<Vec<_>>(), ["user8", "user9"]);
    keys(&mut state, "b");
    assert_eq!(state.place(), crate::tui::keymap::Place::Fleet);
    keys(&mut state, "*S");
    assert!(state.bulk.is_none(), "one at a time");
    assert_eq!(said(&state), "8 are still to be restarted: b shows them");
    see(&mut state, 3, rows(), (2..10).map(|number| told(number, 0, "restarted")).collect());
    assert_eq!(said(&state), "9 restarted, 1 failed: user1: not started. 8107 is held");
    keys(&mut state, "b");
    assert_eq!(state.place(), crate::tui::keymap::Place::Progress);
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.place(), crate::tui::keymap::Place::Fleet);
}

#[test]
fn what_waits_is_left_by_escape_by_the_lock_and_not_by_a_careless_q() {
    let ids: Vec<String> = (0..20).map(|number| format!("user{number:02}")).collect();
    let rows = || ids.iter().map(|id| row(id, |_| {})).collect::<Vec<_>>();
    let begin = || {
        let mut state = showing(&ids.iter().map(String::as_str).collect::<Vec<_>>());
        keys(&mut state, "*r20");
        press(&mut state, KeyCode::Enter);
        state
    };
    let mut state = begin();
    press(&mut state, KeyCode::Esc);
    assert_eq!(said(&state), "12 are not begun; what is underway goes on to its end");
    assert_eq!(state.progress.as_ref().unwrap().counts().left, 12);
    let mut state = begin();
    keys(&mut state, "b");
    assert!(!keys(&mut state, "q").contains(&Effect::Quit));
    assert_eq!(state.place(), crate::tui::keymap::Place::Progress);
    let mut state = begin();
    keys(&mut state, "bV");
    see(&mut state, 2, rows(), vec![]);
    assert_eq!(state.progress.as_ref().unwrap().counts().waiting, 0);
}

#[test]
fn locked_changes_stay_locked_for_many() {
    let mut state = showing(&["alice", "bob"]);
    keys(&mut state, "V*");
    assert!(keys(&mut state, "S").is_empty() && state.bulk.is_none());
    assert!(said(&state).contains("changes are locked"));
    keys(&mut state, "a");
    assert!(state.menu.as_ref().unwrap().entries.iter().any(|entry| entry.action == Action::Act(Verb::Stop) && entry.why.is_some()));
}

#[test]
fn outside_the_table_a_key_means_the_one_instance() {
    let mut state = showing(&["alice", "bob"]);
    keys(&mut state, "*");
    press(&mut state, KeyCode::Tab);
    let effects = press(&mut state, KeyCode::Char('S'));
    answer(&mut state, effects);
    assert!(state.bulk.is_none());
    assert_eq!(state.confirm.as_ref().map(|confirm| confirm.id().to_string()).as_deref(), Some("alice"));
}

#[test]
fn the_logs_of_the_marked_are_read_as_one() {
    let mut console = showing(&["alice", "bob", "carol", "dave"]);
    keys(&mut console, " j L");
    let names: Vec<String> = console.log.together.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["alice", "carol"]);
    keys(&mut console, "LqUL");
    assert_eq!(console.log.together.len(), 4, "without marks all that are shown");
    keys(&mut console, "Lqg L");
    assert!(console.log.together.is_empty());
    assert!(console.status.message.as_ref().unwrap().text.as_str().contains("mark at least two"));
}

#[test]
fn a_restart_goes_one_after_the_other_when_that_is_chosen() {
    let mut state = showing(&["alice", "bob", "carol", "dave"]);
    let rows = || ["alice", "bob", "carol", "dave"].iter().map(|id| row(id, |_| {})).collect::<Vec<_>>();
    keys(&mut state, "*ro");
    assert_eq!(state.bulk.as_ref().unwrap().pace, Pace::rolling(1, 1));
    keys(&mut state, "ooooo4");
    let effects = press(&mut state, KeyCode::Enter);
    assert_eq!(submitted(&effects).len(), 2, "through all of them and on: two at once");
    assert_eq!(state.asked.as_deref(), Some("berth restart alice bob carol dave --rolling --parallel 2"));
    let since = state.header.now.boot;
    let outcome = Outcome { exit_code: 1, sentence: Shown::from("not started"), hints: vec![], log_lines: vec![] };
    let failed = Underway { verb: Verb::Restart, id: id("alice"), by: Some(Uid::ROOT), since, stage: Stage::Ended(outcome), ended: None };
    assert!(submitted(&see(&mut state, 2, rows(), vec![failed])).is_empty());
    let counts = state.progress.as_ref().unwrap().counts();
    assert_eq!((counts.underway, counts.failed, counts.left), (1, 1, 2), "what is underway goes on to its end");
}

#[test]
fn only_a_restart_is_done_one_after_the_other() {
    let mut state = showing(&["alice", "bob"]);
    keys(&mut state, "*So");
    assert!(!state.bulk.as_ref().unwrap().pace.is_rolling());
    assert_eq!(said(&state), "only a restart is done one after the other, no stop");
}
