//! The menu of what is possible.
//!
//! It must never carry anything out: it asks the question, as the key would have.

use crate::domain::Verb;
use crate::tui::effect::Effect;
use crate::tui::event::{Answer, Purpose};
use crate::tui::keymap::{Action, Motion};
use crate::tui::state::State;
use crate::tui::state::menu::Menu;

use super::{confirm, log, status};

/// Opens it.
pub fn open(state: &mut State, answer: &Answer) {
    if state.help.is_some() || state.confirm.is_some() {
        return;
    }
    let entries: Vec<_> = Verb::ALL.into_iter().map(|verb| (verb, confirm::refusal(state, verb, answer))).collect();
    let chosen = entries.iter().position(|(_, why)| why.is_none()).unwrap_or(0);
    state.menu = Some(Menu { id: answer.id.clone(), entries, chosen });
}

/// A bound key.
pub fn act(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let Some(menu) = &mut state.menu else { return };
    let last = menu.entries.len().saturating_sub(1);
    match action {
        Action::Move(Motion::Up) => menu.chosen = menu.chosen.saturating_sub(1),
        Action::Move(Motion::Down) => menu.chosen = (menu.chosen + 1).min(last),
        Action::Press => {
            if let Some((verb, _)) = menu.entries.get(menu.chosen) {
                let verb = *verb;
                choose(state, verb, effects);
            }
        }
        Action::Act(verb) => choose(state, verb, effects),
        Action::Log => choose(state, Verb::Logs, effects),
        Action::Escape => state.menu = None,
        _ => {}
    }
}

/// Does what was chosen; what is not possible says why once more.
fn choose(state: &mut State, verb: Verb, effects: &mut Vec<Effect>) {
    let Some(menu) = state.menu.take() else { return };
    match menu.entries.iter().find(|(known, _)| *known == verb) {
        Some((_, Some(why))) => status::refuse(state, &format!("{}: {why}", menu.id)),
        _ if verb == Verb::Logs => log::toggle(state),
        _ if state.target() == Some(&menu.id) => effects.push(Effect::Ask(menu.id, Purpose::Confirm(verb))),
        _ => status::refuse(state, &format!("{} is not chosen any more", menu.id)),
    }
}
