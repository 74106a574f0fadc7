//! What a colour means, and the few escape sequences that plain output may hold.
//!
//! It must never be the only bearer of a meaning: a sign or a word always says the same.

use crate::domain::{HealthState, Level, State};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_only_where_it_is_wanted_and_means_something() {
        assert_eq!(paint("x", Tone::Bad, false), "x");
        assert_eq!(paint("x", Tone::Plain, true), "x");
        assert_eq!(paint("  ", Tone::Bad, true), "  ");
        assert_eq!(paint("x", Tone::Bad, true), "\u{1b}[31mx\u{1b}[0m");
    }
}
