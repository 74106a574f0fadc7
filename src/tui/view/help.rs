//! The help page, made from the keymap: what has the focus first, then the rest.
//!
//! It must never hold a key of its own.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::tui::keymap::{Place, bindings};
use crate::tui::state::State;
use crate::tui::state::help::Help;

use super::canvas;

/// How wide it is where there is room.
const WIDTH: u16 = 84;

/// One line of the page.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A place's heading.
    Heading(&'static str),
    /// Keys and what they do.
    Key(String, &'static str),
    /// Nothing.
    Blank,
}

/// The page for a place: its own keys, those of everywhere, then the other places'.
pub fn lines(place: Place) -> Vec<Line> {
    let mut order: Vec<Place> = place.chain().to_vec();
    order.extend(Place::ALL.into_iter().filter(|other| !place.chain().contains(other)));
    let (mut lines, mut last) = (Vec::new(), "");
    for place in order {
        if bindings().all(|binding| binding.place != place) {
            continue;
        }
        if place.heading() != last {
            if !lines.is_empty() {
                lines.push(Line::Blank);
            }
            last = place.heading();
            lines.push(Line::Heading(last));
        }
        for binding in bindings().filter(|binding| binding.place == place) {
            let keys: Vec<String> = binding.keys.iter().map(|key| key.label()).collect();
            lines.push(Line::Key(keys.join(" "), binding.words));
        }
    }
    lines
}

/// Draws it.
pub fn draw(state: &State, help: &Help, within: Rect, buffer: &mut Buffer) {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let lines = lines(help.place);
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let Some(inside) = canvas::float(settings, within, WIDTH, height, "keys", buffer) else { return };
    let page = usize::from(inside.height);
    let top = help.top.min(lines.len().saturating_sub(page));
    for (y, line) in (inside.y..inside.bottom()).zip(lines.iter().skip(top)) {
        match line {
            Line::Heading(text) => {
                canvas::put(buffer, inside.x, y, inside.width, text, theme.title);
            }
            Line::Key(keys, words) => {
                canvas::put(buffer, inside.x + 1, y, 14, keys, theme.key);
                canvas::put_fit(settings, buffer, inside.x + 16, y, inside.width.saturating_sub(16), words, Style::new());
            }
            Line::Blank => {}
        }
    }
    if lines.len() > page {
        let more = format!(" {}-{} of {} ", top + 1, (top + page).min(lines.len()), lines.len());
        canvas::put_right(buffer, inside.right(), inside.bottom(), inside.width, &more, theme.rule);
    }
}
