//! Numbers, durations, times and states in words and signs.
//!
//! It must never decide what is shown, only how it is written.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::{ExitStatus, LastExit, Level, Reading, Remedy, State};

/// A state's sign.
pub fn sign(state: State, ascii: bool) -> &'static str {
    match (state, ascii) {
        (State::Running, false) => "●",
        (State::Degraded, false) => "▲",
        (State::Crashed | State::CrashLoop, false) => "✖",
        (State::Stopped, false) => "○",
        (State::Starting, false) => "◌",
        (State::Stopping, false) => "◍",
        (State::Unknown, _) => "?",
        (State::Running, true) => "*",
        (State::Degraded, true) => "!",
        (State::Crashed | State::CrashLoop, true) => "x",
        (State::Stopped, true) => "o",
        (State::Starting | State::Stopping, true) => "~",
    }
}

/// A level's sign.
pub fn level_sign(level: Level, ascii: bool) -> &'static str {
    match (level, ascii) {
        (Level::Error, false) => "✖",
        (Level::Warning, false) => "▲",
        (Level::Note, false) => "◆",
        (Level::Error, true) => "x",
        (Level::Warning, true) => "!",
        (Level::Note, true) => "i",
    }
}

/// `83.1 M`: one decimal, the unit that keeps it below a thousand.
#[allow(clippy::cast_precision_loss)]
pub fn bytes(count: u64) -> String {
    let mut value = count as f64 / 1024.0;
    for unit in ["K", "M", "G", "T"] {
        if value < 999.95 {
            return format!("{value:.1} {unit}");
        }
        value /= 1024.0;
    }
    format!("{value:.1} P")
}

/// `12.4`; without a decimal from a thousand on.
pub fn percent(value: f32) -> String {
    if value < 999.95 { format!("{value:.1}") } else { format!("{value:.0}") }
}

/// `4 d 02 h`, `2 h 11`, `3 m 05`, `12 s`: the two greatest units.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} m {:02}", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes:02}"),
        (1..=9, _, _) => format!("{days} d {hours:02} h"),
        _ => format!("{days} d"),
    }
}

/// How long ago something was.
pub fn age(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(at)).unwrap_or_default()
}

/// A number, or what its absence looks like: `?` for what may not be seen, `-` for what does not apply, `…` for what is not there yet.
pub fn reading<T: Copy>(value: Reading<T>, ellipsis: &str, text: impl FnOnce(T) -> String) -> String {
    match value {
        Reading::Known(value) => text(value),
        Reading::Denied => "?".to_owned(),
        Reading::Gone => "-".to_owned(),
        Reading::Unasked => ellipsis.to_owned(),
    }
}

/// `03:12:04`, with the day when it is another one.
pub fn clock(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (then, today) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let format = if then.date() == today.date() {
        "%H:%M:%S"
    } else if then.year() == today.year() {
        "%-d %b %H:%M"
    } else {
        "%-d %b %Y"
    };
    then.strftime(format).to_string()
}

/// `exit code 1`, `signal 9`.
pub fn exit(exit: &LastExit) -> String {
    match exit.status {
        ExitStatus::Code(code) => format!("exit code {code}"),
        ExitStatus::Signal(signal) => match signal_name(signal) {
            Some(name) => format!("signal {signal} ({name})"),
            None => format!("signal {signal}"),
        },
        ExitStatus::Unknown => "nobody was told how".to_owned(),
    }
}

/// The names of signals that end servers, signal(7).
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        libc::SIGHUP => "HUP",
        libc::SIGINT => "INT",
        libc::SIGABRT => "ABRT",
        libc::SIGKILL => "KILL",
        libc::SIGBUS => "BUS",
        libc::SIGSEGV => "SEGV",
        libc::SIGPIPE => "PIPE",
        libc::SIGTERM => "TERM",
        _ => return None,
    })
}

/// What helps, in words.
pub fn remedy(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::Reassign => "give it another port",
        Remedy::StopHolder => "end the process that is in the way",
        Remedy::Restart => "restart it (r)",
        Remedy::ReadLog => "look at its log (l)",
        Remedy::EditConfig => "mend its configuration file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_fixed_decimals() {
        assert_eq!(bytes(0), "0.0 K");
        assert_eq!(bytes(87_136_666), "83.1 M");
        assert_eq!(bytes(1_048_500_000), "999.9 M");
        assert_eq!(bytes(2 << 30), "2.0 G");
        assert_eq!(percent(12.44), "12.4");
        assert_eq!(percent(6400.0), "6400");
    }

    #[test]
    fn durations_have_two_units() {
        let of = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!(of(2), "2 s");
        assert_eq!(of(65), "1 m 05");
        assert_eq!(of(7_900), "2 h 11");
        assert_eq!(of(4 * 86_400 + 2 * 3600), "4 d 02 h");
        assert_eq!(of(31 * 86_400), "31 d");
    }

    #[test]
    fn a_time_of_another_day_has_its_day() {
        let now: Timestamp = "2026-11-21T03:12:04Z".parse().unwrap();
        let at = |text: &str| clock(text.parse().unwrap(), now, &TimeZone::UTC);
        assert_eq!(at("2026-11-21T01:09:41Z"), "01:09:41");
        assert_eq!(at("2026-11-17T01:09:41Z"), "17 Nov 01:09");
        assert_eq!(at("2025-11-17T01:09:41Z"), "17 Nov 2025");
    }
}
