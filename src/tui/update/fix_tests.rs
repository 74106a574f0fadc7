//! What the list of remedies holds, and what choosing from it does.

use std::sync::Arc;

use crossterm::event::KeyCode;

use super::*;
use crate::domain::{Asked, Code, Order, Outcome, Remedy, Shown, Snapshot, Target, Verb};
use crate::fixture::{self, id};
use crate::tui::event::Event;
use crate::tui::testing::{chosen, console, keys, press, reply, row, snapshot};
use crate::tui::update::update;

fn shown(snapshot: Snapshot) -> State {
    let mut state = console(120, 40);
    update(&mut state, Event::Snapshot(Arc::new(snapshot)));
    state
}

/// The fixture fleet with one finding about alice.
fn with(code: Code, remedies: &[Remedy]) -> State {
    let mut snapshot = fixture::fleet();
    let finding =
        Finding { code, instances: vec![id("alice")], remedies: remedies.to_vec(), processes: vec![], ..snapshot.findings[0].clone() };
    snapshot.findings = vec![finding];
    shown(snapshot)
}

/// The list: a line each, with `-` where it cannot be chosen and `>` where the choice is.
fn listed(state: &State) -> Vec<String> {
    let Some(list) = &state.picker else { return Vec::new() };
    let sign = |index: usize, entry: &Entry| {
        if entry.why_not.is_some() {
            "-"
        } else if index == list.chosen {
            ">"
        } else {
            " "
        }
    };
    let line = |(index, entry): (usize, &Entry)| {
        format!("{} {}: {}", sign(index, entry), entry.label, entry.why_not.as_ref().unwrap_or(&entry.note))
    };
    list.entries.iter().enumerate().map(line).collect()
}

#[test]
fn the_banners_finding_is_mended_from_anywhere() {
    let mut state = shown(fixture::fleet());
    assert!(mends_banner(&state));
    keys(&mut state, "F");
    assert_eq!(listed(&state), ["> give carol the free port 8110: says what it would do, then asks",]);
    let order = asked_for_a_port(&mut state);
    assert_eq!((order.id.clone(), order.verb, order.target), (id("carol"), GIVEN, Target::Nothing));
    assert!(state.picker.is_none() && state.confirm.is_none());
    // It is said before it is asked, and asked before it is done.
    foreseen(&mut state, &order, 0, "would have port 8110 instead of 8107");
    let confirm = state.confirm.as_ref().unwrap();
    assert_eq!((confirm.id().clone(), confirm.verb), (id("carol"), GIVEN));
    assert_eq!(confirm.foreseen.as_ref().unwrap().as_str(), "would have port 8110 instead of 8107");
    let effects = keys(&mut state, "y");
    assert!(matches!(&effects[..], [Effect::Submit(given)] if *given == order), "{effects:?}");
    assert_eq!(state.asked.as_deref(), Some("berth assign carol --port 8110"));
}

const GIVEN: Verb = Verb::Assign(Asked::Port(8110));

/// Enter on a remedy that gives a port: the order that the door is asked about.
fn asked_for_a_port(state: &mut State) -> Order {
    match &press(state, KeyCode::Enter)[..] {
        [Effect::Foresee(order)] => order.clone(),
        others => panic!("{others:?}"),
    }
}

fn foreseen(state: &mut State, order: &Order, exit_code: u8, sentence: &str) {
    let outcome = Outcome { exit_code, sentence: Shown::new(sentence), hints: vec!["berth ports --free".into()], log_lines: Vec::new() };
    assert_eq!(update(state, Event::Foreseen(order.clone(), outcome)), []);
}

#[test]
fn what_would_not_be_done_is_said_and_not_asked() {
    let mut state = shown(fixture::fleet());
    keys(&mut state, "F");
    let order = asked_for_a_port(&mut state);
    foreseen(&mut state, &order, 5, "not assigned. 8110 is in use");
    assert!(state.confirm.is_none());
    let said = state.status.message.as_ref().unwrap();
    assert_eq!((said.refused, said.text.as_str()), (true, "carol: not assigned. 8110 is in use; berth ports --free"));
}

#[test]
fn another_process_than_the_one_that_was_asked_about_is_not_moved() {
    let mut state = shown(fixture::fleet());
    keys(&mut state, "F");
    let order = asked_for_a_port(&mut state);
    let mut later = fixture::fleet();
    let mut row = (*later.rows[2]).clone();
    row.main = later.rows[0].main;
    (later.rows[2], later.sequence) = (Arc::new(row), 8);
    update(&mut state, Event::Snapshot(Arc::new(later)));
    foreseen(&mut state, &order, 0, "would have port 8110 instead of 8107");
    assert!(state.confirm.as_ref().unwrap().changed.is_some());
    assert_eq!(keys(&mut state, "y"), []);
}

#[test]
fn an_answer_that_comes_late_disturbs_no_other_question() {
    let mut state = shown(fixture::fleet());
    keys(&mut state, "F");
    let order = asked_for_a_port(&mut state);
    keys(&mut state, "?");
    foreseen(&mut state, &order, 0, "would have port 8110");
    assert!(state.confirm.is_none());
}

#[test]
fn the_chosen_instances_own_come_first_and_a_crash_is_one() {
    let mut state = shown(fixture::fleet());
    keys(&mut state, "jjF");
    let carol: Vec<String> = listed(&state).iter().map(|line| line.split(':').next().unwrap().to_owned()).collect();
    assert_eq!(
        carol,
        [
            "- port-taken of carol",
            ">   give carol the free port 8110",
            "- carol is crashed",
            "    read carol's log",
            "    start carol again",
        ]
    );
}

#[test]
fn a_restart_asks_the_usual_question() {
    let mut state = with(Code::RestartPending, &[Remedy::Restart]);
    keys(&mut state, "F");
    assert_eq!(listed(&state)[1], ">   restart alice: asks first", "{:?}", listed(&state));
    let effects = press(&mut state, KeyCode::Enter);
    assert_eq!(effects, [Effect::Ask(id("alice"), Purpose::Confirm(Verb::Restart))]);
    assert_eq!(reply(&mut state, id("alice"), Purpose::Confirm(Verb::Restart), None), []);
    assert_eq!(state.confirm.as_ref().map(|confirm| (confirm.verb, confirm.id().clone())), Some((Verb::Restart, id("alice"))));
    assert!(matches!(&keys(&mut state, "y")[..], [Effect::Submit(order)] if order.id == id("alice")));
}

#[test]
fn what_the_door_refuses_becomes_its_reason_and_the_command() {
    let mut state = with(Code::RestartPending, &[Remedy::Restart]);
    let effects = press(&mut state, KeyCode::Char('F'));
    assert_eq!(effects, [Effect::Ask(id("alice"), Purpose::Fix), Effect::Ask(id("carol"), Purpose::Fix)][..effects.len()]);
    reply(&mut state, id("alice"), Purpose::Fix, Some("you may look and not touch"));
    assert_eq!(listed(&state)[1..3], ["-   restart alice: you may look and not touch", ">   └ copy the command: berth restart alice"]);
    // Answers that come after the list was left open nothing.
    press(&mut state, KeyCode::Esc);
    reply(&mut state, id("alice"), Purpose::Fix, Some("no"));
    assert!(state.picker.is_none());
}

#[test]
fn locked_changes_leave_the_command() {
    let mut state = with(Code::RestartPending, &[Remedy::Restart]);
    keys(&mut state, "VF");
    assert!(listed(&state)[1].starts_with("-   restart alice: changes are locked"), "{:?}", listed(&state));
    assert!(listed(&state)[2].ends_with("copy the command: berth restart alice"));
}

#[test]
fn an_instance_in_the_way_is_chosen_and_asked_about() {
    let mut snapshot = fixture::fleet();
    snapshot.findings[0].processes = vec![snapshot.rows[1].main.known().unwrap()];
    snapshot.findings[0].remedies = vec![Remedy::StopHolder];
    let mut state = shown(snapshot);
    keys(&mut state, "3F");
    assert_eq!(listed(&state), ["> stop bob/tools, which is in the way: asks first"]);
    let effects = press(&mut state, KeyCode::Enter);
    assert!(effects.contains(&Effect::Ask(id("bob/tools"), Purpose::Confirm(Verb::Stop))), "{effects:?}");
    assert_eq!((state.tab, chosen(&state).as_str()), (Tab::Instances, "bob/tools"));
    reply(&mut state, id("bob/tools"), Purpose::Confirm(Verb::Stop), None);
    assert_eq!(state.confirm.as_ref().map(|confirm| confirm.id().clone()), Some(id("bob/tools")));
}

#[test]
fn a_log_is_opened() {
    let mut state = with(Code::PortSilent, &[Remedy::ReadLog]);
    keys(&mut state, "3F");
    press(&mut state, KeyCode::Enter);
    assert_eq!((state.tab, state.large, chosen(&state).as_str()), (Tab::Instances, Some(Pane::Log), "alice"));
}

#[test]
fn a_port_is_mended_where_the_cursor_is() {
    let mut state = shown(fixture::fleet());
    keys(&mut state, "Gkkp");
    assert_eq!(state.ports.cursor, Some(8108));
    keys(&mut state, "F");
    assert!(state.picker.is_none());
    assert_eq!(state.status.message.as_ref().unwrap().text.as_str(), "nothing is wrong with gina");
    state.ports.cursor = Some(8190);
    keys(&mut state, "F");
    assert_eq!(listed(&state)[1], "> └ copy the command: kill 4800");
}

#[test]
fn where_all_is_well_the_key_says_so() {
    let mut state = console(120, 40);
    update(&mut state, Event::Snapshot(snapshot(1, vec![row("alice", |_| {})])));
    assert!(!is_possible(&state) && !mends_banner(&state));
    keys(&mut state, "F");
    assert_eq!(state.status.message.as_ref().unwrap().text.as_str(), "nothing is wrong with alice");
}
