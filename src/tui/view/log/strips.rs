//! Lines as rows of the pane: cut or wrapped, in the server's colours, with what was found in them.
//!
//! It must never take longer for a long line than its length: a line of a hundred thousand characters is one of many.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::{before, stamp};
use crate::domain::{LogColor, LogLevel, LogLine, LogLineKind, LogStyle};
use crate::link::At;
use crate::present::fit::width as cells;
use crate::tui::state::State;
use crate::tui::state::log::Mark;
use crate::tui::view::canvas;

/// A row of the pane.
enum Row<'line> {
    /// Of a line's text: where it begins in it, and what of it is shown.
    /// `stamp`: what stands in the place of the text before it.
    Strip { line: &'line LogLine, begin: usize, text: String, stamp: String, is_first: bool },
    /// A rule with words in it, and whether it is among the chosen lines.
    Rule(String, bool),
}

/// The lines, the last one at the bottom once they fill the pane.
pub fn draw(state: &State, area: Rect, buffer: &mut Buffer) {
    let names = before::names(&state.log);
    let indent = before::width(state);
    let width = usize::from(area.width).saturating_sub(indent).max(1);
    let rows = rows(state, width, usize::from(area.width), usize::from(area.height));
    let hidden = rows.len().saturating_sub(usize::from(area.height));
    for (y, row) in (area.y..area.bottom()).zip(rows.into_iter().skip(hidden)) {
        match row {
            Row::Rule(text, chosen) => {
                let theme = &state.settings.theme;
                canvas::put(buffer, area.x, y, area.width, &text, if chosen { theme.chosen } else { theme.mark });
                if chosen {
                    canvas::put(buffer, area.x.saturating_sub(1), y, 1, state.settings.glyphs.chosen, theme.key);
                }
            }
            Row::Strip { line, begin, text, stamp, is_first } => {
                let mut x = area.x;
                if is_first {
                    for (piece, style) in before::pieces(state, line, &names) {
                        x = canvas::put(buffer, x, y, area.right().saturating_sub(x), &piece, style);
                    }
                }
                let x = area.x + u16::try_from(indent).unwrap_or(0);
                let x = canvas::put(buffer, x, y, area.right().saturating_sub(x), &stamp, style(state, line));
                let place = Rect { x, y, width: area.right().saturating_sub(x), height: 1 };
                draw_strip(state, line, begin, &text, place, buffer);
                if !is_first && area.x > 0 {
                    canvas::put(buffer, area.x.saturating_sub(1), y, 1, state.settings.glyphs.carried, state.settings.theme.dim);
                }
                if state.log.is_selected(line.number) || (state.log.current == Some(line.number) && is_first) {
                    canvas::put(buffer, area.x.saturating_sub(1), y, 1, state.settings.glyphs.chosen, state.settings.theme.key);
                }
            }
        }
    }
}

/// All rows of the page, what is below the screen left out.
fn rows<'state>(state: &'state State, width: usize, whole: usize, height: usize) -> Vec<Row<'state>> {
    let log = &state.log;
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut marks = log.marks.iter().peekable();
    for line in &log.view.lines {
        // Those before the page are out of sight.
        while marks.next_if(|mark| mark.after + 1 < line.number).is_some() {}
        while let Some(put) = marks.next_if(|mark| mark.after < line.number) {
            if !rows.is_empty() {
                rows.push(Row::Rule(mark(state, put, whole), false));
            }
        }
        if log.wrap
            && rows.len() >= height
            && let At::Ending(end) = log.at
            && line.number > end
        {
            break;
        }
        add(state, line, width, whole, &mut rows);
    }
    let last = log.view.lines.last().map_or(0, |line| line.number);
    rows.extend(marks.filter(|mark| mark.after == last || log.view.is_newest).map(|put| Row::Rule(mark(state, put, whole), false)));
    let below = if log.wrap { log.below.min(rows.len().saturating_sub(1)) } else { 0 };
    rows.truncate(rows.len() - below);
    rows
}

/// A line's rows.
fn add<'state>(state: &State, line: &'state LogLine, width: usize, whole: usize, rows: &mut Vec<Row<'state>>) {
    let all = line.text.as_str();
    let text = super::text(line, state.log.times);
    let own = all.len() - text.len();
    if line.kind == LogLineKind::Mark {
        rows.push(Row::Rule(rule(state, all, whole), state.log.is_selected(line.number)));
    } else if state.log.wrap {
        let begin = |piece: &str| own + piece.as_ptr().addr() - text.as_ptr().addr();
        let pieces = canvas::wrap(text, width).into_iter();
        rows.extend(pieces.enumerate().map(|(index, piece)| Row::Strip {
            line,
            begin: begin(piece),
            text: piece.to_owned(),
            stamp: String::new(),
            is_first: index == 0,
        }));
    } else {
        let (stamp, begin) = stamp::short(state, text).unwrap_or_else(|| (String::new(), canvas::take(text, state.log.left).len()));
        let width = width.saturating_sub(stamp.len());
        // A little more than fits tells that it goes on.
        let shown = canvas::take(text.get(begin..).unwrap_or_default(), width + 2);
        let cut = u16::try_from(width).unwrap_or(u16::MAX);
        let text = canvas::fit(&state.settings, shown, cut);
        rows.push(Row::Strip { line, begin: own + begin, text, stamp, is_first: true });
    }
}

/// A row of a line: its own style, the server's colours in it, what was found over both.
fn draw_strip(state: &State, line: &LogLine, begin: usize, text: &str, area: Rect, buffer: &mut Buffer) {
    let theme = &state.settings.theme;
    let style = style(state, line);
    // Without colours there are none of the server's either; its bold would pass for ours.
    if line.spans.is_empty() || !theme.has_colours() || state.log.is_selected(line.number) {
        canvas::put(buffer, area.x, area.y, area.width, text, style);
    } else {
        draw_coloured(line, begin, text, area, style, buffer);
    }
    let Some(pattern) = &state.log.search else { return };
    for place in
        pattern.places(line.text.as_str()).skip_while(|place| place.end <= begin).take_while(|place| place.start < begin + text.len())
    {
        let (from, to) = (floor(text, place.start.saturating_sub(begin)), floor(text, place.end - begin));
        let (Some(before), Some(found)) = (text.get(..from), text.get(from..to)) else { continue };
        let x = area.x.saturating_add(u16::try_from(cells(before)).unwrap_or(u16::MAX)).min(area.right());
        let width = u16::try_from(cells(found)).unwrap_or(u16::MAX).min(area.right() - x);
        buffer.set_style(Rect { x, width, ..area }.intersection(buffer.area), theme.focus);
    }
}

/// A row in the server's own colours. What was cut or put in place of the rest has the colour of what it stands for.
fn draw_coloured(line: &LogLine, begin: usize, text: &str, area: Rect, base: Style, buffer: &mut Buffer) {
    let mut x = area.x;
    let mut at = 0;
    for (piece, style) in line.pieces() {
        let (from, to) = (at, at + piece.len());
        at = to;
        if to <= begin {
            continue;
        }
        let from = from.saturating_sub(begin);
        let to = if at == line.text.as_str().len() { usize::MAX } else { to - begin };
        let (from, to) = (floor(text, from), floor(text, to));
        let Some(shown) = text.get(from..to).filter(|shown| !shown.is_empty()) else { break };
        x = canvas::put(buffer, x, area.y, area.right().saturating_sub(x), shown, base.patch(of_server(style)));
    }
}

/// The end of the character that a place lies in: an ellipsis is not as long as what it stands for.
fn floor(text: &str, at: usize) -> usize {
    (at.min(text.len())..=text.len()).find(|index| text.is_char_boundary(*index)).unwrap_or(text.len())
}

/// A server's style. The painter makes of its colours what the terminal has.
fn of_server(style: LogStyle) -> Style {
    let wanted = [
        (style.bold, Modifier::BOLD),
        (style.dim, Modifier::DIM),
        (style.italic, Modifier::ITALIC),
        (style.underline, Modifier::UNDERLINED),
        (style.reverse, Modifier::REVERSED),
    ];
    let modifier = wanted.into_iter().filter(|(is_on, _)| *is_on).fold(Modifier::empty(), |all, (_, modifier)| all | modifier);
    let drawn = Style { fg: style.foreground.map(colour), bg: style.background.map(colour), ..Style::new() };
    drawn.add_modifier(modifier)
}

fn colour(colour: LogColor) -> Color {
    const SIXTEEN: [Color; 16] = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    match colour {
        // The terminal's own sixteen, which its user chose to be readable.
        LogColor::Indexed(index) => SIXTEEN.get(usize::from(index)).copied().unwrap_or(Color::Indexed(index)),
        LogColor::Rgb(red, green, blue) => Color::Rgb(red, green, blue),
    }
}

/// A text in a rule across the pane.
fn rule(state: &State, text: &str, width: usize) -> String {
    let rule = state.settings.glyphs.rule;
    let text = format!("{} {text} ", rule.repeat(2));
    let rest = width.saturating_sub(cells(&text));
    canvas::fit(&state.settings, &(text + &rule.repeat(rest)), u16::try_from(width).unwrap_or(u16::MAX))
}

/// A mark that somebody put, with its time.
fn mark(state: &State, mark: &Mark, width: usize) -> String {
    let at = mark.at.to_zoned(state.settings.zone.clone());
    rule(state, &at.strftime("mark %H:%M:%S").to_string(), width)
}

fn style(state: &State, line: &LogLine) -> Style {
    let theme = &state.settings.theme;
    if state.log.is_selected(line.number) {
        return theme.chosen;
    }
    match line.level {
        Some(LogLevel::Error) => theme.log_error,
        Some(LogLevel::Warn) => theme.log_warn,
        Some(LogLevel::Debug) => theme.log_debug,
        Some(LogLevel::Info) | None => Style::new(),
    }
}
