//! Choosing a finding and keeping it.

use std::sync::Arc;

use crossterm::event::KeyCode;

use super::*;
use crate::domain::{Code, Snapshot};
use crate::fixture;
use crate::tui::event::{Event, Purpose};
use crate::tui::testing::{chosen, console, keys, press};
use crate::tui::update::update;

fn shown(snapshot: Snapshot) -> State {
    let mut state = console(120, 40);
    update(&mut state, Event::Snapshot(Arc::new(snapshot)));
    keys(&mut state, "3");
    state
}

fn code(state: &State) -> Option<Code> {
    state.findings.finding(state.snapshot.as_ref()?).map(|finding| finding.code)
}

#[test]
fn the_worst_is_chosen_first_and_enter_goes_to_its_instance() {
    let mut state = shown(fixture::fleet());
    assert_eq!(code(&state), Some(Code::PortTaken));
    keys(&mut state, "j");
    press(&mut state, KeyCode::Enter);
    assert_eq!((state.tab, chosen(&state).as_str()), (Tab::Instances, "hank"));
}

#[test]
fn the_choice_follows_the_finding() {
    let mut state = shown(fixture::fleet());
    keys(&mut state, "jj");
    let mut next = fixture::fleet();
    next.findings.remove(0);
    update(&mut state, Event::Snapshot(Arc::new(next.clone())));
    assert_eq!((code(&state), state.findings.index), (Some(Code::PortStranger), 1));
    next.findings.pop();
    update(&mut state, Event::Snapshot(Arc::new(next.clone())));
    assert_eq!(code(&state), Some(Code::ConfigInvalid), "the one in its place");
    next.findings.clear();
    update(&mut state, Event::Snapshot(Arc::new(next)));
    assert_eq!((code(&state), state.target()), (None, None));
    press(&mut state, KeyCode::Enter);
    assert!(state.status.message.as_ref().unwrap().refused);
}

#[test]
fn moving_stays_inside_and_what_is_chosen_is_seen() {
    let mut many = fixture::fleet();
    let kind = many.findings.remove(0);
    many.findings = (0..100u16).map(|number| crate::domain::Finding { port: Some(8000 + number), ..kind.clone() }).collect();
    let mut state = shown(many);
    let page = view::page(&state);
    for (key, index) in
        [(KeyCode::Char('G'), 99), (KeyCode::Down, 99), (KeyCode::PageUp, 99 - page), (KeyCode::Char('g'), 0), (KeyCode::Up, 0)]
    {
        press(&mut state, key);
        assert_eq!(state.findings.index, index);
        assert!((state.findings.top..state.findings.top + page).contains(&index), "{}", state.findings.top);
    }
}

#[test]
fn keys_act_on_the_instance_that_the_finding_is_about() {
    let mut state = shown(fixture::fleet());
    let effects = press(&mut state, KeyCode::Down);
    assert_eq!(effects, [Effect::Ask(fixture::id("hank"), Purpose::Keys)], "what may be done is another instance's now");
    let effects = press(&mut state, KeyCode::Char('s'));
    assert_eq!(effects, [Effect::Ask(fixture::id("hank"), Purpose::Confirm(crate::domain::Verb::Start))]);
    keys(&mut state, "p");
    assert_eq!((state.tab, state.ports.cursor), (Tab::Ports, Some(8109)));
}

#[test]
fn a_filter_keeps_what_holds_its_words_and_escape_shows_all() {
    let mut state = shown(fixture::fleet());
    let kept = |state: &State| state.findings.shown(state.snapshot.as_ref().unwrap()).len();
    for (text, count, first) in [
        ("PORT", 2, Some(Code::PortTaken)),
        ("!port-taken bob", 1, Some(Code::PortStranger)),
        ("xyz", 0, None),
        ("!", 3, Some(Code::PortTaken)),
    ] {
        keys(&mut state, "/");
        state.prompt.as_mut().unwrap().input.reset();
        keys(&mut state, text);
        press(&mut state, KeyCode::Enter);
        assert_eq!((kept(&state), code(&state)), (count, first), "{text}");
    }
    press(&mut state, KeyCode::Esc);
    assert_eq!((kept(&state), state.findings.filter.as_str(), state.tab), (3, "", Tab::Findings));
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.tab, Tab::Instances);
}
