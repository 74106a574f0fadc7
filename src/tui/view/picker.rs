//! A list to choose from, with what was typed above it.
//!
//! It must never leave out what is not possible: the reason stands beside it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::domain::Shown;
use crate::tui::state::State;
use crate::tui::state::picker::{Entry, Picker};

use super::canvas;

/// How wide it is where there is room.
const WIDTH: u16 = 84;

/// How many entries are seen at most.
const MOST: u16 = 18;

/// How many entries are seen on this screen.
pub fn page(state: &State) -> usize {
    usize::from(state.size.1.saturating_sub(6).clamp(1, MOST))
}

/// Draws it; says where the cursor is.
pub fn draw(state: &State, picker: &Picker, within: Rect, buffer: &mut Buffer) -> Option<Position> {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    // As high as the whole list, so that it stands still while one types.
    let lines = u16::try_from(picker.entries.len().min(page(state))).unwrap_or(MOST);
    let inside = canvas::float(settings, within, WIDTH, lines + 1, picker.title.as_str(), buffer)?;
    let start = canvas::put(buffer, inside.x, inside.y, inside.width, "> ", theme.key);
    let width = inside.right().saturating_sub(start).max(1);
    let scroll = picker.input.visual_scroll(usize::from(width.saturating_sub(1)));
    let text: String = picker.input.value().chars().skip(scroll).collect();
    canvas::put(buffer, start, inside.y, width, Shown::new(&text).as_str(), theme.title);
    let below = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
    let wide = usize::from(inside.width);
    let labels = picker.entries.iter().map(|entry| usize::from(canvas::cells(entry.label.as_str()))).max().unwrap_or(0).min(wide / 2);
    let switches = picker.entries.iter().any(|entry| entry.on.is_some());
    for (y, (place, index)) in (below.y..below.bottom()).zip(picker.matches.iter().enumerate().skip(picker.top)) {
        let Some(entry) = picker.entries.get(*index) else { continue };
        let area = Rect { y, height: 1, ..below };
        line(state, entry, u16::try_from(labels).unwrap_or(0), switches, area, buffer);
        if place == picker.chosen {
            canvas::put(buffer, area.x, y, 1, settings.glyphs.chosen, theme.title);
            buffer.set_style(area.intersection(buffer.area), theme.chosen);
        }
    }
    if picker.matches.is_empty() {
        canvas::put_fit(settings, buffer, below.x + 2, below.y, below.width.saturating_sub(2), "nothing matches; Esc closes", theme.dim);
    }
    let column = u16::try_from(picker.input.visual_cursor().saturating_sub(scroll)).unwrap_or(0);
    Some(Position::new((start + column).min(inside.right().saturating_sub(1)), inside.y))
}

/// `> [x] label    what it is    key`.
fn line(state: &State, entry: &Entry, labels: u16, switches: bool, area: Rect, buffer: &mut Buffer) {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let style = if entry.why_not.is_some() { theme.dim } else { Style::new() };
    let mut x = area.x + 2;
    if switches {
        // What is no switch stands below them all the same.
        let sign = entry.on.map_or("", |on| if on { "[x]" } else { "[ ]" });
        canvas::put(buffer, x, area.y, 4, sign, style);
        x += 4;
    }
    let keys = canvas::cells(&entry.key);
    canvas::put_fit(settings, buffer, x, area.y, labels.max(1), entry.label.as_str(), style);
    canvas::put_right(buffer, area.right(), area.y, keys, &entry.key, theme.key);
    // In brackets, as in the last line: it is not possible now, and this is why.
    let why_not = entry.why_not.as_ref().map(|why| Shown::new(&format!("({why})")));
    let note = why_not.as_ref().unwrap_or(&entry.note);
    let (from, to) = (x + labels + 2, area.right().saturating_sub(keys + 2));
    canvas::put_fit(settings, buffer, from, area.y, to.saturating_sub(from), note.as_str(), theme.dim);
}
