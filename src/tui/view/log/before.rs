//! What stands before a line's own text: whose it is, and when it was written.
//!
//! It must never change its width while one looks: the text beside it would jump.

use jiff::Timestamp;
use ratatui::style::{Color, Style};

use crate::domain::{LogLine, LogLineKind};
use crate::present::fit::{Align, fit, width as cells};
use crate::tui::state::State;
use crate::tui::state::log::{Log, Times};

/// The widest name.
const NAME: usize = 16;

/// `   03:12:04.120`, or `20 Nov 22:00:41`: the line's own stamp is left out beside it, so that no second may be missing.
const CLOCK: usize = 15;

/// `59 min`.
const AGE: usize = 7;

/// The names of logs that are read as one, all equally wide; none where it is one alone.
pub fn names(log: &Log) -> Vec<String> {
    let names: Vec<String> = log.together.iter().map(ToString::to_string).collect();
    let widest = names.iter().map(|name| cells(name)).max().unwrap_or(0).min(NAME);
    names.iter().map(|name| fit(name, widest, Align::Left, false)).collect()
}

/// How many cells all of it takes, with the blank after it.
pub fn width(state: &State) -> usize {
    let name = names(&state.log).first().map_or(0, |name| cells(name) + 1);
    let time = match state.log.times {
        Times::Off => 0,
        Times::Local => CLOCK + 1,
        Times::Utc => CLOCK + 2,
        Times::Age => AGE + 1,
    };
    name + time
}

/// The pieces before a line, each with its style.
pub fn pieces(state: &State, line: &LogLine, names: &[String]) -> Vec<(String, Style)> {
    let mut pieces = Vec::new();
    if let Some(name) = names.get(usize::from(line.source)) {
        pieces.push((format!("{name} "), name_style(state, line.source)));
    }
    if state.log.times != Times::Off {
        let (told, width) = match state.log.times {
            Times::Age => (line.at.map(|at| age(at, state.header.now.wall)), AGE),
            Times::Utc => (line.at.map(|at| format!("{}Z", clock(state, at, true))), CLOCK + 1),
            _ => (line.at.map(|at| clock(state, at, false)), CLOCK),
        };
        let told = told.filter(|_| line.kind == LogLineKind::Text).unwrap_or_default();
        pieces.push((format!("{} ", fit(&told, width, Align::Right, state.settings.glyphs.ascii)), state.settings.theme.dim));
    }
    pieces
}

/// Each log has a colour, none of which means anything.
fn name_style(state: &State, source: u16) -> Style {
    const COLOURS: [Color; 6] = [Color::Cyan, Color::Magenta, Color::Blue, Color::Green, Color::LightCyan, Color::LightMagenta];
    if !state.settings.theme.has_colours() {
        return state.settings.theme.dim;
    }
    Style::new().fg(COLOURS.get(usize::from(source) % COLOURS.len()).copied().unwrap_or(Color::Cyan))
}

/// The time of day; of another day, that too, to the second.
fn clock(state: &State, at: Timestamp, utc: bool) -> String {
    let zone = if utc { jiff::tz::TimeZone::UTC } else { state.settings.zone.clone() };
    let (at, now) = (at.to_zoned(zone.clone()), state.header.now.wall.to_zoned(zone));
    at.strftime(if at.date() == now.date() { "%H:%M:%S.%3f" } else { "%d %b %H:%M:%S" }).to_string()
}

/// How long ago.
fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs().max(0);
    match seconds {
        0..100 => format!("{seconds} s"),
        100..6000 => format!("{} min", seconds / 60),
        6000..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit_and_fit() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let table =
            [(-5, "0 s"), (0, "0 s"), (99, "99 s"), (100, "1 min"), (5999, "99 min"), (6000, "1 h"), (172_799, "47 h"), (172_800, "2 d")];
        for (seconds, told) in table {
            let text = age(Timestamp::from_second(1_000_000 - seconds).unwrap(), now);
            assert_eq!(text, told);
            assert!(text.len() <= AGE);
        }
    }
}
