//! The table.
//!
//! It must never move a row: the order is the state's.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{Row, Stage, State as Doing, Underway, Verb};
use crate::tui::state::{Pane, State};
use crate::tui::words;

use super::cells::{self, Column};
use super::{canvas, filter, pictures};

/// What a full column of the CPU picture means at least, in tenths of a percent: below it, small loads look small.
const FULL_CPU: u32 = 200;

/// Draws it.
pub fn draw(state: &State, area: Rect, buffer: &mut Buffer) {
    let (settings, fleet) = (&state.settings, &state.fleet);
    canvas::title(settings, Rect { height: 1, ..area }, "instances", state.focus == Pane::Fleet, &filter::title(state), buffer);
    let columns = cells::columns(state, area.width);
    headings(state, &columns, area, buffer);
    let below = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    if fleet.rows.is_empty() {
        empty(state, below, buffer);
        return;
    }
    for (y, row) in (below.y..below.bottom()).zip(fleet.rows.iter().skip(fleet.top)) {
        line(state, row, &columns, Rect { y, height: 1, ..area }, buffer);
    }
}

fn headings(state: &State, columns: &[(Column, u16)], area: Rect, buffer: &mut Buffer) {
    let (settings, fleet, y) = (&state.settings, &state.fleet, area.y + 1);
    let mut x = area.x;
    for (column, width) in columns {
        x += column.gap();
        let sorted = column.sort() == Some(fleet.sort) && !column.heading().is_empty();
        let arrow = if fleet.descending { settings.glyphs.descending } else { settings.glyphs.ascending };
        let style = if sorted { settings.theme.title } else { settings.theme.heading };
        if column.is_right() {
            canvas::put_right(buffer, x + width, y, *width, column.heading(), style);
            if sorted {
                // The arrow stands in the gap, so that the heading stays where it is.
                canvas::put(buffer, x + width, y, 1, arrow, style);
            }
        } else {
            let end = canvas::put(buffer, x, y, *width, column.heading(), style);
            if sorted {
                canvas::put(buffer, end, y, 1, arrow, style);
            }
        }
        x += width;
    }
}

fn line(state: &State, row: &Row, columns: &[(Column, u16)], area: Rect, buffer: &mut Buffer) {
    let (settings, y) = (&state.settings, area.y);
    let chosen = state.fleet.chosen.as_ref() == Some(&row.id);
    let underway = state.snapshot.as_ref().and_then(|snapshot| snapshot.underway.iter().rev().find(|underway| underway.id == row.id));
    let mut x = area.x;
    for (column, width) in columns {
        x += column.gap();
        if let Some(underway) = underway.filter(|_| *column == Column::State) {
            doing(state, row, underway, Rect { x, width: area.right().saturating_sub(x), ..area }, columns, buffer);
            break;
        }
        cell(state, row, *column, (x, y, *width), buffer);
        x += width;
    }
    if chosen {
        canvas::put(buffer, area.x, y, 1, settings.glyphs.chosen, settings.theme.title);
        buffer.set_style(area.intersection(buffer.area), settings.theme.chosen);
    }
}

/// One cell: its text or its picture.
fn cell(state: &State, row: &Row, column: Column, (x, y, width): (u16, u16, u16), buffer: &mut Buffer) {
    let settings = &state.settings;
    match column {
        Column::CpuPicture => {
            let Some(history) = state.detail.histories.get(&row.id).filter(|_| row.state.is_up()) else { return };
            let points: Vec<_> =
                history.pairs(usize::from(width)).iter().map(|point| point.and_then(|point| point.cpu).map(u32::from)).collect();
            let top = points.iter().flatten().copied().max().unwrap_or(0).max(FULL_CPU);
            canvas::put(buffer, x, y, width, &pictures::spark(settings.glyphs, points, top), settings.theme.graph);
        }
        Column::MemoryPicture => {
            let total = state.snapshot.as_ref().map_or(0, |snapshot| snapshot.host_reading.memory_total);
            if let Some(memory) = row.memory_bytes.known().filter(|_| total > 0) {
                // Of the host, as long as there is no limit: dimmed.
                let (full, empty) = pictures::bar(settings.glyphs, memory, total, usize::from(width));
                canvas::put(buffer, x, y, width, &format!("{full}{empty}"), settings.theme.graph_empty);
            }
        }
        _ => {
            let text = cells::text(state, row, column);
            let absent = matches!(text.as_str(), "-" | "?");
            let style = if absent { settings.theme.dim } else { cells::style(&settings.theme, row, column) };
            if column.is_right() {
                canvas::put_right(buffer, x + width, y, width, &text, style);
            } else {
                canvas::put_fit(settings, buffer, x, y, width, &text, style);
            }
        }
    }
}

/// An order on its way, or its result, from the state's column on: `◍ stopping 3 s`, then `stopped after 1.2 s`.
fn doing(state: &State, row: &Row, underway: &Underway, area: Rect, columns: &[(Column, u16)], buffer: &mut Buffer) {
    let (settings, ascii) = (&state.settings, state.settings.glyphs.ascii);
    let wide = |wanted: Column| columns.iter().find(|(column, _)| *column == wanted).map_or(0, |(_, width)| *width);
    match &underway.stage {
        Stage::Doing(step) => {
            let (word, sign) = match underway.verb {
                Verb::Start => ("starting", Doing::Starting),
                Verb::Stop => ("stopping", Doing::Stopping),
                Verb::Restart => ("restarting", Doing::Stopping),
                Verb::Logs => ("reading", Doing::Starting),
            };
            let since = state.header.now.boot.saturating_sub(underway.since);
            let text = format!("{} {word} {}", words::sign(sign, ascii), words::duration(since));
            let end = canvas::put_fit(settings, buffer, area.x, area.y, area.width, &text, settings.theme.busy);
            let x = end.max(area.x + wide(Column::State)) + 2;
            canvas::put_fit(settings, buffer, x, area.y, area.right().saturating_sub(x), step.as_str(), settings.theme.dim);
        }
        Stage::Ended(outcome) => {
            let text = cells::text(state, row, Column::State);
            canvas::put(buffer, area.x, area.y, wide(Column::State), &text, cells::of_state(&settings.theme, row.state));
            let x = area.x + wide(Column::State) + 2;
            cell(state, row, Column::Port, (x, area.y, wide(Column::Port)), buffer);
            let x = x + wide(Column::Port) + 2;
            let style = if outcome.is_done() { settings.theme.good } else { settings.theme.error };
            canvas::put_fit(settings, buffer, x, area.y, area.right().saturating_sub(x), outcome.sentence.as_str(), style);
        }
    }
}

/// Why there is no row.
fn empty(state: &State, area: Rect, buffer: &mut Buffer) {
    let settings = &state.settings;
    let mut lines = match &state.snapshot {
        None => vec![format!("looking{}", settings.glyphs.ellipsis)],
        Some(_) if state.filter.is_active() => vec!["nothing is kept by the filter; Esc clears it".to_owned()],
        Some(snapshot) => {
            let mut lines = vec![format!("no instance was found, and nothing listens in {}", snapshot.range)];
            lines.extend(snapshot.notices.iter().map(ToString::to_string));
            lines
        }
    };
    lines.truncate(usize::from(area.height));
    for (y, line) in (area.y..).zip(lines) {
        canvas::put_fit(settings, buffer, area.x + 2, y, area.width.saturating_sub(2), &line, Style::new());
    }
}
