//! The host: CPU and memory over time, load, pressure, disks, the range's use, what berth costs, and who takes most.
//!
//! It must never show a zero for what is not known.

mod notified;
mod readings;
mod tables;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::Snapshot;
use crate::present::units;
use crate::tui::layout::Layout;
use crate::tui::state::State;
use crate::tui::state::course::{POINT, POINTS};

use super::{canvas, chart, tabs};

/// From this width on there are two columns.
const TWO_COLUMNS: u16 = 100;

/// Between two columns.
const GAP: u16 = 4;

/// Cells before the first column.
const MARGIN: u16 = 2;

/// The cells of a chart's scale: `100 %`, `32.0 G`.
const LABEL: u16 = 7;

/// A part of the tab.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Cpu,
    Memory,
    Pressure,
    Disks,
    Ports,
    Own,
    MostCpu,
    MostMemory,
    Notified,
    Announced,
}

/// The parts, in pairs that stand beside each other where there is room.
const PAIRS: [[Part; 2]; 4] =
    [[Part::Cpu, Part::Memory], [Part::Pressure, Part::Disks], [Part::Own, Part::Ports], [Part::MostCpu, Part::MostMemory]];

/// What stands below them, where there is any of it.
const BELOW: [Part; 2] = [Part::Notified, Part::Announced];

/// Draws the tab.
pub fn draw(state: &State, area: Rect, buffer: &mut Buffer) {
    let settings = &state.settings;
    let inside = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let Some(snapshot) = state.own() else {
        canvas::title(settings, Rect { height: 1, ..area }, "host", true, &[], buffer);
        tabs::draw_places(state, tabs::in_title(state, area), buffer);
        let text = format!("looking{}", settings.glyphs.ellipsis);
        canvas::put(buffer, inside.x + MARGIN, inside.y, inside.width.saturating_sub(MARGIN), &text, ratatui::style::Style::new());
        return;
    };
    let (places, lines) = arrange(snapshot, inside);
    let top = state.host.top.min(lines.saturating_sub(usize::from(inside.height)));
    let part = state.snapshot.as_ref().and_then(|shown| state.own_part(shown));
    let name = part.map_or_else(|| "host".to_owned(), |part| format!("host {}", part.name));
    canvas::title(settings, Rect { height: 1, ..area }, &name, true, &title(inside, lines, top), buffer);
    tabs::draw_places(state, tabs::in_title(state, area), buffer);
    // Drawn as a whole, and of that what is seen: a chart cannot be cut otherwise.
    let mut whole = Buffer::empty(Rect { x: 0, y: 0, width: inside.width, height: u16::try_from(lines).unwrap_or(u16::MAX) });
    for (part, place) in places {
        one(state, snapshot, part, place, &mut whole);
    }
    let top = u16::try_from(top).unwrap_or(0);
    for y in 0..inside.height.min(whole.area.height.saturating_sub(top)) {
        for x in 0..inside.width {
            if let (Some(cell), Some(from)) = (buffer.cell_mut((inside.x + x, inside.y + y)), whole.cell((x, top + y))) {
                *cell = from.clone();
            }
        }
    }
}

/// How many lines are seen, and how many there are.
pub fn extent(state: &State) -> (usize, usize) {
    let Some(area) = Layout::of(state).and_then(|layout| layout.tab) else { return (0, 0) };
    let inside = Rect { height: area.height.saturating_sub(1), ..area };
    let lines = state.own().map_or(0, |snapshot| arrange(snapshot, inside).1);
    (usize::from(inside.height), lines)
}

/// What the title says on its right.
pub fn right_of_title(state: &State, area: Rect) -> Vec<String> {
    let Some(snapshot) = state.own() else { return Vec::new() };
    let inside = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let lines = arrange(snapshot, inside).1;
    title(inside, lines, state.host.top.min(lines.saturating_sub(usize::from(inside.height))))
}

/// What the title says on its right: how far it is scrolled, and how long the charts are.
fn title(inside: Rect, lines: usize, top: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let page = usize::from(inside.height);
    if lines > page {
        parts.push(format!("lines {}-{} of {lines}", top + 1, (top + page).min(lines)));
    }
    let cells = usize::from(width(inside).saturating_sub(LABEL + 1));
    let points = u32::try_from((cells * chart::POINTS_PER_CELL).min(POINTS)).unwrap_or(0);
    parts.push(format!("last {}", units::uptime(POINT * points)));
    parts
}

/// The width of one column.
fn width(inside: Rect) -> u16 {
    let inner = inside.width.saturating_sub(2 * MARGIN);
    if inside.width >= TWO_COLUMNS { (inner - GAP) / 2 } else { inner }
}

/// Where each part is in the whole, and how many lines that has.
fn arrange(snapshot: &Snapshot, inside: Rect) -> (Vec<(Part, Rect)>, usize) {
    let (width, both) = (width(inside), inside.width >= TWO_COLUMNS);
    // Where the screen is short, no line is left empty.
    let blank = u16::from(inside.height >= 26);
    let rows = chart_rows(snapshot, inside, both, blank);
    let (mut y, mut places) = (0u16, Vec::new());
    for (index, [left, right]) in PAIRS.into_iter().enumerate() {
        if index > 0 {
            y += blank;
        }
        let heights = [left, right].map(|part| height(snapshot, part, rows));
        places.push((left, Rect { x: MARGIN, y, width, height: heights[0] }));
        if both {
            places.push((right, Rect { x: MARGIN + width + GAP, y, width, height: heights[1] }));
            y += heights[0].max(heights[1]);
        } else {
            y += heights[0] + blank;
            places.push((right, Rect { x: MARGIN, y, width, height: heights[1] }));
            y += heights[1];
        }
    }
    // Who is told of events, and what is announced and is nobody's here: below everything, and only where there is any.
    for part in BELOW {
        let others = height(snapshot, part, rows);
        if others > 0 {
            let width = inside.width.saturating_sub(2 * MARGIN);
            places.push((part, Rect { x: MARGIN, y: y + blank, width, height: others }));
            y += blank + others;
        }
    }
    (places, usize::from(y))
}

/// How many lines a chart has: what the other parts leave, within what looks well.
fn chart_rows(snapshot: &Snapshot, inside: Rect, both: bool, blank: u16) -> u16 {
    let least = if inside.height < 16 { 2 } else { 3 };
    let pair = |[left, right]: [Part; 2]| match (height(snapshot, left, 0), height(snapshot, right, 0)) {
        (left, right) if both => left.max(right),
        (left, right) => left + blank + right,
    };
    let others: u16 = PAIRS.into_iter().map(|parts| pair(parts) + blank).sum();
    let others = others + BELOW.into_iter().map(|part| height(snapshot, part, 0)).sum::<u16>();
    let left = inside.height.saturating_sub(others) / if both { 1 } else { 2 };
    // The middle of the scale has a line of its own where the number is even.
    let rows = left.clamp(least, 14);
    if rows > 4 { rows - rows % 2 } else { rows }
}

/// How many lines a part has.
fn height(snapshot: &Snapshot, part: Part, rows: u16) -> u16 {
    match part {
        Part::Cpu | Part::Memory => 1 + rows,
        Part::Pressure => 4,
        Part::Disks => 1 + u16::try_from(snapshot.file_systems.len()).unwrap_or(u16::MAX).clamp(1, 20),
        Part::Ports => 3,
        Part::Own => 2,
        Part::MostCpu | Part::MostMemory => 1 + tables::MOST,
        Part::Notified => notified::height(snapshot),
        Part::Announced => tables::announced_height(snapshot),
    }
}

/// Draws one part.
fn one(state: &State, snapshot: &Snapshot, part: Part, area: Rect, buffer: &mut Buffer) {
    match part {
        Part::Cpu => readings::cpu(state, snapshot, area, buffer),
        Part::Memory => readings::memory(state, snapshot, area, buffer),
        Part::Pressure => readings::pressure(state, snapshot, area, buffer),
        Part::Own => readings::own(state, snapshot, area, buffer),
        Part::Disks => tables::disks(state, snapshot, area, buffer),
        Part::Ports => tables::ports(state, snapshot, area, buffer),
        Part::Notified => notified::draw(state, snapshot, area, buffer),
        Part::Announced => tables::announced(state, snapshot, area, buffer),
        Part::MostCpu => tables::most(state, snapshot, area, true, buffer),
        Part::MostMemory => tables::most(state, snapshot, area, false, buffer),
    }
}
