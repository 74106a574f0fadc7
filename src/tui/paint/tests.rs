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
    let (width, height) = (24u16, 4u16);
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
