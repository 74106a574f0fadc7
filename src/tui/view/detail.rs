//! The chosen instance: process, addresses, CPU and memory over the last minutes, findings with what helps, the last end, the configuration.
//!
//! It must never show an environment or anything else that may hold a secret.

mod configured;
mod process;
mod usage;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{Row, Shown};
use crate::present::paint::Tone;
use crate::present::{advice, announced, disk, health, limits, metrics, units, wording};
use crate::tui::state::detail::{POINT, POINTS};
use crate::tui::state::{Pane, State};

use super::canvas;

/// A line: pieces of text with their styles.
type Line = Vec<(String, Style)>;

/// The column in which what a line is about ends.
const LABEL: usize = 8;

/// Draws it.
pub fn draw(state: &State, area: Rect, buffer: &mut Buffer) {
    let (settings, focused) = (&state.settings, state.focus == Pane::Detail);
    let Some(row) = state.chosen() else {
        canvas::title(settings, Rect { height: 1, ..area }, "detail", focused, &[], buffer);
        return;
    };
    let span = units::uptime(POINT * u32::try_from(POINTS).unwrap_or(0));
    canvas::title(settings, Rect { height: 1, ..area }, &row.id.to_string(), focused, &[format!("last {span}")], buffer);
    let large = state.large == Some(Pane::Detail);
    let lines = lines(state, row, area.width.saturating_sub(3), large);
    let page = usize::from(area.height.saturating_sub(1));
    let top = state.detail.top.min(lines.len().saturating_sub(page));
    for (y, line) in (area.y + 1..area.bottom()).zip(lines.into_iter().skip(top)) {
        let mut x = area.x + 2;
        for (text, style) in line {
            x = canvas::put_fit(settings, buffer, x, y, area.right().saturating_sub(x + 1), &text, style);
        }
    }
}

/// Everything, top to bottom.
fn lines(state: &State, row: &Row, width: u16, large: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    let theme = &state.settings.theme;
    if let Some(why) = &row.why {
        labelled(state, &mut lines, width, row.state.word(), why.as_str(), theme.tone(Tone::of_state(row.state)));
    }
    problems(state, row, width, &mut lines);
    process::lines(state, row, width, &mut lines);
    answers(state, row, width, &mut lines);
    announced(state, row, width, &mut lines);
    usage::lines(state, row, width, large, &mut lines);
    written(state, row, width, large, &mut lines);
    for (index, (label, told)) in limits::lines(row).into_iter().enumerate() {
        let text = if label.is_empty() { told } else { format!("{label} {told}") };
        labelled(state, &mut lines, width, if index == 0 { "limits" } else { "" }, &text, Style::new());
    }
    order(state, row, width, &mut lines);
    configured::ends(state, row, width, large, &mut lines);
    configured::lines(state, row, width, large, &mut lines);
    if large {
        process::tree(state, row, width, &mut lines);
    }
    lines
}

/// Adds a text under a label, over several lines where it has to be.
fn labelled(state: &State, lines: &mut Vec<Line>, width: u16, label: &str, text: &str, style: Style) {
    let room = usize::from(width).saturating_sub(LABEL + 1).max(8);
    for (index, piece) in canvas::wrap(text, room).into_iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        lines.push(vec![(format!("{label:<LABEL$} "), state.settings.theme.dim), (piece.to_owned(), style)]);
    }
}

/// What is announced of it on the network.
fn announced(state: &State, row: &Row, width: u16, lines: &mut Vec<Line>) {
    let Some(snapshot) = &state.snapshot else { return };
    for (index, told) in announced::facts(&row.id, snapshot).into_iter().enumerate() {
        labelled(state, lines, width, if index == 0 { "mdns" } else { "" }, &told, Style::new());
    }
}

/// The findings with their evidence and what helps.
fn problems(state: &State, row: &Row, width: u16, lines: &mut Vec<Line>) {
    let (theme, ascii) = (&state.settings.theme, state.settings.glyphs.ascii);
    let Some(snapshot) = &state.snapshot else { return };
    let room = usize::from(width).saturating_sub(2).max(8);
    for finding in snapshot.findings_of(&row.id) {
        let sign = wording::level_sign(finding.level(), ascii);
        let style = theme.tone(Tone::of_level(finding.level()));
        for (index, piece) in canvas::wrap(&format!("{}: {}", finding.code.word(), finding.evidence), room).into_iter().enumerate() {
            lines.push(vec![(format!("{} {piece}", if index == 0 { sign } else { " " }), style)]);
        }
        // Where to see more is here.
        for advice in advice::advice(finding, snapshot, &state.settings.program).iter().filter(|advice| advice.label != "see it") {
            lines.extend(canvas::wrap(&advice.text, room).into_iter().map(|piece| vec![(format!("  {piece}"), theme.dim)]));
        }
    }
}

/// How it answers, and which server it says it is.
fn answers(state: &State, row: &Row, width: u16, lines: &mut Vec<Line>) {
    for (label, fact) in health::facts(row, None) {
        let style = if label == "health" { state.settings.theme.tone(Tone::of_health(row.health.state)) } else { Style::new() };
        labelled(state, lines, width, label, &fact, style);
    }
    let Some(counted) = row.probed.as_ref().and_then(|probed| probed.metrics.as_ref()) else { return };
    for (what, course) in metrics::courses(counted, usize::from(width).saturating_sub(LABEL + 1), state.settings.glyphs.ascii) {
        lines.push(vec![(format!("{what:>LABEL$} "), state.settings.theme.dim), (course, state.settings.theme.graph)]);
    }
}

/// What it has written, and the room that is left for it where there is room to say so.
fn written(state: &State, row: &Row, width: u16, large: bool, lines: &mut Vec<Line>) {
    let Some(snapshot) = &state.snapshot else { return };
    for (index, (_, fact)) in disk::facts(row, snapshot, state.look()).into_iter().enumerate() {
        if index == 0 || large {
            labelled(state, lines, width, if index == 0 { "disk" } else { "" }, &fact, Style::new());
        }
    }
}

/// What was asked of it last, and what came of it.
fn order(state: &State, row: &Row, width: u16, lines: &mut Vec<Line>) {
    let Some((verb, outcome)) = state.detail.outcomes.get(&row.id) else { return };
    let theme = &state.settings.theme;
    let style = if outcome.is_done() { theme.good } else { theme.error };
    // "stop stopped after 0.1 s" would say it twice.
    let label = if outcome.sentence.as_str().starts_with(verb.done()) { "result" } else { verb.word() };
    labelled(state, lines, width, label, outcome.sentence.as_str(), style);
    let mut more = |texts: &[Shown], style| {
        texts.iter().for_each(|text| labelled(state, lines, width, "", &state.settings.program.hint(text.as_str()), style));
    };
    more(&outcome.hints, theme.key);
    more(&outcome.log_lines, theme.dim);
}
