//! Choosing a signal, then asking.
//!
//! It must never send one to another process than the one that runs when it is chosen.

use crate::domain::{InstanceId, Shown, Signal, Verb};
use crate::tui::event::Answer;
use crate::tui::state::State;
use crate::tui::state::picker::{Choice, Entry, Picker};

use super::{confirm, picker, status};

/// The door has answered: lists the signals, or says why none can be sent.
pub fn open(state: &mut State, answer: &Answer) {
    if state.help.is_some() || state.asks() || state.picker.is_some() {
        return;
    }
    state.menu = None;
    if let Some(why) = confirm::refusal(state, Verb::Signal(Signal::Hangup), answer) {
        status::refuse(state, &format!("{} cannot be signalled: {why}", answer.id));
        return;
    }
    let entry = |signal: Signal| Entry {
        note: Shown::from(signal.meaning()),
        ..Entry::new(signal.word(), Choice::Signal(answer.id.clone(), signal))
    };
    let list = Picker::new(Shown::new(&format!("Send {} a signal", answer.id)), Signal::ALL.into_iter().map(entry).collect());
    picker::open(state, list);
}

/// One was chosen: asks.
pub fn choose(state: &mut State, id: &InstanceId, signal: Signal) {
    match state.snapshot.as_ref().and_then(|snapshot| snapshot.row(id)).cloned() {
        Some(row) if row.main.known().is_some() => confirm::ask_about(state, Verb::Signal(signal), row),
        _ => status::refuse(state, &format!("{id} does not run any more: {signal} went to nobody")),
    }
}
