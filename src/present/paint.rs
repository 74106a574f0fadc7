//! What a colour means, and the few escape sequences that plain output may hold.
//!
//! It must never be the only bearer of a meaning: a sign or a word always says the same.

use crate::domain::{HealthState, Level, LogColor, LogLevel, LogLine, LogLineKind, LogStyle, State};

/// A meaning that has a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tone {
    /// Nothing to say.
    Plain,
    /// As it should be.
    Good,
    /// Somebody should look.
    Warn,
    /// Something is broken.
    Bad,
    /// On its way.
    Busy,
    /// In the background.
    Dim,
    /// A heading.
    Strong,
}

impl Tone {
    /// Of a state.
    pub fn of_state(state: State) -> Self {
        match state {
            State::Running => Self::Good,
            State::Degraded | State::Unknown => Self::Warn,
            State::Crashed | State::CrashLoop => Self::Bad,
            State::Starting | State::Stopping => Self::Busy,
            State::Stopped => Self::Dim,
        }
    }

    /// Of a health.
    pub fn of_health(state: HealthState) -> Self {
        match state {
            HealthState::Healthy => Self::Good,
            HealthState::Slow | HealthState::Degraded => Self::Warn,
            HealthState::Unhealthy => Self::Bad,
            HealthState::Starting => Self::Busy,
            HealthState::Unknown | HealthState::Guarded => Self::Dim,
        }
    }

    /// Of a finding.
    pub fn of_level(level: Level) -> Self {
        match level {
            Level::Error => Self::Bad,
            Level::Warning => Self::Warn,
            Level::Note => Self::Dim,
        }
    }

    /// Of a log line.
    pub fn of_line(line: &LogLine) -> Self {
        match (line.kind, line.level) {
            (LogLineKind::Mark, _) | (LogLineKind::Text, Some(LogLevel::Debug)) => Self::Dim,
            (LogLineKind::Text, Some(LogLevel::Error)) => Self::Bad,
            (LogLineKind::Text, Some(LogLevel::Warn)) => Self::Warn,
            (LogLineKind::Text, _) => Self::Plain,
        }
    }

    /// The SGR parameters: of the 16 colours, which every terminal has and every user has chosen to be readable.
    fn sgr(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Good => Some("32"),
            Self::Warn => Some("33"),
            Self::Bad => Some("31"),
            Self::Busy => Some("36"),
            Self::Dim => Some("2"),
            Self::Strong => Some("1"),
        }
    }
}

/// The text in the tone's colour when colour is wanted.
pub fn paint(text: &str, tone: Tone, color: bool) -> String {
    match tone.sgr().filter(|_| color && !text.trim().is_empty()) {
        Some(sgr) => format!("\u{1b}[{sgr}m{text}\u{1b}[0m"),
        None => text.to_owned(),
    }
}

/// A log line in its level's colour, and where the server chose colours, in those. The sequences are berth's own, whatever the server wrote.
pub fn paint_line(line: &LogLine, color: bool) -> String {
    if line.kind == LogLineKind::Mark {
        return paint(&format!("-- {} --", line.text), Tone::Dim, color);
    }
    let tone = Tone::of_line(line);
    if !color || line.spans.is_empty() {
        return paint(line.text.as_str(), tone, color);
    }
    let mut text = String::with_capacity(line.text.as_str().len() * 2);
    for (piece, style) in line.pieces() {
        if style == LogStyle::default() {
            text.push_str(&paint(piece, tone, true));
        } else {
            text.push_str(&format!("\u{1b}[{}m{piece}\u{1b}[0m", parameters(style, tone)));
        }
    }
    text
}

/// What stands before the lines of one of several logs: each has a colour, none of which means anything.
pub fn paint_name(name: &str, index: usize, color: bool) -> String {
    const COLOURS: [&str; 6] = ["36", "35", "34", "32", "96", "95"];
    match COLOURS.get(index % COLOURS.len()).filter(|_| color && !name.is_empty()) {
        Some(sgr) => format!("\u{1b}[{sgr}m{name}\u{1b}[0m"),
        None => name.to_owned(),
    }
}

/// The SGR parameters of a server's style; where it names no colour, the tone's holds.
fn parameters(style: LogStyle, tone: Tone) -> String {
    let mut words: Vec<String> = Vec::new();
    words.extend(tone.sgr().filter(|_| style.foreground.is_none()).map(str::to_owned));
    let attributes = [(style.bold, "1"), (style.dim, "2"), (style.italic, "3"), (style.underline, "4"), (style.reverse, "7")];
    words.extend(attributes.into_iter().filter(|(is_on, _)| *is_on).map(|(_, word)| word.to_owned()));
    words.extend(style.foreground.map(|colour| colour_words(colour, 30)));
    words.extend(style.background.map(|colour| colour_words(colour, 40)));
    words.join(";")
}

/// A colour's parameters: of letters from 30 on, of what is behind them from 40 on.
fn colour_words(colour: LogColor, first: u8) -> String {
    match colour {
        LogColor::Indexed(index @ 0..=7) => (first + index).to_string(),
        LogColor::Indexed(index @ 8..=15) => (first + 60 + index - 8).to_string(),
        LogColor::Indexed(index) => format!("{};5;{index}", first + 8),
        LogColor::Rgb(red, green, blue) => format!("{};2;{red};{green};{blue}", first + 8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{LogSpan, Shown};

    #[test]
    fn a_servers_colours_are_written_anew() {
        let style = |foreground, background| LogStyle { foreground, background, ..LogStyle::default() };
        let mut line = LogLine::text(1, Some(LogLevel::Error), Shown::from("abcde"));
        line.spans = [
            LogSpan { start: 1, style: style(Some(LogColor::Indexed(2)), None) },
            LogSpan { start: 2, style: LogStyle { bold: true, ..style(None, Some(LogColor::Indexed(9))) } },
            LogSpan { start: 3, style: style(Some(LogColor::Indexed(208)), Some(LogColor::Rgb(1, 2, 3))) },
            LogSpan { start: 4, style: LogStyle::default() },
        ]
        .into();
        let painted = paint_line(&line, true).replace('\u{1b}', "^");
        assert_eq!(painted, "^[31ma^[0m^[32mb^[0m^[31;1;101mc^[0m^[38;5;208;48;2;1;2;3md^[0m^[31me^[0m");
        assert_eq!(paint_line(&line, false), "abcde");
        assert_eq!(paint_line(&LogLine::mark(1, Shown::from("rotated")), true), "\u{1b}[2m-- rotated --\u{1b}[0m");
    }

    #[test]
    fn colour_is_only_where_it_is_wanted_and_means_something() {
        assert_eq!(paint("x", Tone::Bad, false), "x");
        assert_eq!(paint("x", Tone::Plain, true), "x");
        assert_eq!(paint("  ", Tone::Bad, true), "  ");
        assert_eq!(paint("x", Tone::Bad, true), "\u{1b}[31mx\u{1b}[0m");
    }
}
