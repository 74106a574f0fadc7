//! What stands in the place of the table when there is no instance: what was looked for, and what can be done.
//!
//! It must never offer what would not help.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::Snapshot;
use crate::present::welcome;
use crate::tui::keymap::Action;
use crate::tui::state::State;

use super::canvas;

/// Draws it.
pub fn draw(state: &State, snapshot: &Snapshot, area: Rect, buffer: &mut Buffer) {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let sentences = welcome::sentences(snapshot);
    let steps = welcome::steps(settings.configured);
    let back = format!("the keys; {} leaves to the shell", state.key(Action::Back));
    let help = (state.key(Action::Help), back.as_str());
    let steps = welcome::calls(steps, &settings.program);
    let steps = steps.iter().map(|(what, about)| (what.as_str(), *about));
    let steps: Vec<(&str, &str)> = steps.chain([(help.0.as_str(), help.1)]).collect();
    // When there is no room for all, the steps stay: they are what one needs.
    let room = usize::from(area.height).saturating_sub(steps.len() + 2).max(1);
    let mut y = area.y;
    let put = |x: u16, y: u16, text: &str, style: Style, buffer: &mut Buffer| {
        if y < area.bottom() {
            canvas::put_fit(settings, buffer, x, y, area.right().saturating_sub(x), text, style);
        }
    };
    for (index, sentence) in sentences.iter().take(room).enumerate() {
        let (indent, style) = if index == 0 { (0, theme.title) } else { (2, Style::new()) };
        put(area.x + indent, y, sentence, style, buffer);
        y += 1;
    }
    y += 1;
    let wide = steps.iter().map(|(what, _)| canvas::cells(what)).max().unwrap_or(0);
    for (what, about) in steps {
        put(area.x, y, what, theme.key, buffer);
        put(area.x + wide + 3, y, about, Style::new(), buffer);
        y += 1;
    }
}
