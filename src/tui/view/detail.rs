//! The chosen instance: process, addresses, CPU and memory over the last minutes, findings with what helps, the last end, the configuration.
//!
//! It must never show an environment or anything else that may hold a secret.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{Reading, Row, Shown, words};
use crate::present::columns::Column;
use crate::present::paint::Tone;
use crate::present::{advice, disk, limits, units, wording};
use crate::tui::state::detail::{POINT, POINTS, Point};
use crate::tui::state::{Pane, State};

use super::{canvas, pictures};

/// A line: pieces of text with their styles.
type Line = Vec<(String, Style)>;

/// The column in which what a line is about ends.
const LABEL: usize = 8;

/// A full column of the CPU picture means at least this, in tenths of a percent.
const FULL_CPU: u32 = 200;

/// A full column of the memory picture means at least this, in KiB.
const FULL_MEMORY: u32 = 16 * 1024;

/// Draws it.
pub fn draw(state: &State, area: Rect, buffer: &mut Buffer) {
    let (settings, focused) = (&state.settings, state.focus == Pane::Detail);
    let Some(row) = state.chosen() else {
        canvas::title(settings, Rect { height: 1, ..area }, "detail", focused, &[], buffer);
        return;
    };
    let span = units::uptime(POINT * u32::try_from(POINTS).unwrap_or(0));
    canvas::title(settings, Rect { height: 1, ..area }, &row.id.to_string(), focused, &[span], buffer);
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
    process(state, row, width, &mut lines);
    usage(state, row, width, large, &mut lines);
    written(state, row, width, large, &mut lines);
    for (index, (label, told)) in limits::lines(row).into_iter().enumerate() {
        let text = if label.is_empty() { told } else { format!("{label} {told}") };
        labelled(state, &mut lines, width, if index == 0 { "limits" } else { "" }, &text, Style::new());
    }
    order(state, row, width, &mut lines);
    if let Some(exit) = &row.exit {
        let at = words::clock(exit.at, state.header.now.wall, &state.settings.zone);
        labelled(state, &mut lines, width, "ended", &format!("{at}, {}", wording::ended(exit)), Style::new());
    }
    declared(state, row, width, large, &mut lines);
    if large {
        tree(state, row, width, &mut lines);
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
        for advice in advice::advice(finding, snapshot).iter().filter(|advice| advice.label != "see it") {
            lines.extend(canvas::wrap(&advice.text, room).into_iter().map(|piece| vec![(format!("  {piece}"), theme.dim)]));
        }
    }
}

/// The main process, the account and the addresses.
fn process(state: &State, row: &Row, width: u16, lines: &mut Vec<Line>) {
    let (settings, now) = (&state.settings, state.header.now.wall);
    let main = row.main.known().and_then(|key| row.processes.iter().find(|process| process.key == key));
    let mut facts = vec![match row.main {
        Reading::Known(key) => format!("pid {}", key.pid),
        Reading::Denied => "its process may not be seen".to_owned(),
        Reading::Gone => "no process".to_owned(),
        Reading::Unasked => settings.glyphs.ellipsis.to_owned(),
    }];
    facts.extend(main.map(|process| process.name.to_string()));
    // Under a shared account the owner's name says nothing of the uid.
    let account = if row.user.as_str() == row.id.owner() { String::new() } else { format!("{} ", row.user) };
    facts.push(format!("{account}uid {}", row.uid));
    facts.extend(row.started_at.filter(|_| row.state.is_up()).map(|at| format!("since {}", words::clock(at, now, &settings.zone))));
    lines.extend(pack(&facts, width).into_iter().map(|text| vec![(text, Style::new())]));
    let at: Vec<String> = row.listening.iter().map(|(endpoint, _)| endpoint.to_string()).collect();
    let text = match (at.is_empty(), row.port) {
        (false, _) => at.join("  "),
        (true, Some(port)) => format!("nothing; {port} is its port"),
        (true, None) => "nothing; it has no port".to_owned(),
    };
    labelled(state, lines, width, "listens", &text, Style::new());
}

/// Facts side by side, as many in a line as fit.
fn pack(facts: &[String], width: u16) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for fact in facts {
        match lines.last_mut() {
            Some(line) if canvas::cells(line) + 2 + canvas::cells(fact) <= width => {
                line.push_str("  ");
                line.push_str(fact);
            }
            _ => lines.push(fact.clone()),
        }
    }
    lines
}

/// CPU and memory with their pictures.
fn usage(state: &State, row: &Row, width: u16, large: bool, lines: &mut Vec<Line>) {
    let unit = if row.cpu_percent.known().is_some() { " %" } else { "" };
    let cpu = format!("{}{unit}", Column::Cpu.text(row, state.look()));
    let memory = Column::Memory.text(row, state.look());
    let empty = crate::tui::state::detail::History::default();
    let history = state.detail.histories.get(&row.id).unwrap_or(&empty);
    let room = usize::from(width).saturating_sub(LABEL + 11);
    let points: Vec<Option<Point>> = if room >= POINTS { history.last(POINTS).collect() } else { history.pairs(room.min(POINTS / 2)) };
    let rows = if large { 3 } else { 1 };
    let of_cpu = |point: &Option<Point>| point.and_then(|point| point.cpu).map(u32::from);
    let of_memory = |point: &Option<Point>| point.and_then(|point| point.memory);
    picture(state, lines, "cpu", &cpu, points.iter().map(of_cpu).collect(), FULL_CPU, rows);
    picture(state, lines, "memory", &memory, points.iter().map(of_memory).collect(), FULL_MEMORY, rows);
    let known = |reading: Reading<u64>, word: &str| reading.known().map(|count| format!("{count} {word}"));
    let counts: Vec<String> = [known(row.tasks, "threads"), known(row.open_files, "open files")].into_iter().flatten().collect();
    if !counts.is_empty() {
        let processes = if row.processes.len() > 1 { format!("{} processes, ", row.processes.len()) } else { String::new() };
        labelled(state, lines, width, "has", &format!("{processes}{}", counts.join(", ")), Style::new());
    }
}

/// A number with its history beside it; the number stands at the picture's foot.
fn picture(state: &State, lines: &mut Vec<Line>, label: &str, value: &str, points: Vec<Option<u32>>, least: u32, rows: usize) {
    let theme = &state.settings.theme;
    let top = points.iter().flatten().copied().max().unwrap_or(0).max(least);
    let drawn = pictures::graph(state.settings.glyphs, &points, top, rows);
    let last = drawn.len().saturating_sub(1);
    for (index, picture) in drawn.into_iter().enumerate() {
        let (label, value) = if index == last { (label, value) } else { ("", "") };
        lines.push(vec![
            (format!("{label:<LABEL$} "), theme.dim),
            (format!("{value:>8}  "), Style::new()),
            (picture.trim_end().to_owned(), theme.graph),
        ]);
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
    labelled(state, lines, width, verb.word(), outcome.sentence.as_str(), style);
    let mut more = |texts: &[Shown], style| texts.iter().for_each(|text| labelled(state, lines, width, "", text.as_str(), style));
    more(&outcome.hints, theme.key);
    more(&outcome.log_lines, theme.dim);
}

/// Where it is configured.
fn declared(state: &State, row: &Row, width: u16, large: bool, lines: &mut Vec<Line>) {
    let Some(declared) = &row.declared else {
        labelled(state, lines, width, "config", "none: it belongs to no instance", state.settings.theme.dim);
        return;
    };
    let path = |path: &std::path::Path| {
        use std::os::unix::ffi::OsStrExt;
        Shown::from_bytes(path.as_os_str().as_bytes()).to_string()
    };
    if let Some(fault) = &declared.fault {
        let place = [fault.line, fault.column].into_iter().flatten().map(|number| format!(":{number}")).collect::<String>();
        labelled(state, lines, width, "fault", &format!("{}{place}: {}", fault.file, fault.reason), state.settings.theme.error);
    }
    labelled(state, lines, width, "config", &path(&declared.config), Style::new());
    if large {
        labelled(state, lines, width, "log", &path(&declared.log), Style::new());
        labelled(state, lines, width, "pid file", &path(&declared.pid_file), Style::new());
        if let Some(workspace) = &declared.workspace {
            labelled(state, lines, width, "works in", &path(workspace), Style::new());
        }
        if let Some(name) = &declared.server_name {
            labelled(state, lines, width, "server", name.as_str(), Style::new());
        }
        labelled(state, lines, width, "by", row.supervisor.word(), Style::new());
    }
}

/// Its processes, the main one first.
fn tree(state: &State, row: &Row, width: u16, lines: &mut Vec<Line>) {
    for (index, process) in row.processes.iter().enumerate() {
        let label = if index == 0 { "tree" } else { "" };
        let text = format!("{:>7} {} {:>8}  {}", process.key.pid, process.state, units::bytes(process.memory_bytes), process.command);
        let room = width.saturating_sub(u16::try_from(LABEL + 1).unwrap_or(0));
        lines
            .push(vec![(format!("{label:<LABEL$} "), state.settings.theme.dim), (canvas::fit(&state.settings, &text, room), Style::new())]);
    }
}
