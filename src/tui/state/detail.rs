//! The detail of the chosen instance: how far it is scrolled, what was asked of instances last, and what they used over the last minutes.
//!
//! It must never grow without bound: a ring for each instance that there is, and nothing for those that are gone.

use std::collections::HashMap;
use std::time::Duration;

use crate::domain::{InstanceId, Outcome, Shown, Snapshot, Stage, Verb};

/// How long one point of a history is.
pub const POINT: Duration = Duration::from_secs(5);

/// How many points are kept: five minutes.
pub const POINTS: usize = 60;

/// Its state.
#[derive(Clone, Debug, Default)]
pub struct Detail {
    /// The first line that is seen.
    pub top: usize,
    /// What each instance used.
    pub histories: HashMap<InstanceId, History>,
    /// How many are connected to the instance whose detail is large.
    pub clients: Option<Clients>,
    /// The log whose lines are counted: which opening of it, and how many lines it had.
    pub lines: Option<(u64, u64)>,
    /// The last order of each instance that had one, for as long as the instance is there.
    pub outcomes: HashMap<InstanceId, (Verb, Outcome)>,
}

/// The connections of an instance.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Whose.
    pub of: InstanceId,
    /// When they were asked for last, on the boot clock.
    pub asked: Duration,
    /// How many, or why that is not known; `None` before the first answer.
    pub count: Option<Result<u64, Shown>>,
}

/// Averages over the last minutes, aligned to the clock so that pictures stand still between points.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Oldest first; at most [`POINTS`].
    points: std::collections::VecDeque<Point>,
    /// The number of the newest point since the host's boot.
    newest: u64,
    /// How many readings the newest point is the average of.
    readings: u16,
}

/// One point. What was not known is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// CPU in tenths of a percent of one core.
    pub cpu: Option<u16>,
    /// Memory in KiB.
    pub memory: Option<u32>,
    /// Lines that its log grew by, while it was followed.
    pub lines: Option<u32>,
}

impl History {
    /// Adds a reading.
    pub fn add(&mut self, at: Duration, cpu: Option<f32>, memory: Option<u64>) {
        let (cpu, memory) = (cpu.map(tenths), memory.map(|bytes| u32::try_from(bytes / 1024).unwrap_or(u32::MAX)));
        self.go_on_to(at);
        if let Some(point) = self.points.back_mut() {
            let before = u64::from(self.readings);
            point.cpu = average(point.cpu.map(u64::from), cpu.map(u64::from), before).and_then(|value| u16::try_from(value).ok());
            point.memory = average(point.memory.map(u64::from), memory.map(u64::from), before).and_then(|value| u32::try_from(value).ok());
            self.readings = self.readings.saturating_add(1);
        }
    }

    /// Adds lines of its log.
    pub fn add_lines(&mut self, at: Duration, lines: u64) {
        self.go_on_to(at);
        if let Some(point) = self.points.back_mut() {
            let sum = u64::from(point.lines.unwrap_or(0)).saturating_add(lines);
            point.lines = Some(u32::try_from(sum).unwrap_or(u32::MAX));
        }
    }

    /// Begins the point of this moment, if it has not begun.
    fn go_on_to(&mut self, at: Duration) {
        let number = at.as_secs() / POINT.as_secs();
        if self.points.is_empty() || number > self.newest.saturating_add(POINTS as u64) {
            self.points.clear();
            self.newest = number;
            self.readings = 0;
            self.points.push_back(Point::default());
        }
        // A gap in the clock is a gap in the picture.
        while self.newest < number {
            self.newest += 1;
            self.readings = 0;
            self.points.push_back(Point::default());
        }
        while self.points.len() > POINTS {
            self.points.pop_front();
        }
    }

    /// The last points, the newest last; `None` before there were any.
    pub fn last(&self, count: usize) -> impl Iterator<Item = Option<Point>> + '_ {
        let missing = count.saturating_sub(self.points.len());
        let skipped = self.points.len().saturating_sub(count);
        std::iter::repeat_n(None, missing).chain(self.points.iter().skip(skipped).map(|point| Some(*point)))
    }

    /// The last points in pairs that stand still while the newest pair fills: each pair has an even point first.
    pub fn pairs(&self, count: usize) -> Vec<Option<Point>> {
        let odd = usize::from(self.newest.is_multiple_of(2));
        let points: Vec<Option<Point>> = self.last(count * 2 - odd).chain(std::iter::repeat_n(None, odd)).collect();
        points.chunks(2).map(|pair| merge(pair.first().copied().flatten(), pair.get(1).copied().flatten())).collect()
    }
}

/// The greater of two points: a peak is to be seen.
fn merge(one: Option<Point>, other: Option<Point>) -> Option<Point> {
    match (one, other) {
        (Some(one), Some(other)) => {
            Some(Point { cpu: one.cpu.max(other.cpu), memory: one.memory.max(other.memory), lines: one.lines.max(other.lines) })
        }
        (one, other) => one.or(other),
    }
}

/// The average of what was there and one reading more.
fn average(known: Option<u64>, reading: Option<u64>, before: u64) -> Option<u64> {
    match (known, reading) {
        (Some(known), Some(reading)) => Some((known * before + reading) / (before + 1)),
        (known, reading) => reading.or(known),
    }
}

/// Percent in tenths.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn tenths(percent: f32) -> u16 {
    (percent * 10.0).round().clamp(0.0, f32::from(u16::MAX)) as u16
}

impl Detail {
    /// Takes note that the followed log of an instance has so many lines. What it had when it was opened was not written just now.
    pub fn observe_lines(&mut self, id: &InstanceId, opening: u64, newest: u64, at: Duration) {
        if newest == 0 {
            // Opened, and not read yet.
            return;
        }
        let before = self.lines.replace((opening, newest)).filter(|(serial, _)| *serial == opening).map(|(_, newest)| newest);
        if let (Some(before), Some(history)) = (before, self.histories.get_mut(id)) {
            history.add_lines(at, newest.saturating_sub(before));
        }
    }

    /// Takes over what a snapshot says: readings and results.
    pub fn learn(&mut self, snapshot: &Snapshot) {
        for row in &snapshot.rows {
            let known = (row.cpu_percent.known(), row.memory_bytes.known());
            // An instance that is down needs no ring until it runs.
            if let Some(history) = self.histories.get_mut(&row.id) {
                history.add(snapshot.taken.boot, known.0, known.1);
            } else if known != (None, None) {
                let mut history = History::default();
                history.add(snapshot.taken.boot, known.0, known.1);
                self.histories.insert(row.id.clone(), history);
            }
        }
        for underway in &snapshot.underway {
            if let Stage::Ended(outcome) = &underway.stage {
                self.outcomes.insert(underway.id.clone(), (underway.verb, outcome.clone()));
            }
        }
        if self.histories.len() > snapshot.rows.len() || self.outcomes.len() > 64 {
            let there: std::collections::HashSet<&InstanceId> = snapshot.rows.iter().map(|row| &row.id).collect();
            self.histories.retain(|id, _| there.contains(id));
            self.outcomes.retain(|id, _| there.contains(id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu(history: &History, count: usize) -> Vec<Option<u16>> {
        history.last(count).map(|point| point.and_then(|point| point.cpu)).collect()
    }

    #[test]
    fn readings_of_one_point_are_averaged() {
        let mut history = History::default();
        for (second, percent) in [(100, 10.0), (101, 20.0), (105, 40.0)] {
            history.add(Duration::from_secs(second), Some(percent), Some(2048));
        }
        assert_eq!(cpu(&history, 3), [None, Some(150), Some(400)]);
    }

    #[test]
    fn a_gap_stays_a_gap_and_the_ring_is_bounded() {
        let mut history = History::default();
        history.add(Duration::from_secs(100), Some(1.0), None);
        history.add(Duration::from_secs(111), Some(2.0), None);
        assert_eq!(cpu(&history, 3), [Some(10), None, Some(20)]);
        for second in 0..2000 {
            history.add(Duration::from_secs(111 + second), Some(3.0), None);
        }
        assert_eq!(history.points.len(), POINTS);
        history.add(Duration::from_secs(1_000_000), None, None);
        assert_eq!(history.points.len(), 1);
    }

    #[test]
    fn pairs_stand_still_while_the_newest_fills() {
        let mut history = History::default();
        for second in (0..60).step_by(5) {
            history.add(Duration::from_secs(second), Some(second as f32), None);
        }
        let before = history.pairs(4);
        history.add(Duration::from_secs(60), Some(99.0), None);
        let after = history.pairs(4);
        assert_eq!(before[1..], after[..3]);
        history.add(Duration::from_secs(65), Some(1.0), None);
        assert_eq!(history.pairs(4), after);
    }
}
