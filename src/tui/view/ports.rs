//! The map of the range on the screen, and below it what is known of the port under the cursor.
//!
//! It must never decide what is shown by colour alone.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::domain::words;
use crate::present::port_map;
use crate::present::ports::{PortMap, PortState};
use crate::tui::layout::Layout;
use crate::tui::state::State;
use crate::tui::state::ports::Grid;

use super::prose::Prose;
use super::{canvas, tabs};

/// The column in which a line's first cell stands.
const MARGIN: u16 = 8;

/// A block of ten cells with a blank between them, and the gap behind it.
const BLOCK: u16 = 19 + 3;

/// The column of the labels below the map.
const LABEL: u16 = 10;

/// Where the tab's parts are.
struct Parts {
    title: Rect,
    digits: Rect,
    map: Rect,
    outside: Option<Rect>,
    told_title: Rect,
    told: Rect,
    legend: Option<Rect>,
}

/// Blocks of ten in a line: as many as there is room for, up to a hundred ports.
fn blocks(width: u16) -> u16 {
    ((width + 3).saturating_sub(MARGIN) / BLOCK).clamp(1, 10)
}

/// Divides the tab.
fn parts(area: Rect, map: &PortMap) -> Parts {
    let grid = Grid { range: map.range, blocks: blocks(area.width) };
    let line = |y: u16| Rect { y, height: 1, ..area };
    let outside = u16::from(map.outside().next().is_some());
    let legend = u16::from(area.height >= 9);
    // Whoever is under the cursor comes before more of the map.
    let told = match area.height {
        20.. => 6,
        16.. => 5,
        11.. => 4,
        _ => 3,
    };
    let fixed = 2 + outside + legend + told;
    let lines = u16::try_from(grid.lines()).unwrap_or(u16::MAX);
    let height = lines.min(area.height.saturating_sub(fixed)).max(1);
    let below = area.y + 2 + height;
    let told_y = below + outside;
    let end = area.bottom().saturating_sub(legend);
    Parts {
        title: line(area.y),
        digits: line(area.y + 1),
        map: Rect { y: area.y + 2, height, ..area },
        outside: (outside > 0).then(|| line(below)),
        told_title: line(told_y),
        told: Rect { x: area.x + 2, y: told_y + 1, width: area.width.saturating_sub(3), height: end.saturating_sub(told_y + 1) },
        legend: (legend > 0).then(|| line(end)),
    }
}

/// How the ports stand in lines, and how many lines are seen; `None` while the map is not shown.
pub fn grid(state: &State) -> Option<(Grid, usize)> {
    let (area, map) = (Layout::of(state)?.tab?, state.ports.map()?);
    let grid = Grid { range: map.range, blocks: blocks(area.width) };
    Some((grid, usize::from(parts(area, map).map.height)))
}

/// Draws the tab.
pub fn draw(state: &State, area: Rect, buffer: &mut Buffer) {
    let settings = &state.settings;
    let (Some(map), Some(cursor)) = (state.ports.map(), state.ports.cursor) else {
        canvas::title(settings, Rect { height: 1, ..area }, "ports", true, &[], buffer);
        return;
    };
    let parts = parts(area, map);
    let plan = state.ports.plan.as_ref().map(|(plan, _)| format!(" {} plan {}", settings.glyphs.dot, plan.strategy()));
    let host = state.snapshot.as_ref().filter(|shown| !shown.hosts.is_empty()).and_then(|shown| state.own_part(shown));
    let host = host.map(|part| format!(" of {}", part.name)).unwrap_or_default();
    let title = format!("ports {}{host}{}", map.range, plan.unwrap_or_default());
    canvas::title(settings, parts.title, &title, true, &right_of_title(state, parts.title), buffer);
    tabs::draw_places(state, tabs::in_title(state, parts.title), buffer);
    let grid = Grid { range: map.range, blocks: blocks(area.width) };
    digits(state, grid, parts.digits, buffer);
    for (index, y) in (parts.map.y..parts.map.bottom()).enumerate() {
        line(state, (map, cursor), grid, state.ports.top + index, Rect { y, height: 1, ..parts.map }, buffer);
    }
    if let Some(area) = parts.outside {
        outside(state, map, cursor, area, buffer);
    }
    told(state, map, cursor, &parts, buffer);
    if let Some(area) = parts.legend {
        legend(state, map, area, buffer);
    }
}

/// What the title says on its right: how full the range is, or what the plan comes to. Beside the tabs there is room for less; what matters
/// most comes last.
pub fn right_of_title(state: &State, area: Rect) -> Vec<String> {
    let Some(map) = state.ports.map() else { return Vec::new() };
    let mut parts = match &state.ports.plan {
        Some((plan, made)) => {
            let made = format!("as of {}", words::clock(*made, state.header.now.wall, &state.settings.zone));
            std::iter::once(made).chain(plan.summary()).collect()
        }
        None => port_map::summary(map),
    };
    let beside = tabs::least(state);
    while parts.len() > 1 && beside > 0 && canvas::title_right(&parts) + beside > area.width {
        parts.remove(0);
    }
    parts
}

/// The last digit of each port, above the blocks.
fn digits(state: &State, grid: Grid, area: Rect, buffer: &mut Buffer) {
    for block in 0..grid.blocks {
        canvas::put(buffer, area.x + MARGIN + block * BLOCK, area.y, 19, "0 1 2 3 4 5 6 7 8 9", state.settings.theme.heading);
    }
}

/// One line of the map.
fn line(state: &State, (map, cursor): (&PortMap, u16), grid: Grid, index: usize, area: Rect, buffer: &mut Buffer) {
    let Some(first) = grid.first_of(index) else { return };
    let (theme, glyphs) = (&state.settings.theme, state.settings.glyphs);
    let has_cursor = map.range.contains(cursor) && grid.line_of(cursor) == index;
    canvas::put(buffer, area.x, area.y, 1, if has_cursor { glyphs.chosen } else { " " }, theme.title);
    canvas::put_right(buffer, area.x + MARGIN - 2, area.y, 5, &first.to_string(), if has_cursor { theme.title } else { theme.dim });
    for offset in 0..grid.per_line() {
        let Some(port) = first.checked_add(offset).filter(|port| map.range.contains(*port)) else { continue };
        let x = area.x + MARGIN + offset / 10 * BLOCK + offset % 10 * 2;
        cell(state, map, port, port == cursor, (x, area.y), buffer);
    }
}

/// The sign of a port; under the cursor reversed, which is seen without colours too.
fn cell(state: &State, map: &PortMap, port: u16, chosen: bool, (x, y): (u16, u16), buffer: &mut Buffer) {
    let plan = state.ports.plan.as_ref().map(|(plan, _)| plan);
    let ascii = state.settings.glyphs.ascii;
    let planned = plan.and_then(|plan| Some((plan.sign(port, ascii)?, plan.planned(port)?)));
    let (sign, style) = match planned {
        Some((sign, planned)) => (sign, state.settings.theme.tone(planned.tone())),
        None => (port_map::sign(map, port, ascii), style(state, map.state(port))),
    };
    let style = if chosen { style.remove_modifier(Modifier::DIM).add_modifier(Modifier::REVERSED | Modifier::BOLD) } else { style };
    canvas::put(buffer, x, y, 1, sign.encode_utf8(&mut [0; 4]), style);
}

fn style(state: &State, of: PortState) -> Style {
    state.settings.theme.tone(port_map::tone(of))
}

/// The instances' ports outside the range, as many as fit; the one under the cursor always.
fn outside(state: &State, map: &PortMap, cursor: u16, area: Rect, buffer: &mut Buffer) {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    canvas::put(buffer, area.x + 2, area.y, area.width, outside_label(area), theme.dim);
    let (places, rest) = outside_places(map, cursor, area);
    for (port, text, x) in places {
        cell(state, map, port, port == cursor, (x, area.y), buffer);
        let style = if port == cursor { theme.title } else { Style::new() };
        canvas::put_fit(settings, buffer, x + 2, area.y, area.right().saturating_sub(x + 2), &text, style);
    }
    if let Some(x) = rest {
        canvas::put(buffer, x, area.y, 1, settings.glyphs.ellipsis, theme.dim);
    }
}

fn outside_label(area: Rect) -> &'static str {
    if area.width >= 60 { "outside the range:" } else { "outside:" }
}

/// The ports outside that have room, their words, and the column of each one's sign; and where it is said that there are more.
fn outside_places(map: &PortMap, cursor: u16, area: Rect) -> (Vec<(u16, String, u16)>, Option<u16>) {
    let start = area.x + 2 + canvas::cells(outside_label(area)) + 1;
    let all: Vec<(u16, String)> = map
        .outside()
        .map(|facts| (facts.port, format!("{} {}", facts.port, facts.instance.as_ref().map(ToString::to_string).unwrap_or_default())))
        .collect();
    let room = area.right().saturating_sub(start + 2);
    let at = all.iter().position(|(port, _)| *port == cursor).unwrap_or(0);
    let width = |from: usize| all.iter().take(at + 1).skip(from).map(|(_, text)| canvas::cells(text) + 5).sum::<u16>();
    let from = (0..=at).find(|from| width(*from) <= room).unwrap_or(at);
    let (mut x, mut places) = (start, Vec::new());
    for (port, text) in all.into_iter().skip(from) {
        let cells = canvas::cells(&text);
        if x + cells + 3 > area.right() {
            return (places, Some(x));
        }
        places.push((port, text, x));
        x += 2 + cells + 3;
    }
    (places, None)
}

/// The port at a place of the tab: its sign and what stands beside it up to the next one.
pub fn port_at(state: &State, area: Rect, x: u16, y: u16) -> Option<u16> {
    let map = state.ports.map()?;
    let parts = parts(area, map);
    if let Some(line) = parts.outside.filter(|line| line.y == y) {
        let (places, _) = outside_places(map, state.ports.cursor?, line);
        let hit = |(_, text, from): &&(u16, String, u16)| x >= *from && x < from + 2 + canvas::cells(text);
        return places.iter().find(hit).map(|(port, ..)| *port);
    }
    if y < parts.map.y || y >= parts.map.bottom() {
        return None;
    }
    let grid = Grid { range: map.range, blocks: blocks(area.width) };
    let first = grid.first_of(state.ports.top + usize::from(y - parts.map.y))?;
    let from = x.checked_sub(area.x + MARGIN)?;
    // Between two blocks there is nothing.
    let (block, within) = (from / BLOCK, from % BLOCK);
    let offset = (block < grid.blocks && within < 20).then_some(block * 10 + within / 2)?;
    first.checked_add(offset).filter(|port| map.range.contains(*port))
}

/// Whose the port under the cursor is, who holds it, what is wrong with it.
fn told(state: &State, map: &PortMap, cursor: u16, parts: &Parts, buffer: &mut Buffer) {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let Some((snapshot, _)) = &state.ports.shown else { return };
    let free = map.next_free(cursor).filter(|free| *free != cursor).map(|free| format!("next free {free}"));
    let right: Vec<String> = free.into_iter().chain([map.state(cursor).word().to_owned()]).collect();
    canvas::title(settings, parts.told_title, &cursor.to_string(), false, &right, buffer);
    let mut prose = Prose::new(parts.told.width);
    for told in state.ports.plan.iter().flat_map(|(plan, _)| plan.told(cursor)) {
        prose.say((told.label, theme.dim), LABEL, &told.text, theme.tone(told.tone));
    }
    for told in port_map::told(map, cursor, snapshot, state.look().now, &settings.zone) {
        prose.say((told.label, theme.dim), LABEL, &told.text, theme.tone(told.tone));
    }
    prose.draw(settings, parts.told, 0, true, buffer);
}

/// What the signs mean.
fn legend(state: &State, map: &PortMap, area: Rect, buffer: &mut Buffer) {
    let mut x = area.x + 2;
    let ascii = state.settings.glyphs.ascii;
    if let Some((plan, _)) = &state.ports.plan {
        for (planned, sign) in plan.legend(ascii) {
            let end = canvas::put(buffer, x, area.y, 1, sign.encode_utf8(&mut [0; 4]), state.settings.theme.tone(planned.tone()));
            x = canvas::put(buffer, end + 1, area.y, area.right().saturating_sub(end + 1), planned.words(), state.settings.theme.dim) + 3;
        }
        return;
    }
    let signs = port_map::legend(map, ascii);
    let width: u16 = signs.iter().map(|(.., words)| canvas::cells(words) + 5).sum();
    for (of, sign, words) in signs {
        let words = if width > area.width { words.trim_start_matches("assigned, ") } else { words };
        if x + 2 + canvas::cells(words) > area.right() {
            break;
        }
        let end = canvas::put(buffer, x, area.y, 1, sign.encode_utf8(&mut [0; 4]), style(state, of));
        x = canvas::put(buffer, end + 1, area.y, area.right().saturating_sub(end + 1), words, state.settings.theme.dim) + 3;
    }
}
