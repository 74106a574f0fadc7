//! The course of a value over the last hour, in points of some seconds that are aligned to the clock: a picture of it stands still
//! between points.
//!
//! It must never invent a point: what was not known is `None`, also where the clock leapt.

use std::collections::VecDeque;
use std::time::Duration;

/// How long one point is.
pub const POINT: Duration = Duration::from_secs(5);

/// How many points are kept: an hour.
pub const POINTS: usize = 720;

/// The course of one value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// Oldest first; at most [`POINTS`].
    points: VecDeque<Option<f32>>,
    /// The number of the newest point since the host's boot.
    newest: u64,
    /// Of how many readings the newest point is the average.
    readings: u16,
}

impl Course {
    /// Adds a reading; `at` on the boot clock.
    pub fn add(&mut self, at: Duration, reading: Option<f32>) {
        let number = number(at);
        if number < self.newest {
            return;
        }
        if self.points.is_empty() || number > self.newest.saturating_add(POINTS as u64) {
            self.points.clear();
            (self.newest, self.readings) = (number, 0);
            self.points.push_back(None);
        }
        while self.newest < number {
            (self.newest, self.readings) = (self.newest + 1, 0);
            self.points.push_back(None);
        }
        while self.points.len() > POINTS {
            self.points.pop_front();
        }
        let (Some(point), Some(reading)) = (self.points.back_mut(), reading) else { return };
        let before = f32::from(self.readings);
        *point = Some(point.map_or(reading, |average| (average * before + reading) / (before + 1.0)));
        self.readings = self.readings.saturating_add(1);
    }

    /// The last points until a moment, `per_cell` of them for each of so many cells, the newest in the last cell. A cell has the same
    /// points for as long as it is seen: only the last one changes until the next begins.
    pub fn cells(&self, cells: usize, per_cell: usize, until: Duration) -> Vec<Option<f32>> {
        let per_cell = per_cell.max(1) as u64;
        let last = (number(until) / per_cell + 1) * per_cell;
        let first = last.saturating_sub(cells as u64 * per_cell);
        let oldest = (self.newest + 1).saturating_sub(self.points.len() as u64);
        let point = |number: u64| {
            let index = usize::try_from(number.checked_sub(oldest)?).ok()?;
            self.points.get(index).copied().flatten()
        };
        (first..last).map(|at| point(at).filter(|_| at <= number(until))).collect()
    }
}

/// The number of the point that a moment lies in.
fn number(at: Duration) -> u64 {
    at.as_secs() / POINT.as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn course(readings: &[(u64, f32)]) -> Course {
        let mut course = Course::default();
        readings.iter().for_each(|(seconds, value)| course.add(at(*seconds), Some(*value)));
        course
    }

    #[test]
    fn readings_of_one_point_are_averaged_and_a_gap_stays_one() {
        let course = course(&[(100, 10.0), (101, 20.0), (111, 5.0)]);
        assert_eq!(course.cells(4, 1, at(114)), [None, Some(15.0), None, Some(5.0)]);
    }

    #[test]
    fn cells_stand_still_until_the_next_one_begins() {
        let mut course = course(&[(100, 1.0), (105, 2.0), (110, 3.0)]);
        let before = course.cells(3, 2, at(110));
        assert_eq!(before, [None, None, Some(1.0), Some(2.0), Some(3.0), None]);
        course.add(at(115), Some(4.0));
        assert_eq!(course.cells(3, 2, at(115)), [None, None, Some(1.0), Some(2.0), Some(3.0), Some(4.0)]);
        course.add(at(120), Some(5.0));
        assert_eq!(course.cells(3, 2, at(120)), [Some(1.0), Some(2.0), Some(3.0), Some(4.0), Some(5.0), None]);
        // A held picture shows what was then.
        assert_eq!(course.cells(3, 2, at(110)), before);
    }

    #[test]
    fn what_was_before_the_newest_point_changes_nothing() {
        let mut course = course(&[(100, 1.0)]);
        course.add(at(90), Some(9.0));
        assert_eq!(course.cells(3, 1, at(100)), [None, None, Some(1.0)]);
    }

    #[test]
    fn it_keeps_an_hour() {
        let mut course = course(&[(100, 1.0)]);
        for second in 0..2 * 3600 {
            course.add(at(100 + second), Some(2.0));
        }
        assert_eq!(course.points.len(), POINTS);
        course.add(at(1_000_000), None);
        assert_eq!(course.cells(2, 1, at(1_000_000)), [None, None]);
    }
}
