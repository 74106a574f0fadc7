//! The disks, the range's use, and who takes most.
//!
//! It must never let a column's width follow its values: numbers stand still.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{Code, FileSystem, Row, Snapshot};
use crate::present::fit::Align;
use crate::present::range::range_use;
use crate::present::{NOTHING, announced, units};
use crate::tui::state::State;

use super::canvas;
use super::readings::hidden;

/// How many of those who take most are shown.
pub(super) const MOST: u16 = 5;

/// How many of those who are announced and are no instance's are shown.
const MOST_ANNOUNCED: u16 = 20;

/// From here on a disk is nearly full; the finding of it says more.
const NEARLY_FULL: f64 = 0.9;

/// Times beyond this are not worth telling.
const FAR: std::time::Duration = std::time::Duration::from_secs(60 * 86_400);

/// Growth below this is none, bytes a second.
const SOME: f64 = 1.0;

/// A column of a small table. The first one takes what the others leave.
#[derive(Clone, Copy)]
pub(super) struct Column {
    title: &'static str,
    /// Cells, the gap before it included.
    width: u16,
    align: Align,
}

impl Column {
    /// Of words, at least so wide.
    pub(super) const fn words(title: &'static str, width: u16) -> Self {
        Self { title, width, align: Align::Left }
    }

    /// Of numbers, with the gap before them.
    pub(super) const fn number(title: &'static str, width: u16) -> Self {
        Self { title, width, align: Align::Right }
    }
}

/// The titles of a table.
pub(super) fn headings(state: &State, columns: &[Column], area: Rect, buffer: &mut Buffer) {
    let style = state.settings.theme.heading;
    let cells: Vec<(String, Style)> = columns.iter().map(|column| (column.title.to_owned(), style)).collect();
    line(state, columns, &cells, Rect { height: 1, ..area }, buffer);
}

/// A line of a table. Columns that do not fit are left out from the right.
pub(super) fn line(state: &State, columns: &[Column], cells: &[(String, Style)], area: Rect, buffer: &mut Buffer) {
    let widest = columns.iter().map(|column| column.width).sum::<u16>();
    // Numbers stay near their names, however wide the screen is.
    let first = columns.first().map_or(0, |column| column.width) + area.width.saturating_sub(widest).min(10);
    let mut x = area.x;
    for (index, (column, (text, style))) in columns.iter().zip(cells).enumerate() {
        let width = if index == 0 { first } else { column.width };
        if x + width > area.right() {
            return;
        }
        match column.align {
            Align::Left => drop(canvas::put_fit(&state.settings, buffer, x, area.y, width, text, *style)),
            Align::Right => canvas::put_right(buffer, x + width, area.y, width, text, *style),
        }
        x += width;
    }
}

/// The file systems that instances write on.
pub(super) fn disks(state: &State, snapshot: &Snapshot, area: Rect, buffer: &mut Buffer) {
    let columns = [
        Column::words("DISK", 13),
        Column::number("SIZE", 8),
        Column::number("FREE", 8),
        Column::number("USED", 6),
        Column::number("FILLS BY", 11),
        Column::number("FULL IN", 9),
    ];
    headings(state, &columns, area, buffer);
    if snapshot.file_systems.is_empty() {
        let text = format!("{} not counted yet, or no instance writes on one", state.settings.glyphs.ellipsis);
        canvas::put_fit(&state.settings, buffer, area.x, area.y + 1, area.width, &text, state.settings.theme.dim);
    }
    for (y, file_system) in (area.y + 1..area.bottom()).zip(&snapshot.file_systems) {
        line(state, &columns, &disk(state, file_system), Rect { y, height: 1, ..area }, buffer);
    }
}

fn disk(state: &State, file_system: &FileSystem) -> [(String, Style); 6] {
    let theme = &state.settings.theme;
    let plain = |text: String| (text, Style::new());
    let full = if file_system.used() >= NEARLY_FULL { theme.warning } else { Style::new() };
    let used = format!("{} %", file_system.percent());
    let fills = match file_system.filling {
        None => (state.settings.glyphs.ellipsis.to_owned(), theme.dim),
        Some(rate) if rate.abs() < SOME => (NOTHING.to_owned(), theme.dim),
        Some(rate) => plain(format!("{}{}", if rate < 0.0 { "-" } else { "" }, units::rate(rate))),
    };
    let lasts = match file_system.lasts().filter(|left| *left < FAR) {
        Some(left) => plain(units::uptime(left)),
        None => (NOTHING.to_owned(), theme.dim),
    };
    [
        plain(file_system.mounted_on.to_string()),
        plain(units::bytes(file_system.total)),
        plain(units::bytes(file_system.free)),
        (used, full),
        fills,
        lasts,
    ]
}

/// The managed range, and what the kernel gives away of it.
pub(super) fn ports(state: &State, snapshot: &Snapshot, area: Rect, buffer: &mut Buffer) {
    let columns = [
        Column::words("PORTS", 12),
        Column::number("ALL", 6),
        Column::number("ASSIGNED", 10),
        Column::number("LISTEN", 8),
        Column::number("STRANGERS", 11),
        Column::number("FREE", 7),
    ];
    headings(state, &columns, area, buffer);
    let (used, theme) = (range_use(snapshot), &state.settings.theme);
    let texts = [
        snapshot.range.to_string(),
        used.all.to_string(),
        used.assigned.to_string(),
        used.listening.to_string(),
        hidden(used.strangers),
        hidden(used.free),
    ];
    let cells = texts.map(|text| (text, Style::new()));
    line(state, &columns, &cells, Rect { y: area.y + 1, height: 1, ..area }, buffer);
    let exposed = snapshot.findings.iter().any(|finding| finding.code == Code::PortEphemeral);
    let (text, style) = match (snapshot.ephemeral, used.ephemeral) {
        (Some(ephemeral), Some(0)) => (format!("the kernel's own are {ephemeral}: none of these"), theme.dim),
        (Some(ephemeral), Some(count)) if exposed => (format!("the kernel's own are {ephemeral}: {count} of these"), theme.warning),
        (Some(ephemeral), Some(count)) => (format!("the kernel's own are {ephemeral}; it keeps {count} of these free"), theme.dim),
        _ => ("the kernel does not tell which are its own".to_owned(), theme.dim),
    };
    canvas::put_fit(&state.settings, buffer, area.x, area.y + 2, area.width, &text, style);
}

/// How many lines what is announced takes: none where there is nothing that is no instance's.
pub(super) fn announced_height(snapshot: &Snapshot) -> u16 {
    let count = u16::try_from(announced::others(snapshot).count()).unwrap_or(u16::MAX);
    if count == 0 { 0 } else { 1 + count.min(MOST_ANNOUNCED) }
}

/// What is announced on the network and is no instance's of this host.
pub(super) fn announced(state: &State, snapshot: &Snapshot, area: Rect, buffer: &mut Buffer) {
    let (theme, settings) = (&state.settings.theme, &state.settings);
    let count = announced::others(snapshot).count();
    let title = if count > usize::from(MOST_ANNOUNCED) {
        format!("ANNOUNCED, NO INSTANCE'S (the first {MOST_ANNOUNCED} of {count}; berth discover lists all)")
    } else {
        "ANNOUNCED, NO INSTANCE'S".to_owned()
    };
    canvas::put_fit(settings, buffer, area.x, area.y, area.width, &title, theme.heading);
    for (y, (one, text)) in (area.y + 1..area.bottom()).zip(announced::others(snapshot)) {
        let place = if one.is_here { "this host" } else { "elsewhere" };
        canvas::put_fit(settings, buffer, area.x, y, area.width, &format!("{place:<9}  {text}"), Style::new());
    }
}

/// Those who take most CPU, or most memory.
pub(super) fn most(state: &State, snapshot: &Snapshot, area: Rect, by_cpu: bool, buffer: &mut Buffer) {
    let (first, second) = if by_cpu { ("CPU %", "MEMORY") } else { ("MEMORY", "CPU %") };
    let title = if by_cpu { "MOST CPU" } else { "MOST MEMORY" };
    let columns = [Column::words(title, 20), Column::number(first, 9), Column::number(second, 9)];
    headings(state, &columns, area, buffer);
    for (y, row) in (area.y + 1..area.bottom()).zip(greatest(snapshot, by_cpu)) {
        let cpu = row.cpu_percent.known().map_or_else(|| NOTHING.to_owned(), units::percent);
        let memory = row.memory_bytes.known().map_or_else(|| NOTHING.to_owned(), units::bytes);
        let (first, second) = if by_cpu { (cpu, memory) } else { (memory, cpu) };
        let cells = [row.id.to_string(), first, second].map(|text| (text, Style::new()));
        line(state, &columns, &cells, Rect { y, height: 1, ..area }, buffer);
    }
}

/// The rows with the greatest numbers, the greatest first; of equal ones the first by name.
fn greatest(snapshot: &Snapshot, by_cpu: bool) -> Vec<&Row> {
    let weight = |row: &Row| match by_cpu {
        // Thousandths of a percent: whole numbers have an order.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        true => row.cpu_percent.known().map(|percent| (percent.max(0.0) * 1000.0) as u64),
        false => row.memory_bytes.known(),
    };
    let mut known: Vec<(std::cmp::Reverse<u64>, usize, &Row)> =
        snapshot.rows.iter().enumerate().filter_map(|(index, row)| Some((std::cmp::Reverse(weight(row)?), index, &**row))).collect();
    let count = usize::from(MOST).min(known.len());
    if count < known.len() {
        known.select_nth_unstable_by_key(count, |(weight, index, _)| (*weight, *index));
        known.truncate(count);
    }
    known.sort_unstable_by_key(|(weight, index, _)| (*weight, *index));
    known.into_iter().map(|(_, _, row)| row).collect()
}
