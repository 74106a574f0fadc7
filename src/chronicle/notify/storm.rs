//! How many are told one by one in a while; the others are told as a number. Pure.
//!
//! It must never let one pass without being in either.

use std::time::{Duration, Instant};

/// So many in this time.
const MOST: u32 = 20;
pub const WITHIN: Duration = Duration::from_secs(10);

/// The count.
#[derive(Debug, Default)]
pub struct Storm {
    begun: Option<Instant>,
    told: u32,
    more: u32,
}

impl Storm {
    fn is_over(&self, now: Instant) -> bool {
        self.begun.is_none_or(|begun| now.duration_since(begun) >= WITHIN)
    }

    /// Whether this one is told by itself.
    pub fn admit(&mut self, now: Instant) -> bool {
        if self.is_over(now) && self.more == 0 {
            (self.begun, self.told) = (Some(now), 0);
        }
        if self.told < MOST && self.more == 0 {
            self.told += 1;
            return true;
        }
        self.more = self.more.saturating_add(1);
        false
    }

    /// Counts those that are told as a number anyway.
    pub fn add(&mut self, count: u32, now: Instant) {
        if count > 0 && self.begun.is_none() {
            self.begun = Some(now);
        }
        self.more = self.more.saturating_add(count);
    }

    /// How many are to be told as a number now.
    pub fn over(&mut self, now: Instant) -> Option<u32> {
        if self.more == 0 || !self.is_over(now) {
            return None;
        }
        (self.begun, self.told) = (None, 0);
        Some(std::mem::take(&mut self.more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_is_twenty_and_a_number() {
        let mut storm = Storm::default();
        let begun = Instant::now();
        assert_eq!((0..200).filter(|_| storm.admit(begun)).count(), 20);
        assert_eq!(storm.over(begun), None);
        storm.add(7, begun);
        assert!(!storm.admit(begun + WITHIN), "the number goes first");
        assert_eq!((storm.over(begun + WITHIN), storm.over(begun + WITHIN)), (Some(188), None));
        assert!(storm.admit(begun + WITHIN));
    }

    #[test]
    fn few_are_told_one_by_one_for_ever() {
        let mut storm = Storm::default();
        let begun = Instant::now();
        for number in 0..100 {
            let now = begun + Duration::from_secs(number);
            assert!(storm.admit(now) && storm.over(now).is_none());
        }
    }
}
