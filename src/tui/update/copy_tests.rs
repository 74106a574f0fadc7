//! Signals, copying, entries for clients, and the menu that names them.

use crossterm::event::KeyCode;

use super::*;
use crate::domain::{InstanceId, Order, ProcessKey, Reading, Shown, Signal, Target, Verb};
use crate::tui::event::{Copied, Way};
use crate::tui::testing::{answer, console, keys, press, reply, row, showing, snapshot};

fn said(state: &State) -> &str {
    state.status.message.as_ref().map_or("", |message| message.text.as_str())
}

/// Chooses what fits best to a text in the list that is open; what was copied.
fn copy(state: &mut State, text: &str) -> (String, String) {
    keys(state, text);
    match press(state, KeyCode::Enter).into_iter().next() {
        Some(Effect::Copy { what, text }) => (what, text),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn y_copies_facts() {
    let mut state = showing(&["alice"]);
    let cases = [
        ("client", "alice's client URL", "http://127.0.0.1:8101/mcp"),
        ("PID", "alice's PID", "2510"),
        ("user:port", "alice's user:port", "alice:8101"),
        ("show", "alice's show as a command", "berth show alice"),
        ("restart", "alice's restart as a command", "berth restart alice"),
    ];
    for (typed, what, text) in cases {
        keys(&mut state, "y");
        assert_eq!(copy(&mut state, typed), (what.to_owned(), text.to_owned()));
        assert!(state.picker.is_none());
    }
    keys(&mut state, "y");
    let (_, document) = copy(&mut state, "JSON");
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!((&document["id"], &document["port"]), (&"alice".into(), &8101.into()));
}

#[test]
fn what_there_is_not_says_why() {
    let mut state = console(120, 40);
    let down = row("alice", |row| (row.port, row.main, row.state) = (None, Reading::Gone, crate::domain::State::Stopped));
    update(&mut state, Event::Snapshot(snapshot(1, vec![down])));
    for (typed, why) in [("client", "client URL: it has no port"), ("PID", "PID: it does not run")] {
        keys(&mut state, "y");
        keys(&mut state, typed);
        assert!(press(&mut state, KeyCode::Enter).is_empty());
        assert_eq!(said(&state), why);
    }
    let mut empty = console(120, 40);
    keys(&mut empty, "y");
    assert!(empty.picker.is_none());
}

#[test]
fn the_last_action_is_there_as_a_command() {
    let mut state = showing(&["alice"]);
    keys(&mut state, "r");
    press(&mut state, KeyCode::Tab);
    keys(&mut state, "it's slow");
    press(&mut state, KeyCode::Enter);
    let effects = press(&mut state, KeyCode::Char('c'));
    let line = r"berth restart alice --reason 'it'\''s slow'";
    assert_eq!(effects, [Effect::Copy { what: "the same as a command".to_owned(), text: line.to_owned() }]);
    assert!(state.confirm.is_some(), "the question still waits");
    keys(&mut state, "y");
    keys(&mut state, "y");
    assert_eq!(copy(&mut state, "last"), ("the last action as a command".to_owned(), line.to_owned()));
}

#[test]
fn c_copies_an_entry_for_a_client() {
    let mut state = showing(&["bob/tools"]);
    for (typed, begins) in [
        ("command", "claude mcp add --transport http bob-tools http://127.0.0.1:8101/mcp"),
        ("codex", "[mcp_servers.bob-tools]\n"),
        ("vscode", "{\n  \"servers\": {\n    \"bob-tools\": {\n      \"type\": \"http\""),
    ] {
        keys(&mut state, "c");
        let (what, text) = copy(&mut state, typed);
        assert!(what.starts_with("bob/tools's entry for "), "{what}");
        assert!(text.starts_with(begins), "{text}");
    }
}

#[test]
fn it_is_said_where_a_copy_went() {
    let mut state = showing(&["alice"]);
    let url = || "alice's client URL".to_owned();
    update(&mut state, Event::Copied { what: url(), how: Ok(Copied::Sent(Way::Terminal)) });
    assert_eq!(said(&state), "alice's client URL: sent to the terminal's clipboard (OSC 52)");
    // Whole at 80 columns, whatever it is: what it needs is the part that helps.
    state.size = (80, 24);
    update(&mut state, Event::Copied { what: url(), how: Ok(Copied::Sent(Way::Tmux)) });
    assert_eq!(said(&state), "alice's client URL: sent to tmux; nothing arrived? tmux set -s set-clipboard on");
    for way in [Way::Terminal, Way::Tmux, Way::Screen] {
        update(
            &mut state,
            Event::Copied { what: "a-long-owner-name/of-an-instance's entry for Claude Desktop".into(), how: Ok(Copied::Sent(way)) },
        );
        assert!(said(&state).len() < 80 && said(&state).starts_with("sent "), "{}", said(&state));
    }
    update(
        &mut state,
        Event::Copied { what: url(), how: Ok(Copied::Left(Shown::from("/run/user/7/berth/copy-1.txt"), "this terminal has no clipboard")) },
    );
    assert_eq!(said(&state), "alice's client URL is in /run/user/7/berth/copy-1.txt: this terminal has no clipboard");
    update(&mut state, Event::Copied { what: url(), how: Err(Shown::from("the disk is full")) });
    assert_eq!(said(&state), "alice's client URL was not copied: the disk is full");
}

#[test]
fn a_signal_is_chosen_asked_about_and_sent_to_what_was_seen() {
    let mut state = showing(&["alice"]);
    let Reading::Known(main) = state.chosen().unwrap().main else { panic!() };
    keys(&mut state, "K");
    assert_eq!(state.picker.as_ref().map(|picker| picker.entries.len()), Some(Signal::ALL.len()));
    keys(&mut state, "usr2");
    press(&mut state, KeyCode::Enter);
    assert_eq!(state.confirm.as_ref().map(|confirm| confirm.verb), Some(Verb::Signal(Signal::User2)));
    keys(&mut state, "c");
    assert_eq!(said(&state), "berth has no command that sends a signal");
    let effects = keys(&mut state, "y");
    let order = Order {
        verb: Verb::Signal(Signal::User2),
        id: InstanceId::parse("alice").unwrap(),
        target: Target::Exactly(main),
        reason: None,
        timeout: None,
    };
    assert_eq!(effects, [Effect::Submit(order)]);
}

#[test]
fn another_process_in_its_place_gets_no_signal() {
    let mut state = showing(&["alice"]);
    keys(&mut state, "Khup");
    press(&mut state, KeyCode::Enter);
    let other = row("alice", |row| row.main = Reading::Known(ProcessKey { pid: 2510, start_time: 78 }));
    update(&mut state, Event::Snapshot(snapshot(2, vec![other])));
    assert!(keys(&mut state, "y").is_empty());
    assert!(state.confirm.as_ref().unwrap().changed.is_some());
}

#[test]
fn what_does_not_run_or_may_not_be_touched_is_not_signalled() {
    let mut state = console(120, 40);
    update(&mut state, Event::Snapshot(snapshot(1, vec![row("alice", |row| row.main = Reading::Gone)])));
    keys(&mut state, "K");
    assert_eq!(said(&state), "alice cannot be signalled: it does not run");
    let mut state = showing(&["alice"]);
    let effects = press(&mut state, KeyCode::Char('K'));
    for effect in effects {
        if let Effect::Ask(id, purpose) = effect {
            reply(&mut state, id, purpose, Some("owners may not signal here"));
        }
    }
    assert!(state.picker.is_none());
    assert_eq!(said(&state), "alice cannot be signalled: owners may not signal here");
}

#[test]
fn the_menu_does_what_the_keys_beside_its_entries_do() {
    let open = || {
        let mut state = showing(&["alice"]);
        keys(&mut state, "a");
        state
    };
    let entries = open().menu.unwrap().entries;
    let why = |action| entries.iter().find(|entry| entry.action == action).unwrap().why.clone();
    assert_eq!(why(Action::Act(Verb::Start)), Some(Shown::from("it runs already")));
    assert_eq!(why(Action::Signal), None);
    assert!(why(Action::Progress).is_some());
    for (key, place) in [
        ("S", crate::tui::keymap::Place::Confirm),
        ("K", crate::tui::keymap::Place::Picker),
        ("y", crate::tui::keymap::Place::Picker),
        ("c", crate::tui::keymap::Place::Picker),
    ] {
        let mut state = open();
        keys(&mut state, key);
        assert_eq!(state.place(), place, "{key}");
        assert!(state.menu.is_none());
    }
    let mut state = open();
    let effects = keys(&mut state, "s");
    assert_eq!((effects, said(&state)), (vec![], "alice: it runs already"));
    let mut state = open();
    let effects = press(&mut state, KeyCode::Enter);
    answer(&mut state, effects);
    assert_eq!(state.confirm.as_ref().map(|confirm| confirm.verb), Some(Verb::Stop), "the first that is possible is chosen");
    let mut state = open();
    keys(&mut state, " ");
    assert_eq!(state.marks.count(), 1);
}
