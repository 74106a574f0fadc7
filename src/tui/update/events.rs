//! What happened: new pictures, the audit trail, moving, narrowing, following.
//!
//! It must never act but through a question, and never read the trail while nobody looks at it.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Shown, Snapshot, Trail};
use crate::present::events::{Happening, What, beginning, compare};
use crate::tui::effect::Effect;
use crate::tui::keymap::{Action, LogKey, Motion};
use crate::tui::state::events::{Line, Narrowed};
use crate::tui::state::prompt::{Prompt, Purpose};
use crate::tui::state::{State, Tab};
use crate::tui::view::events as view;

use super::status;

/// How many actions are asked of the trail.
const DEEDS: usize = 500;

/// How often it is read while the tab is shown: other consoles and command lines act, too.
const READ_EVERY: Duration = Duration::from_secs(5);

/// Takes over what a new snapshot says; the tab need not be shown.
pub fn learn(state: &mut State) {
    let Some(live) = state.live.clone() else { return };
    let before = state.events.before.replace(Arc::clone(&live));
    let mut news = false;
    match &before {
        None => {
            state.events.begun = Some(live.taken.wall);
            state.events.ring.push(beginning(&live));
            news = true;
        }
        Some(before) => {
            for happening in compare(before, &live) {
                state.events.ring.push(happening);
                news = true;
            }
        }
    }
    news |= orders(state, &live);
    if news {
        arrange(state);
    }
}

/// Takes over how far the caller's orders are.
fn orders(state: &mut State, live: &Snapshot) -> bool {
    let mut news = false;
    for underway in &live.underway {
        let caller = live.caller_at(&underway.id, &state.settings.caller);
        // What somebody else asked for stands in the trail, by that name.
        if underway.by != Some(caller.person()) {
            continue;
        }
        let ago = live.taken.boot.saturating_sub(underway.since);
        // Another host may tell of times that there are not.
        let at = live.taken.wall.checked_sub(ago).unwrap_or(live.taken.wall);
        news |= state.events.ring.order(underway, at, caller);
    }
    news
}

/// The audit trail is here, or why it is not.
pub fn trail(state: &mut State, result: Result<Trail, Shown>) {
    state.events.trail.asked = false;
    let (news, sentence) = match result {
        Ok(trail) => {
            let begun = state.events.begun;
            let ring = &mut state.events.ring;
            (ring.trail(&trail.deeds) | ring.recorded(&trail.events, begun), trail.missing)
        }
        Err(why) => (false, Some(Shown::new(&format!("what was done before is not shown: {why}")))),
    };
    let said = sentence.filter(|sentence| state.events.trail.said.as_ref() != Some(sentence));
    if let Some(sentence) = &said {
        // The clock of the header may be a second behind the picture.
        let at = state.live.as_ref().map_or(state.header.now.wall, |live| live.taken.wall.max(state.header.now.wall));
        state.events.ring.push(Happening { at, about: None, what: What::Said(sentence.clone()) });
        state.events.trail.said.clone_from(&said);
    }
    if news || said.is_some() {
        arrange(state);
    }
}

/// What follows from whatever happened: the cursor is seen, the trail is read while the tab is shown, a held picture stands still.
pub fn settle(state: &mut State, effects: &mut Vec<Effect>) {
    if state.header.held != state.events.held {
        state.events.held = state.header.held;
        if state.header.held {
            pause(state);
        } else {
            state.events.chosen = None;
        }
    }
    state.events.reveal(view::page(state));
    let now = state.header.now.boot;
    let trail = &mut state.events.trail;
    let is_due = trail.asked_at.is_none_or(|at| now.saturating_sub(at) >= READ_EVERY);
    if state.tab == Tab::Events && is_due && !trail.asked {
        (trail.asked, trail.asked_at) = (true, Some(now));
        effects.push(Effect::ReadTrail(DEEDS));
    }
}

/// A bound key while the tab is shown; `false` for what is not the tab's.
pub fn act(state: &mut State, action: Action, _effects: &mut Vec<Effect>) -> bool {
    match action {
        Action::GoTo if state.target_row().is_some() => super::show_target(state),
        Action::GoTo => status::refuse(state, "there is no instance to go to"),
        Action::InLog(LogKey::Follow) if state.events.chosen.is_some() => state.events.chosen = None,
        Action::InLog(LogKey::Follow) => pause(state),
        Action::Problems => narrow(state, |narrowed| narrowed.problems = !narrowed.problems),
        Action::Only => only(state),
        Action::Filter => state.prompt = Some(Prompt::new(Purpose::Events, &state.events.narrowed.text)),
        Action::Escape if state.events.narrowed.is_active() => narrow(state, |narrowed| *narrowed = Narrowed::default()),
        _ => return false,
    }
    true
}

/// Puts the cursor on an event.
pub fn choose(state: &mut State, serial: u64) {
    pause(state);
    state.events.chosen = Some(serial);
}

/// Lists only what has a text in it; with none, everything again.
pub fn search(state: &mut State, text: &str) {
    narrow(state, |narrowed| narrowed.text = text.to_lowercase());
}

/// Lists only what happened to the instance under the cursor, or everything again.
fn only(state: &mut State) {
    if state.events.narrowed.only.is_some() {
        narrow(state, |narrowed| narrowed.only = None);
        return;
    }
    // A line about none of them leaves the one that is chosen in the table.
    match state.target().or(state.fleet.chosen.as_ref()).cloned() {
        Some(id) => narrow(state, |narrowed| narrowed.only = Some(id)),
        None => status::refuse(state, "there is no instance under the cursor"),
    }
}

fn narrow(state: &mut State, change: impl FnOnce(&mut Narrowed)) {
    change(&mut state.events.narrowed);
    arrange(state);
}

fn arrange(state: &mut State) {
    let zone = &state.settings.zone;
    state.events.arrange(zone);
}

/// Keeps the cursor where it is.
fn pause(state: &mut State) {
    let events = &mut state.events;
    if events.chosen.is_none()
        && let Some(serial) = events.chosen_entry().map(|entry| entry.serial)
    {
        (events.chosen, events.paused_at) = (Some(serial), Some(serial));
    }
}

/// Moves its cursor.
pub fn travel(state: &mut State, motion: Motion) {
    let page = view::page(state).saturating_sub(1).max(1);
    let events = &mut state.events;
    let Some(cursor) = events.cursor() else { return };
    let last = events.lines.len().saturating_sub(1);
    let (wanted, back) = match motion {
        Motion::Up => (cursor.saturating_sub(1), true),
        Motion::PageUp => (cursor.saturating_sub(page), true),
        Motion::First => (0, true),
        Motion::Down => (cursor + 1, false),
        Motion::PageDown => (cursor + page, false),
        Motion::Last => (last, false),
        Motion::Left | Motion::Right => return,
    };
    if wanted >= last && !back {
        events.chosen = None;
        return;
    }
    pause(state);
    let events = &mut state.events;
    let is_event = |line: &usize| matches!(events.lines.get(*line), Some(Line::Event(_)));
    // A day is passed over; the first line of all is one.
    let passed = if back { (0..=wanted).rev().find(is_event) } else { None };
    let line = passed.or_else(|| (wanted..=last).find(is_event));
    events.chosen = line.and_then(|line| events.entry(line)).map(|entry| entry.serial).or(events.chosen);
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
