//! Typing a line.
//!
//! It must never lose a text that was refused: it stays to be mended.

use crossterm::event::{Event as Raw, KeyCode, KeyEvent};
use tui_input::backend::crossterm::EventHandler;

use crate::tui::effect::Effect;
use crate::tui::keymap::Action;
use crate::tui::state::State;
use crate::tui::state::prompt::Purpose;

use super::{filter, findings, log, ports};

/// Longer lines are of no use.
const LONGEST: usize = 400;

/// A key that is not bound.
pub fn type_key(state: &mut State, key: &KeyEvent) {
    let Some(prompt) = &mut state.prompt else { return };
    prompt.wrong = None;
    if prompt.input.value().chars().count() < LONGEST || !matches!(key.code, KeyCode::Char(_)) {
        prompt.input.handle_event(&Raw::Key(*key));
    }
}

/// A pasted text.
pub fn paste(state: &mut State, text: &str) {
    if let Some(prompt) = &mut state.prompt {
        prompt.wrong = None;
        filter::insert(&mut prompt.input, text, LONGEST);
    }
}

/// A bound key.
pub fn act(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    match action {
        Action::Escape => state.prompt = None,
        Action::Press => press(state, effects),
        _ => {}
    }
}

/// Takes the text over, or leaves it standing with what is wrong.
fn press(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(mut prompt) = state.prompt.take() else { return };
    let text = prompt.input.value().trim().to_owned();
    let taken: Result<(), crate::domain::Shown> = match prompt.purpose {
        Purpose::Search => log::search(state, &text, effects),
        Purpose::Keep | Purpose::Drop => log::sift_by(state, prompt.purpose == Purpose::Keep, &text, effects),
        Purpose::Range => log::type_range(state, &text, effects),
        Purpose::Save => log::save(state, &text, effects),
        Purpose::Add => super::task::add(state, &text, effects),
        Purpose::FindPort => ports::find(state, &text),
        Purpose::FilterFindings => {
            findings::filter(state, &text);
            Ok(())
        }

        Purpose::Events => {
            super::events::search(state, &text);
            Ok(())
        }
    };
    if let Err(wrong) = taken {
        prompt.wrong = Some(wrong);
        state.prompt = Some(prompt);
    }
}
