//! Which of the newest events were not told yet. Pure.
//!
//! It must never tell one twice, nor an action before it has an end.

use std::collections::HashSet;

use crate::domain::{Event, EventKind};

/// So many of the newest are looked through each time: more at once are passed over.
pub const WINDOW: usize = 1000;

/// What was told.
#[derive(Debug, Default)]
pub struct Fresh {
    told: HashSet<(bool, i64)>,
    begun: bool,
}

impl Fresh {
    /// What of the newest events is to be told; the first time only the last `first` of them.
    pub fn of(&mut self, events: &[Event], first: usize) -> Vec<Event> {
        let key = |event: &Event| (event.kind == EventKind::Action, event.number);
        let is_whole = |event: &&Event| event.deed.as_ref().is_none_or(|deed| deed.result.is_some());
        let whole: Vec<&Event> = events.iter().filter(is_whole).collect();
        let mut fresh: Vec<Event> = whole.iter().filter(|event| !self.told.contains(&key(event))).map(|event| (*event).clone()).collect();
        self.told = whole.into_iter().map(key).collect();
        if !std::mem::replace(&mut self.begun, true) {
            fresh.drain(..fresh.len().saturating_sub(first));
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Deed, DeedResult, Level, Uid};
    use jiff::Timestamp;

    fn event(number: i64) -> Event {
        Event { number, ..Event::of_host(Timestamp::UNIX_EPOCH, EventKind::Crashed, Level::Error, "x") }
    }

    fn action(number: i64, ended: bool) -> Event {
        let at = Timestamp::UNIX_EPOCH;
        let result = ended.then(|| DeedResult { at, done: true, sentence: "x".into() });
        let deed = Deed { number, asked_at: at, uid: Uid(0), by: "root".into(), verb: "stop".into(), id: None, reason: None, result };
        Event { number, deed: Some(Box::new(deed)), ..Event::of_host(at, EventKind::Action, Level::Note, "x") }
    }

    #[test]
    fn each_is_told_once_and_an_action_at_its_end() {
        let mut fresh = Fresh::default();
        let mut told = |events: &[Event]| fresh.of(events, 2).iter().map(|event| event.number).collect::<Vec<_>>();
        assert_eq!(told(&[event(1), event(2), event(3), action(1, false)]), [2, 3]);
        assert_eq!(told(&[event(2), event(3), action(1, false), event(4)]), [4]);
        assert_eq!(told(&[event(3), action(1, true), event(4)]), [1]);
        assert_eq!(told(&[event(3), action(1, true), event(4)]), [0; 0]);
    }
}
