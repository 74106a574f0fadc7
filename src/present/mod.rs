//! Facts as text: units, wording, columns, the plain table, the map of ports and the JSON documents. Every presenter shows the same.
//!
//! Pure. It must never print, look at the terminal or the clock, or decide what is wrong: `judge` did.

pub mod advice;
pub mod announced;
pub mod arrange;
pub mod bar;
pub mod client;
pub mod columns;
pub mod command;
pub mod disk;
pub mod doctor;
pub mod events;
pub mod fit;
pub mod free_ports;
pub mod health;
pub mod json;
pub mod limits;
mod map_news;
pub mod meaning;
pub mod mend;
pub mod metrics;
pub mod notified;
pub mod paint;
pub mod plan;
pub mod plan_map;
pub mod port_map;
pub mod ports;
pub mod quote;
pub mod range;
pub mod sarif;
pub mod sparkline;
pub mod table;
pub mod units;
pub mod welcome;
pub mod why;
pub mod wording;

/// The fixture fleet; `tests/it` includes the same file.
#[cfg(any(test, fuzzing))]
#[path = "../../tests/support/fleet.rs"]
pub(crate) mod fleet;

// The fixture fleet takes its facts from `super::domain`, here and in `tests/it`.
#[cfg(any(test, fuzzing))]
use crate::domain;

use jiff::Timestamp;

/// What every text depends on beside the fact itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Nothing but ASCII.
    pub ascii: bool,
    /// When the snapshot was taken: ages are told against it.
    pub now: Timestamp,
}

impl Look {
    /// What stands for something that is not there yet.
    pub fn not_yet(self) -> &'static str {
        if self.ascii { "..." } else { "…" }
    }
}

/// What stands for something that does not apply.
pub const NOTHING: &str = "-";

/// What stands for something that may not be seen.
pub const HIDDEN: &str = "?";
