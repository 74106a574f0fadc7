//! What the instance uses, over the last minutes: CPU, memory, lines of log, with its limits drawn in.
//!
//! It must never draw a point that was not read.

use ratatui::style::Style;

use super::{LABEL, Line, labelled};
use crate::domain::{Reading, Row};
use crate::present::columns::Column;
use crate::present::{units, wording};
use crate::tui::state::State;
use crate::tui::state::detail::{History, POINT, POINTS, Point};
use crate::tui::view::pictures::{self, Course};

/// A full column of the CPU picture means at least this, in tenths of a percent.
const FULL_CPU: u32 = 200;

/// A full column of the memory picture means at least this, in KiB.
const FULL_MEMORY: u32 = 16 * 1024;

/// A full column of the log's picture means at least this many lines in a point.
const FULL_LINES: u32 = 10;

/// How high a picture is where there is room.
const HIGH: usize = 4;

/// CPU, memory and the log with their pictures, then what is counted.
pub fn lines(state: &State, row: &Row, width: u16, large: bool, lines: &mut Vec<Line>) {
    let empty = History::default();
    let history = state.detail.histories.get(&row.id).unwrap_or(&empty);
    for figure in figures(state, row, history, large) {
        // A scale without a point would take the room of what there is to say.
        let is_known = history.last(POINTS).flatten().any(|point| (figure.of)(&point).is_some());
        if large && is_known { chart(state, history, &figure, width, lines) } else { small(state, history, &figure, width, lines) }
    }
    let known =
        |reading: Reading<u64>, word: &str| reading.known().map(|count| wording::count(usize::try_from(count).unwrap_or(usize::MAX), word));
    let counts: Vec<String> = [known(row.tasks, "thread"), known(row.open_files, "open file")].into_iter().flatten().collect();
    if !counts.is_empty() {
        let processes = if row.processes.len() > 1 { format!("{} processes, ", row.processes.len()) } else { String::new() };
        labelled(state, lines, width, "has", &format!("{processes}{}", counts.join(", ")), Style::new());
    }
}

/// One measured thing.
struct Figure {
    label: &'static str,
    value: String,
    /// What a point has of it.
    of: fn(&Point) -> Option<u32>,
    /// A full column is at least this.
    least: u32,
    /// The limit, in the points' unit, and in words.
    limit: Option<(u32, String)>,
    /// A value of the scale in words.
    tell: fn(u32) -> String,
    /// The next round value of the scale, in the unit in which it is told.
    round: fn(u32) -> u32,
}

fn figures(state: &State, row: &Row, history: &History, large: bool) -> Vec<Figure> {
    let limits = row.limits.as_deref();
    let unit = if row.cpu_percent.known().is_some() { " %" } else { "" };
    let whole = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let mut figures = vec![
        Figure {
            label: "cpu",
            value: format!("{}{unit}", Column::Cpu.text(row, state.look())),
            of: |point| point.cpu.map(u32::from),
            least: FULL_CPU,
            // Hundredths of a percent, and the points are tenths.
            limit: limits.and_then(|limits| limits.cpu_max).map(|most| (whole(most / 10), format!("{} %", most / 100))),
            tell: |tenths| format!("{} %", tenths / 10),
            round: |tenths| round(tenths, 10),
        },
        Figure {
            label: "memory",
            value: Column::Memory.text(row, state.look()),
            of: |point| point.memory,
            least: FULL_MEMORY,
            limit: limits.and_then(|limits| limits.memory_max).map(|most| (whole(most / 1024), short(most))),
            // A scale is round, so that no digit of it moves with each look.
            tell: |kibibytes| short(u64::from(kibibytes) * 1024),
            round: |kibibytes| round(kibibytes, if kibibytes > 500 * 1024 { 1024 * 1024 } else { 1024 }),
        },
    ];
    if large {
        let newest = history.last(1).next().flatten().and_then(|point| point.lines);
        figures.push(Figure {
            label: "lines",
            value: newest.map_or_else(|| "-".to_owned(), |lines| format!("{}/s", rate(lines))),
            of: |point| point.lines,
            least: FULL_LINES,
            limit: None,
            tell: |lines| format!("{} lines/s", rate(lines).trim_end_matches(".0")),
            round: |lines| round(lines, u32::try_from(POINT.as_secs()).unwrap_or(1)),
        });
    }
    figures
}

/// Bytes of a scale or a limit, without the decimals of what is whole: "100 M", "1.5 G".
fn short(bytes: u64) -> String {
    units::bytes(bytes).replace(".00 ", " ").replace(".0 ", " ")
}

/// Lines a second, of the lines of one point.
fn rate(lines: u32) -> String {
    let a_second = f64::from(lines) / POINT.as_secs_f64();
    if a_second < 10.0 && lines > 0 { format!("{a_second:.1}") } else { format!("{a_second:.0}") }
}

/// `cpu   12.4 %  ▂▃▅▇▅  of 50 %`.
fn small(state: &State, history: &History, figure: &Figure, width: u16, lines: &mut Vec<Line>) {
    let theme = &state.settings.theme;
    let of = figure.limit.as_ref().map(|(_, words)| format!("  of {words}")).unwrap_or_default();
    let room = usize::from(width).saturating_sub(LABEL + 11 + of.len());
    let points: Vec<Option<Point>> = if room >= POINTS { history.last(POINTS).collect() } else { history.pairs(room.min(POINTS / 2)) };
    let values: Vec<Option<u32>> = points.iter().map(|point| point.as_ref().and_then(figure.of)).collect();
    let picture = pictures::graph(state.settings.glyphs, &values, top(&values, figure), 1).pop().unwrap_or_default();
    lines.push(vec![
        (format!("{:<LABEL$} ", figure.label), theme.dim),
        (format!("{:>8}  ", figure.value), Style::new()),
        (picture, theme.graph),
        (of, theme.dim),
    ]);
}

/// The same over several lines, with its scale at the right and the limit as a line of its own.
fn chart(state: &State, history: &History, figure: &Figure, width: u16, lines: &mut Vec<Line>) {
    let (theme, glyphs) = (&state.settings.theme, state.settings.glyphs);
    let values: Vec<Option<u32>> = history.last(POINTS).map(|point| point.as_ref().and_then(figure.of)).collect();
    let top = top(&values, figure);
    let scale = (figure.tell)(top);
    let cells = usize::from(width).saturating_sub(LABEL + 11 + 2 + 14).clamp(10, 2 * POINTS);
    let course = Course { points: &values, top, limit: figure.limit.as_ref().map(|(limit, _)| *limit) };
    let drawn = pictures::course(glyphs, &course, cells, HIGH);
    let limit_row = course.limit.and_then(|limit| pictures::row_of(limit, top, HIGH));
    for (index, picture) in drawn.into_iter().enumerate() {
        let is_last = index + 1 == HIGH;
        let (label, value) = if index == 0 { (figure.label, figure.value.as_str()) } else { ("", "") };
        let beside = match &figure.limit {
            Some((_, words)) if limit_row == Some(index) => format!("  limit {words}"),
            _ if index == 0 => format!("  {scale}"),
            _ if is_last => "  0".to_owned(),
            _ => String::new(),
        };
        lines.push(vec![
            (format!("{label:<LABEL$} "), theme.dim),
            (format!("{value:>8}  "), Style::new()),
            (picture, theme.graph),
            (beside, theme.dim),
        ]);
    }
}

/// The next of 1, 2, 5, 10, 20, 50 and so on of these units.
fn round(value: u32, unit: u32) -> u32 {
    let (value, mut step) = (u64::from(value), u64::from(unit.max(1)));
    loop {
        if let Some(next) = [1, 2, 5].map(|factor| step * factor).into_iter().find(|next| *next >= value) {
            return u32::try_from(next).unwrap_or(u32::MAX);
        }
        step *= 10;
    }
}

/// What a full column is: the limit where it is near enough to matter, else the next round value above what there was at most.
fn top(values: &[Option<u32>], figure: &Figure) -> u32 {
    let highest = values.iter().flatten().copied().max().unwrap_or(0).max(figure.least);
    let highest = (figure.round)(highest);
    match figure.limit {
        Some((limit, _)) if limit <= highest.saturating_mul(4) => limit.max(highest),
        _ => highest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(limit: Option<u32>) -> Figure {
        let limit = limit.map(|limit| (limit, String::new()));
        Figure {
            label: "",
            value: String::new(),
            of: |point| point.memory,
            least: 10,
            limit,
            tell: |value| value.to_string(),
            round: |value| round(value, 1),
        }
    }

    #[test]
    fn a_limit_makes_the_scale_unless_it_is_far_away() {
        let values = [Some(40), None, Some(20)];
        assert_eq!(top(&values, &figure(None)), 50);
        assert_eq!(top(&values, &figure(Some(100))), 100);
        assert_eq!(top(&values, &figure(Some(1000))), 50);
        assert_eq!(top(&values, &figure(Some(30))), 50, "over its limit");
        assert_eq!(top(&[None], &figure(None)), 10);
    }

    #[test]
    fn a_scale_is_round_in_its_own_unit() {
        let cases =
            [(1, 10, 10), (200, 10, 200), (201, 10, 500), (6, 5, 10), (11, 5, 25), (83 * 1024, 1024, 100 * 1024), (u32::MAX, 1, u32::MAX)];
        for (value, unit, expected) in cases {
            assert_eq!(round(value, unit), expected, "{value}");
        }
    }

    #[test]
    fn lines_are_told_by_the_second() {
        assert_eq!((rate(0), rate(3), rate(50), rate(7_000)), ("0".into(), "0.6".into(), "10".into(), "1400".into()));
    }
}
