//! What a server counts of itself, as rates and shares: what came of its `/metrics`.
//!
//! It must never hold a name of a server's that is not `Shown`, nor more of a course than is drawn.

use serde::{Deserialize, Serialize};

use super::Shown;

/// One thing that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Measure {
    /// HTTP requests a second.
    Requests,
    /// Percent of them that the server failed at.
    Errors,
    /// The time in milliseconds that 95 of 100 did not exceed.
    Latency,
    /// Calls of tools a second.
    Tools,
    /// Requests for resources a second.
    Resources,
    /// Percent of the cache's questions that it could answer.
    Cache,
}

impl Measure {
    /// All.
    pub const ALL: [Self; 6] = [Self::Requests, Self::Errors, Self::Latency, Self::Tools, Self::Resources, Self::Cache];

    /// The name in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Requests => "requests_per_second",
            Self::Errors => "error_percent",
            Self::Latency => "p95_ms",
            Self::Tools => "tool_calls_per_second",
            Self::Resources => "resource_requests_per_second",
            Self::Cache => "cache_hit_percent",
        }
    }

    /// Its place among all.
    pub fn place(self) -> usize {
        self as usize
    }
}

/// A value in thousandths: what is compared must be equal to itself.
pub type Thousandths = i64;

/// A value each.
pub type Figures = [Option<Thousandths>; Measure::ALL.len()];

/// How many figures are remembered: ten minutes' worth.
pub const FIGURES: usize = 20;

/// What a server counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metrics {
    /// The last figures, oldest first.
    pub course: Vec<Figures>,
    /// What the configuration asks for beside them: what a second brought of counters, and others' value.
    pub chosen: Vec<(Shown, Thousandths)>,
}

impl Metrics {
    /// The newest figure.
    pub fn newest(&self, measure: Measure) -> Option<Thousandths> {
        self.course.last().and_then(|figures| figures[measure.place()])
    }

    /// The course of one, oldest first.
    pub fn course_of(&self, measure: Measure) -> impl Iterator<Item = Option<f32>> + '_ {
        #[allow(clippy::cast_precision_loss, reason = "it is drawn in eight steps")]
        self.course.iter().map(move |figures| figures[measure.place()].map(|value| value as f32 / 1000.0))
    }

    /// Whether there is anything to be told.
    pub fn is_empty(&self) -> bool {
        self.chosen.is_empty() && Measure::ALL.iter().all(|measure| self.course_of(*measure).all(|value| value.is_none()))
    }
}
