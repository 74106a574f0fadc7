//! Signs, words and sentences: one wording for the screen, the command line and the daemon.
//!
//! It must never say by a sign alone what no word says elsewhere.

use jiff::Timestamp;

use super::{HIDDEN, Look, NOTHING, units};
use crate::domain::{ExitStatus, HealthState, LastExit, Level, Reading, Row, State};

/// "1 instance", "2 instances".
pub fn count(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// Why a row shows no port.
pub fn no_port(row: &Row) -> &'static str {
    if row.own_port() == Reading::Denied { "its port may not be seen" } else { "it has no port" }
}

/// Who runs it, in a word: the compose project that it is of, so that those of one stand together, else its supervisor.
pub fn by_word(row: &Row) -> &str {
    let project = row.service.as_ref().and_then(|service| service.project.as_ref());
    project.and_then(|project| project.as_str().split('/').next()).unwrap_or(row.supervisor.word())
}

/// Who runs it, and of which compose project it is: "podman shop/web".
pub fn by(row: &Row) -> String {
    let project = row.service.as_ref().and_then(|service| service.project.as_ref());
    project.map_or_else(|| row.supervisor.word().to_owned(), |project| format!("{} {project}", row.supervisor.word()))
}

/// The sign of a state.
pub fn state_sign(state: State, ascii: bool) -> &'static str {
    let (sign, plain) = match state {
        State::Running => ("●", "+"),
        State::Degraded => ("▲", "!"),
        State::Crashed | State::CrashLoop => ("✖", "x"),
        State::Stopped => ("○", "o"),
        State::Starting => ("◌", "/"),
        State::Stopping => ("◍", "\\"),
        State::Unknown => ("?", "?"),
    };
    if ascii { plain } else { sign }
}

/// "● running".
pub fn state(state: State, ascii: bool) -> String {
    format!("{} {}", state_sign(state, ascii), state.word())
}

/// The sign of a health; of an instance that is not up, the stopped sign.
pub fn health_sign(row: &Row, ascii: bool) -> &'static str {
    let (sign, plain) = match row.health.state {
        HealthState::Healthy => ("●", "+"),
        HealthState::Slow | HealthState::Degraded => ("▲", "!"),
        HealthState::Unhealthy => ("✖", "x"),
        HealthState::Guarded => ("◆", "#"),
        HealthState::Starting => ("…", "..."),
        HealthState::Unknown if row.state == State::Unknown => (HIDDEN, HIDDEN),
        HealthState::Unknown if row.state.is_up() => (NOTHING, NOTHING),
        HealthState::Unknown => ("○", "o"),
    };
    if ascii { plain } else { sign }
}

/// "●   3 ms", "◆ guarded", "○    -", "…": sign and latency, the latencies one below the other.
pub fn health(row: &Row, ascii: bool) -> String {
    let sign = health_sign(row, ascii);
    match (row.health.state, row.health.latency_ms) {
        (HealthState::Starting, _) => sign.to_owned(),
        (HealthState::Unknown, _) if row.state.is_up() || row.state == State::Unknown => sign.to_owned(),
        (HealthState::Unknown, _) => format!("{sign} {NOTHING:>4}"),
        (HealthState::Guarded | HealthState::Unhealthy, _) | (_, None) => format!("{sign} {}", health_word(row.health.state)),
        (_, Some(latency)) => format!("{sign} {:>6}", units::latency(latency)),
    }
}

/// For a table of words: "3 ms" when healthy, "slow 812 ms", "guarded", "-".
pub fn health_plain(row: &Row, look: Look) -> String {
    let latency = row.health.latency_ms.map(units::latency);
    match (row.health.state, latency) {
        (HealthState::Unknown, _) if row.state == State::Unknown => HIDDEN.to_owned(),
        (HealthState::Unknown, _) => NOTHING.to_owned(),
        (HealthState::Starting, _) => look.not_yet().to_owned(),
        (HealthState::Healthy, Some(latency)) => latency,
        (HealthState::Slow | HealthState::Degraded, Some(latency)) => format!("{} {latency}", row.health.state.word()),
        (state, _) => state.word().to_owned(),
    }
}

fn health_word(state: HealthState) -> &'static str {
    match state {
        // Nine cells hold the sign and seven letters.
        HealthState::Unhealthy => "failing",
        other => other.word(),
    }
}

/// The sign of a finding's level.
pub fn level_sign(level: Level, ascii: bool) -> &'static str {
    let (sign, plain) = match level {
        Level::Error => ("✖", "x"),
        Level::Warning => ("▲", "!"),
        Level::Note => ("·", "."),
    };
    if ascii { plain } else { sign }
}

/// Where there is room for no more: it went over its memory limit.
pub const KILLED_FOR_MEMORY: &str = "killed: memory";

/// "exited with code 1", "killed by signal 9 (KILL): over its memory limit of 512 MiB".
pub fn ended(last: &LastExit) -> String {
    match last.over_memory {
        Some(limit) => format!("{}: over its memory limit of {}", exit(last.status), units::binary(limit)),
        None => exit(last.status),
    }
}

/// "exited with code 1", "killed by signal 9 (KILL)".
pub fn exit(status: ExitStatus) -> String {
    match status {
        ExitStatus::Code(code) => format!("exited with code {code}"),
        ExitStatus::Signal(number) => match signal_name(number) {
            Some(name) => format!("killed by signal {number} ({name})"),
            None => format!("killed by signal {number}"),
        },
        ExitStatus::Unknown => "ended, and nobody was there to see how".to_owned(),
    }
}

/// The names of the signals that end a process, signal(7); the same numbers on every architecture that berth runs on.
fn signal_name(number: i32) -> Option<&'static str> {
    Some(match number {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        5 => "TRAP",
        6 => "ABRT",
        7 => "BUS",
        8 => "FPE",
        9 => "KILL",
        10 => "USR1",
        11 => "SEGV",
        12 => "USR2",
        13 => "PIPE",
        14 => "ALRM",
        15 => "TERM",
        24 => "XCPU",
        25 => "XFSZ",
        31 => "SYS",
        _ => return None,
    })
}

/// "exited with code 1, 12 min ago".
pub fn last_exit(last: &LastExit, now: Timestamp) -> String {
    format!("{}, {} ago", ended(last), age(last.at, now))
}

/// How long ago, in the units of an uptime; the future is "0 s".
pub fn age(at: Timestamp, now: Timestamp) -> String {
    let duration = now.duration_since(at);
    units::uptime(if duration.is_negative() { std::time::Duration::ZERO } else { duration.unsigned_abs() })
}

/// A finding's sentence in fewer words, where the whole does not fit into `cells`: first without "'s instance" behind each name, then
/// without since when. What is wrong, who holds it and whose it is stay.
pub fn shorten(sentence: &str, cells: usize) -> String {
    let fits = |text: &str| super::fit::width(text) <= cells;
    if fits(sentence) {
        return sentence.to_owned();
    }
    let mut shorter = sentence.replace("'s instance", "");
    while !fits(&shorter)
        && let Some(from) = shorter.find(", since ")
    {
        let rest = shorter.get(from + 2..).unwrap_or_default();
        let to = rest.find([';', ',']).map_or(shorter.len(), |at| from + 2 + at);
        shorter.replace_range(from..to, "");
    }
    // "(since 03:09:41, pid 201)".
    if !fits(&shorter)
        && let Some(from) = shorter.find(" (since ")
        && let Some(length) = shorter.get(from..).and_then(|rest| rest.find(')'))
    {
        shorter.replace_range(from..=from + length, "");
    }
    shorter
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Health;
    use crate::present::fleet;

    #[test]
    fn a_sentence_says_less_where_there_is_less_room() {
        let taken = "8107 is held by pid 4711 (python3, bob), since 03:09:41; carol's instance is assigned it";
        let cases = [
            (taken, 90, taken),
            (taken, 80, "8107 is held by pid 4711 (python3, bob), since 03:09:41; carol is assigned it"),
            (taken, 70, "8107 is held by pid 4711 (python3, bob); carol is assigned it"),
            (taken, 10, "8107 is held by pid 4711 (python3, bob); carol is assigned it"),
            (
                "8107: carol was first (since 03:09:41, pid 12), so dave should move: both configurations name it",
                75,
                "8107: carol was first, so dave should move: both configurations name it",
            ),
            ("8190 is listened on by pid 4800 (nc, bob), since 20 Nov 03:02", 44, "8190 is listened on by pid 4800 (nc, bob)"),
        ];
        for (sentence, cells, expected) in cases {
            assert_eq!(shorten(sentence, cells), expected, "{cells}");
        }
    }

    #[test]
    fn every_state_has_a_sign_and_a_word() {
        let states = [
            State::Stopped,
            State::Starting,
            State::Running,
            State::Degraded,
            State::Stopping,
            State::Crashed,
            State::CrashLoop,
            State::Unknown,
        ];
        let shown = states.map(|each| state(each, false));
        assert_eq!(shown, ["○ stopped", "◌ starting", "● running", "▲ degraded", "◍ stopping", "✖ crashed", "✖ crash-loop", "? unknown"]);
        let plain = states.map(|each| state_sign(each, true));
        assert_eq!(plain, ["o", "/", "+", "!", "\\", "x", "x", "?"]);
        assert!(states.map(|each| state(each, true)).iter().all(|text| text.is_ascii()));
    }

    #[test]
    fn health_has_a_sign_and_a_latency() {
        let look = Look { ascii: false, now: fleet::now() };
        let snapshot = fleet::fleet();
        let mut row = (*snapshot.rows[0]).clone();
        let cases = [
            (HealthState::Healthy, Some(3), "●   3 ms", "3 ms"),
            (HealthState::Healthy, Some(812), "● 812 ms", "812 ms"),
            (HealthState::Slow, Some(1900), "▲  1.9 s", "slow 1.9 s"),
            (HealthState::Unhealthy, None, "✖ failing", "unhealthy"),
            (HealthState::Guarded, Some(2), "◆ guarded", "guarded"),
            (HealthState::Starting, None, "…", "…"),
            (HealthState::Unknown, None, "-", "-"),
        ];
        for (state, latency_ms, on_screen, plain) in cases {
            row.health = Health { state, latency_ms, checked_at: None };
            assert_eq!((health(&row, false).as_str(), health_plain(&row, look).as_str()), (on_screen, plain), "{state:?}");
            assert!(health(&row, true).is_ascii());
        }
        row.state = State::Crashed;
        assert_eq!(health(&row, false), "○    -");
        row.state = State::Unknown;
        assert_eq!((health(&row, false).as_str(), health_plain(&row, look).as_str()), ("?", "?"));
    }

    #[test]
    fn an_end_is_told_in_words() {
        let cases = [
            (ExitStatus::Code(1), "exited with code 1"),
            (ExitStatus::Signal(9), "killed by signal 9 (KILL)"),
            (ExitStatus::Signal(35), "killed by signal 35"),
            (ExitStatus::Unknown, "ended, and nobody was there to see how"),
        ];
        for (status, expected) in cases {
            assert_eq!(exit(status), expected);
        }
        let last = LastExit { status: ExitStatus::Signal(9), at: fleet::now(), over_memory: Some(512 << 20) };
        assert_eq!(ended(&last), "killed by signal 9 (KILL): over its memory limit of 512 MiB");
    }
}
