//! The log pane: lines, newest at the bottom, coloured by the level that they name; what was found, marked and chosen in them.
//!
//! It must never show a gap without saying so: dropped lines and rotations have their mark, what is left out stands in the title.

mod before;
mod stamp;
mod strips;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::{LogLevel, LogLine};
use crate::link::Goal;
use crate::tui::layout::Layout;
use crate::tui::state::log::{Log, Phase, Sieve, Times};
use crate::tui::state::{Pane, State};

use super::canvas;

pub use before::names;

/// Draws it. `named` when nothing beside it says whose log it is.
pub fn draw(state: &State, area: Rect, named: bool, buffer: &mut Buffer) {
    let settings = &state.settings;
    let title = match (&state.log.of, state.log.together.len()) {
        (Some(id), 0) if named => format!("{id} {} log", settings.glyphs.dot),
        (_, 0) => "log".to_owned(),
        (_, count) => format!("{count} logs as one"),
    };
    canvas::title(settings, Rect { height: 1, ..area }, &title, state.focus == Pane::Log, &parts(state, usize::from(area.width)), buffer);
    let inside = inside(area);
    match (notice(state), state.log.view.lines.is_empty()) {
        (Some(sentence), true) => {
            // What can be done about it begins a line.
            let pieces = sentence.split("; ").flat_map(|part| canvas::wrap(part, usize::from(inside.width)));
            for (y, piece) in (inside.y..inside.bottom()).zip(pieces) {
                canvas::put(buffer, inside.x, y, inside.width, piece, settings.theme.dim);
            }
        }
        _ => strips::draw(state, inside, buffer),
    }
}

/// Where the lines are: a column on the left is for signs.
fn inside(area: Rect) -> Rect {
    Rect { x: area.x + 1, y: area.y + 1, width: area.width.saturating_sub(2), height: area.height.saturating_sub(1) }
}

/// How many cells a line's own text has.
pub fn text_width(state: &State) -> usize {
    let width = Layout::of(state).and_then(|layout| layout.log).map_or(80, |area| usize::from(inside(area).width));
    width.saturating_sub(before::width(state)).max(1)
}

/// What of a line is shown: all of it, or what follows its own stamp where berth's stands before it.
pub fn text(line: &LogLine, times: Times) -> &str {
    let text = line.text.as_str();
    let is_told_already = times != Times::Off && line.at.is_some();
    let begin = if is_told_already { stamp::end(text).unwrap_or(0) } else { 0 };
    text.get(begin..).unwrap_or(text)
}

/// How many rows a line takes when it is wrapped.
pub fn rows(line: &LogLine, times: Times, width: usize) -> usize {
    canvas::wrap(text(line, times), width).len()
}

/// The last line that still has room when they are wrapped and begin at the top.
pub fn fitting(log: &Log, width: usize, most: usize) -> Option<u64> {
    let lines = &log.view.lines;
    let mut used = 0;
    let fits = |line: &&LogLine| {
        used += rows(line, log.times, width);
        used <= most
    };
    lines.iter().take_while(fits).last().or(lines.first()).map(|line| line.number)
}

/// Why there is nothing to see, and what to do about it.
fn notice(state: &State) -> Option<String> {
    let log = &state.log;
    let try_again = if state.focus == Pane::Log { "; f tries again" } else { "" };
    match (&log.phase, &log.view.notice) {
        (Phase::Failed(why), _) => Some(format!("{why}{try_again}")),
        (Phase::Opening, _) => Some(state.settings.glyphs.ellipsis.to_owned()),
        (Phase::Closed, _) => None,
        (Phase::Open, Some(notice)) => Some(format!("{notice}{}", state.chosen().map_or("", advice))),
        (Phase::Open, None) if log.view.kept > 0 && (log.view.sifting.is_some() || log.view.reading.is_some()) => {
            Some("nothing so far".to_owned())
        }
        (Phase::Open, None) if log.view.kept > 0 && log.range().is_some() && log.view.untimed => {
            Some("the lines of this log have no times, so that none can be shown by time; Esc shows them all".to_owned())
        }
        (Phase::Open, None) if log.view.kept > 0 => {
            Some(format!("none of {} lines is left to be shown; Esc takes the last filter off", log.view.kept))
        }
        (Phase::Open, None) => Some("the log is empty so far; what is written to it comes here".to_owned()),
    }
}

/// What helps when there is no log.
fn advice(row: &std::sync::Arc<crate::domain::Row>) -> &'static str {
    if row.state.is_up() { "; Enter in the table shows where it writes" } else { "; s starts it" }
}

/// What the title says on its right, the least important first.
fn parts(state: &State, width: usize) -> Vec<String> {
    let (log, view, dot) = (&state.log, &state.log.view, state.settings.glyphs.dot);
    // There is nothing to follow, or to pause at, where there is no log.
    if log.phase != Phase::Open || (view.notice.is_some() && view.lines.is_empty()) {
        return Vec::new();
    }
    let mut parts = Vec::new();
    if log.wrap {
        parts.push("wrapped".to_owned());
    }
    match log.times {
        Times::Off => {}
        Times::Local => parts.push("local times".to_owned()),
        Times::Utc => parts.push("UTC".to_owned()),
        Times::Age => parts.push("ages".to_owned()),
    }
    if log.left > 0 {
        parts.push(format!("from column {}", log.left + 1));
    }
    match (view.dropped, view.dropped_bytes.div_ceil(1_000_000)) {
        (0, 0) => {}
        (lines, 0) => parts.push(format!("{lines} dropped")),
        (0, megabytes) => parts.push(format!("{megabytes} MB dropped")),
        (lines, megabytes) => parts.push(format!("{lines} lines and {megabytes} MB dropped")),
    }
    match view.gaps {
        0 => {}
        1 => parts.push("1 gap".to_owned()),
        gaps => parts.push(format!("{gaps} gaps")),
    }
    if !log.want().is_everything() && view.sifting.is_none() {
        parts.push(format!("{} of {}", view.shown, view.kept));
    }
    // That something is left out is told whatever the width; where there is no room for what, how much.
    let ascii = state.settings.glyphs.ascii;
    let sieves: Vec<String> = log.sieves.iter().map(|wish| sieve(wish, ascii)).collect();
    if sieves.len() > 1 && sieves.iter().map(|words| words.chars().count() + 4).sum::<usize>() > width / 2 {
        parts.push(format!("{} filters", sieves.len()));
    } else {
        parts.extend(sieves);
    }
    parts.extend(searched(log, ascii, state.settings.glyphs.ellipsis));
    parts.extend(progress(log, state.settings.glyphs.ellipsis));
    if let Some(select) = &log.select {
        let chosen = view.lines.iter().filter(|line| log.is_selected(line.number)).count();
        let more = [select.anchor, select.cursor].iter().any(|number| !log.sees(*number));
        parts.push(format!("{}{chosen} chosen", if more { "more than " } else { "" }));
    }
    parts.push(match (log.is_following(), view.unseen, view.unseen_errors) {
        (true, ..) if log.range().is_some_and(|range| range.until.is_some()) => "its end".to_owned(),
        (true, ..) => "following".to_owned(),
        (false, 0, _) => "paused".to_owned(),
        (false, new, 0) => format!("paused {dot} {new} new"),
        (false, new, 1) => format!("paused {dot} {new} new {dot} 1 new error"),
        (false, new, errors) => format!("paused {dot} {new} new {dot} {errors} new errors"),
    });
    parts
}

/// A wish about what is left out, in words.
fn sieve(sieve: &Sieve, ascii: bool) -> String {
    match sieve {
        Sieve::Keep(pattern) => format!("& {}", short(pattern.expression(), ascii)),
        Sieve::Drop(pattern) => format!("! {}", short(pattern.expression(), ascii)),
        Sieve::Level(LogLevel::Error) => "errors".to_owned(),
        Sieve::Level(LogLevel::Warn) => "warnings and worse".to_owned(),
        Sieve::Level(_) => "information and worse".to_owned(),
        Sieve::Range(range) => range.words.clone(),
    }
}

/// An expression as it fits into a title.
fn short(expression: &str, ascii: bool) -> String {
    crate::present::fit::cut(crate::domain::Shown::new(expression).as_str(), 24, ascii)
}

/// What is looked for, and how often it is there.
fn searched(log: &Log, ascii: bool, ellipsis: &str) -> Option<String> {
    let pattern = log.search.as_ref()?;
    let more = if log.view.sifting.is_some() || log.view.reading.is_some() { ellipsis } else { "" };
    let count = match (log.view.rank, log.view.found) {
        (0, found) => format!("{found}{more}"),
        (rank, found) => format!("{rank}/{found}{more}"),
    };
    Some(format!("/ {} {count}", short(pattern.expression(), ascii)))
}

/// How far what takes time is.
fn progress(log: &Log, ellipsis: &str) -> Option<String> {
    let doing = match log.seeking.map(|sought| sought.goal) {
        Some(Goal::Match) => "searching",
        Some(Goal::Error) => "looking for an error",
        None if log.view.reading.is_some() => "reading older lines",
        None if log.search.is_some() => "searching",
        None => "filtering",
    };
    let percent = log.view.reading.or(log.view.sifting)?;
    Some(format!("{doing}{ellipsis} {percent} %"))
}

#[cfg(test)]
mod tests;
