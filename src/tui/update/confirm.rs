//! Asking before something is changed.
//!
//! It must never submit an order whose target is not, by the newest picture, what the person saw.

use std::sync::Arc;

use crossterm::event::{Event as Raw, KeyEvent};
use tui_input::backend::crossterm::EventHandler;

use crate::domain::{InstanceId, Order, Outcome, Reading, Row, Shown, State as Doing, Target, Verb, Wish};
use crate::present::command;
use crate::tui::effect::Effect;
use crate::tui::event::Answer;
use crate::tui::keymap::Action;
use crate::tui::state::State;
use crate::tui::state::confirm::{Confirm, Field};

use super::{filter, status};

/// Longer reasons are cut.
const LONGEST: usize = 200;

/// Opens the question about the chosen instance, or says why not.
pub fn open(state: &mut State, verb: Verb, answer: &Answer) {
    if state.help.is_some() || state.asks() || state.picker.is_some() {
        return;
    }
    state.menu = None;
    if let Some(why) = refusal(state, verb, answer) {
        status::refuse(state, &format!("{} cannot be {}: {why}", answer.id, verb.done()));
        return;
    }
    if let Some(row) = state.target_row().cloned() {
        ask_about(state, verb, row);
    }
}

/// Opens the question about a row.
pub fn ask_about(state: &mut State, verb: Verb, row: Arc<Row>) {
    show(state, Confirm::new(verb, row));
}

/// Asks the door what an order about a row would do, before the person is asked.
pub fn foresee(state: &mut State, verb: Verb, id: &InstanceId, effects: &mut Vec<Effect>) {
    let Some(row) = state.snapshot.as_ref().and_then(|snapshot| snapshot.row(id)) else {
        status::refuse(state, &format!("{id} is not there any more"));
        return;
    };
    if let Some(why) = pointless(row, verb) {
        status::refuse(state, &format!("{id} cannot be {}: {why}", verb.done()));
        return;
    }
    let target = row.main.known().map_or(Target::Nothing, Target::Exactly);
    effects.push(Effect::Foresee(Order { verb, id: id.clone(), target, reason: None, timeout: None }));
}

/// The door said what an order would do: the question shows it. What would not be done is said.
pub fn foreseen(state: &mut State, order: &Order, outcome: &Outcome) {
    if state.help.is_some() || state.asks() || state.picker.is_some() {
        return;
    }
    if !outcome.is_done() {
        let hint = outcome.hints.first().map(|hint| format!("; {hint}")).unwrap_or_default();
        status::refuse(state, &format!("{}: {}{hint}", order.id, outcome.sentence));
        return;
    }
    let Some(row) = state.snapshot.as_ref().and_then(|snapshot| snapshot.row(&order.id)).cloned() else { return };
    // It is about what the door was asked about: another process by now is said to be another.
    show(state, Confirm { target: order.target, foreseen: Some(outcome.sentence.clone()), ..Confirm::new(order.verb, row) });
}

fn show(state: &mut State, mut confirm: Confirm) {
    if let Some(live) = &state.live {
        // The picture may be held: what is shown may have changed long ago.
        confirm.check(live);
    }
    state.confirm = Some(confirm);
}

/// Why a verb cannot be asked of the chosen instance, the nearest reason first.
pub fn refusal(state: &State, verb: Verb, answer: &Answer) -> Option<Shown> {
    if verb.changes() && state.header.locked {
        return Some(locked(state));
    }
    let own = || state.target_row().and_then(|row| pointless(row, verb)).map(Shown::from);
    answer.why_not(verb).cloned().or_else(own)
}

/// Why nothing can be changed.
pub fn locked(state: &State) -> Shown {
    if state.settings.read_only {
        return Shown::from("berth was started with --read-only");
    }
    Shown::new(&super::header::locked(state))
}

/// Why it would change nothing, or cannot be asked.
pub(super) fn pointless(row: &Row, verb: Verb) -> Option<&'static str> {
    match verb {
        // What cannot be seen cannot be named in the question, nor held as its target.
        Verb::Start | Verb::Stop | Verb::Restart | Verb::Signal(_) | Verb::Assign(_) if row.main == Reading::Denied => {
            Some("its process may not be seen")
        }
        Verb::Start if matches!(row.state, Doing::Running | Doing::Degraded) => Some("it runs already"),
        Verb::Start if row.state == Doing::Starting => Some("it is being started already"),
        Verb::Stop if row.state == Doing::Stopped && row.wish != Some(Wish::Up) => Some("it does not run"),
        Verb::Signal(_) if row.main.known().is_none() => Some("it does not run"),
        Verb::Stop if row.state == Doing::Stopping => Some("it is being stopped already"),
        _ => None,
    }
}

/// A bound key.
pub fn act(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let Some(confirm) = &mut state.confirm else { return };
    match (action, confirm.focus) {
        (Action::Escape, _) | (Action::Press, Field::Cancel) => state.confirm = None,
        (Action::Press, Field::Reason) => confirm.focus = Field::Cancel,
        (Action::Confirm, _) | (Action::Press, Field::Button) => submit(state, effects),
        (Action::CopyCommand, _) => copy(state, effects),
        (Action::NextField, Field::Cancel) => confirm.focus = Field::Reason,
        (Action::NextField, Field::Reason) => confirm.focus = Field::Button,
        (Action::NextField, Field::Button) => confirm.focus = Field::Cancel,
        (Action::PreviousField, Field::Cancel) => confirm.focus = Field::Button,
        (Action::PreviousField, Field::Reason) => confirm.focus = Field::Cancel,
        (Action::PreviousField, Field::Button) => confirm.focus = Field::Reason,
        _ => {}
    }
}

/// A key that is not bound: text, when the reason has the focus.
pub fn type_key(state: &mut State, key: &KeyEvent) {
    if let Some(confirm) = state.confirm.as_mut().filter(|confirm| confirm.focus == Field::Reason)
        && confirm.reason.value().chars().count() <= LONGEST
    {
        confirm.reason.handle_event(&Raw::Key(*key));
    }
}

/// A pasted text.
pub fn paste(state: &mut State, text: &str) {
    if let Some(confirm) = state.confirm.as_mut().filter(|confirm| confirm.focus == Field::Reason) {
        filter::insert(&mut confirm.reason, text, LONGEST);
    }
}

/// Yes.
fn submit(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(confirm) = &mut state.confirm else { return };
    if let Some(live) = &state.live {
        confirm.check(live);
    }
    if confirm.changed.is_some() {
        return;
    }
    let reason = confirm.reason.value().trim();
    let order = Order {
        verb: confirm.verb,
        id: confirm.id().clone(),
        target: confirm.target,
        reason: (!reason.is_empty()).then(|| reason.to_owned()),
        timeout: None,
    };
    if let Some(line) = command::of(&state.settings.program, order.verb, &[&order.id], reason) {
        state.asked = Some(line);
    }
    state.confirm = None;
    effects.push(Effect::Submit(order));
}

/// Copies the command that does the same.
fn copy(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(confirm) = &state.confirm else { return };
    match command::of(&state.settings.program, confirm.verb, &[confirm.id()], confirm.reason.value().trim()) {
        Some(text) => effects.push(Effect::Copy { what: "the same as a command".to_owned(), text }),
        None => status::refuse(state, "berth has no command that sends a signal"),
    }
}
