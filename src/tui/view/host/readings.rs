//! CPU, memory, pressure and berth's own cost.
//!
//! It must never draw what was read later than the picture that is shown.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{Pressure, Reading, Snapshot};
use crate::present::{HIDDEN, NOTHING, units};
use crate::tui::state::State;
use crate::tui::state::course::Course;
use crate::tui::view::chart::{self, Scale};

use super::tables::{Column, headings, line};
use super::{LABEL, canvas};

/// Where somebody waits more than this share of the time, it is worth a look, percent.
const MUCH: f32 = 10.0;

/// The processors.
pub(super) fn cpu(state: &State, snapshot: &Snapshot, area: Rect, buffer: &mut Buffer) {
    let reading = &snapshot.host_reading;
    let cores = if reading.cores == 1 { "one core".to_owned() } else { format!("{} cores", reading.cores) };
    let [one, five, fifteen] = reading.load;
    let facts = [
        format!("{:>5} % of {cores}", units::percent(reading.cpu_percent)),
        format!("load {one:>6.2} {five:>6.2} {fifteen:>6.2}"),
        "over 1, 5, 15 min".to_owned(),
    ];
    head(state, "CPU", &facts, area, buffer);
    let label = |value: f32| format!("{value:.0} %");
    picture(state, snapshot, &state.host.cpu, 100.0, &label, area, buffer);
}

/// The memory.
pub(super) fn memory(state: &State, snapshot: &Snapshot, area: Rect, buffer: &mut Buffer) {
    let reading = &snapshot.host_reading;
    let swap = match reading.swap_total {
        0 => "no swap".to_owned(),
        // The word stands where it stands, whatever is used.
        _ => format!("swap {}", units::bytes(reading.swap_used)),
    };
    let whole = match reading.swap_total {
        0 => String::new(),
        total => format!("of {}", units::bytes(total)),
    };
    let facts = [
        format!("{:>6} of {}", units::bytes(reading.memory_used), units::bytes(reading.memory_total)),
        format!("{:>7} available", units::bytes(reading.memory_available)),
        swap,
        whole,
    ];
    head(state, "MEMORY", &facts, area, buffer);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let label = |value: f32| if value < 1.0 { "0".to_owned() } else { units::bytes(value as u64) };
    #[allow(clippy::cast_precision_loss)]
    let total = reading.memory_total as f32;
    picture(state, snapshot, &state.host.memory, total, &label, area, buffer);
}

/// The first line of a part: its name and as many facts as there is room for.
fn head(state: &State, name: &str, facts: &[String], area: Rect, buffer: &mut Buffer) {
    let theme = &state.settings.theme;
    let mut x = canvas::put(buffer, area.x, area.y, area.width, &format!("{name:<6}"), theme.heading) + 1;
    for fact in facts {
        if x + canvas::cells(fact) > area.right() {
            break;
        }
        x = canvas::put(buffer, x, area.y, area.right() - x, fact, Style::new()) + 2;
    }
}

/// The course below it.
fn picture(state: &State, snapshot: &Snapshot, course: &Course, top: f32, label: &dyn Fn(f32) -> String, area: Rect, buffer: &mut Buffer) {
    let scale = Scale { top, limit: None, label, label_width: LABEL };
    let points = course.cells(scale.cells(area.width), chart::POINTS_PER_CELL, snapshot.taken.boot);
    let place = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    chart::draw(&state.settings, place, &points, scale, buffer);
}

/// How long work had to wait.
pub(super) fn pressure(state: &State, snapshot: &Snapshot, area: Rect, buffer: &mut Buffer) {
    let pressure = &snapshot.host_reading.pressure;
    let columns = [
        Column::words("PRESSURE", 12),
        Column::number("SOME 10 S", 11),
        Column::number("60 S", 8),
        Column::number("FULL 10 S", 11),
        Column::number("60 S", 8),
    ];
    headings(state, &columns, area, buffer);
    for (y, (name, reading)) in
        (area.y + 1..area.bottom()).zip([("processor", pressure.cpu), ("memory", pressure.memory), ("disk", pressure.io)])
    {
        let place = Rect { y, height: 1, ..area };
        let told = match reading {
            Reading::Known(known) => {
                numbers(state, name, known, &columns, place, buffer);
                continue;
            }
            Reading::Gone => "not offered by this kernel",
            Reading::Denied => "may not be read",
            Reading::Unasked => state.settings.glyphs.ellipsis,
        };
        canvas::put(buffer, area.x, y, area.width, name, Style::new());
        canvas::put_fit(&state.settings, buffer, area.x + 15, y, area.width.saturating_sub(15), told, state.settings.theme.dim);
    }
}

fn numbers(state: &State, name: &str, pressure: Pressure, columns: &[Column], area: Rect, buffer: &mut Buffer) {
    let theme = &state.settings.theme;
    let averages =
        [Some(pressure.some.ten), Some(pressure.some.sixty), pressure.full.map(|full| full.ten), pressure.full.map(|full| full.sixty)];
    let cell = |average: Option<f32>| match average {
        Some(percent) if percent >= MUCH => (format!("{} %", units::percent(percent)), theme.warning),
        Some(percent) => (format!("{} %", units::percent(percent)), Style::new()),
        None => (NOTHING.to_owned(), theme.dim),
    };
    let cells: Vec<(String, Style)> = std::iter::once((name.to_owned(), Style::new())).chain(averages.into_iter().map(cell)).collect();
    line(state, columns, &cells, area, buffer);
}

/// What berth costs.
pub(super) fn own(state: &State, snapshot: &Snapshot, area: Rect, buffer: &mut Buffer) {
    let (own, theme) = (&snapshot.host_reading.own, &state.settings.theme);
    let columns = [
        Column::words("BERTH", 12),
        Column::number("CPU", 8),
        Column::number("MEMORY", 8),
        Column::number("ONE LOOK", 10),
        Column::number("SENT", 10),
    ];
    headings(state, &columns, area, buffer);
    let known = |text: Option<String>| match text {
        Some(text) => (text, Style::new()),
        None => (state.settings.glyphs.ellipsis.to_owned(), theme.dim),
    };
    let cells = [
        ("this console".to_owned(), Style::new()),
        known(own.cpu_percent.map(|percent| format!("{} %", units::percent(percent)))),
        known(own.memory_bytes.map(units::bytes)),
        known(own.look.map(|look| format!("{:.1} ms", look.as_secs_f64() * 1000.0))),
        known(state.host.sent_a_second().map(units::rate)),
    ];
    line(state, &columns, &cells, Rect { y: area.y + 1, height: 1, ..area }, buffer);
}

/// What is not known because it may not be seen.
pub(super) fn hidden(count: Option<usize>) -> String {
    count.map_or_else(|| HIDDEN.to_owned(), |count| count.to_string())
}
