//! A bulk action on its way: what comes next, cancelling, showing and hiding it.
//!
//! It must never begin anything once changes are locked.

use crate::domain::Underway;
use crate::tui::effect::Effect;
use crate::tui::keymap::{Action, Motion};
use crate::tui::state::State;
use crate::tui::view::progress as view;

use super::status;

/// Takes over what the newest snapshot tells, and begins what may be begun.
pub fn learn(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(progress) = state.progress.as_mut().filter(|progress| !progress.is_over()) else { return };
    if let Some(live) = &state.live {
        // What somebody else asks for at the same time is nothing that came of these.
        let is_own = |one: &&Underway| one.by == Some(live.caller_at(&one.id, &state.settings.caller).person());
        let own: Vec<Underway> = live.underway.iter().filter(is_own).cloned().collect();
        progress.learn(&own, live.taken.boot);
    }
    if state.header.locked {
        progress.cancel();
    }
    go_on(state, effects);
}

/// Begins what may be begun; tells the end when nobody looks.
pub fn go_on(state: &mut State, effects: &mut Vec<Effect>) {
    let now = state.header.now.boot;
    let Some(progress) = &mut state.progress else { return };
    effects.extend(progress.begin(now).into_iter().map(Effect::Submit));
    if !progress.is_over() || progress.told {
        return;
    }
    progress.told = true;
    if !progress.open {
        let (summary, failed) = (progress.summary(), progress.counts().failed > 0);
        if failed { status::refuse(state, &summary) } else { status::say(state, &summary) }
    }
}

/// Shows it again, or says that there is none.
pub fn open(state: &mut State) {
    match &mut state.progress {
        Some(progress) => progress.open = true,
        None => status::refuse(state, "nothing was done to several at once yet"),
    }
}

/// A bound key.
pub fn act(state: &mut State, action: Action) {
    let page = view::page(state);
    let Some(progress) = &mut state.progress else { return };
    let (first, last) = (progress.first_seen(page), progress.items.len().saturating_sub(page));
    match action {
        Action::Escape if progress.is_over() => progress.open = false,
        Action::Escape => {
            let left = progress.cancel();
            if left == 0 {
                progress.open = false;
            } else {
                status::say(state, &format!("{left} are not begun; what is underway goes on to its end"));
            }
        }
        Action::Progress | Action::Press => progress.open = false,
        Action::Move(Motion::Up) => progress.top = Some(first.saturating_sub(1)),
        Action::Move(Motion::Down) => progress.top = Some((first + 1).min(last)),
        Action::Move(Motion::PageUp) => progress.top = Some(first.saturating_sub(page)),
        Action::Move(Motion::PageDown) => progress.top = Some((first + page).min(last)),
        Action::Move(Motion::First) => progress.top = Some(0),
        Action::Move(Motion::Last) => progress.top = Some(last),
        _ => {}
    }
}
