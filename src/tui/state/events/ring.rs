//! What happened, in the order of its times, in a ring. What one's own order did and what the audit trail tells of it are one line.
//!
//! It must never grow without bound, and never tell an action twice.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{Caller, Deed, Event, InstanceId, Shown, Stage, Uid, Underway, Verb};
use crate::present::events::{Happening, What, record};

/// How many are kept.
pub const MOST: usize = 2_000;

/// An order is recorded once its turn came: so long after it was given, the record may still be of it.
const WAITS_AT_MOST: SignedDuration = SignedDuration::from_secs(120);

/// Two clocks tell the same moment, and one of them is a little off.
const CLOCKS: SignedDuration = SignedDuration::from_secs(2);

/// One of them.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its own number, which no other ever has.
    pub serial: u64,
    /// What happened.
    pub happening: Happening,
    /// For an action: what it is known by.
    deed: Option<Known>,
    /// For what was written down: its number.
    record: Option<i64>,
}

/// What an action is known by.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Who had it done.
    uid: Uid,
    /// When an order of this console's was given, on the boot clock.
    order: Option<(Verb, Duration)>,
    /// Its number in the audit trail.
    number: Option<i64>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Ring {
    entries: VecDeque<Entry>,
    /// The number of the next.
    next: u64,
}

impl Ring {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The one at a place, the oldest being at 0.
    pub fn get(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)
    }

    /// All, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Adds what happened, at its time.
    pub fn push(&mut self, happening: Happening) {
        self.insert(happening, None);
    }

    fn insert(&mut self, happening: Happening, deed: Option<Known>) {
        let later = self.entries.iter().rev().take_while(|entry| entry.happening.at > happening.at).count();
        let index = self.entries.len() - later;
        if self.entries.len() >= MOST {
            if index == 0 {
                return;
            }
            self.entries.pop_front();
        }
        let index = index.min(self.entries.len());
        self.entries.insert(index, Entry { serial: self.next, happening, deed, record: None });
        self.next += 1;
    }

    /// Takes over how far an order of the caller's is; `at` is when it was given. True when that is news.
    pub fn order(&mut self, underway: &Underway, at: Timestamp, caller: &Caller) -> bool {
        let key = (underway.verb, underway.since);
        let result = match &underway.stage {
            Stage::Doing(_) => None,
            Stage::Ended(outcome) => Some((outcome.is_done(), outcome.sentence.clone())),
        };
        let id = &underway.id;
        let is_it = |entry: &&mut Entry| is_about(entry, id) && entry.deed.is_some_and(|known| known.order == Some(key));
        if let Some(entry) = self.entries.iter_mut().rev().find(is_it) {
            return entry.conclude(result);
        }
        let recorded = |entry: &&mut Entry| {
            is_about(entry, id)
                && entry.deed.is_some_and(|known| known.order.is_none() && (known.uid == caller.uid || is_by(entry, &caller.name)))
                && verb_of(entry) == Some(underway.verb.word())
                && is_record_of(at, entry.happening.at)
        };
        if let Some(entry) = self.entries.iter_mut().find(recorded) {
            if let Some(known) = &mut entry.deed {
                known.order = Some(key);
            }
            return entry.conclude(result);
        }
        let what = What::Done { verb: Shown::from(underway.verb.word()), by: caller.name.clone(), reason: None, result };
        let deed = Known { uid: caller.uid, order: Some(key), number: None };
        self.insert(Happening { at, about: Some(id.clone()), what }, Some(deed));
        true
    }

    /// Takes over what the audit trail holds. True when there was news in it.
    pub fn trail(&mut self, deeds: &[Deed]) -> bool {
        let is_final = |entry: &&Entry| matches!(entry.happening.what, What::Done { result: Some(_), .. });
        let known: HashSet<i64> = self.entries.iter().filter(is_final).filter_map(|entry| entry.deed?.number).collect();
        let mut news = false;
        for deed in deeds.iter().filter(|deed| !known.contains(&deed.number)) {
            news |= self.deed(deed);
        }
        news
    }

    /// Takes over what was written down before this console saw anything, or what none sees. True when there was news in it.
    pub fn recorded(&mut self, events: &[Event], begun: Option<Timestamp>) -> bool {
        let known: HashSet<i64> = self.entries.iter().filter_map(|entry| entry.record).collect();
        let before = self.next;
        for event in events.iter().filter(|event| !known.contains(&event.number) && record::is_news(event, begun)) {
            let serial = self.next;
            self.push(Happening { at: event.at, about: event.id.clone(), what: record::what(event) });
            if let Some(entry) = self.entries.iter_mut().rev().find(|entry| entry.serial == serial) {
                entry.record = Some(event.number);
            }
        }
        self.next != before
    }

    fn deed(&mut self, deed: &Deed) -> bool {
        let result = deed.result.as_ref().map(|result| (result.done, result.sentence.clone()));
        let is_it = |entry: &&mut Entry| entry.deed.is_some_and(|known| known.number == Some(deed.number));
        if let Some(entry) = self.entries.iter_mut().rev().find(is_it) {
            return entry.conclude(result);
        }
        let ordered = |entry: &&mut Entry| {
            entry.deed.is_some_and(|known| known.number.is_none() && (known.uid == deed.uid || is_by(entry, &deed.by)))
                && entry.happening.about == deed.id
                && verb_of(entry) == Some(deed.verb.as_str())
                && is_record_of(entry.happening.at, deed.asked_at)
        };
        if let Some(entry) = self.entries.iter_mut().find(ordered) {
            if let Some(known) = &mut entry.deed {
                known.number = Some(deed.number);
            }
            if let What::Done { by, reason, .. } = &mut entry.happening.what {
                (*by, *reason) = (deed.by.clone(), deed.reason.clone());
            }
            entry.conclude(result);
            return true;
        }
        let what = What::Done { verb: deed.verb.clone(), by: deed.by.clone(), reason: deed.reason.clone(), result };
        let known = Known { uid: deed.uid, order: None, number: Some(deed.number) };
        self.insert(Happening { at: deed.asked_at, about: deed.id.clone(), what }, Some(known));
        true
    }
}

/// Whether an action stands under the name of this person: "amy as root" is amy, whose order the daemon carries out with its own rights.
fn is_by(entry: &Entry, person: &Shown) -> bool {
    let What::Done { by, .. } = &entry.happening.what else { return false };
    let is_as = |one: &Shown, other: &Shown| one.as_str().strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with(" as "));
    is_as(by, person) || is_as(person, by)
}

impl Entry {
    /// Takes over what came of an action. True when that was not known.
    fn conclude(&mut self, news: Option<(bool, Shown)>) -> bool {
        match &mut self.happening.what {
            What::Done { result: result @ None, .. } if news.is_some() => {
                *result = news;
                true
            }
            _ => false,
        }
    }
}

fn is_about(entry: &Entry, id: &InstanceId) -> bool {
    entry.happening.about.as_ref() == Some(id)
}

fn verb_of(entry: &Entry) -> Option<&str> {
    match &entry.happening.what {
        What::Done { verb, .. } => Some(verb.as_str()),
        _ => None,
    }
}

/// Whether what was recorded then may be the order that was given then.
fn is_record_of(given: Timestamp, recorded: Timestamp) -> bool {
    let waited = recorded.duration_since(given);
    waited >= -CLOCKS && waited <= WAITS_AT_MOST
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
