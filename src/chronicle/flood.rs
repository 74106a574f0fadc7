//! How much of one kind about one owner is written in a while: the rest is counted, and the last of it written when that is over.
//!
//! It must never let somebody who makes and breaks something all day long crowd out what happened to others.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::domain::{Event, EventKind, Level, Shown};

/// So many in this time.
const MOST: u32 = 20;
const WITHIN: Duration = Duration::from_secs(60);

/// How many are counted apart.
const KEYS: usize = 4096;

/// What is counted apart from others: all names of one owner are one.
type Key = (EventKind, Option<Shown>, Option<String>);

/// The counts.
#[derive(Debug, Default)]
pub struct Flood {
    counts: HashMap<Key, Count>,
    /// How many came of those for whom there was no room, since when.
    beyond: Option<(Instant, u32)>,
    /// Something is held back.
    holds: bool,
}

#[derive(Debug)]
struct Count {
    since: Instant,
    passed_on: u32,
    /// The newest that was not passed on, and how many were not before it.
    held: Option<(Event, u32)>,
}

impl Flood {
    /// The event, if it is to be written now, with how many before it were not.
    pub fn admit(&mut self, event: Event, now: Instant) -> Option<Event> {
        let key = (event.kind, event.finding.clone(), event.id.as_ref().map(|id| id.owner().to_owned()));
        if self.counts.len() >= KEYS && !self.counts.contains_key(&key) {
            self.counts.retain(|_, count| count.held.is_some() || now.duration_since(count.since) < WITHIN);
            if self.counts.len() >= KEYS {
                let (_, beyond) = self.beyond.get_or_insert((now, 0));
                *beyond = beyond.saturating_add(1);
                self.holds = true;
                return None;
            }
        }
        let count = self.counts.entry(key).or_insert(Count { since: now, passed_on: 0, held: None });
        if now.duration_since(count.since) >= WITHIN {
            (count.since, count.passed_on) = (now, 0);
        }
        if count.passed_on >= MOST {
            let before = count.held.take().map_or(0, |(_, before)| before.saturating_add(1));
            count.held = Some((event, before));
            self.holds = true;
            return None;
        }
        count.passed_on += 1;
        let held = count.held.take().map_or(0, |(_, before)| before.saturating_add(1));
        Some(with(event, held))
    }

    /// Whether something is held back that [`Flood::release`] gives some time.
    pub fn holds(&self) -> bool {
        self.holds
    }

    /// The newest of what was held back for its time, with how many before it were not written: what came last may be what holds now.
    pub fn release(&mut self, now: Instant) -> Vec<Event> {
        let mut released = Vec::new();
        for count in self.counts.values_mut().filter(|count| count.held.is_some() && now.duration_since(count.since) >= WITHIN) {
            (count.since, count.passed_on) = (now, 1);
            released.extend(count.held.take().map(|(event, before)| with(event, before)));
        }
        released.sort_by_key(|event| event.at);
        if let Some((_, beyond)) = self.beyond.take_if(|(since, _)| now.duration_since(*since) >= WITHIN) {
            let sentence = format!("{beyond} events were not written: so much happens to so many that they are not counted apart");
            released.push(Event::of_host(Timestamp::now(), EventKind::Lost, Level::Warning, &sentence));
        }
        self.holds = self.beyond.is_some() || self.counts.values().any(|count| count.held.is_some());
        released
    }
}

/// The event, with how many before it were not written.
fn with(event: Event, held: u32) -> Event {
    if held == 0 {
        return event;
    }
    let with = |text: &Shown| Shown::new(&format!("{text} ({held} more of these were not written)"));
    Event { sentence: with(&event.sentence), brief: event.brief.as_ref().map(with), ..event }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::InstanceId;

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
    fn the_last_of_a_flood_is_written_though_nothing_comes_after_it() {
        let mut flood = Flood::default();
        let begun = Instant::now();
        let numbered = |number: u32| Event { sentence: Shown::new(&number.to_string()), ..event("bob") };
        assert_eq!((0..50).filter(|number| flood.admit(numbered(*number), begun).is_some()).count(), MOST as usize);
        assert!(flood.holds() && flood.release(begun + WITHIN / 2).is_empty());
        let told: Vec<String> = flood.release(begun + WITHIN).into_iter().map(|event| event.sentence.to_string()).collect();
        assert_eq!(told, ["49 (29 more of these were not written)"]);
        assert!(!flood.holds() && flood.release(begun + 2 * WITHIN).is_empty());
        assert_eq!(flood.admit(numbered(50), begun + WITHIN).unwrap().sentence.as_str(), "50");
    }

    #[test]
    fn no_number_of_owners_fills_the_memory() {
        let mut flood = Flood::default();
        let begun = Instant::now();
        let admitted = (0..9000).filter(|number| flood.admit(event(&format!("u{number}")), begun).is_some()).count();
        assert_eq!(admitted, KEYS);
        let told: Vec<String> = flood.release(begun + WITHIN).into_iter().map(|event| event.sentence.to_string()).collect();
        assert!(told.len() == 1 && told[0].starts_with(&format!("{} events were not written", 9000 - KEYS)), "{told:?}");
        assert!(flood.admit(event("late"), begun + WITHIN).is_some());
    }
}
