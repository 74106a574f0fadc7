//! The log pane: the last lines, newest at the bottom, coloured by the level that they name.
//!
//! It must never show a gap without saying so: dropped lines and rotations have their mark.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use crate::domain::{LogColor, LogLevel, LogLine, LogLineKind, LogStyle};
use crate::tui::state::log::Phase;
use crate::tui::state::{Pane, State};
use crate::tui::theme::Theme;

use super::canvas;

/// Draws it. `named` when nothing beside it says whose log it is.
pub fn draw(state: &State, area: Rect, named: bool, buffer: &mut Buffer) {
    let settings = &state.settings;
    let title = match &state.log.of {
        Some(id) if named => format!("{id} {} log", settings.glyphs.dot),
        _ => "log".to_owned(),
    };
    canvas::title(settings, Rect { height: 1, ..area }, &title, state.focus == Pane::Log, &parts(state), buffer);
    let inside = Rect { x: area.x + 1, y: area.y + 1, width: area.width.saturating_sub(2), height: area.height.saturating_sub(1) };
    match (notice(state), state.log.view.lines.is_empty()) {
        (Some(sentence), true) => {
            for (y, piece) in (inside.y..inside.bottom()).zip(canvas::wrap(&sentence, usize::from(inside.width))) {
                canvas::put(buffer, inside.x, y, inside.width, piece, settings.theme.dim);
            }
        }
        _ => lines(state, inside, buffer),
    }
}

/// Why there is nothing to see.
fn notice(state: &State) -> Option<String> {
    match (&state.log.phase, &state.log.view.notice) {
        (Phase::Failed(why), _) => Some(why.to_string()),
        (Phase::Opening, _) => Some(state.settings.glyphs.ellipsis.to_owned()),
        (Phase::Closed, _) => None,
        (Phase::Open, Some(notice)) => Some(notice.to_string()),
        (Phase::Open, None) => Some("the log is empty so far".to_owned()),
    }
}

/// What the title says on its right, the least important first.
fn parts(state: &State) -> Vec<String> {
    let log = &state.log;
    if log.phase != Phase::Open {
        return Vec::new();
    }
    let mut parts = Vec::new();
    if log.wrap {
        parts.push("wrapped".to_owned());
    }
    if log.left > 0 {
        parts.push(format!("from column {}", log.left + 1));
    }
    match (log.view.dropped, log.view.dropped_bytes.div_ceil(1_000_000)) {
        (0, 0) => {}
        (lines, 0) => parts.push(format!("{lines} dropped")),
        (0, megabytes) => parts.push(format!("{megabytes} MB dropped")),
        (lines, megabytes) => parts.push(format!("{lines} lines and {megabytes} MB dropped")),
    }
    match (log.up_to, log.unseen()) {
        (None, _) => parts.push("following".to_owned()),
        (Some(_), 0) => parts.push("paused".to_owned()),
        (Some(_), unseen) => parts.push(format!("paused {} {unseen} new", state.settings.glyphs.dot)),
    }
    parts
}

/// A row of the pane: where in the line's text it begins, and what of it is shown.
struct Strip<'line> {
    line: &'line LogLine,
    begin: usize,
    text: String,
}

/// The lines, the last one at the bottom once they fill the pane.
fn lines(state: &State, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width);
    let mut strips: Vec<Strip<'_>> = Vec::new();
    for line in &state.log.view.lines {
        if line.kind == LogLineKind::Mark {
            let text = canvas::fit(&state.settings, &mark(state, line, width), area.width);
            strips.push(Strip { line, begin: 0, text });
            continue;
        }
        let text = line.text.as_str();
        if state.log.wrap {
            let begin = |piece: &str| piece.as_ptr().addr() - text.as_ptr().addr();
            strips.extend(canvas::wrap(text, width).into_iter().map(|piece| Strip { line, begin: begin(piece), text: piece.to_owned() }));
        } else {
            let begin = canvas::take(text, state.log.left).len();
            let shown = text.get(begin..).unwrap_or_default();
            strips.push(Strip { line, begin, text: canvas::fit(&state.settings, shown, area.width) });
        }
    }
    let hidden = strips.len().saturating_sub(usize::from(area.height));
    // Without colours there are none of the server's either; its bold would pass for ours.
    let is_coloured = state.settings.theme != Theme::plain();
    for (y, strip) in (area.y..area.bottom()).zip(strips.into_iter().skip(hidden)) {
        let style = style(state, strip.line);
        if strip.line.spans.is_empty() || !is_coloured {
            canvas::put(buffer, area.x, y, area.width, &strip.text, style);
        } else {
            draw_strip(&strip, Rect { y, height: 1, ..area }, style, buffer);
        }
    }
}

/// A row in the server's own colours. What was cut or put in place of the rest has the colour of what it stands for.
fn draw_strip(strip: &Strip<'_>, area: Rect, base: Style, buffer: &mut Buffer) {
    let mut x = area.x;
    let mut at = 0;
    for (piece, style) in strip.line.pieces() {
        let (from, to) = (at, at + piece.len());
        at = to;
        if to <= strip.begin {
            continue;
        }
        let from = from.saturating_sub(strip.begin);
        let to = if at == strip.line.text.as_str().len() { usize::MAX } else { to - strip.begin };
        let (from, to) = (floor(&strip.text, from), floor(&strip.text, to));
        let Some(shown) = strip.text.get(from..to).filter(|shown| !shown.is_empty()) else { break };
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

/// berth's own mark, as a rule across the pane.
fn mark(state: &State, line: &LogLine, width: usize) -> String {
    let rule = state.settings.glyphs.rule;
    let text = format!("{} {} ", rule.repeat(2), line.text);
    let rest = width.saturating_sub(usize::from(canvas::cells(&text)));
    text + &rule.repeat(rest)
}

fn style(state: &State, line: &LogLine) -> Style {
    let theme = &state.settings.theme;
    match (line.kind, line.level) {
        (LogLineKind::Mark, _) => theme.mark,
        (LogLineKind::Text, Some(LogLevel::Error)) => theme.log_error,
        (LogLineKind::Text, Some(LogLevel::Warn)) => theme.log_warn,
        (LogLineKind::Text, Some(LogLevel::Debug)) => theme.log_debug,
        (LogLineKind::Text, Some(LogLevel::Info) | None) => Style::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{LogSpan, LogView, Shown};

    const WIDTH: u16 = 12;

    fn coloured() -> LogLine {
        let mut line = LogLine::text(1, None, Shown::from("ab größe cd efgh"));
        let red = LogStyle { foreground: Some(LogColor::Indexed(1)), ..LogStyle::default() };
        let bold = LogStyle { bold: true, ..LogStyle::default() };
        line.spans =
            [LogSpan { start: 3, style: red }, LogSpan { start: 10, style: LogStyle::default() }, LogSpan { start: 14, style: bold }]
                .into();
        line
    }

    /// What is drawn: each row's text, below it `r` for red and `b` for bold.
    fn drawn(theme: Theme, wrap: bool, left: usize) -> Vec<String> {
        let mut state = crate::tui::testing::showing(&["alice"]);
        state.settings.theme = theme;
        (state.log.wrap, state.log.left) = (wrap, left);
        state.log.view = LogView { lines: vec![coloured()], oldest: 1, newest: 1, ..LogView::default() };
        let area = Rect::new(0, 0, WIDTH, 2);
        let mut buffer = Buffer::empty(area);
        lines(&state, area, &mut buffer);
        let row = |y: u16| {
            let text: String = (0..WIDTH).map(|x| buffer[(x, y)].symbol()).collect();
            let marks: String = (0..WIDTH)
                .map(|x| match &buffer[(x, y)] {
                    cell if cell.fg == Color::Red => 'r',
                    cell if cell.modifier.contains(Modifier::BOLD) => 'b',
                    _ => ' ',
                })
                .collect();
            [text.trim_end().to_owned(), marks.trim_end().to_owned()]
        };
        [row(0), row(1)].concat()
    }

    #[test]
    fn a_servers_colours_lie_where_it_put_them() {
        let theme = || Theme::for_depth(crate::tui::palette::Depth::Indexed).unwrap();
        assert_eq!(drawn(theme(), false, 0), ["ab größe cd…", "   rrrrr", "", ""]);
        assert_eq!(drawn(theme(), false, 5), ["öße cd efgh", "rrr    bbbb", "", ""]);
        assert_eq!(drawn(theme(), true, 0), ["ab größe cd", "   rrrrr", "efgh", "bbbb"]);
    }

    #[test]
    fn without_colours_there_are_none() {
        assert_eq!(drawn(Theme::plain(), false, 5), ["öße cd efgh", "", "", ""]);
    }
}
