//! The menu: what is possible now, and beside what is not, why.
//!
//! It must never leave out what is not possible: the reason is what one looks for.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::Verb;
use crate::tui::state::State;
use crate::tui::state::menu::Menu;

use super::canvas;

/// How wide it is where there is room.
const WIDTH: u16 = 64;

/// Draws it.
pub fn draw(state: &State, menu: &Menu, within: Rect, buffer: &mut Buffer) {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let lines = u16::try_from(menu.entries.len()).unwrap_or(u16::MAX);
    let Some(inside) = canvas::float(settings, within, WIDTH, lines, &menu.id.to_string(), buffer) else { return };
    for (y, (index, (verb, why))) in (inside.y..inside.bottom()).zip(menu.entries.iter().enumerate()) {
        let chosen = index == menu.chosen;
        let mark = if chosen { settings.glyphs.chosen } else { " " };
        let style = if why.is_some() { theme.dim } else { Style::new() };
        canvas::put(buffer, inside.x, y, 2, mark, theme.title);
        let x = canvas::put(buffer, inside.x + 2, y, 2, key(*verb), if why.is_some() { theme.dim } else { theme.key });
        let x = canvas::put(buffer, x + 1, y, 10, &format!("{:<9}", words(*verb)), style);
        if let Some(why) = why {
            canvas::put_fit(settings, buffer, x + 1, y, inside.right().saturating_sub(x + 1), why.as_str(), theme.dim);
        }
        if chosen {
            buffer.set_style(Rect { y, height: 1, ..inside }.intersection(buffer.area), theme.chosen);
        }
    }
}

fn key(verb: Verb) -> &'static str {
    match verb {
        Verb::Start => "s",
        Verb::Stop => "S",
        Verb::Restart => "r",
        Verb::Logs => "l",
    }
}

fn words(verb: Verb) -> &'static str {
    match verb {
        Verb::Logs => "log",
        other => other.word(),
    }
}
