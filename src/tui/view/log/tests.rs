//! Where a server's colours lie in what is cut and wrapped.

use ratatui::style::{Color, Modifier};

use super::*;
use crate::domain::{LogColor, LogSpan, LogStyle, Shown};
use crate::link::Page;
use crate::tui::theme::Theme;

const WIDTH: u16 = 12;

fn coloured() -> LogLine {
    let mut line = LogLine::text(1, None, Shown::from("ab größe cd efgh"));
    let red = LogStyle { foreground: Some(LogColor::Indexed(1)), ..LogStyle::default() };
    let bold = LogStyle { bold: true, ..LogStyle::default() };
    line.spans =
        [LogSpan { start: 3, style: red }, LogSpan { start: 10, style: LogStyle::default() }, LogSpan { start: 14, style: bold }].into();
    line
}

/// What is drawn: each row's text, below it `r` for red and `b` for bold.
fn drawn(theme: Theme, wrap: bool, left: usize) -> Vec<String> {
    let mut state = crate::tui::testing::showing(&["alice"]);
    state.settings.theme = theme;
    (state.log.wrap, state.log.left) = (wrap, left);
    state.log.view = Page { lines: vec![coloured()], newest: 1, ..Page::default() };
    let area = Rect::new(0, 0, WIDTH, 2);
    let mut buffer = Buffer::empty(area);
    strips::draw(&state, area, &mut buffer);
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
