//! The chosen instance's log: when it is opened, which lines are asked for, following and pausing.
//!
//! It must never ask for a log while the choice still moves: holding a key down would open a hundred files.

use std::time::Duration;

use crate::domain::{LogView, Shown};
use crate::tui::effect::Effect;
use crate::tui::event::Purpose;
use crate::tui::keymap::{Action, Motion};
use crate::tui::layout::Layout;
use crate::tui::state::log::{Log, Phase};
use crate::tui::state::{Pane, State};

/// How long the choice has to stand still.
const STILL: Duration = Duration::from_millis(150);

/// How many columns one step to the side is.
const SIDESTEP: usize = 16;

/// Asks for the log of the instance that is chosen now.
pub fn follow_choice(state: &mut State, effects: &mut Vec<Effect>) {
    if state.log.of == state.fleet.chosen {
        return;
    }
    state.detail.top = 0;
    state.status.allowed = None;
    let (serial, wrap) = (state.log.serial + 1, state.log.wrap);
    state.log = Log { of: state.fleet.chosen.clone(), serial, wrap, ..Log::default() };
    match &state.log.of {
        Some(id) => {
            state.log.phase = Phase::Opening;
            effects.push(Effect::OpenLog { id: id.clone(), serial, after: STILL });
            effects.push(Effect::Ask(id.clone(), Purpose::Keys));
        }
        None => effects.push(Effect::CloseLog),
    }
}

/// Asks for the lines that are to be seen, unless they are what was asked for last.
pub fn ask(state: &mut State, effects: &mut Vec<Effect>) {
    let count = Layout::of(state).map_or(0, |layout| layout.log_page());
    let wanted = (state.log.up_to, count);
    if state.log.phase != Phase::Open || count == 0 || state.log.asked == Some(wanted) {
        return;
    }
    state.log.asked = Some(wanted);
    effects.push(Effect::ReadLog { serial: state.log.serial, up_to: state.log.up_to, count });
}

/// It was opened, or not.
pub fn opened(state: &mut State, serial: u64, result: Result<(), Shown>) {
    if serial == state.log.serial {
        state.log.phase = result.map_or_else(Phase::Failed, |()| Phase::Open);
    }
}

/// There are new lines: what was asked for is old.
pub fn changed(state: &mut State, serial: u64) {
    if serial == state.log.serial {
        state.log.asked = None;
    }
}

/// The lines are here.
pub fn read(state: &mut State, serial: u64, view: LogView) {
    if serial != state.log.serial {
        return;
    }
    // What was paused at may have been dropped meanwhile: stay at the oldest that is left.
    if let Some(up_to) = state.log.up_to
        && view.oldest > up_to
    {
        let page = Layout::of(state).map_or(1, |layout| layout.log_page());
        state.log.up_to = Some(first_page(&view, page));
    }
    state.log.view = view;
}

/// Large, or small again.
pub fn toggle(state: &mut State) {
    if state.large == Some(Pane::Log) {
        (state.large, state.focus) = (None, Pane::Fleet);
    } else {
        (state.large, state.focus) = (Some(Pane::Log), Pane::Log);
    }
}

/// Follow and wrap.
pub fn act(state: &mut State, action: Action) {
    match action {
        // What could not be opened is tried again.
        Action::Follow if matches!(state.log.phase, Phase::Failed(_)) => state.log.of = None,
        Action::Follow if state.log.up_to.is_some() => state.log.up_to = None,
        Action::Follow => pause(&mut state.log),
        Action::Wrap => {
            state.log.wrap = !state.log.wrap;
            state.log.left = 0;
        }
        _ => {}
    }
}

/// Scrolls; upwards pauses, arriving at the newest follows again.
pub fn scroll(state: &mut State, motion: Motion) {
    let page = Layout::of(state).map_or(1, |layout| layout.log_page()).max(1);
    let log = &mut state.log;
    let lines = u64::try_from(page.saturating_sub(1).max(1)).unwrap_or(1);
    match motion {
        Motion::Left => log.left = log.left.saturating_sub(SIDESTEP),
        Motion::Right if !log.wrap => log.left = (log.left + SIDESTEP).min(4096),
        Motion::Right => {}
        Motion::Up => up(log, 1, page),
        Motion::PageUp => up(log, lines, page),
        Motion::First => up(log, u64::MAX, page),
        Motion::Down => down(log, 1),
        Motion::PageDown => down(log, lines),
        Motion::Last => log.up_to = None,
    }
}

/// The last line of the first page that is still kept.
fn first_page(view: &LogView, page: usize) -> u64 {
    (view.oldest + u64::try_from(page.saturating_sub(1)).unwrap_or(0)).min(view.newest)
}

fn pause(log: &mut Log) {
    if log.up_to.is_none() && log.view.newest > 0 {
        log.up_to = Some(log.view.newest);
        log.paused_at = log.view.newest;
    }
}

fn up(log: &mut Log, lines: u64, page: usize) {
    pause(log);
    let first = first_page(&log.view, page);
    log.up_to = log.up_to.map(|up_to| up_to.saturating_sub(lines).max(first));
}

fn down(log: &mut Log, lines: u64) {
    log.up_to = log.up_to.map(|up_to| up_to.saturating_add(lines)).filter(|up_to| *up_to < log.view.newest);
}

#[cfg(test)]
mod tests;
