//! The menu: what is possible now, and beside what is not, why.
//!
//! It must never leave out what is not possible: the reason is what one looks for.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::tui::keymap::{self, Action, Place};
use crate::tui::state::State;
use crate::tui::state::menu::Menu;

use super::canvas;

/// How wide it is where there is room.
const WIDTH: u16 = 72;

/// Draws it.
pub fn draw(state: &State, menu: &Menu, within: Rect, buffer: &mut Buffer) {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let lines = u16::try_from(menu.entries.len()).unwrap_or(u16::MAX);
    let title = menu.id.as_ref().map_or_else(|| format!("{} marked", state.marks.count()), ToString::to_string);
    let Some(inside) = canvas::float(settings, within, WIDTH, lines, &title, buffer) else { return };
    let words = menu.entries.iter().map(|entry| canvas::cells(entry.words)).max().unwrap_or(0);
    // On a small screen the list goes with the choice.
    let top = (menu.chosen + 1).saturating_sub(usize::from(inside.height));
    for (y, (index, entry)) in (inside.y..inside.bottom()).zip(menu.entries.iter().enumerate().skip(top)) {
        let chosen = index == menu.chosen;
        let (style, key) = if entry.why.is_some() { (theme.dim, theme.dim) } else { (Style::new(), theme.key) };
        canvas::put(buffer, inside.x + 2, y, 5, &label(entry.action), key);
        canvas::put(buffer, inside.x + 8, y, inside.width.saturating_sub(8), entry.words, style);
        if let Some(why) = &entry.why {
            let x = inside.x + 8 + words + 2;
            let room = inside.right().saturating_sub(x);
            canvas::put(buffer, x, y, room, &canvas::fit_words(settings, clause(why.as_str(), room), room), theme.dim);
        }
        if chosen {
            canvas::choose(settings, Rect { y, height: 1, ..inside }, buffer);
        }
    }
}

/// Where a reason has no room, its first clause: "it is no instance" says more than a sentence cut in the middle.
fn clause(why: &str, room: u16) -> &str {
    let end = why.find([':', ';', ',']).filter(|_| canvas::cells(why) > room);
    end.and_then(|end| why.get(..end)).unwrap_or(why)
}

/// The key that does the same in the menu.
fn label(action: Action) -> String {
    let binding = keymap::bindings().find(|binding| binding.place == Place::Menu && binding.action == action);
    binding.and_then(|binding| binding.keys.first()).map(|key| key.label()).unwrap_or_default()
}
