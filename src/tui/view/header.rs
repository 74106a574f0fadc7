//! The first line, which answers "is it fine?", and the banner with the worst thing.
//!
//! It must never leave out what is wrong to make room for what is not.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{Level, Snapshot, State as Doing, words};
use crate::present::paint::Tone;
use crate::present::{units, wording};
use crate::tui::state::State;

use super::canvas;

/// A piece of the line.
type Part = (String, Style);

/// Draws the first line: left who and where, in the middle how it stands, right the time.
pub fn draw(state: &State, area: Rect, buffer: &mut Buffer) {
    let (settings, wide) = (&state.settings, area.width >= 100);
    let mut x = canvas::put(buffer, area.x, area.y, area.width, "berth", settings.theme.brand);
    let time = state.header.now.wall.to_zoned(settings.zone.clone()).strftime("%H:%M:%S").to_string();
    canvas::put_right(buffer, area.right(), area.y, area.width, &time, settings.theme.header);
    let Some(snapshot) = &state.snapshot else { return };
    let caller = &settings.caller;
    let mut left = format!("{} {} {}", snapshot.host, settings.glyphs.dot, caller.name);
    if wide {
        left.push_str(&format!(" ({})", caller.role.word()));
    }
    x += if wide { 2 } else { 1 };
    x = canvas::put_fit(settings, buffer, x, area.y, area.width / 3, &left, settings.theme.header);
    let end = area.right().saturating_sub(canvas::cells(&time) + 2);
    let mut parts = counts(state, snapshot, wide);
    parts.extend(warnings(state, snapshot));
    let width = |parts: &[Part]| parts.iter().map(|(text, _)| canvas::cells(text) + 2).sum::<u16>().saturating_sub(2);
    // What stands further left matters more: the rest leaves, the range first.
    while !parts.is_empty() && x + 2 + width(&parts) > end {
        parts.pop();
    }
    x = if wide { (x + 3).max(end.saturating_sub(width(&parts) + 1)) } else { x + 2 };
    for (text, style) in parts {
        x = canvas::put(buffer, x, area.y, end.saturating_sub(x), &text, style) + 2;
    }
}

/// `42 instances  ● 38 up  ▲ 2 degraded  ✖ 1 crashed  conflicts 1`; narrow without the words.
fn counts(state: &State, snapshot: &Snapshot, wide: bool) -> Vec<Part> {
    let (theme, ascii, totals) = (&state.settings.theme, state.settings.glyphs.ascii, &snapshot.totals);
    let sum = |states: &[Doing]| states.iter().map(|state| totals.in_state(*state)).sum::<usize>();
    let mut parts = Vec::new();
    if state.header.held {
        let at = words::clock(snapshot.taken.wall, state.header.now.wall, &state.settings.zone);
        parts.push((format!("held {at}"), theme.focus));
    } else if let Some(lag) = state.header.lag(snapshot) {
        parts.push((format!("{} old", units::uptime(lag)), theme.error));
    }
    if state.header.locked {
        parts.push((if state.settings.read_only { "read-only" } else { "locked" }.to_owned(), theme.warning));
    }
    parts.push((if wide { plural(totals.instances, "instance") } else { format!("{}:", totals.instances) }, theme.header));
    let groups: [(&[Doing], &str); 7] = [
        (&[Doing::Running], "up"),
        (&[Doing::Degraded], "degraded"),
        (&[Doing::Crashed, Doing::CrashLoop], "crashed"),
        (&[Doing::Stopped], "down"),
        (&[Doing::Starting], "starting"),
        (&[Doing::Stopping], "stopping"),
        (&[Doing::Unknown], "unknown"),
    ];
    for (states, word) in groups {
        let count = sum(states);
        if let Some(first) = states.first().filter(|_| count > 0) {
            let sign = wording::state_sign(*first, ascii);
            let text = if wide { format!("{sign} {count} {word}") } else { format!("{sign} {count}") };
            parts.push((text, theme.tone(Tone::of_state(*first))));
        }
    }
    parts
}

/// Conflicts, and how full the range is.
fn warnings(state: &State, snapshot: &Snapshot) -> Vec<Part> {
    let (theme, totals) = (&state.settings.theme, &snapshot.totals);
    let mut parts = Vec::new();
    if totals.conflicts > 0 {
        parts.push((format!("conflicts {}", totals.conflicts), theme.error));
    }
    parts.push((format!("ports {}/{}", totals.ports_in_use, snapshot.range.count()), theme.dim));
    parts
}

/// `1 instance`, `2 instances`.
fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// Draws the worst thing in one sentence, and on the right how to see more.
pub fn draw_banner(state: &State, area: Rect, buffer: &mut Buffer) {
    let (settings, theme) = (&state.settings, &state.settings.theme);
    let (Some(snapshot), Some(banner)) = (&state.snapshot, &state.header.banner) else { return };
    let sign = wording::level_sign(banner.level, settings.glyphs.ascii);
    let style = theme.tone(Tone::of_level(banner.level));
    let others = snapshot.findings.len().saturating_sub(usize::from(banner.finding.is_some()));
    let hint = match others {
        _ if banner.level == Level::Note => String::new(),
        0 => "e problems".to_owned(),
        _ => format!("{others} more  e problems"),
    };
    let room = area.width.saturating_sub(canvas::cells(&hint) + 2);
    canvas::put_fit(settings, buffer, area.x, area.y, room, &format!("{sign} {}", banner.sentence), style);
    canvas::put_right(buffer, area.right(), area.y, area.width, &hint, theme.dim);
}
