//! The log pane: the last lines, newest at the bottom, coloured by the level that they name.
//!
//! It must never show a gap without saying so: dropped lines and rotations have their mark.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{LogLevel, LogLine, LogLineKind};
use crate::tui::state::log::Phase;
use crate::tui::state::{Pane, State};

use super::canvas;

/// Draws it. `named` when nothing beside it says whose log it is.
pub fn draw(state: &State, area: Rect, named: bool, buffer: &mut Buffer) {
    let settings = &state.settings;
    let title = match &state.log.of {
        Some(id) if named => format!("{id} {} log", settings.glyphs.dot),
        _ => "log".to_owned(),
    };
    canvas::title(settings, Rect { height: 1, ..area }, &title, state.focus == Pane::Log, &parts(state), buffer);
    let inside = Rect { x: area.x + 1, y: area.y + 1, width: area.width.saturating_sub(2), height: area.height.saturating_sub(1) };
    match (notice(state), state.log.view.lines.is_empty()) {
        (Some(sentence), true) => {
            for (y, piece) in (inside.y..inside.bottom()).zip(canvas::wrap(&sentence, usize::from(inside.width))) {
                canvas::put(buffer, inside.x, y, inside.width, piece, settings.theme.dim);
            }
        }
        _ => lines(state, inside, buffer),
    }
}

/// Why there is nothing to see.
fn notice(state: &State) -> Option<String> {
    match (&state.log.phase, &state.log.view.notice) {
        (Phase::Failed(why), _) => Some(why.to_string()),
        (Phase::Opening, _) => Some(state.settings.glyphs.ellipsis.to_owned()),
        (Phase::Closed, _) => None,
        (Phase::Open, Some(notice)) => Some(notice.to_string()),
        (Phase::Open, None) => Some("the log is empty so far".to_owned()),
    }
}

/// What the title says on its right, the least important first.
fn parts(state: &State) -> Vec<String> {
    let log = &state.log;
    if log.phase != Phase::Open {
        return Vec::new();
    }
    let mut parts = Vec::new();
    if log.wrap {
        parts.push("wrapped".to_owned());
    }
    if log.left > 0 {
        parts.push(format!("from column {}", log.left + 1));
    }
    if log.view.dropped > 0 {
        parts.push(format!("{} dropped", log.view.dropped));
    }
    match (log.up_to, log.unseen()) {
        (None, _) => parts.push("following".to_owned()),
        (Some(_), 0) => parts.push("paused".to_owned()),
        (Some(_), unseen) => parts.push(format!("paused {} {unseen} new", state.settings.glyphs.dot)),
    }
    parts
}

/// The lines, the last one at the bottom once they fill the pane.
fn lines(state: &State, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width);
    let mut pieces: Vec<(String, Style)> = Vec::new();
    for line in &state.log.view.lines {
        let style = style(state, line);
        let text = if line.kind == LogLineKind::Mark { mark(state, line, width) } else { line.text.to_string() };
        if state.log.wrap {
            pieces.extend(canvas::wrap(&text, width).into_iter().map(|piece| (piece.to_owned(), style)));
        } else {
            let left = if line.kind == LogLineKind::Mark { 0 } else { state.log.left };
            let shown = text.get(canvas::take(&text, left).len()..).unwrap_or_default();
            pieces.push((canvas::fit(&state.settings, shown, area.width), style));
        }
    }
    let hidden = pieces.len().saturating_sub(usize::from(area.height));
    for (y, (text, style)) in (area.y..area.bottom()).zip(pieces.into_iter().skip(hidden)) {
        canvas::put(buffer, area.x, y, area.width, &text, style);
    }
}

/// berth's own mark, as a rule across the pane.
fn mark(state: &State, line: &LogLine, width: usize) -> String {
    let rule = state.settings.glyphs.rule;
    let text = format!("{} {} ", rule.repeat(2), line.text);
    let rest = width.saturating_sub(usize::from(canvas::cells(&text)));
    text + &rule.repeat(rest)
}

fn style(state: &State, line: &LogLine) -> Style {
    let theme = &state.settings.theme;
    match (line.kind, line.level) {
        (LogLineKind::Mark, _) => theme.mark,
        (LogLineKind::Text, Some(LogLevel::Error)) => theme.log_error,
        (LogLineKind::Text, Some(LogLevel::Warn)) => theme.log_warn,
        (LogLineKind::Text, Some(LogLevel::Debug)) => theme.log_debug,
        (LogLineKind::Text, Some(LogLevel::Info) | None) => Style::new(),
    }
}
