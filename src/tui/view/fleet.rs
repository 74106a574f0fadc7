//! The table, from the columns that every presenter has.
//!
//! It must never move a row: the order is the state's. Only what is seen is made into text.

mod heading;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{HostPart, Row, Stage, State as Doing, Underway, Verb, words};
use crate::present::arrange::{Arrangement, Placed, arrange};
use crate::present::columns::Column;
use crate::present::fit::Align;
use crate::present::paint::Tone;
use crate::present::{HIDDEN, NOTHING, bar, columns, sparkline, units, wording};
use crate::tui::state::fleet::{Line, descends};
use crate::tui::state::{Pane, State};

use super::{canvas, filter, first_run, tabs};

/// The chosen row's mark and a blank stand before the first column.
const MARGIN: u16 = 2;

/// A full block of the answers' picture means at least so many milliseconds.
const FULL_ANSWER: f32 = 20.0;

/// A full block of the CPU picture means at least this many percent: below it, small loads look small.
const FULL_CPU: f32 = 20.0;

/// Draws it.
pub fn draw(state: &State, area: Rect, buffer: &mut Buffer) {
    let (settings, fleet) = (&state.settings, &state.fleet);
    canvas::title(settings, Rect { height: 1, ..area }, "instances", state.focus == Pane::Fleet, &right_of_title(state), buffer);
    tabs::draw_places(state, tabs::in_title(state, area), buffer);
    if let Some(snapshot) = state.snapshot.as_ref().filter(|snapshot| snapshot.rows.is_empty()) {
        let (y, height) = (area.y + 2, area.height.saturating_sub(2));
        return first_run::draw(state, snapshot, Rect { x: area.x + MARGIN, y, width: area.width.saturating_sub(MARGIN), height }, buffer);
    }
    let arrangement = arrangement(state, area.width);
    headings(state, &arrangement, area, buffer);
    let below = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    if fleet.rows.is_empty() {
        empty(state, below, buffer);
        return;
    }
    for (y, number) in (below.y..below.bottom()).zip(fleet.top..) {
        let place = Rect { y, height: 1, ..area };
        match fleet.at(number) {
            Some(Line::Row(index)) => {
                if let Some(row) = fleet.rows.get(index) {
                    line(state, row, &arrangement, place, buffer);
                }
            }
            Some(Line::Heading(index)) => {
                if let Some(group) = fleet.groups.get(index) {
                    heading::draw(state, group, place, buffer);
                }
            }
            None => break,
        }
    }
}

/// What the title says on its right. What a key will hit is the last to leave it.
pub fn right_of_title(state: &State) -> Vec<String> {
    let mut right = filter::title(state);
    right.extend(Some(format!("{} marked", state.marks.count())).filter(|_| !state.marks.is_empty()));
    right
}

/// Which columns are where on a table of this width.
pub fn arrangement(state: &State, width: u16) -> Arrangement {
    let shown = state.columns();
    arrange(usize::from(width.saturating_sub(MARGIN)), state.fleet.widest, &shown, state.fleet.left)
}

/// Where a column is on the screen.
fn place(placed: &Placed, area: Rect) -> Rect {
    let cells = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
    let x = (area.x + MARGIN).saturating_add(cells(placed.x));
    let width = cells(placed.width).min(area.right().saturating_sub(x));
    Rect { x, width, height: 1, ..area }
}

/// The column whose heading or cells are at a column of the screen.
pub fn column_at(state: &State, area: Rect, x: u16) -> Option<Column> {
    let arrangement = arrangement(state, area.width);
    let hit = |placed: &&Placed| {
        let place = place(placed, area);
        let pictured = u16::try_from(placed.picture).unwrap_or(0);
        // The gap after a column is its own.
        (place.x..=place.right().saturating_add(pictured)).contains(&x)
    };
    arrangement.columns.iter().find(hit).map(|placed| placed.column)
}

fn headings(state: &State, arrangement: &Arrangement, area: Rect, buffer: &mut Buffer) {
    let (settings, liked) = (&state.settings, &state.preferences);
    let arrow = if descends(liked.sort, liked.reversed) { settings.glyphs.descending } else { settings.glyphs.ascending };
    if arrangement.left > 0 {
        canvas::put(buffer, area.x, area.y + 1, 1, settings.glyphs.more_left, settings.theme.key);
    }
    if arrangement.more {
        canvas::put(buffer, area.right().saturating_sub(1), area.y + 1, 1, settings.glyphs.more_right, settings.theme.key);
    }
    for placed in &arrangement.columns {
        let Rect { x, width, .. } = place(placed, Rect { y: area.y + 1, ..area });
        let y = area.y + 1;
        let title = match placed.column {
            Column::Findings if !arrangement.finding_words => "FIND",
            column => column.title(),
        };
        let sorted = placed.column == liked.sort;
        let style = if sorted { settings.theme.title } else { settings.theme.heading };
        // The arrow stands in the gap, so that the heading stays where it is.
        let end = if placed.column.align() == Align::Right {
            canvas::put_right(buffer, x + width, y, width, title, style);
            x + width
        } else {
            canvas::put(buffer, x, y, width, title, style)
        };
        if sorted && end < area.right() {
            canvas::put(buffer, end, y, 1, arrow, style);
        }
    }
}

fn line(state: &State, row: &Row, arrangement: &Arrangement, area: Rect, buffer: &mut Buffer) {
    let settings = &state.settings;
    let chosen = state.fleet.chosen.as_ref() == Some(&row.id);
    let underway = state.snapshot.as_ref().and_then(|snapshot| snapshot.underway.iter().rev().find(|underway| underway.id == row.id));
    // What is being done, or was just done, stands in the place of the numbers.
    let lost = state.snapshot.as_ref().and_then(|snapshot| snapshot.part(&row.id)).filter(|part| !part.is_reached());
    let is_whole = underway.is_none() && lost.is_none();
    let kept = |column: Column| is_whole || matches!(column, Column::Owner | Column::Host | Column::State | Column::Port);
    let mut end = area.x;
    for placed in arrangement.columns.iter().filter(|placed| kept(placed.column)) {
        let place = place(placed, area);
        cell(state, row, placed, arrangement.finding_words, place, buffer);
        end = place.right();
    }
    if let Some(part) = lost {
        old(state, part, end + 2, area, buffer);
    } else if let Some(underway) = underway {
        let state_column = arrangement.columns.iter().find(|placed| placed.column == Column::State).map(|placed| place(placed, area));
        doing(state, underway, state_column.unwrap_or(area), end + 2, area, buffer);
    }
    if state.marks.holds(&row.id) {
        canvas::put(buffer, area.x + u16::from(chosen), area.y, 1, settings.glyphs.marked, settings.theme.key);
    }
    if chosen {
        canvas::choose(settings, area, buffer);
    }
}

/// One cell: its text, and the picture beside it.
fn cell(state: &State, row: &Row, placed: &Placed, finding_words: bool, place: Rect, buffer: &mut Buffer) {
    let (settings, look) = (&state.settings, state.look());
    let (x, y, width) = (place.x, place.y, place.width);
    let text = match placed.column {
        Column::Findings if !finding_words => columns::findings_count(row, look),
        column => column.text(row, look),
    };
    let tone = if text == NOTHING || text == HIDDEN { Tone::Dim } else { placed.column.tone(row) };
    let style = settings.theme.tone(tone);
    if placed.column.align() == Align::Right {
        canvas::put_right(buffer, x + width, y, width, &text, style);
    } else {
        canvas::put_fit(settings, buffer, x, y, width, &text, style);
    }
    if placed.picture > 0 {
        let (text, style) = picture(state, row, placed);
        canvas::put(buffer, x + width + 1, y, u16::try_from(placed.picture).unwrap_or(0), &text, style);
    }
}

/// CPU over the last minute; the times of the last answers; memory as a share of the host's, dimmed because it is no limit.
fn picture(state: &State, row: &Row, placed: &Placed) -> (String, Style) {
    let (theme, ascii) = (&state.settings.theme, state.settings.glyphs.ascii);
    let nothing = (String::new(), Style::new());
    if placed.column == Column::Cpu {
        let Some(history) = state.detail.histories.get(&row.id).filter(|_| row.state.is_up()) else { return nothing };
        let points = history.pairs(placed.picture);
        let values: Vec<Option<f32>> =
            points.iter().map(|point| point.and_then(|point| point.cpu).map(|cpu| f32::from(cpu) / 10.0)).collect();
        return (sparkline::sparkline(&values, sparkline::top(&values, FULL_CPU), placed.picture, ascii), theme.graph);
    }
    if placed.column == Column::Health {
        let Some(probed) = &row.probed else { return nothing };
        // A question that nobody answered is a gap.
        let values: Vec<Option<f32>> = probed.course.iter().map(|time| time.map(|time| time as f32)).collect();
        let last = &values[values.len().saturating_sub(placed.picture)..];
        return (sparkline::sparkline(last, sparkline::top(last, FULL_ANSWER), placed.picture, ascii), theme.graph);
    }
    let total = state.snapshot.as_ref().map_or(0, |snapshot| snapshot.own(&row.id).host_reading.memory_total);
    match row.memory_bytes.known().filter(|_| total > 0) {
        #[allow(clippy::cast_precision_loss)]
        Some(memory) => (bar::bar(memory as f64, total as f64, placed.picture, ascii), theme.graph_empty),
        None => nothing,
    }
}

/// That a row is of then, since its host does not answer: `as of 12:04:31`. Its numbers would be read as those of now.
fn old(state: &State, part: &HostPart, x: u16, area: Rect, buffer: &mut Buffer) {
    let settings = &state.settings;
    let row = Rect { width: x.saturating_sub(area.x), ..area };
    buffer.set_style(row, settings.theme.dim);
    let at = words::clock(part.picture.taken.wall, state.header.now.wall, &settings.zone);
    canvas::put_fit(settings, buffer, x, area.y, area.right().saturating_sub(x), &format!("as of {at}"), settings.theme.warning);
}

/// An order on its way, `◍ stopping 3 s` and the step that it is at; then its result, `stopped after 1.2 s`.
fn doing(state: &State, underway: &Underway, column: Rect, x: u16, area: Rect, buffer: &mut Buffer) {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let room = area.right().saturating_sub(x);
    match &underway.stage {
        Stage::Doing(step) => {
            let (word, sign) = match underway.verb {
                Verb::Start => ("starting", Doing::Starting),
                Verb::Stop => ("stopping", Doing::Stopping),
                Verb::Restart => ("restarting", Doing::Stopping),
                Verb::Logs => ("reading", Doing::Starting),
                Verb::Signal(_) => ("signalling", Doing::Starting),
                Verb::Assign(_) => ("assigning", Doing::Starting),
                Verb::Trust(_) => ("accepting", Doing::Starting),
            };
            let since = units::uptime(state.header.now.boot.saturating_sub(underway.since));
            let sign = wording::state_sign(sign, settings.glyphs.ascii);
            canvas::put(buffer, column.x, area.y, column.width, &" ".repeat(usize::from(column.width)), Style::new());
            canvas::put(buffer, column.x, area.y, column.width, &format!("{sign} {word}"), theme.busy);
            let end = canvas::put(buffer, x, area.y, room, &since, theme.busy);
            canvas::put_fit(settings, buffer, end + 2, area.y, area.right().saturating_sub(end + 2), step.as_str(), theme.dim);
        }
        Stage::Ended(outcome) => {
            let style = if outcome.is_done() { theme.good } else { theme.error };
            canvas::put_fit(settings, buffer, x, area.y, room, outcome.sentence.as_str(), style);
        }
    }
}

/// Why there is no row, and what to do about it.
fn empty(state: &State, area: Rect, buffer: &mut Buffer) {
    let settings = &state.settings;
    let mut lines = match &state.snapshot {
        None => vec![format!("looking for instances{}", settings.glyphs.ellipsis)],
        Some(_) if state.filter.is_active() && state.fleet.total > 0 => filter::empty(state),
        // Without any row the first run's words stand here instead.
        Some(_) => Vec::new(),
    };
    lines.truncate(usize::from(area.height));
    for (y, line) in (area.y..).zip(lines) {
        canvas::put_fit(settings, buffer, area.x + MARGIN, y, area.width.saturating_sub(MARGIN), &line, Style::new());
    }
}
