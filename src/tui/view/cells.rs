//! The table's columns: which there are, how wide, which leave when it gets narrow, and what stands in them.
//!
//! It must never put a zero where nothing is known.

use ratatui::style::Style;

use crate::domain::{HealthState, Level, Reading, Row, State as Doing};
use crate::tui::keymap::Sort;
use crate::tui::state::{Settings, State};
use crate::tui::theme::Theme;
use crate::tui::words;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The instance id.
    Owner,
    /// The state's sign and word.
    State,
    /// The port.
    Port,
    /// The main process.
    Pid,
    /// How it answers.
    Health,
    /// CPU in percent of one core.
    Cpu,
    /// CPU over the last minute.
    CpuPicture,
    /// Memory.
    Memory,
    /// Memory as a share.
    MemoryPicture,
    /// How long it runs.
    Up,
    /// How often it was started again.
    Restarts,
    /// Its supervisor.
    By,
    /// Its findings in words.
    Findings,
    /// How many findings.
    FindingCount,
}

use Column::{By, Cpu, CpuPicture, FindingCount, Findings, Health, Memory, MemoryPicture, Owner, Pid, Port, Restarts, Up};

/// All of them, left to right.
const ALL: [Column; 13] = [Owner, Column::State, Port, Pid, Health, Cpu, CpuPicture, Memory, MemoryPicture, Up, Restarts, By, Findings];

/// Which leave first.
const LEAVING: [&[Column]; 6] = [&[Restarts], &[CpuPicture, MemoryPicture], &[By], &[Findings], &[Pid], &[Up]];

/// The least and the most that ids get.
const OWNER_WIDTH: (usize, usize) = (10, 24);

/// What findings' words need at least.
const WORDS_WIDTH: u16 = 14;

impl Column {
    /// Its heading.
    pub fn heading(self) -> &'static str {
        match self {
            Owner => "OWNER",
            Self::State => "STATE",
            Port => "PORT",
            Pid => "PID",
            Health => "HEALTH",
            Cpu => "CPU %",
            Memory => "MEMORY",
            CpuPicture | MemoryPicture | FindingCount => "",
            Up => "UP",
            Restarts => "RESTARTS",
            By => "BY",
            Findings => "FINDINGS",
        }
    }

    /// Whether it ends at its right edge.
    pub fn is_right(self) -> bool {
        matches!(self, Port | Pid | Cpu | Memory | Up | Restarts)
    }

    /// What it is sorted by.
    pub fn sort(self) -> Option<Sort> {
        Some(match self {
            Owner => Sort::Owner,
            Self::State => Sort::State,
            Port => Sort::Port,
            Pid => Sort::Pid,
            Cpu => Sort::Cpu,
            Memory => Sort::Memory,
            Up => Sort::Age,
            Restarts => Sort::Restarts,
            Findings | FindingCount => Sort::Findings,
            Health | CpuPicture | MemoryPicture | By => return None,
        })
    }

    /// The space before it.
    pub fn gap(self) -> u16 {
        if matches!(self, CpuPicture | MemoryPicture) { 1 } else { 2 }
    }

    fn width(self, owner: u16, narrow: bool) -> u16 {
        match self {
            Owner => owner,
            Self::State if narrow => 12,
            Self::State => 13,
            Port | Cpu => 5,
            Pid | Memory | By => 7,
            Health | Up | Restarts => 8,
            CpuPicture | MemoryPicture => 6,
            Findings => WORDS_WIDTH,
            FindingCount => 2,
        }
    }
}

/// The columns that fit, each with its width; the last takes what is left.
pub fn columns(state: &State, width: u16) -> Vec<(Column, u16)> {
    let probed = state.fleet.rows.iter().any(|row| row.health.state != HealthState::Unknown);
    let owner = u16::try_from(state.fleet.widest.clamp(OWNER_WIDTH.0, OWNER_WIDTH.1)).unwrap_or(10);
    let narrow = width < 100;
    // The column in front of the first belongs to the mark of the chosen row.
    let total = |columns: &[Column], owner| columns.iter().map(|column| column.gap() + column.width(owner, narrow)).sum::<u16>();
    let mut columns: Vec<Column> = ALL.into_iter().filter(|column| probed || *column != Health).collect();
    let mut leaving = LEAVING.iter();
    while total(&columns, owner) > width {
        let Some(next) = leaving.next() else { break };
        for column in &mut columns {
            if *column == Findings && next.contains(&Findings) {
                *column = FindingCount;
            }
        }
        columns.retain(|column| !next.contains(column));
    }
    let excess = total(&columns, owner).saturating_sub(width);
    let owner = owner.saturating_sub(excess).max(6);
    let mut widths: Vec<(Column, u16)> = columns.iter().map(|column| (*column, column.width(owner, narrow))).collect();
    let left = width.saturating_sub(total(&columns, owner));
    if let Some((Findings, last)) = widths.last_mut() {
        *last += left;
    }
    widths
}

/// What stands in a cell.
pub fn text(state: &State, row: &Row, column: Column) -> String {
    let (settings, now) = (&state.settings, state.header.now.wall);
    let (glyphs, ellipsis) = (settings.glyphs, settings.glyphs.ellipsis);
    match column {
        Owner => row.id.to_string(),
        Column::State => format!("{} {}", words::sign(row.state, glyphs.ascii), row.state.word()),
        Port => row.port.map_or_else(|| "-".to_owned(), |port| port.to_string()),
        Pid => words::reading(row.main, ellipsis, |key| key.pid.to_string()),
        Health => health(settings, row),
        Cpu => words::reading(row.cpu_percent, ellipsis, words::percent),
        Memory => words::reading(row.memory_bytes, ellipsis, words::bytes),
        Up => match row.started_at {
            Some(at) if row.state.is_up() => words::duration(words::age(at, now)),
            _ if row.main == Reading::Denied => "?".to_owned(),
            _ => "-".to_owned(),
        },
        Restarts => row.restarts.to_string(),
        By => row.supervisor.word().to_owned(),
        Findings => row.findings.iter().map(|code| code.word()).collect::<Vec<_>>().join(" "),
        FindingCount => {
            row.worst().map_or_else(String::new, |level| format!("{}{}", words::level_sign(level, glyphs.ascii), row.findings.len().min(9)))
        }
        CpuPicture | MemoryPicture => String::new(),
    }
}

/// Its style.
pub fn style(theme: &Theme, row: &Row, column: Column) -> Style {
    match column {
        Column::State => of_state(theme, row.state),
        Findings | FindingCount => row.worst().map_or(Style::new(), |level| of_level(theme, level)),
        CpuPicture => theme.graph,
        By | Restarts => theme.dim,
        _ => Style::new(),
    }
}

/// A state's style.
pub fn of_state(theme: &Theme, state: Doing) -> Style {
    match state {
        Doing::Running => theme.good,
        Doing::Degraded => theme.warning,
        Doing::Crashed | Doing::CrashLoop => theme.error,
        Doing::Starting | Doing::Stopping => theme.busy,
        Doing::Stopped | Doing::Unknown => theme.dim,
    }
}

/// A level's style.
pub fn of_level(theme: &Theme, level: Level) -> Style {
    match level {
        Level::Error => theme.error,
        Level::Warning => theme.warning,
        Level::Note => theme.note,
    }
}

/// `●   3 ms`.
fn health(settings: &Settings, row: &Row) -> String {
    let sign = match (row.health.state, settings.glyphs.ascii) {
        (HealthState::Unknown, _) => return String::new(),
        (HealthState::Starting, _) => return settings.glyphs.ellipsis.to_owned(),
        (HealthState::Healthy, false) => "●",
        (HealthState::Slow | HealthState::Degraded, false) => "▲",
        (HealthState::Unhealthy, false) => "✖",
        (HealthState::Guarded, false) => "◆",
        (HealthState::Healthy, true) => "*",
        (HealthState::Slow | HealthState::Degraded, true) => "!",
        (HealthState::Unhealthy, true) => "x",
        (HealthState::Guarded, true) => "#",
    };
    match row.health.latency_ms {
        Some(latency) => format!("{sign} {latency:>3} ms"),
        None => format!("{sign} {}", row.health.state.word()),
    }
}
