//! What happened, newest last: when, to whom and what; below it the chosen line in full.
//!
//! It must never say by colour alone how bad something is: each line has its sign.

use jiff::civil::Date;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::present::paint::Tone;
use crate::tui::layout::Layout;
use crate::tui::state::State;
use crate::tui::state::events::Line;
use crate::tui::state::events::ring::Entry;

use super::{canvas, tabs};

/// Cells before the first column.
const MARGIN: u16 = 2;

/// `03:12:04`.
const TIME: u16 = 8;

/// Between two columns.
const GAP: u16 = 2;

/// How many lines of the list are seen.
pub fn page(state: &State) -> usize {
    Layout::of(state).and_then(|layout| layout.tab).map_or(0, |area| usize::from(parts(area).0.height))
}

/// The list below its title and headings, and the chosen line in full with its rule; on a small screen there is none.
fn parts(area: Rect) -> (Rect, Option<Rect>) {
    let below = match area.height {
        0..10 => 0,
        10..24 => 3,
        _ => 4,
    };
    let list = Rect { y: area.y + 2, height: area.height.saturating_sub(2 + below), ..area };
    (list, (below > 0).then_some(Rect { y: area.bottom().saturating_sub(below), height: below, ..area }))
}

/// The event in a line of the screen.
pub fn serial_at(state: &State, area: Rect, y: u16) -> Option<u64> {
    let (list, _) = parts(area);
    let line = y.checked_sub(list.y).filter(|line| *line < list.height)?;
    state.events.entry(state.events.top + usize::from(line)).map(|entry| entry.serial)
}

/// Draws the tab.
pub fn draw(state: &State, area: Rect, buffer: &mut Buffer) {
    let (settings, events) = (&state.settings, &state.events);
    canvas::title(settings, Rect { height: 1, ..area }, "events", true, &right_of_title(state), buffer);
    tabs::draw_places(state, tabs::in_title(state, area), buffer);
    let (list, chosen) = parts(area);
    if area.height > 1 {
        headings(state, Rect { y: area.y + 1, height: 1, ..area }, buffer);
    }
    if events.lines.is_empty() {
        let sentence = match (&state.snapshot, events.narrowed.is_active()) {
            (None, _) => format!("looking{}", settings.glyphs.ellipsis),
            (_, true) => "nothing of that has happened; Esc lists everything".to_owned(),
            _ => "nothing has happened".to_owned(),
        };
        canvas::put_fit(settings, buffer, list.x + MARGIN, list.y, list.width.saturating_sub(MARGIN), &sentence, Style::new());
    }
    let cursor = events.cursor();
    for (y, line) in (list.y..list.bottom()).zip(events.top..events.lines.len()) {
        let place = Rect { y, height: 1, ..list };
        match events.lines.get(line) {
            Some(Line::Day(date)) => day(state, *date, place, buffer),
            Some(Line::Event(_)) => {
                if let Some(entry) = events.entry(line) {
                    row(state, entry, cursor == Some(line), place, buffer);
                }
            }
            None => {}
        }
    }
    if let Some(area) = chosen {
        in_full(state, area, buffer);
    }
}

/// What the title says on its right, the least important first.
pub fn right_of_title(state: &State) -> Vec<String> {
    let (events, dot) = (&state.events, state.settings.glyphs.dot);
    let mut parts = Vec::new();
    if events.narrowed.is_active() {
        parts.push(format!("{} of {}", events.listed, events.ring.len()));
    }
    if !events.narrowed.text.is_empty() {
        parts.push(format!("filter: {}", crate::domain::Shown::new(&events.narrowed.text)));
    }
    if events.narrowed.problems {
        parts.push("problems".to_owned());
    }
    parts.extend(events.narrowed.only.as_ref().map(|id| format!("only {id}")));
    parts.push(match (events.chosen, events.unseen()) {
        (None, _) => "following".to_owned(),
        (Some(_), 0) => "paused".to_owned(),
        (Some(_), unseen) => format!("paused {dot} {unseen} new"),
    });
    parts
}

/// Cells of the instances' names: as many as the screen leaves, whoever is listed.
fn name_width(width: u16) -> u16 {
    match width {
        0..70 => 12,
        70..100 => 16,
        100..160 => 20,
        _ => 26,
    }
}

fn headings(state: &State, area: Rect, buffer: &mut Buffer) {
    let style = state.settings.theme.heading;
    let mut x = area.x + MARGIN;
    for (word, width) in [("TIME", TIME), ("INSTANCE", name_width(area.width)), ("WHAT", area.width)] {
        // What happened begins with its sign.
        let indent = if word == "WHAT" { 2 } else { 0 };
        canvas::put(buffer, x + indent, area.y, area.right().saturating_sub(x + indent), word, style);
        x = x.saturating_add(width + GAP);
    }
}

/// `── Saturday 21 November ──────`.
fn day(state: &State, date: Date, area: Rect, buffer: &mut Buffer) {
    let (theme, rule) = (&state.settings.theme, state.settings.glyphs.rule);
    canvas::put(buffer, area.x + MARGIN, area.y, area.width.saturating_sub(MARGIN), &rule.repeat(usize::from(area.width)), theme.rule);
    let now = state.header.now.wall.to_zoned(state.settings.zone.clone());
    let format = if now.year() == date.year() { " %A %-d %B " } else { " %A %-d %B %Y " };
    canvas::put(buffer, area.x + MARGIN + 2, area.y, area.width.saturating_sub(MARGIN + 2), &date.strftime(format).to_string(), theme.dim);
}

fn row(state: &State, entry: &Entry, chosen: bool, area: Rect, buffer: &mut Buffer) {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let happening = &entry.happening;
    let x = area.x + MARGIN;
    canvas::put(buffer, x, area.y, TIME, &clock(state, entry), theme.dim);
    let (x, width) = (x + TIME + GAP, name_width(area.width));
    let (name, style) = name(entry, theme.dim);
    canvas::put_fit(settings, buffer, x, area.y, width, &name, style);
    let x = x + width + GAP;
    let style = theme.tone(happening.what.tone());
    canvas::put(buffer, x, area.y, 1, happening.what.sign(settings.glyphs.ascii), style);
    // What is bad is told in its colour as a whole; of the rest the sign is enough.
    let style = if matches!(happening.what.tone(), Tone::Bad | Tone::Warn | Tone::Dim) { style } else { Style::new() };
    canvas::put_fit(settings, buffer, x + 2, area.y, area.right().saturating_sub(x + 3), &happening.what.text(), style);
    if chosen {
        canvas::choose(settings, area, buffer);
    }
}

/// The time of day, where the console is.
fn clock(state: &State, entry: &Entry) -> String {
    entry.happening.at.to_zoned(state.settings.zone.clone()).strftime("%H:%M:%S").to_string()
}

/// Whom it is about.
fn name(entry: &Entry, dim: Style) -> (String, Style) {
    match &entry.happening.about {
        Some(id) => (id.to_string(), Style::new()),
        None => ("-".to_owned(), dim),
    }
}

/// The chosen line, as far as there is room.
fn in_full(state: &State, area: Rect, buffer: &mut Buffer) {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let Some(entry) = state.events.chosen_entry() else {
        canvas::rule_below(settings, Rect { height: 1, ..area }, None, buffer);
        return;
    };
    let (name, _) = name(entry, theme.dim);
    let title = if name == "-" { clock(state, entry) } else { format!("{} {} {name}", clock(state, entry), settings.glyphs.dot) };
    canvas::title(settings, Rect { height: 1, ..area }, &title, false, &[], buffer);
    let width = area.width.saturating_sub(2 * MARGIN);
    let text = entry.happening.what.text();
    let pieces = canvas::wrap(&text, usize::from(width));
    let lines = usize::from(area.height.saturating_sub(1));
    for (y, (index, piece)) in (area.y + 1..area.bottom()).zip(pieces.iter().enumerate()) {
        // The last line that fits tells that there was more.
        let more = index + 1 == lines && pieces.len() > lines;
        let piece = if more { format!("{piece} {}", pieces.get(index + 1).copied().unwrap_or_default()) } else { (*piece).to_owned() };
        canvas::put_fit(settings, buffer, area.x + MARGIN, y, width, &piece, Style::new());
    }
}
