//! Frames against what a terminal makes of their bytes.

use std::num::NonZero;

use super::*;
use proptest::prelude::*;
use ratatui::style::Style;

/// The bytes of a frame that holds these lines.
fn frame(painter: &mut Painter, width: u16, lines: &[&str], style: Style) -> String {
    let bytes = painter.frame(width, u16::try_from(lines.len()).unwrap(), |buffer| {
        for (y, line) in (0u16..).zip(lines) {
            buffer.set_stringn(0, y, line, usize::from(width), style);
        }
        None
    });
    String::from_utf8(bytes).unwrap()
}

#[test]
fn an_unchanged_frame_costs_nothing() {
    let mut painter = Painter::new(Depth::True, false);
    assert!(!frame(&mut painter, 10, &["abc", "def"], Style::new()).is_empty());
    assert_eq!(frame(&mut painter, 10, &["abc", "def"], Style::new()), "");
}

#[test]
fn a_ticking_clock_costs_a_few_bytes() {
    let mut painter = Painter::new(Depth::True, false);
    frame(&mut painter, 40, &["  12:04:31"], Style::new());
    assert_eq!(frame(&mut painter, 40, &["  12:04:32"], Style::new()), "\x1b[1;10H2");
}

#[test]
fn a_resize_and_a_redraw_paint_everything() {
    let mut painter = Painter::new(Depth::True, false);
    frame(&mut painter, 10, &["abc"], Style::new());
    assert!(frame(&mut painter, 12, &["abc"], Style::new()).contains("abc"));
    painter.forget();
    assert!(frame(&mut painter, 12, &["abc"], Style::new()).contains("\x1b[2J"));
    assert_eq!(frame(&mut painter, 12, &["abc"], Style::new()), "");
}

#[test]
fn no_colour_means_no_colour_codes() {
    let mut painter = Painter::new(Depth::None, false);
    let bytes = frame(&mut painter, 10, &["abc"], Style::new().fg(Color::Red).bg(Color::Rgb(1, 2, 3)).reversed());
    assert!(bytes.contains("\x1b[7mabc"), "{bytes:?}");
}

#[test]
fn ascii_terminals_get_ascii() {
    let mut painter = Painter::new(Depth::None, true);
    assert!(frame(&mut painter, 10, &["größe 日"], Style::new()).is_ascii());
}

#[test]
fn long_frames_are_synchronised() {
    let mut painter = Painter::new(Depth::True, false);
    let bytes = frame(&mut painter, 400, &[&"x".repeat(400)], Style::new());
    assert!(bytes.starts_with("\x1b[?2026h") && bytes.ends_with("\x1b[?2026l"));
}

#[test]
fn the_cursor_is_shown_only_where_it_is_wanted() {
    let mut painter = Painter::new(Depth::True, false);
    frame(&mut painter, 10, &["abc"], Style::new());
    let shown = painter.frame(10, 1, |buffer| {
        buffer.set_string(0, 0, "abc", Style::new());
        Some(Position::new(3, 0))
    });
    assert!(String::from_utf8(shown).unwrap().ends_with("\x1b[?25h"));
    assert_eq!(frame(&mut painter, 10, &["abc"], Style::new()), "\x1b[?25l");
}

#[test]
fn no_size_is_a_size() {
    let mut painter = Painter::new(Depth::True, false);
    painter.frame(0, 0, |_| None);
    painter.frame(1, 0, |_| None);
    painter.frame(0, 1, |_| None);
}

/// What an emulator shows after painting.
fn emulated(frames: &[Vec<(String, u8)>]) -> (Vec<String>, Vec<String>) {
    let (width, height) = (24u16, 8u16);
    let mut parser = vt100::Parser::new(NonZero::new(height).unwrap(), NonZero::new(width).unwrap(), 0);
    let mut painter = Painter::new(Depth::True, false);
    let mut expected = Vec::new();
    for lines in frames {
        let bytes = painter.frame(width, height, |buffer| {
            for (y, (line, color)) in (0u16..).zip(lines) {
                let style = Style::new().fg(Color::Indexed(color % 16));
                let style = if color % 3 == 0 { style.bold() } else { style.reversed() };
                buffer.set_stringn(u16::from(*color % 5), y, line, usize::from(width), style);
            }
            expected = (0..height).map(|y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned()).collect();
            None
        });
        parser.process(&bytes);
    }
    let shown = parser.screen().rows(0, width).map(|row| row.trim_end().to_owned()).collect();
    (shown, expected)
}

proptest! {
    #[test]
    fn an_emulator_shows_what_was_drawn(
        frames in proptest::collection::vec(proptest::collection::vec(("[a-z ─…]{0,26}", any::<u8>()), 0..=4), 1..6)
    ) {
        let (shown, expected) = emulated(&frames);
        prop_assert_eq!(shown, expected);
    }
}

#[test]
fn lines_that_moved_are_moved_by_the_terminal() {
    let mut painter = Painter::new(Depth::True, false);
    let all: Vec<String> = (0..20).map(|number| format!("line {number} says something of its own")).collect();
    let page = |from: usize, to: usize| -> Vec<&str> {
        ["title"].into_iter().chain(all[from..to].iter().map(String::as_str)).chain(["keys"]).collect()
    };
    frame(&mut painter, 40, &page(0, 10), Style::new());
    let up = frame(&mut painter, 40, &page(1, 11), Style::new());
    assert_eq!(up, "\x1b[2;11r\x1b[11H\n\x1b[r\x1b[11Hline 10 says something of its own");
    let down = frame(&mut painter, 40, &page(0, 10), Style::new());
    assert_eq!(down, "\x1b[2;11r\x1b[2H\x1bM\x1b[r\x1b[2Hline 0 says something of its own");
    let far = frame(&mut painter, 40, &page(3, 13), Style::new());
    assert!(far.contains("\n\n\n") && far.len() < 150, "{far:?}");
}

/// A screen of a title, lines of a text from one on, and a last line; `marked` has another style.
fn page(from: u8, marked: u8, last: &str) -> Vec<(String, u8)> {
    let lines =
        (0..4u8).map(|y| (format!("{} {}", from.wrapping_add(y) / 2, "─".repeat(usize::from(from.wrapping_add(y) % 3))), marked & y));
    std::iter::once(("title".to_owned(), 1)).chain(lines).chain([(last.to_owned(), 4)]).collect()
}

proptest! {
    #[test]
    fn what_moved_stands_where_it_should(steps in proptest::collection::vec((0u8..9, 0u8..4, "[a-c]{0,3}"), 1..8)) {
        let frames: Vec<Vec<(String, u8)>> = steps.iter().map(|(from, marked, last)| page(*from, *marked, last)).collect();
        let (seen, wanted) = emulated(&frames);
        prop_assert_eq!(seen, wanted);
    }
}
