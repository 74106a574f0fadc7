//! How much of one kind about one owner is written in a while: the rest is counted. Pure.
//!
//! It must never let somebody who makes and breaks something all day long crowd out what happened to others.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::domain::{Event, EventKind, Shown};

/// So many in this time.
const MOST: u32 = 20;
const WITHIN: Duration = Duration::from_secs(60);

/// How many are counted apart.
const KEYS: usize = 4096;

/// What is counted apart from others: all names of one owner are one.
type Key = (EventKind, Option<Shown>, Option<String>);

/// The counts.
#[derive(Debug, Default)]
pub struct Flood(HashMap<Key, Count>);

#[derive(Debug)]
struct Count {
    since: Instant,
    passed_on: u32,
    held: u32,
}

impl Flood {
    /// The event, if it is to be written, with how many before it were not.
    pub fn admit(&mut self, event: Event, now: Instant) -> Option<Event> {
        let key = (event.kind, event.finding.clone(), event.id.as_ref().map(|id| id.owner().to_owned()));
        if self.0.len() >= KEYS && !self.0.contains_key(&key) {
            self.0.retain(|_, count| now.duration_since(count.since) < WITHIN);
            if self.0.len() >= KEYS {
                return None;
            }
        }
        let count = self.0.entry(key).or_insert(Count { since: now, passed_on: 0, held: 0 });
        if now.duration_since(count.since) >= WITHIN {
            (count.since, count.passed_on) = (now, 0);
        }
        if count.passed_on >= MOST {
            count.held = count.held.saturating_add(1);
            return None;
        }
        count.passed_on += 1;
        let held = std::mem::take(&mut count.held);
        if held == 0 {
            return Some(event);
        }
        let with = |text: &Shown| Shown::new(&format!("{text} ({held} more of these were not written)"));
        Some(Event { sentence: with(&event.sentence), brief: event.brief.as_ref().map(with), ..event })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{InstanceId, Level};
    use jiff::Timestamp;

    fn event(id: &str) -> Event {
        let event = Event::of_host(Timestamp::UNIX_EPOCH, EventKind::Found, Level::Warning, "x");
        Event { id: InstanceId::parse(id).ok(), ..event }
    }

    #[test]
    fn a_flood_is_counted_and_others_are_heard() {
        let mut flood = Flood::default();
        let begun = Instant::now();
        let admitted = (0..100).filter(|port| flood.admit(event(&format!("bob/:{}", 8000 + port)), begun).is_some()).count();
        assert_eq!(admitted, MOST as usize);
        assert!(flood.admit(event("amy"), begun).is_some());
        let next = flood.admit(event("bob"), begun + WITHIN).unwrap();
        assert_eq!(next.sentence.as_str(), "x (80 more of these were not written)");
        assert_eq!(flood.admit(event("bob"), begun + WITHIN).unwrap().sentence.as_str(), "x");
    }

    #[test]
    fn no_number_of_owners_fills_the_memory() {
        let mut flood = Flood::default();
        let begun = Instant::now();
        let admitted = (0..9000).filter(|number| flood.admit(event(&format!("u{number}")), begun).is_some()).count();
        assert_eq!(admitted, KEYS);
        assert!(flood.admit(event("late"), begun + WITHIN).is_some());
    }
}
