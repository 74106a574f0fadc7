//! Going to a line: what is searched, errors, marks.
//!
//! It must never wait: what cannot be told yet is asked again when more was gone through, until somebody leaves it.

use super::sift;
use crate::domain::Shown;
use crate::link::{At, Find, Goal, Sought};
use crate::tui::effect::Effect;
use crate::tui::keymap::LogKey;
use crate::tui::layout::Layout;
use crate::tui::state::State;
use crate::tui::state::log::Mark;
use crate::tui::state::prompt::{Prompt, Purpose};
use crate::tui::update::status;

/// How many marks are kept.
const MOST_MARKS: usize = 100;

/// A key.
pub fn act(state: &mut State, key: LogKey, effects: &mut Vec<Effect>) {
    match key {
        LogKey::Search => {
            let text = state.log.search.as_ref().map_or("", |pattern| pattern.expression()).to_owned();
            state.prompt = Some(Prompt::new(Purpose::Search, &text));
        }
        LogKey::NextMatch | LogKey::PreviousMatch if state.log.search.is_none() => {
            status::refuse(state, "nothing was searched; / searches");
        }
        LogKey::NextMatch => look(state, Goal::Match, true, effects),
        LogKey::PreviousMatch => look(state, Goal::Match, false, effects),
        LogKey::NextError => look(state, Goal::Error, true, effects),
        LogKey::PreviousError => look(state, Goal::Error, false, effects),
        LogKey::Mark => put_mark(state),
        LogKey::ToMark => to_mark(state),
        _ => {}
    }
}

/// Something was typed that is looked for: from the end of the page upwards, since a log is read from its end.
pub fn search(state: &mut State, text: &str, effects: &mut Vec<Effect>) -> Result<(), Shown> {
    state.log.search = if text.is_empty() { None } else { Some(sift::pattern(text)?) };
    state.log.current = None;
    sift::apply(state, effects);
    if state.log.search.is_some() {
        let from = if state.log.is_following() { None } else { state.log.bottom() };
        send(state, Sought { goal: Goal::Match, from, forward: false, inclusive: true, wraps: true }, effects);
    }
    Ok(())
}

/// From the line that was found last, or from an end of the page when that is not on it any more.
fn look(state: &mut State, goal: Goal, forward: bool, effects: &mut Vec<Effect>) {
    let log = &state.log;
    let current = log.current.filter(|current| log.sees(*current));
    let edge = if forward { log.view.lines.first().map(|line| line.number) } else { log.bottom() };
    // Whoever follows is at the end: nothing is ahead.
    let from = current.or(if forward && log.is_following() { log.bottom() } else { edge });
    let inclusive = current.is_none() && !(forward && log.is_following());
    send(state, Sought { goal, from, forward, inclusive, wraps: goal == Goal::Match }, effects);
}

fn send(state: &mut State, sought: Sought, effects: &mut Vec<Effect>) {
    state.log.seeking = Some(sought);
    effects.push(Effect::FindLog { serial: state.log.serial, sought });
}

/// Asks again for what could not be told yet.
pub fn again(state: &State, effects: &mut Vec<Effect>) {
    if let Some(sought) = state.log.seeking {
        effects.push(Effect::FindLog { serial: state.log.serial, sought });
    }
}

/// Where it is.
pub fn found(state: &mut State, serial: u64, sought: &Sought, find: Find) {
    // What was asked for since is another thing.
    if serial != state.log.serial || state.log.seeking != Some(*sought) {
        return;
    }
    match find {
        Find::Later => return,
        Find::At { number, wrapped } => {
            state.log.current = Some(number);
            if wrapped {
                status::say(
                    state,
                    if sought.forward { "over the end: on from the oldest" } else { "over the beginning: on from the newest" },
                );
            }
            go_to(state, number);
        }
        Find::Nowhere => status::refuse(
            state,
            match (sought.goal, sought.forward) {
                (Goal::Match, _) => "it is nowhere in what is shown",
                (Goal::Error, true) => "no error after this; E goes to the one before",
                (Goal::Error, false) => "no error before this",
            },
        ),
    }
    state.log.seeking = None;
}

/// Shows a line, in the middle when it is not on the page.
fn go_to(state: &mut State, number: u64) {
    let page = Layout::of(state).map_or(1, |layout| layout.log_page());
    let log = &mut state.log;
    log.pause();
    // Wrapped, not all lines of a page are seen.
    if log.wrap {
        (log.at, log.below) = (At::Ending(number), 0);
    } else if !log.sees(number) {
        log.at = At::Down(number, page / 2);
    }
}

/// Puts a mark after the newest line.
fn put_mark(state: &mut State) {
    let mark = Mark { after: state.log.view.newest, at: state.header.now.wall };
    let log = &mut state.log;
    if log.marks.last().is_none_or(|last| last.after != mark.after) {
        log.marks.push(mark);
        let many = log.marks.len().saturating_sub(MOST_MARKS);
        log.marks.drain(..many);
    }
    log.mark = log.marks.len();
    status::say(state, "marked; ' goes to the mark");
}

/// To the mark before the one that was jumped to last, and round again.
fn to_mark(state: &mut State) {
    let log = &mut state.log;
    if log.marks.is_empty() {
        status::refuse(state, "there is no mark; m puts one");
        return;
    }
    log.mark = if log.mark == 0 { log.marks.len() - 1 } else { log.mark - 1 }.min(log.marks.len() - 1);
    if let Some(mark) = log.marks.get(log.mark).copied() {
        go_to(state, mark.after);
    }
}
