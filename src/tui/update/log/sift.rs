//! What of the log is left out: times, levels, lines with or without something in them.
//!
//! It must never leave anything out that the title does not tell.

use jiff::{SignedDuration, Timestamp};

use super::range;
use crate::domain::{LogLevel, Shown};
use crate::link::{At, Pattern};
use crate::tui::effect::Effect;
use crate::tui::keymap::LogKey;
use crate::tui::state::State;
use crate::tui::state::log::{Range, Sieve};
use crate::tui::state::prompt::{Prompt, Purpose};
use crate::tui::update::status;

/// Has the reel leave out what is not wanted.
pub fn apply(state: &mut State, effects: &mut Vec<Effect>) {
    let log = &mut state.log;
    (log.asked, log.below) = (None, 0);
    effects.push(Effect::SiftLog { serial: log.serial, want: log.want() });
}

/// A key.
pub fn act(state: &mut State, key: LogKey, effects: &mut Vec<Effect>) {
    match key {
        LogKey::Tail | LogKey::Head => {
            let had = state.log.range().is_some();
            state.log.sieves.retain(|sieve| !matches!(sieve, Sieve::Range(_)));
            if had {
                apply(state, effects);
            }
            if key == LogKey::Tail {
                state.log.follow();
            } else {
                state.log.pause();
                (state.log.at, state.log.below) = (At::Oldest, 0);
            }
        }
        LogKey::Minutes(minutes) => {
            let now = state.header.now.wall;
            let since = now - SignedDuration::from_mins(i64::from(minutes));
            let span = if minutes == 60 { "1 h".to_owned() } else { format!("{minutes} min") };
            let words = format!("{span}, since {}", range::clock(since, now, &state.settings.zone));
            put_range(state, Range { since: Some(since), until: None, previous: false, words }, effects);
        }
        LogKey::Range => state.prompt = Some(Prompt::new(Purpose::Range, "")),
        LogKey::Keep => state.prompt = Some(Prompt::new(Purpose::Keep, "")),
        LogKey::Drop => state.prompt = Some(Prompt::new(Purpose::Drop, "")),
        LogKey::Levels => levels(state, effects),
        LogKey::PreviousRun => previous_run(state, effects),
        _ => {}
    }
}

/// A stretch of time was typed.
pub fn type_range(state: &mut State, text: &str, effects: &mut Vec<Effect>) -> Result<(), Shown> {
    let range = range::parse(text, state.header.now.wall, &state.settings.zone)?;
    put_range(state, range, effects);
    Ok(())
}

/// Something was typed that lines are to have in them, or not.
pub fn sift_by(state: &mut State, keep: bool, text: &str, effects: &mut Vec<Effect>) -> Result<(), Shown> {
    if text.is_empty() {
        return Err(Shown::from("nothing was typed"));
    }
    let pattern = pattern(text)?;
    state.log.sieves.push(if keep { Sieve::Keep(pattern) } else { Sieve::Drop(pattern) });
    apply(state, effects);
    Ok(())
}

/// What was typed as an expression, or what is wrong with it in one line.
pub fn pattern(text: &str) -> Result<Pattern, Shown> {
    Pattern::new(text).map_err(|wrong| {
        let last = wrong.lines().last().unwrap_or_default();
        Shown::new(last.strip_prefix("error: ").unwrap_or(last))
    })
}

/// Puts one stretch of time in the place of another.
fn put_range(state: &mut State, range: Range, effects: &mut Vec<Effect>) {
    state.log.sieves.retain(|sieve| !matches!(sieve, Sieve::Range(_)));
    state.log.sieves.push(Sieve::Range(range));
    state.log.follow();
    apply(state, effects);
}

/// Errors only, then warnings too, then information too, then all.
fn levels(state: &mut State, effects: &mut Vec<Effect>) {
    let now = state.log.sieves.iter().find_map(|sieve| if let Sieve::Level(level) = sieve { Some(*level) } else { None });
    let next = match now {
        None => Some(LogLevel::Error),
        Some(LogLevel::Error) => Some(LogLevel::Warn),
        Some(LogLevel::Warn) => Some(LogLevel::Info),
        Some(LogLevel::Info | LogLevel::Debug) => None,
    };
    state.log.sieves.retain(|sieve| !matches!(sieve, Sieve::Level(_)));
    state.log.sieves.extend(next.map(Sieve::Level));
    apply(state, effects);
}

/// What was written before the process that runs now was started, or all again.
fn previous_run(state: &mut State, effects: &mut Vec<Effect>) {
    if state.log.range().is_some_and(|range| range.previous) {
        state.log.sieves.retain(|sieve| !matches!(sieve, Sieve::Range(_)));
        state.log.follow();
        apply(state, effects);
        return;
    }
    if !state.log.together.is_empty() {
        status::refuse(state, "several logs have no run before in common; L reads one alone");
        return;
    }
    let row = state.chosen().filter(|row| row.state.is_up());
    // Many loggers write whole seconds, so it is the second that counts.
    let Some(started) = row.and_then(|row| row.started_at).and_then(|at| Timestamp::from_second(at.as_second()).ok()) else {
        status::refuse(state, "it is not running, so there is no run before the present one");
        return;
    };
    let words = format!("the run before {}", range::clock(started, state.header.now.wall, &state.settings.zone));
    put_range(state, Range { since: None, until: Some(started), previous: true, words }, effects);
}
