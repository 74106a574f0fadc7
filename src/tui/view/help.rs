//! The help page, made from the keymap: what has the focus first, then the rest.
//!
//! It must never hold a key of its own.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::present::command::Program;
use crate::tui::keymap::{Keymap, Place};
use crate::tui::state::help::Help;
use crate::tui::state::{Settings, State};

use super::canvas;

/// How wide it is where there is room.
const WIDTH: u16 = 84;

/// How wide one of two columns is.
const COLUMN: u16 = 76;

/// One line of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A place's heading.
    Heading(&'static str),
    /// Keys and what they do; on a narrow page also, without keys, what did not fit into the line above.
    Key(String, Cow<'static, str>),
    /// Nothing.
    Blank,
}

/// The page for a place: its own keys, those of everywhere, then the other places', then what has no key.
pub fn lines(keymap: &Keymap, place: Place) -> Vec<Line> {
    let mut order: Vec<Place> = place.chain().to_vec();
    order.extend(Place::ALL.into_iter().filter(|other| !place.chain().contains(other)));
    let (mut lines, mut last) = (Vec::new(), "");
    for place in order {
        if keymap.bound().iter().all(|bound| bound.place != place) {
            continue;
        }
        if place.heading() != last {
            if !lines.is_empty() {
                lines.push(Line::Blank);
            }
            last = place.heading();
            lines.push(Line::Heading(last));
        }
        let here = keymap.bound().iter().filter(|bound| bound.place == place && !bound.keys.is_empty());
        lines.extend(here.map(|bound| Line::Key(bound.labels(), bound.words.into())));
    }
    let mut named = keymap.bound().iter().filter(|bound| bound.keys.is_empty()).peekable();
    if named.peek().is_some() {
        lines.extend([Line::Blank, Line::Heading("by name only")]);
        lines.extend(named.map(|bound| Line::Key(bound.labels(), bound.words.into())));
    }
    lines
}

/// What is said before the keys: how the last line is read, and how a key is changed.
fn notes(program: &Program) -> Vec<Line> {
    let change = format!("{} lists all and says where to edit", program.line(["config", "--keys"]));
    vec![
        Line::Key("(in brackets)".to_owned(), "not possible now: pressing the key says why, : shows all".into()),
        Line::Key("other keys".to_owned(), change.into()),
        Line::Blank,
    ]
}

/// The whole page.
fn page_of(settings: &Settings, place: Place) -> Vec<Line> {
    let mut all = notes(&settings.program);
    all.extend(lines(&settings.keymap, place));
    all
}

/// The page's lines as they stand in a column of `width` cells: what does not fit into one goes on below.
fn wrapped(lines: Vec<Line>, width: u16) -> Vec<Line> {
    let room = usize::from(width.saturating_sub(keys_width(&lines) + 3)).max(8);
    let mut all = Vec::with_capacity(lines.len());
    for line in lines {
        match line {
            Line::Key(keys, words) => {
                let mut pieces = canvas::wrap(&words, room).into_iter().map(|piece| Cow::Owned(piece.to_owned()));
                all.push(Line::Key(keys, pieces.next().unwrap_or_default()));
                all.extend(pieces.map(|piece| Line::Key(String::new(), piece)));
            }
            other => all.push(other),
        }
    }
    all
}

/// How wide the keys' column is.
fn keys_width(lines: &[Line]) -> u16 {
    let keys = lines.iter().map(|line| if let Line::Key(keys, _) = line { canvas::cells(keys) } else { 0 });
    keys.max().unwrap_or(0).clamp(6, 16)
}

/// How wide one column is on a screen of this width.
fn column_width(width: u16) -> u16 {
    if columns(width) == 2 { COLUMN } else { WIDTH.min(width).saturating_sub(4) }
}

/// How many lines are seen on a screen of this size.
pub fn page(size: (u16, u16)) -> usize {
    usize::from(size.1.saturating_sub(4)).max(1)
}

/// The greatest number of lines that can be scrolled away.
pub fn last(settings: &Settings, place: Place, size: (u16, u16)) -> usize {
    wrapped(page_of(settings, place), column_width(size.0)).len().saturating_sub(page(size) * columns(size.0))
}

/// In how many columns: two where the words fit twice.
fn columns(width: u16) -> usize {
    if width >= COLUMN * 2 + 6 { 2 } else { 1 }
}

/// Draws it.
pub fn draw(state: &State, help: &Help, within: Rect, buffer: &mut Buffer) {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let lines = page_of(settings, help.place);
    let keys = keys_width(&lines);
    let lines = wrapped(lines, column_width(within.width));
    let columns = columns(within.width);
    let height = u16::try_from(lines.len().div_ceil(columns)).unwrap_or(u16::MAX);
    let width = if columns == 2 { COLUMN * 2 + 6 } else { WIDTH };
    let Some(inside) = canvas::float(settings, within, width, height, "Keys", buffer) else { return };
    let page = usize::from(inside.height) * columns;
    let top = help.top.min(lines.len().saturating_sub(page));
    let shown = lines.get(top..).unwrap_or_default();
    for (column, part) in shown.chunks(usize::from(inside.height).max(1)).take(columns).enumerate() {
        let x = inside.x + u16::try_from(column).unwrap_or(0) * (COLUMN + 2);
        let area = Rect { x, width: (inside.right().saturating_sub(x)).min(if columns == 2 { COLUMN } else { inside.width }), ..inside };
        one(state, part, keys, area, buffer);
    }
    if lines.len() > page {
        let more = format!(" {}-{} of {} ", top + 1, (top + page).min(lines.len()), lines.len());
        canvas::put_right(buffer, inside.right(), inside.bottom(), inside.width, &more, theme.dim);
    }
}

/// One column of it.
fn one(state: &State, lines: &[Line], keys_width: u16, area: Rect, buffer: &mut Buffer) {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    for (y, line) in (area.y..area.bottom()).zip(lines) {
        match line {
            Line::Heading(text) => {
                canvas::put(buffer, area.x, y, area.width, text, theme.title);
            }
            Line::Key(keys, words) => {
                canvas::put_fit(settings, buffer, area.x + 1, y, keys_width, keys, theme.key);
                let x = area.x + keys_width + 3;
                canvas::put_fit(settings, buffer, x, y, area.right().saturating_sub(x), words, Style::new());
            }
            Line::Blank => {}
        }
    }
}
