//! The one table of columns: title, side, width, text, order. The console, the plain table and whoever comes next take them from here.
//!
//! It must never hold a value that is not in the row.

use std::cmp::Ordering;

use super::fit::Align;
use super::paint::Tone;
use super::{HIDDEN, Look, NOTHING, metrics, units, wording};
use crate::domain::{Code, Level, Measure, Reading, Row, State};

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Column {
    /// Whose: the id.
    Owner,
    /// The host that it is on: shown where there are several, and none of those to choose.
    Host,
    /// Sign and word.
    State,
    /// The assigned port.
    Port,
    /// The server's own process.
    Pid,
    /// Sign and latency.
    Health,
    /// Percent of one core.
    Cpu,
    /// VmRSS.
    Memory,
    /// What log and workspace take.
    Disk,
    /// How long it has run.
    Up,
    /// How often it was started again.
    Restarts,
    /// Who runs it.
    By,
    /// What is wrong.
    Findings,
    /// What the server counts of itself.
    Counted(Measure),
}

impl Column {
    /// Every column, in the console's order.
    pub const ALL: [Column; 18] = [
        Column::Owner,
        Column::State,
        Column::Port,
        Column::Pid,
        Column::Health,
        Column::Cpu,
        Column::Memory,
        Column::Disk,
        Column::Up,
        Column::Restarts,
        Column::By,
        Column::Findings,
        Column::Counted(Measure::Requests),
        Column::Counted(Measure::Errors),
        Column::Counted(Measure::Latency),
        Column::Counted(Measure::Tools),
        Column::Counted(Measure::Resources),
        Column::Counted(Measure::Cache),
    ];

    /// Whether it is shown as long as nobody chose: what most servers do not count is not.
    pub fn is_usual(self) -> bool {
        !matches!(self, Self::Counted(_))
    }

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Owner => "OWNER",
            Self::Host => "HOST",
            Self::State => "STATE",
            Self::Port => "PORT",
            Self::Pid => "PID",
            Self::Health => "HEALTH",
            Self::Cpu => "CPU %",
            Self::Memory => "MEMORY",
            Self::Disk => "DISK",
            Self::Up => "UP",
            Self::Restarts => "RESTARTS",
            Self::By => "BY",
            Self::Findings => "FINDINGS",
            Self::Counted(measure) => metrics::title(measure),
        }
    }

    /// Its name in files and lists.
    pub fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Host => "host",
            Self::State => "state",
            Self::Port => "port",
            Self::Pid => "pid",
            Self::Health => "health",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Up => "up",
            Self::Restarts => "restarts",
            Self::By => "by",
            Self::Findings => "findings",
            Self::Counted(measure) => metrics::word(measure),
        }
    }

    /// The column of a name.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().chain([Self::Host]).find(|column| column.word() == word)
    }

    /// What it holds, in words.
    pub fn about(self) -> &'static str {
        match self {
            Self::Owner => "whose instance it is",
            Self::Host => "the host that it is on",
            Self::State => "what it does",
            Self::Port => "the assigned port, else the configured one",
            Self::Pid => "the server's own process",
            Self::Health => "how it answers, and how fast",
            Self::Cpu => "percent of one core, over the whole tree",
            Self::Memory => "resident memory, over the whole tree",
            Self::Disk => "what its log and its workspace take",
            Self::Up => "how long it has run",
            Self::Restarts => "how often it was started again",
            Self::By => "who runs it",
            Self::Findings => "what is wrong",
            Self::Counted(measure) => metrics::about(measure),
        }
    }

    /// Words stand left, numbers right.
    pub fn align(self) -> Align {
        match self {
            Self::Owner | Self::Host | Self::State | Self::Port | Self::Health | Self::By | Self::Findings => Align::Left,
            Self::Pid | Self::Cpu | Self::Memory | Self::Disk | Self::Up | Self::Restarts | Self::Counted(_) => Align::Right,
        }
    }

    /// The width that holds every usual value: nothing moves from tick to tick. OWNER's is the least; FINDINGS' is that of the words.
    pub fn width(self) -> usize {
        match self {
            Self::Owner => 9,
            Self::Host => 10,
            Self::State => 12,
            Self::Port => 5,
            Self::Pid => 7,
            Self::Health => 9,
            Self::Cpu => units::PERCENT_WIDTH,
            Self::Memory => units::BYTES_WIDTH,
            Self::Disk => units::BYTES_WIDTH + 1,
            Self::Up | Self::Restarts => units::UPTIME_WIDTH,
            Self::By => 7,
            Self::Findings => 14,
            Self::Counted(_) => metrics::WIDTH,
        }
    }

    /// The width of the picture beside the number.
    pub fn picture(self) -> usize {
        if matches!(self, Self::Cpu | Self::Memory | Self::Health) { 6 } else { 0 }
    }

    /// The text of a row's cell, neither cut nor padded.
    pub fn text(self, row: &Row, look: Look) -> String {
        match self {
            Self::Owner => row.id.on_its_host().to_string(),
            Self::Host => row.id.host().map_or(NOTHING, AsRef::as_ref).to_owned(),
            Self::State => wording::state(row.state, look.ascii),
            Self::Port => reading(row.own_port(), look, |port| port.to_string()),
            Self::Pid => reading(row.main, look, |key| key.pid.to_string()),
            Self::Health => wording::health(row, look.ascii),
            Self::Cpu => reading(row.cpu_percent, look, units::percent),
            Self::Memory => reading(row.memory_bytes, look, units::bytes),
            Self::Disk => disk(row, look),
            Self::Up => match row.started_at {
                Some(at) => wording::age(at, look.now),
                None => reading(row.main, look, |_| look.not_yet().to_owned()),
            },
            Self::Restarts => {
                if row.id.is_unmanaged() {
                    NOTHING.to_owned()
                } else {
                    reading(row.restarted(), look, |count| count.to_string())
                }
            }
            Self::By => {
                if row.id.is_unmanaged() {
                    NOTHING.to_owned()
                } else {
                    wording::by_word(row).to_owned()
                }
            }
            Self::Counted(measure) => {
                metrics::newest(row, measure).map_or_else(|| NOTHING.to_owned(), |value| metrics::text(measure, value))
            }
            Self::Findings => {
                let over_memory =
                    matches!(row.state, State::Crashed | State::CrashLoop) && row.exit.is_some_and(|exit| exit.over_memory.is_some());
                let killed = over_memory.then_some(wording::KILLED_FOR_MEMORY);
                killed.into_iter().chain(row.findings.iter().map(|code| code.word())).collect::<Vec<_>>().join(" ")
            }
        }
    }

    /// What the cell means.
    pub fn tone(self, row: &Row) -> Tone {
        match self {
            Self::State => Tone::of_state(row.state),
            Self::Health => Tone::of_health(row.health.state),
            Self::Findings => row.worst().map_or(Tone::Plain, Tone::of_level),
            Self::Disk => {
                let about = |code: &&Code| matches!(code, Code::DiskFilling | Code::LogUnbounded);
                row.findings.iter().find(about).map_or(Tone::Plain, |code| Tone::of_level(code.level()))
            }
            _ if row.id.is_unmanaged() => Tone::Dim,
            _ => Tone::Plain,
        }
    }

    /// The order of two rows by this column: names upwards, numbers and troubles downwards, what has no value last either way.
    pub fn compare(self, one: &Row, two: &Row, reversed: bool) -> Ordering {
        let order = match self {
            Self::Host => turned(one.id.host().cmp(&two.id.host()), reversed),
            Self::Owner => turned(owner(one).cmp(&owner(two)), reversed),
            Self::State => turned(urgency(one.state).cmp(&urgency(two.state)), reversed),
            Self::Port => upwards(one.port, two.port, reversed),
            Self::Pid => upwards(one.main.known().map(|key| key.pid), two.main.known().map(|key| key.pid), reversed),
            Self::Health => downwards(one.health.latency_ms, two.health.latency_ms, reversed),
            Self::Cpu => downwards(one.cpu_percent.known().map(thousandths), two.cpu_percent.known().map(thousandths), reversed),
            Self::Memory => downwards(one.memory_bytes.known(), two.memory_bytes.known(), reversed),
            Self::Disk => downwards(taken(one), taken(two), reversed),
            Self::Up => upwards(one.started_at, two.started_at, reversed),
            Self::Restarts => turned(two.restarts.cmp(&one.restarts), reversed),
            Self::By => turned(wording::by_word(one).cmp(wording::by_word(two)), reversed),
            Self::Counted(measure) => downwards(metrics::newest(one, measure), metrics::newest(two, measure), reversed),
            Self::Findings => upwards(trouble(one), trouble(two), reversed),
        };
        order.then_with(|| owner(one).cmp(&owner(two)))
    }
}

/// What is taken on the disk, with a sign where something of it is not counted: "83.1 M", "83.1 M+".
fn disk(row: &Row, look: Look) -> String {
    let Some(told) = &row.disk else {
        return if row.id.is_unmanaged() { NOTHING.to_owned() } else { look.not_yet().to_owned() };
    };
    let (bytes, whole) = told.bytes();
    reading(bytes, look, |bytes| format!("{}{}", units::bytes(bytes), if whole { "" } else { "+" }))
}

/// The bytes that DISK shows.
fn taken(row: &Row) -> Option<u64> {
    row.disk.as_ref().and_then(|told| told.bytes().0.known())
}

/// FINDINGS where there is no room for words: the worst level's sign and how many, "▲1".
pub fn findings_count(row: &Row, look: Look) -> String {
    row.worst().map_or_else(String::new, |level| format!("{}{}", wording::level_sign(level, look.ascii), row.findings.len()))
}

/// A reading's text: `-` where it does not apply, `…` where it is not there yet, `?` where it may not be seen.
fn reading<T>(reading: Reading<T>, look: Look, text: impl FnOnce(T) -> String) -> String {
    match reading {
        Reading::Known(value) => text(value),
        Reading::Denied => HIDDEN.to_owned(),
        Reading::Gone => NOTHING.to_owned(),
        Reading::Unasked => look.not_yet().to_owned(),
    }
}

/// Instances by id, unmanaged listeners after them.
fn owner(row: &Row) -> (bool, &crate::domain::InstanceId) {
    (row.id.is_unmanaged(), &row.id)
}

/// The states, the one to look at first.
fn urgency(state: State) -> u8 {
    match state {
        State::CrashLoop => 0,
        State::Crashed => 1,
        State::Degraded => 2,
        State::Unknown => 3,
        State::Starting => 4,
        State::Stopping => 5,
        State::Running => 6,
        State::Stopped => 7,
    }
}

/// The worst level, then how many; rows without findings have none.
fn trouble(row: &Row) -> Option<(Level, std::cmp::Reverse<usize>)> {
    row.worst().map(|level| (level, std::cmp::Reverse(row.findings.len())))
}

/// Percent to a thousandth: floats have no total order, these have.
fn thousandths(percent: f32) -> i64 {
    (percent * 1000.0) as i64
}

fn turned(order: Ordering, reversed: bool) -> Ordering {
    if reversed { order.reverse() } else { order }
}

fn upwards<T: Ord>(one: Option<T>, two: Option<T>, reversed: bool) -> Ordering {
    match (one, two) {
        (Some(one), Some(two)) => turned(one.cmp(&two), reversed),
        (one, two) => two.is_some().cmp(&one.is_some()),
    }
}

fn downwards<T: Ord>(one: Option<T>, two: Option<T>, reversed: bool) -> Ordering {
    upwards(one, two, !reversed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::present::fleet;

    fn sorted(column: Column, reversed: bool) -> String {
        let mut rows = fleet::fleet().rows;
        rows.sort_by(|one, two| column.compare(one, two, reversed));
        rows.iter().map(|row| row.id.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn sorting_puts_what_matters_first_and_what_is_not_known_last() {
        let cases = [
            (Column::Owner, false, "alice bob/tools carol dave erin frank gina hank bob/:8190"),
            (Column::State, false, "carol bob/tools frank erin gina alice dave bob/:8190 hank"),
            (Column::Cpu, false, "alice bob/tools dave gina bob/:8190 carol erin frank hank"),
            (Column::Cpu, true, "bob/:8190 gina dave bob/tools alice carol erin frank hank"),
            (Column::Memory, false, "gina bob/tools alice dave erin bob/:8190 carol frank hank"),
            (Column::Disk, false, "gina alice bob/tools carol dave erin frank hank bob/:8190"),
            (Column::Up, false, "gina alice dave bob/tools bob/:8190 erin carol frank hank"),
            (Column::Port, true, "bob/:8190 hank gina carol frank erin dave bob/tools alice"),
            (Column::Restarts, false, "carol bob/tools alice dave erin frank gina hank bob/:8190"),
            (Column::Findings, false, "carol hank bob/:8190 alice bob/tools dave erin frank gina"),
            (Column::Health, false, "bob/tools alice dave carol erin frank gina hank bob/:8190"),
        ];
        for (column, reversed, expected) in cases {
            assert_eq!(sorted(column, reversed), expected, "{column:?} {reversed}");
        }
    }

    #[test]
    fn empty_is_empty_hidden_is_a_question_and_coming_is_an_ellipsis() {
        let snapshot = fleet::fleet();
        let text =
            |name: &str, column: Column| column.text(snapshot.row(&fleet::id(name)).unwrap(), Look { ascii: false, now: fleet::now() });
        let numbers = [Column::Pid, Column::Cpu, Column::Memory, Column::Up];
        assert_eq!(numbers.map(|column| text("alice", column)), ["2211", "12.4", "83.1 M", "4 d 02 h"]);
        assert_eq!(numbers.map(|column| text("carol", column)), ["-", "-", "-", "-"]);
        assert_eq!(numbers.map(|column| text("frank", column)), ["?", "?", "?", "?"]);
        assert_eq!(numbers.map(|column| text("erin", column)), ["6230", "…", "31.0 M", "2 s"]);
        assert_eq!(text("bob/:8190", Column::By), "-");
        assert_eq!(
            ["alice", "gina", "frank", "carol", "bob/:8190"].map(|name| text(name, Column::Disk)),
            ["14.2 M", "1.50 G+", "?", "…", "-"]
        );
    }

    #[test]
    fn every_column_is_found_by_its_word() {
        for column in Column::ALL {
            assert_eq!(Column::of_word(column.word()), Some(column));
            assert!(!column.about().is_empty());
        }
        assert_eq!(Column::of_word("OWNER"), None);
    }

    #[test]
    fn usual_values_fit_their_columns() {
        let snapshot = fleet::fleet();
        let look = Look { ascii: false, now: fleet::now() };
        for row in &snapshot.rows {
            for column in Column::ALL {
                let text = column.text(row, look);
                assert!(super::super::fit::width(&text) <= column.width(), "{column:?} {text}");
            }
        }
    }

    #[test]
    fn a_count_stays_where_words_do_not_fit() {
        let snapshot = fleet::fleet();
        let count = |name: &str, ascii| findings_count(snapshot.row(&fleet::id(name)).unwrap(), Look { ascii, now: fleet::now() });
        assert_eq!(
            (count("carol", false), count("bob/:8190", false), count("alice", false), count("carol", true)),
            ("✖1".into(), "▲1".into(), String::new(), "x1".into())
        );
    }
}
