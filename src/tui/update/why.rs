//! The page that answers why an instance is as it is: opening, scrolling, copying, and going on to what mends it.
//!
//! It must never act on anything but through the key that acts.

use crate::domain::{Diagnosis, InstanceId, Shown};
use crate::tui::effect::Effect;
use crate::tui::keymap::{Action, Motion};
use crate::tui::state::State;
use crate::tui::state::why::Why;
use crate::tui::view::why as view;

use super::status;

/// Opens it for the instance under the cursor.
pub fn open(state: &mut State) {
    match state.target() {
        Some(id) => state.why = Some(Why { id: id.clone(), state: None, checked: None, top: 0 }),
        None => status::refuse(state, "there is no instance to tell of"),
    }
}

/// Has it looked at what keeps the instance from working, when the page is opened and whenever the instance's state has become another.
pub fn ask(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(why) = &mut state.why else { return };
    let row = state.snapshot.as_ref().and_then(|snapshot| snapshot.row(&why.id));
    let Some(row) = row.filter(|row| row.declared.is_some() && why.state != Some(row.state)) else { return };
    why.state = Some(row.state);
    effects.push(Effect::Diagnose(why.id.clone()));
}

/// It was looked at.
pub fn checked(state: &mut State, id: &InstanceId, result: Result<Diagnosis, Shown>) {
    if let Some(why) = state.why.as_mut().filter(|why| why.id == *id) {
        why.checked = Some(result);
    }
}

/// A bound key.
pub fn act(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let (page, count) = view::extent(state);
    let last = count.saturating_sub(page);
    let Some(why) = &mut state.why else { return };
    match action {
        Action::Escape => state.why = None,
        Action::Move(motion) => {
            why.top = match motion {
                Motion::Up => why.top.saturating_sub(1),
                Motion::Down => why.top + 1,
                Motion::PageUp => why.top.saturating_sub(page),
                Motion::PageDown => why.top + page,
                Motion::First => 0,
                Motion::Last => last,
                Motion::Left | Motion::Right => why.top,
            }
            .min(last);
        }
        Action::CopyPage => {
            let (what, text) = (format!("why {} is as it is", why.id), view::markdown(state));
            effects.push(Effect::Copy { what, text });
        }
        // What acts, acts on the instance that the page is about, if that is still the one under the cursor.
        Action::Fix | Action::Log | Action::Act(_) => {
            let id = why.id.clone();
            state.why = None;
            if state.target() == Some(&id) {
                super::act(state, action, effects);
            } else {
                status::refuse(state, &format!("{id} is not chosen any more"));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
#[path = "why_tests.rs"]
mod tests;
