//! The last line: what can be done here, nearest key first; or what is to be said; or the filter that is typed.
//!
//! It must never name a key that does nothing here.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::tui::keymap::{self, Action, Binding, Key};
use crate::tui::state::State;

use super::canvas;

/// Draws it; says where the cursor is, when something is typed.
pub fn draw(state: &State, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let right = quit(state, area, buffer);
    let (x, room) = (area.x + 1, right.saturating_sub(area.x + 2));
    if let Some(message) = &state.status.message {
        let style = if message.refused { theme.warning } else { theme.title };
        canvas::put_fit(settings, buffer, x, area.y, room, message.text.as_str(), style);
        return None;
    }
    if state.filter.editing && state.confirm.is_none() && state.help.is_none() {
        return Some(filter(state, Rect { x, width: room, ..area }, buffer));
    }
    let mut x = x;
    for binding in keymap::footer(state.place()).filter(|binding| binding.action != Action::Back) {
        let Some(key) = binding.keys.first() else { continue };
        let (label, end) = (key.label(), right.saturating_sub(2));
        let possible = is_possible(state, binding);
        let width = canvas::cells(&label) + 1 + canvas::cells(binding.short) + if possible { 0 } else { 2 };
        if x + width > end {
            break;
        }
        if possible {
            x = canvas::put(buffer, x, area.y, width, &label, theme.key);
            x = canvas::put(buffer, x + 1, area.y, width, binding.short, ratatui::style::Style::new());
        } else {
            // In brackets: pressing it says why not.
            x = canvas::put(buffer, x, area.y, width, &format!("({label} {})", binding.short), theme.dim);
        }
        x += 2;
    }
    None
}

/// `q quit` on the right, or what `q` does here. Returns where it begins.
fn quit(state: &State, area: Rect, buffer: &mut Buffer) -> u16 {
    let Some(binding) = keymap::footer(state.place()).find(|binding| binding.action == Action::Back) else { return area.right() };
    let label = binding.keys.first().map(|key: &Key| key.label()).unwrap_or_default();
    let back = state.large.is_some() || state.focus != crate::tui::state::Pane::Fleet;
    let word = if back { "back" } else { binding.short };
    let width = canvas::cells(&label) + 1 + canvas::cells(word);
    let x = area.right().saturating_sub(width + 1);
    let end = canvas::put(buffer, x, area.y, width, &label, state.settings.theme.key);
    canvas::put(buffer, end + 1, area.y, width, word, ratatui::style::Style::new());
    x
}

/// Whether the key would do something for the chosen instance.
fn is_possible(state: &State, binding: &Binding) -> bool {
    match binding.action {
        Action::Act(verb) => {
            state.fleet.chosen.is_some() && !(verb.changes() && state.header.locked) && state.status.why_not(verb).is_none()
        }
        Action::Detail | Action::Menu => state.fleet.chosen.is_some(),
        _ => true,
    }
}

/// `/ text▏      Enter keep it  Esc clear it`.
fn filter(state: &State, area: Rect, buffer: &mut Buffer) -> Position {
    let (settings, input) = (&state.settings, &state.filter.input);
    let hint = "user: port: state: supervisor: finding: !   Enter keep it  Esc clear it";
    let start = canvas::put(buffer, area.x, area.y, area.width, "/ ", settings.theme.key);
    let width = area.right().saturating_sub(start).max(1);
    let scroll = input.visual_scroll(usize::from(width.saturating_sub(1)));
    let text: String = input.value().chars().skip(scroll).collect();
    let end = canvas::put(buffer, start, area.y, width, crate::domain::Shown::new(&text).as_str(), settings.theme.title);
    if end + 4 + canvas::cells(hint) <= area.right() {
        canvas::put_right(buffer, area.right(), area.y, width, hint, settings.theme.dim);
    }
    let column = u16::try_from(input.visual_cursor().saturating_sub(scroll)).unwrap_or(0);
    Position::new((start + column).min(area.right().saturating_sub(1)), area.y)
}
