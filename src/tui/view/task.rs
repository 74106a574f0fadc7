//! The question about the fleet: its title asks, its body says what would be done, the focus is on Cancel.
//!
//! It must never leave out a step that the door told of without saying so.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::domain::Task;
use crate::tui::state::State;
use crate::tui::state::confirm::Field;
use crate::tui::state::task::Asked;

use super::{canvas, confirm};

/// How wide it is where there is room.
const WIDTH: u16 = 72;

/// Draws it; says where the cursor is, when the reason is typed.
pub fn draw(state: &State, asked: &Asked, within: Rect, buffer: &mut Buffer) -> Option<Position> {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let width = WIDTH.min(within.width);
    let room = usize::from(width.saturating_sub(4));
    let mut body: Vec<(String, Style)> = Vec::new();
    let it = if matches!(asked.task, Task::Reserve(_) | Task::Unreserve(_)) { "The port" } else { "It" };
    body.extend(canvas::wrap(&format!("{it} {}.", asked.foreseen.sentence), room).into_iter().map(|line| (line.to_owned(), Style::new())));
    for hint in &asked.foreseen.hints {
        let lines = canvas::wrap(hint.as_str(), room.saturating_sub(2));
        body.extend(lines.into_iter().enumerate().map(|(at, line)| (format!("{} {line}", if at == 0 { "-" } else { " " }), theme.dim)));
    }
    if let Some(changed) = &asked.changed {
        let text = format!("Nothing will be done: {changed}. Ask again.");
        body.extend(canvas::wrap(&text, room).into_iter().map(|line| (line.to_owned(), theme.error)));
    }
    let can = asked.changed.is_none();
    let below: u16 = if can { 3 } else { 2 };
    // What does not fit is counted: the reason and the buttons stay.
    let most = usize::from(within.height.saturating_sub(below + 2)).max(1);
    if body.len() > most {
        let left_out = body.len() - most + 1;
        body.truncate(most - 1);
        body.push((format!("{} {left_out} more lines", settings.glyphs.ellipsis), theme.dim));
    }
    let lines = u16::try_from(body.len()).unwrap_or(u16::MAX).saturating_add(below);
    let inside = canvas::float(settings, within, width, lines, &asked.task.question(), buffer)?;
    let last = inside.bottom().saturating_sub(1);
    let mut y = inside.y;
    for (text, style) in &body {
        if y < last {
            canvas::put(buffer, inside.x, y, inside.width, text, *style);
        }
        y += 1;
    }
    let typing = asked.focus == Field::Reason;
    let cursor =
        (y < last && can).then(|| confirm::reason(state, &asked.reason, typing, Rect { y, height: 1, ..inside }, buffer)).flatten();
    confirm::buttons(state, asked.focus, can, asked.task.word(), Rect { y: last, height: 1, ..inside }, buffer);
    cursor
}
