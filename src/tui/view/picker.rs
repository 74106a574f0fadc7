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

/// How many lines below the list the chosen entry's note gets where notes are cut.
const WHOLE: u16 = 2;

/// How many entries are seen on this screen.
pub fn page(state: &State) -> usize {
    // Notes that are cut are told below the list.
    let below = if state.size.1 >= 20 { WHOLE + 1 } else { WHOLE };
    usize::from(state.size.1.saturating_sub(5 + below).clamp(1, MOST))
}

/// What is said beside an entry: what it is, or in brackets, as in the last line, why it is not possible now.
fn note(entry: &Entry) -> Shown {
    entry.why_not.as_ref().map_or_else(|| entry.note.clone(), |why| Shown::new(&format!("({why})")))
}

/// How many lines each entry takes where its note is wrapped; `None` where they are not to be.
fn wrapped(picker: &Picker, labels: u16, switches: bool, wide: u16) -> Option<Vec<u16>> {
    let height = |entry: &Entry| {
        let room = usize::from(note_width(entry, labels, switches, wide).max(1));
        u16::try_from(canvas::wrap(note(entry).as_str(), room).len()).unwrap_or(1).max(1)
    };
    picker.wraps.then(|| picker.entries.iter().map(height).collect())
}

/// How wide the labels' column is.
fn labels(picker: &Picker, wide: u16) -> u16 {
    picker.entries.iter().map(|entry| canvas::cells(entry.label.as_str())).max().unwrap_or(0).min(wide / 2)
}

/// How many cells a note has beside its label.
fn note_width(entry: &Entry, labels: u16, switches: bool, wide: u16) -> u16 {
    wide.saturating_sub(2 + labels + 2 + canvas::cells(&entry.key) + 2 + if switches { 4 } else { 0 })
}

/// Draws it; says where the cursor is.
pub fn draw(state: &State, picker: &Picker, within: Rect, buffer: &mut Buffer) -> Option<Position> {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    // As high as the whole list, so that it stands still while one types.
    let lines = u16::try_from(picker.entries.len().min(page(state))).unwrap_or(MOST);
    let wide = WIDTH.min(within.width).saturating_sub(4);
    let labels = labels(picker, wide);
    let switches = picker.entries.iter().any(|entry| entry.on.is_some());
    let is_cut = |entry: &Entry| canvas::cells(note(entry).as_str()) > note_width(entry, labels, switches, wide);
    // As wide and as high whatever is chosen: only whether any note is cut decides.
    let needed = picker.entries.iter().filter(|entry| is_cut(entry));
    let needed = needed.map(|entry| canvas::wrap(note(entry).as_str(), usize::from(wide.saturating_sub(2))).len()).max().unwrap_or(0);
    let needed = u16::try_from(needed).unwrap_or(WHOLE).min(WHOLE);
    let whole = needed.min(within.height.saturating_sub(lines + 3));
    let wrapped = wrapped(picker, labels, switches, wide).filter(|heights| heights.iter().sum::<u16>() + 3 <= within.height);
    let (lines, whole) = wrapped.as_ref().map_or((lines, whole), |heights| (heights.iter().sum(), 0));
    let inside = canvas::float(settings, within, WIDTH, lines + 1 + whole, picker.title.as_str(), buffer)?;
    // Not the sign of the chosen line: those would be two below each other.
    let start = canvas::put(buffer, inside.x, inside.y, inside.width, if picker.commands { ": " } else { "/ " }, theme.key);
    let width = inside.right().saturating_sub(start).max(1);
    let scroll = picker.input.visual_scroll(usize::from(width.saturating_sub(1)));
    let text: String = picker.input.value().chars().skip(scroll).collect();
    canvas::put(buffer, start, inside.y, width, Shown::new(&text).as_str(), theme.title);
    if text.is_empty() {
        canvas::put_fit(settings, buffer, start, inside.y, width, "type to narrow the list", theme.dim);
    }
    let below = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1 + whole), ..inside };
    let mut y = below.y;
    for (place, index) in picker.matches.iter().enumerate().skip(picker.top) {
        let height = wrapped.as_ref().and_then(|heights| heights.get(*index)).copied().unwrap_or(1);
        let Some(entry) = picker.entries.get(*index).filter(|_| y + height <= below.bottom()) else { break };
        let area = Rect { y, height, ..below };
        line(state, entry, labels, switches, area, buffer);
        if place == picker.chosen {
            canvas::choose(settings, area, buffer);
        }
        y += height;
    }
    if picker.matches.is_empty() {
        canvas::put_fit(settings, buffer, below.x + 2, below.y, below.width.saturating_sub(2), "nothing matches; Esc closes", theme.dim);
    }
    let chosen = picker.matches.get(picker.chosen).and_then(|index| picker.entries.get(*index));
    if let Some(entry) = chosen.filter(|entry| whole > 0 && is_cut(entry)) {
        let room = inside.width.saturating_sub(2);
        let told = note(entry);
        let mut pieces = canvas::wrap(told.as_str(), usize::from(room)).into_iter();
        for y in below.bottom()..inside.bottom() {
            let Some(piece) = pieces.next() else { break };
            let more = y + 1 == inside.bottom() && pieces.len() > 0;
            let text = if more { format!("{piece} {}", settings.glyphs.ellipsis) } else { piece.to_owned() };
            canvas::put_fit(settings, buffer, inside.x + 2, y, room, &text, theme.dim);
        }
    }
    let seen = usize::from(below.height);
    if picker.matches.len() > seen {
        let last = (picker.top + seen).min(picker.matches.len());
        let more = format!(" {}-{last} of {} ", picker.top + 1, picker.matches.len());
        canvas::put_right(buffer, inside.right(), inside.bottom(), inside.width, &more, theme.dim);
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
    let note = note(entry);
    let (from, to) = (x + labels + 2, area.right().saturating_sub(keys + 2));
    let room = to.saturating_sub(from);
    if area.height > 1 {
        for (y, piece) in (area.y..area.bottom()).zip(canvas::wrap(note.as_str(), usize::from(room))) {
            canvas::put(buffer, from, y, room, piece, theme.dim);
        }
        return;
    }
    let note = canvas::fit_words(settings, note.as_str(), room);
    canvas::put(buffer, from, area.y, room, &note, theme.dim);
}
