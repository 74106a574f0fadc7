//! The log: when it is opened, which lines are asked for, following, pausing and scrolling.
//!
//! It must never ask for a log while the choice still moves: holding a key down would open a hundred files.

pub mod range;
mod seek;
mod sift;
mod take;

use std::time::Duration;

use crate::domain::{InstanceId, Shown};
use crate::link::{Ask, At, Page};
use crate::tui::effect::Effect;
use crate::tui::event::Purpose;
use crate::tui::keymap::{LogKey, Motion};
use crate::tui::layout::Layout;
use crate::tui::state::log::{Edge, Log, Phase, Sieve};
use crate::tui::state::{Pane, State};
use crate::tui::view::log as view;

use super::status;

pub use seek::{found, search};
pub use sift::{sift_by, type_range};
pub use take::{save, taken};

/// How long the choice has to stand still.
const STILL: Duration = Duration::from_millis(150);

/// How many columns one step to the side is.
const SIDESTEP: usize = 16;

/// How many logs are read as one at most: each has a file open and a part of the lines.
const MOST_TOGETHER: usize = 16;

/// Asks for the log of the instance that is chosen now.
pub fn follow_choice(state: &mut State, effects: &mut Vec<Effect>) {
    if state.log.of == state.fleet.chosen {
        return;
    }
    state.detail.top = 0;
    state.status.allowed = None;
    let old = std::mem::take(&mut state.log);
    let (of, serial) = (state.fleet.chosen.clone(), old.serial + 1);
    state.log = Log { of, serial, wrap: old.wrap, times: old.times, ..Log::default() };
    // Who goes from one log to the next while reading looks for the same in each; the run before is each one's own.
    if state.focus == Pane::Log {
        state.log.search = old.search;
        state.log.sieves = old.sieves.into_iter().filter(|sieve| !matches!(sieve, Sieve::Range(range) if range.previous)).collect();
    }
    open(state, STILL, effects);
}

/// Asks for what is to be read now.
fn open(state: &mut State, after: Duration, effects: &mut Vec<Effect>) {
    let Some(id) = state.log.of.clone() else {
        effects.push(Effect::CloseLog);
        return;
    };
    state.log.phase = Phase::Opening;
    let ids = if state.log.together.is_empty() { vec![id.clone()] } else { state.log.together.clone() };
    effects.push(Effect::OpenLog { ids, serial: state.log.serial, after });
    effects.push(Effect::Ask(id, Purpose::Keys));
}

/// Asks for the lines that are to be seen, unless they are what was asked for last.
pub fn ask(state: &mut State, effects: &mut Vec<Effect>) {
    let count = Layout::of(state).map_or(0, |layout| layout.log_page());
    let log = &mut state.log;
    let wanted = Ask { at: log.at, count, since: log.paused_at, current: log.current };
    if log.phase != Phase::Open || count == 0 || log.asked == Some(wanted) {
        return;
    }
    log.asked = Some(wanted);
    effects.push(Effect::ReadLog { serial: log.serial, ask: wanted });
}

/// It was opened, or not.
pub fn opened(state: &mut State, serial: u64, result: Result<(), Shown>, effects: &mut Vec<Effect>) {
    if serial != state.log.serial {
        return;
    }
    state.log.phase = result.map_or_else(Phase::Failed, |()| Phase::Open);
    if state.log.phase == Phase::Open && (!state.log.sieves.is_empty() || state.log.search.is_some()) {
        effects.push(Effect::SiftLog { serial, want: state.log.want() });
    }
}

/// There are new lines, or more of them were gone through: what was asked for is old.
pub fn changed(state: &mut State, serial: u64, effects: &mut Vec<Effect>) {
    if serial == state.log.serial {
        state.log.asked = None;
        seek::again(state, effects);
    }
}

/// The lines are here.
pub fn read(state: &mut State, serial: u64, ask: Ask, page: Page) {
    // What was asked before the last question is the answer to another one.
    if serial != state.log.serial || state.log.asked != Some(ask) {
        return;
    }
    let (rows, width) = (Layout::of(state).map_or(1, |layout| layout.log_page()).max(1), view::text_width(state));
    let log = &mut state.log;
    log.view = page;
    let last = log.bottom();
    let height =
        |number: u64| log.view.lines.iter().find(|line| line.number == number).map_or(1, |line| view::rows(line, log.times, width));
    match (log.at, last) {
        // Older lines are still being read: the oldest is not known yet.
        (At::Newest, _) | (_, None) => {}
        (At::Oldest, Some(_)) if log.view.reading.is_some() => {}
        (At::Oldest, Some(last)) => {
            // Wrapped, fewer lines have room.
            let end = if log.wrap { view::fitting(log, width, rows).unwrap_or(last) } else { last };
            log.at = At::Ending(end);
        }
        (At::Down(..), Some(_)) if log.view.is_newest && log.select.is_none() => log.follow(),
        (At::Down(..), Some(last)) => {
            log.below = if log.wrap { height(last).saturating_sub(rows) } else { 0 };
            log.at = At::Ending(last);
        }
        (At::Up(..) | At::Ending(_), Some(last)) => {
            // A page that ends with this line may have been filled up with what follows.
            if !(log.wrap && matches!(log.at, At::Ending(end) if log.sees(end))) {
                log.at = At::Ending(last);
            }
        }
    }
    if let (Some(select), Some(first), Some(last)) = (&mut log.select, log.view.lines.first(), log.view.lines.last()) {
        match select.stick.take() {
            Some(Edge::First) => select.cursor = first.number,
            Some(Edge::Last) => select.cursor = last.number,
            None => {}
        }
    }
    if let Some(asked) = &mut log.asked {
        (asked.at, asked.since) = (log.at, log.paused_at);
    }
}

/// Large, or small again.
pub fn toggle(state: &mut State) {
    if state.large == Some(Pane::Log) {
        (state.large, state.focus) = (None, Pane::Fleet);
    } else {
        (state.large, state.focus) = (Some(Pane::Log), Pane::Log);
    }
}

/// A key of the log.
pub fn act(state: &mut State, key: LogKey, effects: &mut Vec<Effect>) {
    if key == LogKey::Together {
        together(state, effects);
        return;
    }
    if matches!(state.log.phase, Phase::Failed(_)) && key == LogKey::Follow {
        // What could not be opened is tried again.
        state.log.of = None;
        return;
    }
    match key {
        LogKey::Wrap => {
            state.log.wrap = !state.log.wrap;
            (state.log.left, state.log.below) = (0, 0);
        }
        LogKey::Times => state.log.times = state.log.times.next(),
        LogKey::LineStart => state.log.left = 0,
        LogKey::LineEnd if !state.log.wrap => state.log.left = longest(state).saturating_sub(view::text_width(state)),
        LogKey::LineEnd => {}
        _ if state.log.phase != Phase::Open => status::refuse(state, "there is no log to do that in"),
        LogKey::Follow if state.log.is_following() => state.log.pause(),
        LogKey::Follow => state.log.follow(),
        LogKey::Tail | LogKey::Head | LogKey::Minutes(_) | LogKey::Range | LogKey::Levels | LogKey::PreviousRun => {
            sift::act(state, key, effects);
        }
        LogKey::Keep | LogKey::Drop => sift::act(state, key, effects),
        LogKey::Search | LogKey::NextMatch | LogKey::PreviousMatch | LogKey::NextError | LogKey::PreviousError => {
            seek::act(state, key, effects);
        }
        LogKey::Mark | LogKey::ToMark => seek::act(state, key, effects),
        _ => take::act(state, key, effects),
    }
}

/// One step back within the log: a search on its way, what is being chosen, what was searched, the last thing that is left out.
/// Says whether there was such a step.
pub fn escape(state: &mut State, effects: &mut Vec<Effect>) -> bool {
    let log = &mut state.log;
    if log.seeking.take().is_some() {
        status::say(state, "no longer looked for");
    } else if log.select.take().is_some() {
    } else if log.search.take().is_some() || log.current.take().is_some() {
        log.current = None;
        sift::apply(state, effects);
    } else if log.sieves.pop().is_some() {
        sift::apply(state, effects);
    } else {
        return false;
    }
    true
}

/// The logs of the marked as one, else of what is shown in the table, or one alone again.
fn together(state: &mut State, effects: &mut Vec<Effect>) {
    if state.log.together.is_empty() {
        let ids = candidates(state);
        if ids.len() < 2 {
            let text = if state.marks.is_empty() { "there is only one log to read" } else { "mark at least two to read their logs as one" };
            status::refuse(state, text);
            return;
        }
        if ids.len() > MOST_TOGETHER {
            status::refuse(
                state,
                &format!("{} logs are too many to read as one: {MOST_TOGETHER} at most; mark some, or filter the table", ids.len()),
            );
            return;
        }
        state.log.together = ids;
        (state.large, state.focus) = (Some(Pane::Log), Pane::Log);
    } else {
        state.log.together.clear();
    }
    let old = std::mem::take(&mut state.log);
    let serial = old.serial + 1;
    state.log = Log { of: old.of, together: old.together, serial, wrap: old.wrap, times: old.times, ..Log::default() };
    (state.log.search, state.log.sieves) = (old.search, old.sieves);
    open(state, Duration::ZERO, effects);
}

/// Whose logs are read as one.
fn candidates(state: &State) -> Vec<InstanceId> {
    let has_log = |id: &&InstanceId| !id.is_unmanaged();
    if state.marks.is_empty() {
        state.fleet.rows.iter().map(|row| &row.id).filter(has_log).cloned().collect()
    } else {
        state.marks.ids().filter(has_log).cloned().collect()
    }
}

/// How many columns the longest line takes that is seen.
fn longest(state: &State) -> usize {
    let log = &state.log;
    log.view.lines.iter().map(|line| crate::present::fit::width(view::text(line, log.times))).max().unwrap_or(0)
}

/// Scrolls; upwards pauses, arriving at the newest follows again.
pub fn scroll(state: &mut State, motion: Motion) {
    let rows = Layout::of(state).map_or(1, |layout| layout.log_page()).max(1);
    let page = rows.saturating_sub(1).max(1);
    let sideways = longest(state);
    if state.log.select.is_some() && take::travel(state, motion, page) {
        return;
    }
    let width = view::text_width(state);
    let log = &mut state.log;
    match motion {
        Motion::Left => log.left = log.left.saturating_sub(SIDESTEP),
        Motion::Right if !log.wrap => log.left = (log.left + SIDESTEP).min(sideways.saturating_sub(1)),
        Motion::Right => {}
        Motion::Up => up(log, 1, rows, width),
        Motion::PageUp => up(log, page, rows, width),
        Motion::First => {
            log.pause();
            (log.at, log.below) = (At::Oldest, 0);
        }
        Motion::Down => down(log, 1),
        Motion::PageDown => down(log, page),
        Motion::Last => log.follow(),
    }
}

/// Up, within a line that is higher than the screen or by lines.
fn up(log: &mut Log, count: usize, rows: usize, width: usize) {
    log.pause();
    let Some(last) = log.view.lines.iter().rev().find(|line| !matches!(log.at, At::Ending(end) if line.number > end)) else { return };
    let above = if log.wrap { view::rows(last, log.times, width).saturating_sub(log.below) } else { 0 };
    if above > rows {
        log.below += count.min(above - rows);
    } else {
        (log.at, log.below) = (At::Up(last.number, count), 0);
    }
}

fn down(log: &mut Log, count: usize) {
    if log.below > 0 {
        log.below = log.below.saturating_sub(count);
        return;
    }
    let end = match log.at {
        At::Ending(end) => end,
        At::Oldest => match log.bottom() {
            Some(last) => last,
            None => return,
        },
        _ => return,
    };
    log.at = At::Down(end, count);
}

#[cfg(test)]
mod tests;
