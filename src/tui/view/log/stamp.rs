//! The time that a line begins with, in fewer cells: in the small pane the day and the fractions take a third of the line.
//!
//! It must never hide that a line is of another day, nor in which zone its time is told.

use jiff::tz::TimeZone;

use crate::tui::state::log::Times;
use crate::tui::state::{Pane, State};

/// `2026-11-21T`.
const DAY: usize = 11;

/// `03:12:04`.
const TIME: usize = 8;

/// What is shown in the place of a line's own stamp, and where its text goes on; `None` where the whole line is to be seen.
pub fn short(state: &State, text: &str) -> Option<(String, usize)> {
    let log = &state.log;
    let is_small = state.large != Some(Pane::Log) && !log.wrap && log.left == 0 && log.times == Times::Off;
    let now = state.header.now.wall;
    let day = |zone: TimeZone| now.to_zoned(zone).date();
    let zone = &state.settings.zone;
    if !is_small {
        return None;
    }
    let (stamp, end) = parse(text, false)?;
    let today = day(if stamp.is_utc { TimeZone::UTC } else { zone.clone() });
    let is_here = !stamp.is_utc || zone.to_offset(now).seconds() == 0;
    (stamp.day == today.to_string()).then(|| (format!("{}{}", stamp.time, if is_here { "" } else { "Z" }), end))
}

/// Where a line's text goes on after its own stamp and the blanks that follow it.
pub fn end(text: &str) -> Option<usize> {
    let (_, end) = parse(text, true)?;
    let rest = text.get(end..)?;
    Some(end + rest.len() - rest.trim_start_matches(' ').len())
}

/// A stamp in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp<'line> {
    day: &'line str,
    time: &'line str,
    is_utc: bool,
}

/// The stamp at the beginning of a line, ISO 8601 with or without brackets, and where it ends; one with an offset from UTC where that
/// may be left out.
fn parse(text: &str, with_offset: bool) -> Option<(Stamp<'_>, usize)> {
    let begin = usize::from(text.starts_with('['));
    let (day, time) = (text.get(begin..begin + DAY - 1)?, text.get(begin + DAY..begin + DAY + TIME)?);
    let fits = |text: &str, pattern: &str| {
        let is_one = |(byte, wanted): (u8, u8)| if wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted };
        text.bytes().zip(pattern.bytes()).all(is_one)
    };
    let between = *text.as_bytes().get(begin + DAY - 1)?;
    if !(fits(day, "0000-00-00") && fits(time, "00:00:00") && matches!(between, b'T' | b' ')) {
        return None;
    }
    let mut end = begin + DAY + TIME;
    let rest = text.get(end..)?;
    if rest.starts_with(['.', ',']) {
        end += 1 + rest.bytes().skip(1).take_while(u8::is_ascii_digit).count();
    }
    let is_utc = text.get(end..)?.starts_with('Z');
    end += usize::from(is_utc);
    if with_offset && !is_utc {
        end += offset(text.get(end..)?);
    }
    if begin > 0 {
        end += usize::from(text.get(end..)?.starts_with(']'));
    }
    // What goes on here is no end of a stamp: an offset, a number.
    let is_end = text.get(end..)?.is_empty() || text.get(end..)?.starts_with(' ');
    is_end.then_some((Stamp { day, time, is_utc }, end))
}

/// The length of `+01:00`, `-0330` or `+01` at the beginning of a text; 0 of anything else.
fn offset(text: &str) -> usize {
    let bytes = text.as_bytes();
    if !matches!(bytes.first(), Some(b'+' | b'-')) {
        return 0;
    }
    let digits = |from: usize| bytes.iter().skip(from).take(2).filter(|byte| byte.is_ascii_digit()).count();
    let colon = usize::from(bytes.get(3) == Some(&b':'));
    match (digits(1), digits(3 + colon)) {
        (2, 2) => 5 + colon,
        (2, _) => 3,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::testing::console;

    #[test]
    fn stamps_are_told_from_what_looks_like_them() {
        let cases = [
            ("2026-11-21T03:12:04.120Z INFO x", Some(("03:12:04", true, " INFO x"))),
            ("2026-11-21T03:12:04Z", Some(("03:12:04", true, ""))),
            ("2026-11-21 03:12:04,120 WARN x", Some(("03:12:04", false, " WARN x"))),
            ("[2026-11-21T03:12:04.1Z] x", Some(("03:12:04", true, " x"))),
            ("2026-11-21T03:12:04+01:00 x", None),
            ("2026-11-21T03:12:041 x", None),
            ("2026-11-21T03:12 x", None),
            ("2026-11-2", None),
            ("2026-11-21T03:12:0日", None),
            ("listening on 8101", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let found = parse(text, false).map(|(stamp, end)| (stamp.time, stamp.is_utc, &text[end..]));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_stamp_that_is_told_already_is_left_out_with_its_blanks() {
        let cases = [
            ("2026-11-21T03:12:04.120Z INFO x", Some("INFO x")),
            ("[2026-11-21 03:12:04]   x", Some("x")),
            ("2026-11-21T03:12:04+01:00 x", Some("x")),
            ("2026-11-21T03:12:04.5-0330 x", Some("x")),
            ("2026-11-21 03:12:04+01 x", Some("x")),
            ("2026-11-21T03:12:04Z", Some("")),
            ("2026-11-21T03:12:04+1 x", None),
            ("03:12:04 INFO x", None),
            ("{\"time\":\"2026-11-21T03:12:04Z\"}", None),
        ];
        for (text, expected) in cases {
            assert_eq!(end(text).map(|end| &text[end..]), expected, "{text}");
        }
    }

    #[test]
    fn the_time_is_enough_today_and_in_the_small_pane_only() {
        let mut state = console(120, 40);
        let day = state.header.now.wall.to_zoned(TimeZone::UTC).date();
        let today = format!("{day}T03:12:04.120Z INFO x");
        assert_eq!(short(&state, &today), Some(("03:12:04".to_owned(), 24)));
        assert_eq!(short(&state, "1999-11-21T03:12:04.120Z INFO x"), None);
        state.settings.zone = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(short(&state, &today).unwrap().0, "03:12:04Z", "it is not the time of the header's clock");
        state.large = Some(Pane::Log);
        assert_eq!(short(&state, &today), None);
        (state.large, state.log.left) = (None, 5);
        assert_eq!(short(&state, &today), None);
    }
}
