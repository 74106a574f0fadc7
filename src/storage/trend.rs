//! How fast a number grows, from readings far enough apart.
//!
//! It must never tell a rate from readings that are too near to each other: what one write adds is no rate.

use std::collections::VecDeque;
use std::time::Duration;

/// How many readings are kept: a thousand instances have two trends each.
const KEPT: usize = 8;

/// Readings of one number over time.
#[derive(Clone, Debug)]
pub(super) struct Trend {
    gap: Duration,
    readings: VecDeque<(Duration, u64)>,
}

impl Trend {
    /// A trend whose readings are at least `gap` apart; a rate needs two of them.
    pub fn new(gap: Duration) -> Self {
        Self { gap, readings: VecDeque::new() }
    }

    /// Adds a reading taken at `at` on a clock that never goes back.
    pub fn add(&mut self, at: Duration, value: u64) {
        // The newest reading always counts; one that came too soon after its predecessor is replaced by it.
        if let [.., before, last] = self.readings.make_contiguous()
            && last.0.saturating_sub(before.0) < self.gap
        {
            *last = (at, value);
            return;
        }
        if self.readings.len() >= KEPT {
            self.readings.pop_front();
        }
        self.readings.push_back((at, value));
    }

    /// Units a second between the oldest reading and the newest; negative when it shrinks.
    pub fn rate(&self) -> Option<f64> {
        let ((first, from), (last, to)) = (self.readings.front()?, self.readings.back()?);
        let span = last.saturating_sub(*first);
        (span >= self.gap && !span.is_zero()).then(|| (*to as f64 - *from as f64) / span.as_secs_f64())
    }

    /// Forgets everything: what is read from now on is another thing.
    pub fn clear(&mut self) {
        self.readings.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(readings: &[(u64, u64)]) -> Option<f64> {
        let mut trend = Trend::new(Duration::from_secs(10));
        for (second, value) in readings {
            trend.add(Duration::from_secs(*second), *value);
        }
        trend.rate()
    }

    #[test]
    fn cases() {
        type Case = (&'static str, &'static [(u64, u64)], Option<f64>);
        let cases: [Case; 8] = [
            ("nothing", &[], None),
            ("one reading", &[(0, 5)], None),
            ("too near", &[(0, 5), (9, 50)], None),
            ("far enough", &[(0, 0), (10, 50)], Some(5.0)),
            ("the newest counts", &[(0, 0), (5, 1000), (10, 50)], Some(5.0)),
            ("it shrinks", &[(0, 100), (10, 0)], Some(-10.0)),
            ("it stands", &[(0, 7), (100, 7)], Some(0.0)),
            ("the oldest is forgotten", &[(0, 9), (10, 0), (20, 0), (30, 0), (40, 0), (50, 0), (60, 0), (70, 0), (80, 70)], Some(1.0)),
        ];
        for (name, readings, expected) in cases {
            assert_eq!(rate(readings), expected, "{name}");
        }
    }

    #[test]
    fn readings_close_together_do_not_push_the_old_ones_out() {
        let readings: Vec<(u64, u64)> = (0..75).map(|second| (second, second * 3)).collect();
        assert_eq!(rate(&readings), Some(3.0));
    }
}
