//! Asking before something is done to all that are marked.
//!
//! It must never submit anything before exactly the number of those who will be hit was typed.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossterm::event::{Event as Raw, KeyCode, KeyEvent};
use tui_input::backend::crossterm::EventHandler;

use crate::domain::{InstanceId, Row, Shown, Verb};
use crate::present::command;
use crate::tui::effect::Effect;
use crate::tui::keymap::{Action, Motion};
use crate::tui::state::State;
use crate::tui::state::bulk::Bulk;
use crate::tui::state::progress::Progress;
use crate::tui::view::bulk as view;

use super::{confirm, filter, progress, status};

/// Longer reasons are cut.
const LONGEST: usize = 200;

/// No fleet has more digits.
const DIGITS: usize = 6;

/// Asks the door about all that are marked: those that are seen first, in their order.
pub fn ask(state: &mut State, verb: Verb, effects: &mut Vec<Effect>) {
    if state.header.locked {
        let why = confirm::locked(state);
        status::refuse(state, &format!("nothing can be {}: {why}", verb.done()));
        return;
    }
    if let Some(underway) = state.progress.as_ref().filter(|progress| !progress.is_over()) {
        let counts = underway.counts();
        let left = counts.waiting + counts.underway;
        status::refuse(state, &format!("{left} are still to be {}: b shows them", underway.verb.done()));
        return;
    }
    let seen = state.fleet.rows.iter().map(|row| &row.id).filter(|id| state.marks.holds(id));
    let mut ids: Vec<InstanceId> = seen.cloned().collect();
    let seen: std::collections::BTreeSet<InstanceId> = ids.iter().cloned().collect();
    ids.extend(state.marks.ids().filter(|id| !seen.contains(id)).cloned());
    effects.push(Effect::AskMany(verb, ids));
}

/// The door has answered: opens the question, or says why nobody can be hit.
pub fn open(state: &mut State, verb: Verb, answers: Vec<(InstanceId, Option<Shown>)>) {
    if state.help.is_some() || state.asks() || state.picker.is_some() {
        return;
    }
    state.menu = None;
    let Some(snapshot) = &state.snapshot else { return };
    let all: BTreeMap<&InstanceId, &Arc<Row>> = snapshot.rows.iter().map(|row| (&row.id, row)).collect();
    let (mut rows, mut cannot) = (Vec::new(), Vec::new());
    for (id, why) in answers {
        match (all.get(&id), why) {
            (None, _) => cannot.push((id, Shown::from("it is not there any more"))),
            (Some(_), Some(why)) => cannot.push((id, why)),
            (Some(row), None) => match confirm::pointless(row, verb) {
                Some(why) => cannot.push((id, Shown::from(why))),
                None => rows.push(Arc::clone(row)),
            },
        }
    }
    if rows.is_empty() {
        let reasons = Bulk::new(verb, rows, cannot, |_| false).refusals(1).concat();
        status::refuse(state, &format!("none of them can be {}: {reasons}", verb.done()));
        return;
    }
    if let ([row], true) = (rows.as_slice(), cannot.is_empty()) {
        // One row is asked about as one row, whether it was marked or chosen.
        let row = Arc::clone(row);
        confirm::ask_about(state, verb, row);
        return;
    }
    let shown: std::collections::BTreeSet<&InstanceId> = state.fleet.rows.iter().map(|row| &row.id).collect();
    let mut bulk = Bulk::new(verb, rows, cannot, |id| !shown.contains(id));
    if let Some(live) = &state.live {
        // The picture may be held: what is shown may have changed long ago.
        bulk.check(live);
    }
    state.bulk = Some(bulk);
}

/// A bound key.
pub fn act(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let page = view::page(state);
    let Some(bulk) = &mut state.bulk else { return };
    let last = bulk.hits.len().saturating_sub(page);
    match action {
        Action::Escape => state.bulk = None,
        Action::NextField | Action::PreviousField => bulk.reasoning = !bulk.reasoning,
        Action::Press if bulk.reasoning => bulk.reasoning = false,
        Action::Press => submit(state, effects),
        Action::CopyCommand => copy(state, effects),
        Action::Pace => {
            let verb = bulk.verb;
            if !bulk.change_pace() {
                status::refuse(state, &format!("only a restart is done one after the other, no {verb}"));
            }
        }
        Action::Move(Motion::Up) => bulk.top = bulk.top.saturating_sub(1),
        Action::Move(Motion::Down) => bulk.top = (bulk.top + 1).min(last),
        Action::Move(Motion::PageUp) => bulk.top = bulk.top.saturating_sub(page),
        Action::Move(Motion::PageDown) => bulk.top = (bulk.top + page).min(last),
        Action::Move(Motion::First) => bulk.top = 0,
        Action::Move(Motion::Last) => bulk.top = last,
        _ => {}
    }
}

/// A key that is not bound: text for the reason, digits for the number.
pub fn type_key(state: &mut State, key: &KeyEvent) {
    let Some(bulk) = &mut state.bulk else { return };
    let (input, longest) = if bulk.reasoning { (&mut bulk.reason, LONGEST) } else { (&mut bulk.count, DIGITS) };
    let fits = match key.code {
        KeyCode::Char(character) => input.value().chars().count() < longest && (bulk.reasoning || character.is_ascii_digit()),
        _ => true,
    };
    if fits {
        bulk.wrong = None;
        input.handle_event(&Raw::Key(*key));
    } else if !bulk.reasoning && matches!(key.code, KeyCode::Char(character) if !character.is_ascii_digit()) {
        // A yes is no answer here: it would be given before the number was read.
        bulk.wrong = Some(missing(bulk.number()));
    }
}

/// What is to be typed before anything is done.
fn missing(number: usize) -> Shown {
    Shown::new(&format!("type {number} to go on; Esc leaves"))
}

/// A pasted text goes into the reason only: the number is to be typed.
pub fn paste(state: &mut State, text: &str) {
    if let Some(bulk) = state.bulk.as_mut().filter(|bulk| bulk.reasoning) {
        filter::insert(&mut bulk.reason, text, LONGEST);
    }
}

/// Yes, if the number is right.
fn submit(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(bulk) = &mut state.bulk else { return };
    if let Some(live) = &state.live {
        bulk.check(live);
    }
    let number = bulk.number();
    if number == 0 {
        bulk.wrong = Some(Shown::from("all of them have changed; Esc, then ask again"));
        return;
    }
    match bulk.count.value().parse::<usize>() {
        Ok(typed) if typed == number => {}
        Ok(typed) => {
            bulk.wrong = Some(Shown::new(&format!("{typed} is not {number}")));
            bulk.count = tui_input::Input::default();
            return;
        }
        Err(_) => {
            bulk.wrong = Some(missing(number));
            return;
        }
    }
    let (verb, orders) = (bulk.verb, bulk.orders());
    let ids: Vec<&InstanceId> = orders.iter().map(|order| &order.id).collect();
    let pace = bulk.pace;
    state.asked = command::of(&state.settings.program, verb, &ids, bulk.reason.value().trim()).map(|line| command::at_pace(line, pace));
    state.bulk = None;
    // The next key must not hit all of them once more by surprise.
    state.marks.clear();
    state.progress = Some(Progress::new(verb, orders, pace));
    progress::go_on(state, effects);
}

/// Copies the command that does the same.
fn copy(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(bulk) = &state.bulk else { return };
    let ids: Vec<&InstanceId> = bulk.willing().map(|hit| &hit.row.id).collect();
    if let Some(text) = command::of(&state.settings.program, bulk.verb, &ids, bulk.reason.value().trim()) {
        let text = command::at_pace(text, bulk.pace);
        effects.push(Effect::Copy { what: "the same as a command".to_owned(), text });
    }
}
