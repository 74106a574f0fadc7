//! Opening and leaving the page that says why.

use std::sync::Arc;

use crossterm::event::KeyCode;

use super::*;
use crate::fixture;
use crate::tui::event::Event;
use crate::tui::keymap::Place;
use crate::tui::testing::{console, keys, press};
use crate::tui::update::update;

fn shown(height: u16) -> State {
    let mut state = console(80, height);
    update(&mut state, Event::Snapshot(Arc::new(fixture::fleet())));
    keys(&mut state, "jjw");
    state
}

#[test]
fn it_opens_for_the_chosen_instance_and_any_way_out_closes_it() {
    for way_out in [KeyCode::Esc, KeyCode::Char('q'), KeyCode::Char('w'), KeyCode::Enter] {
        let mut state = shown(24);
        assert_eq!((state.why.as_ref().map(|why| why.id.to_string()).as_deref(), state.place()), (Some("carol"), Place::Why));
        assert_eq!(press(&mut state, way_out), []);
        assert_eq!(state.why, None);
    }
}

#[test]
fn it_scrolls_no_further_than_its_end() {
    let mut state = shown(12);
    let (page, count) = view::extent(&state);
    assert!(count > page);
    keys(&mut state, "G");
    assert_eq!(state.why.as_ref().unwrap().top, count - page);
    keys(&mut state, "jjkk");
    assert_eq!(state.why.as_ref().unwrap().top, count - page - 2);
    keys(&mut state, "g");
    assert_eq!(state.why.as_ref().unwrap().top, 0);
}

#[test]
fn it_is_copied_as_markdown_and_goes_on_to_the_remedies() {
    let mut state = shown(24);
    let effects = keys(&mut state, "y");
    assert!(
        matches!(&effects[..], [Effect::Copy { what, text }] if what == "why carol is as it is" && text.starts_with("# carol's instance has crashed"))
    );
    keys(&mut state, "F");
    assert!(state.why.is_none() && state.picker.is_some());
}

#[test]
fn the_keys_that_act_act_on_whom_it_is_about() {
    let mut state = shown(24);
    let mut without = fixture::fleet();
    without.rows.retain(|row| row.id.owner() != "carol");
    update(&mut state, Event::Snapshot(Arc::new(without)));
    assert_eq!(keys(&mut state, "s"), []);
    assert!(state.confirm.is_none());
    assert_eq!(state.status.message.as_ref().unwrap().text.as_str(), "carol is not chosen any more");
    let mut state = shown(24);
    keys(&mut state, "s");
    assert_eq!(state.confirm.as_ref().map(|confirm| confirm.id().to_string()).as_deref(), Some("carol"));
}

#[test]
fn nothing_under_the_cursor_is_said() {
    let mut state = shown(24);
    keys(&mut state, "q2");
    state.ports.cursor = Some(8103);
    keys(&mut state, "w");
    assert!(state.why.is_none() && state.status.message.as_ref().unwrap().refused);
}
