//! Following, pausing and scrolling against a tail that answers what was asked.

use crossterm::event::KeyCode;

use super::*;
use crate::domain::LogLine;
use crate::tui::event::Event;
use crate::tui::testing::{keys, press, showing};
use crate::tui::update::update;

/// An open log that shows so many lines.
fn with_log(newest: u64) -> State {
    let mut state = showing(&["alice", "bob"]);
    let serial = state.log.serial;
    update(&mut state, Event::LogOpened(serial, Ok(())));
    feed(&mut state, newest);
    state
}

/// The tail's answer to what was asked last.
fn feed(state: &mut State, newest: u64) {
    let (up_to, count) = state.log.asked.unwrap();
    let last = up_to.unwrap_or(newest).min(newest);
    let first = last.saturating_sub(count as u64 - 1).max(1);
    let line = |number| LogLine::text(number, None, Shown::new(&format!("line {number}")));
    let view = LogView { lines: (first..=last).map(line).collect(), oldest: 1, newest, ..LogView::default() };
    let serial = state.log.serial;
    update(state, Event::LogRead(serial, view));
}

#[test]
fn the_log_follows_and_scrolling_up_pauses_it() {
    let mut state = with_log(100);
    keys(&mut state, "l");
    keys(&mut state, "kk");
    assert_eq!(state.log.up_to, Some(98));
    let serial = state.log.serial;
    let effects = update(&mut state, Event::LogChanged(serial));
    assert!(matches!(&effects[..], [Effect::ReadLog { up_to: Some(98), .. }]), "{effects:?}");
    feed(&mut state, 107);
    assert_eq!(state.log.unseen(), 7);
    keys(&mut state, "f");
    assert_eq!((state.log.up_to, state.log.unseen()), (None, 0));
}

#[test]
fn scrolling_down_to_the_end_follows_again_and_the_head_stops_at_the_oldest() {
    let mut state = with_log(100);
    keys(&mut state, "lk");
    keys(&mut state, "j");
    assert_eq!(state.log.up_to, None);
    keys(&mut state, "1");
    let page = Layout::of(&state).unwrap().log_page() as u64;
    assert_eq!(state.log.up_to, Some(page));
    keys(&mut state, "k");
    assert_eq!(state.log.up_to, Some(page));
    keys(&mut state, "0");
    assert_eq!(state.log.up_to, None);
}

#[test]
fn a_paused_line_that_was_dropped_moves_to_the_oldest_that_is_left() {
    let mut state = with_log(100);
    keys(&mut state, "l1");
    let serial = state.log.serial;
    let view = LogView { lines: vec![], oldest: 500, newest: 900, dropped: 3, ..LogView::default() };
    let effects = update(&mut state, Event::LogRead(serial, view));
    let page = Layout::of(&state).unwrap().log_page() as u64;
    assert!(matches!(&effects[..], [Effect::ReadLog { up_to: Some(last), .. }] if *last == 499 + page), "{effects:?}");
}

#[test]
fn what_could_not_be_opened_is_tried_again() {
    let mut state = showing(&["alice"]);
    let serial = state.log.serial;
    update(&mut state, Event::LogOpened(serial, Err(Shown::from("may not be read"))));
    keys(&mut state, "l");
    let effects = press(&mut state, KeyCode::Char('f'));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::OpenLog { serial: next, .. } if *next > serial)), "{effects:?}");
}

#[test]
fn another_choice_is_another_log_and_late_answers_are_dropped() {
    let mut state = with_log(100);
    let serial = state.log.serial;
    let effects = press(&mut state, KeyCode::Down);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::OpenLog { serial: next, .. } if *next == serial + 1)));
    assert!(state.log.view.lines.is_empty());
    update(&mut state, Event::LogOpened(serial, Ok(())));
    update(&mut state, Event::LogRead(serial, LogView { newest: 5, ..LogView::default() }));
    assert_eq!((state.log.phase.clone(), state.log.view.newest), (Phase::Opening, 0));
}
