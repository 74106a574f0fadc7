//! What a server counts of itself: its `/metrics`, asked for rarely, and the figures that follow from two of them.
//!
//! It must never send a key, believe a text to be short, or ask again a server that has none.

mod counts;
pub(super) mod text;

use std::sync::Arc;
use std::time::Duration;

use super::exchange::{self, Question};
use super::line::Line;
use crate::domain::{FIGURES, Metrics, Row, Shown};

pub use counts::Counts;

/// Where they lie.
const PATH: &str = "/metrics";

/// How often they are asked for.
pub const EVERY: Duration = Duration::from_secs(30);

/// The most that is read of them.
const MOST: usize = 512 * 1024;

/// Asks for them; `None` where there are none.
pub async fn scrape(line: Line, row: &Row) -> Option<Counts> {
    let question = Question { most: MOST, ..Question::get(PATH) };
    let answer = exchange::ask(&line, &question, |_| false).await.ok()?;
    let chosen = row.declared.as_ref().map_or(&[][..], |declared| &declared.probing.metrics);
    (answer.status == 200).then(|| Counts::of(&answer.body, answer.is_whole, chosen)).flatten()
}

/// What is known of one process.
#[derive(Debug, Default)]
pub struct Course {
    before: Option<(Counts, Duration)>,
    told: Option<Arc<Metrics>>,
}

impl Course {
    /// Takes over what was counted until now.
    pub fn took(&mut self, counts: Option<Counts>, chosen: &[String], now: Duration) {
        let Some(counts) = counts else {
            // What was told before holds no longer.
            self.told = None;
            return;
        };
        let before = self.before.as_ref().map(|(before, at)| (before, now.saturating_sub(*at)));
        let mut course = self.told.as_ref().map(|told| told.course.clone()).unwrap_or_default();
        if course.len() >= FIGURES {
            course.remove(0);
        }
        course.push(counts.figures(before));
        let named = chosen.iter().zip(counts.chosen(before, chosen));
        let chosen = named.filter_map(|(name, value)| Some((Shown::new(name), value?))).collect();
        self.told = Some(Arc::new(Metrics { course, chosen }));
        self.before = Some((counts, now));
    }

    /// Whether there ever were any.
    pub fn is_known(&self) -> bool {
        self.before.is_some()
    }

    /// The figures.
    pub fn told(&self) -> Option<Arc<Metrics>> {
        self.told.clone().filter(|told| !told.is_empty())
    }
}

#[cfg(test)]
mod tests;
