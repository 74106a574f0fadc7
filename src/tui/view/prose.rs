//! Sentences with labels, wrapped into an area: what is said of a port, a finding, an instance.
//!
//! It must never cut a sentence without showing that it was cut.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::tui::state::Settings;

use super::canvas;

/// A line that fits: its label, empty but in the first line of a sentence, and its piece of the sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is about.
    pub label: String,
    /// How the label looks.
    pub label_style: Style,
    /// How far the text stands to the right.
    pub indent: u16,
    /// The text.
    pub text: String,
    /// How the text looks.
    pub style: Style,
}

/// Sentences in lines of at most `width` cells.
#[derive(Debug)]
pub struct Prose {
    width: u16,
    /// The lines.
    pub lines: Vec<Line>,
}

impl Prose {
    /// Nothing said yet.
    pub fn new(width: u16) -> Self {
        Self { width, lines: Vec::new() }
    }

    /// Says something under a label; `indent` is the width of the label's column.
    pub fn say(&mut self, (label, label_style): (&str, Style), indent: u16, text: &str, style: Style) {
        let room = usize::from(self.width.saturating_sub(indent)).max(8);
        for (index, piece) in canvas::wrap(text, room).into_iter().enumerate() {
            let label = if index == 0 { label.to_owned() } else { String::new() };
            self.lines.push(Line { label, label_style, indent, text: piece.to_owned(), style });
        }
    }

    /// An empty line.
    pub fn blank(&mut self) {
        self.say(("", Style::new()), 0, "", Style::new());
    }

    /// Draws the lines from `top` on. An ellipsis stands where more would follow and `more` is not told otherwise.
    pub fn draw(&self, settings: &Settings, area: Rect, top: usize, more: bool, buffer: &mut Buffer) {
        let page = usize::from(area.height);
        let is_cut = more && self.lines.len() > top + page;
        for (y, (index, line)) in (area.y..area.bottom()).zip(self.lines.iter().enumerate().skip(top)) {
            canvas::put_fit(settings, buffer, area.x, y, line.indent.saturating_sub(1), &line.label, line.label_style);
            let (x, room) = (area.x + line.indent, area.width.saturating_sub(line.indent));
            let text = if is_cut && index + 1 == top + page {
                canvas::fit(settings, &format!("{} {}", line.text, settings.glyphs.ellipsis), room)
            } else {
                canvas::fit(settings, &line.text, room)
            };
            canvas::put(buffer, x, y, room, &text, line.style);
        }
    }
}
