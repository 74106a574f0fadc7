//! The menu of what is possible.
//!
//! It must never carry anything out: it does what the key beside an entry would have.

use crate::domain::{InstanceId, Shown, Signal, Verb};
use crate::present::wording;
use crate::tui::effect::Effect;
use crate::tui::event::Answer;
use crate::tui::keymap::{Action, LogKey, Motion};
use crate::tui::state::State;
use crate::tui::state::menu::{Entry, Menu};

use super::{confirm, fix, ports, status};

/// What stands in it for one instance.
const ENTRIES: &[(Action, &str)] = &[
    (Action::Act(Verb::Start), "start"),
    (Action::Act(Verb::Stop), "stop"),
    (Action::Act(Verb::Restart), "restart"),
    (Action::Fix, "mend what is wrong"),
    (Action::Signal, "send a signal"),
    (Action::Log, "log"),
    (Action::Why, "why it is as it is"),
    (Action::ShowPort, "its port on the map"),
    (Action::Copy, "copy something of it"),
    (Action::Snippet, "let a client reach it"),
    (Action::Mark, "mark it, and go down"),
    (Action::Progress, "the last bulk action"),
];

/// What stands in it for those that are marked.
const OF_MARKED: &[(Action, &str)] = &[
    (Action::Act(Verb::Start), "start them"),
    (Action::Act(Verb::Stop), "stop them"),
    (Action::Act(Verb::Restart), "restart them"),
    (Action::InLog(LogKey::Together), "their logs as one"),
    (Action::Unmark, "unmark all"),
    (Action::Progress, "the last bulk action"),
];

/// Opens it about the chosen instance.
pub fn open(state: &mut State, answer: &Answer) {
    if state.help.is_some() || state.asks() || state.picker.is_some() {
        return;
    }
    let why = |action: Action| match action {
        Action::Act(verb) => confirm::refusal(state, verb, answer),
        Action::Signal => confirm::refusal(state, Verb::Signal(Signal::Hangup), answer),
        Action::Log => confirm::refusal(state, Verb::Logs, answer),
        Action::Snippet if state.target_row().is_some_and(|row| row.port.is_none()) => {
            state.target_row().map(|row| Shown::from(wording::no_port(row)))
        }
        Action::ShowPort if state.target_row().and_then(|row| ports::of(row)).is_none() => Some(Shown::from("it has no port")),
        Action::Fix if !fix::is_possible(state) => Some(Shown::from("there is nothing to mend")),
        other => common(state, other),
    };
    show(
        state,
        Some(answer.id.clone()),
        ENTRIES.iter().map(|(action, words)| Entry { action: *action, words: named(state, *action, words), why: why(*action) }).collect(),
    );
}

/// What an entry means for what is chosen. To stop what does not run takes back that it should.
fn named(state: &State, action: Action, words: &'static str) -> &'static str {
    let runs = state.target_row().is_none_or(|row| row.state.is_up() || row.main.known().is_some());
    if action == Action::Act(Verb::Stop) && !runs { "have it stay stopped" } else { words }
}

/// Opens it about those that are marked.
pub fn open_marked(state: &mut State) {
    let why = |action: Action| match action {
        Action::Act(_) if state.header.locked => Some(confirm::locked(state)),
        other => common(state, other),
    };
    let entries = OF_MARKED.iter().map(|(action, words)| Entry { action: *action, words, why: why(*action) }).collect();
    show(state, None, entries);
}

/// Why something is not possible whatever it is about.
pub(super) fn common(state: &State, action: Action) -> Option<Shown> {
    (action == Action::Progress && state.progress.is_none()).then(|| Shown::from("there was none yet"))
}

fn show(state: &mut State, id: Option<InstanceId>, entries: Vec<Entry>) {
    let chosen = entries.iter().position(|entry| entry.why.is_none()).unwrap_or(0);
    state.menu = Some(Menu { id, entries, chosen });
}

/// A bound key.
pub fn act(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let Some(menu) = &mut state.menu else { return };
    let last = menu.entries.len().saturating_sub(1);
    match action {
        Action::Move(Motion::Up) => menu.chosen = menu.chosen.saturating_sub(1),
        Action::Move(Motion::Down) => menu.chosen = (menu.chosen + 1).min(last),
        Action::Press => {
            if let Some(entry) = menu.entries.get(menu.chosen) {
                let action = entry.action;
                choose(state, action, effects);
            }
        }
        Action::Escape => state.menu = None,
        other => choose(state, other, effects),
    }
}

/// Does what was chosen; what is not possible says why once more.
fn choose(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let Some(menu) = &state.menu else { return };
    let Some(entry) = menu.entries.iter().find(|entry| entry.action == action).cloned() else { return };
    let id = menu.id.clone();
    state.menu = None;
    let whom = id.as_ref().map_or_else(|| "they".to_owned(), ToString::to_string);
    match entry.why {
        Some(why) => status::refuse(state, &format!("{whom}: {why}")),
        None if id.is_some() && state.target() != id.as_ref() => status::refuse(state, &format!("{whom} is not chosen any more")),
        None => super::act(state, action, effects),
    }
}
