//! When each instance is to be asked which question, in order of time. Pure: times are given.
//!
//! It must never go through all of them to find the next.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::domain::InstanceId;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Whether it is alive.
    Life,
    /// Who it is.
    Name,
    /// What it counts of itself.
    Counts,
}

impl What {
    /// Every question.
    pub const ALL: [Self; 3] = [Self::Life, Self::Name, Self::Counts];
}

/// The moments of one question.
#[derive(Debug, Default)]
struct Moments {
    in_order: BTreeSet<(Duration, InstanceId)>,
    of: HashMap<InstanceId, Duration>,
}

impl Moments {
    fn remove(&mut self, id: &InstanceId) {
        if let Some((id, at)) = self.of.remove_entry(id) {
            self.in_order.remove(&(at, id));
        }
    }
}

/// The moments of all questions.
#[derive(Debug, Default)]
pub struct Calendar([Moments; 3]);

impl Calendar {
    /// Has an instance asked this at that moment and at no other; `None`: not at all.
    pub fn put(&mut self, id: &InstanceId, what: What, at: Option<Duration>) {
        let moments = &mut self.0[what as usize];
        if moments.of.get(id).copied() == at {
            return;
        }
        moments.remove(id);
        if let Some(at) = at {
            moments.of.insert(id.clone(), at);
            moments.in_order.insert((at, id.clone()));
        }
    }

    /// Takes out the one whose moment passed first; `None` where all are still to come.
    pub fn take(&mut self, what: What, now: Duration) -> Option<InstanceId> {
        let moments = &mut self.0[what as usize];
        let _ = moments.in_order.first().filter(|(at, _)| *at <= now)?;
        let (_, id) = moments.in_order.pop_first()?;
        moments.of.remove(&id);
        Some(id)
    }

    /// The first moment of all.
    pub fn next(&self) -> Option<Duration> {
        self.0.iter().filter_map(|moments| moments.in_order.first()).map(|(at, _)| *at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::id;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn who_is_put_again_has_one_moment() {
        let mut calendar = Calendar::default();
        calendar.put(&id("alice"), What::Life, Some(seconds(3)));
        calendar.put(&id("bob"), What::Life, Some(seconds(2)));
        calendar.put(&id("alice"), What::Life, Some(seconds(1)));
        calendar.put(&id("carol"), What::Life, Some(seconds(1)));
        calendar.put(&id("carol"), What::Life, None);
        assert_eq!(calendar.next(), Some(seconds(1)));
        let taken: Vec<_> = std::iter::from_fn(|| calendar.take(What::Life, seconds(9))).collect();
        assert_eq!(taken, [id("alice"), id("bob")]);
        assert_eq!(calendar.next(), None);
    }

    #[test]
    fn nobody_is_taken_before_the_time_nor_for_another_question() {
        let mut calendar = Calendar::default();
        calendar.put(&id("alice"), What::Counts, Some(seconds(5)));
        assert_eq!(calendar.take(What::Counts, seconds(4)), None);
        assert_eq!(calendar.take(What::Name, seconds(5)), None);
        assert_eq!(calendar.take(What::Counts, seconds(5)), Some(id("alice")));
        calendar.put(&id("alice"), What::Counts, Some(seconds(5)));
        assert_eq!(calendar.next(), Some(seconds(5)));
    }
}
