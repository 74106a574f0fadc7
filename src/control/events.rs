//! Everything that happened, actions among it, and what somebody may see of that. Pure but for the reading.
//!
//! It must never let others' reasons, commands or paths by.

use super::act::Control;
use super::audit::Stamp;
use super::journal::{Journal, Line};
use crate::domain::{Caller, Deed, DeedResult, Event, EventKind, EventQuery, Level, Role, Shown, Stands, Uid};
use crate::error::Result;
use crate::present::events::What;
use jiff::Timestamp;
use std::time::Duration;

impl Control {
    /// Keeps events, with what stands from now on or not any more, and tells the host's journal of them; those that were kept, with their
    /// numbers.
    ///
    /// # Errors
    /// When they cannot be written: then the journal has them all the same.
    pub fn keep_events(&self, events: &[Event], standing: &[(Stands, bool)]) -> Result<Vec<Event>> {
        let kept = self.audit.keep_events(events, standing);
        kept.as_deref().unwrap_or(events).iter().for_each(|event| tell(self.audit.journal(), event));
        kept
    }

    /// The newest events that are asked for, actions among them, oldest first. `account` names a uid.
    ///
    /// # Errors
    /// When they may not or cannot be read.
    pub fn events(&self, query: &EventQuery, account: impl FnMut(Uid) -> Shown) -> Result<Vec<Event>> {
        let mut all = self.audit.events(query)?;
        all.extend(self.audit.deeds(query, account)?.into_iter().map(of_deed));
        all.sort_by_key(|event| event.at);
        all.drain(..all.len().saturating_sub(query.last));
        Ok(all)
    }

    /// The newest events that are no actions, oldest first.
    ///
    /// # Errors
    /// As [`Control::events`].
    pub fn happenings(&self, query: &EventQuery) -> Result<Vec<Event>> {
        self.audit.events(query)
    }

    /// Which findings were told of and not told to be over.
    ///
    /// # Errors
    /// As [`Control::events`].
    pub fn standing(&self) -> Result<Vec<Stands>> {
        self.audit.standing()
    }

    /// Forgets what is old, and what is too much.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn sweep_events(&self, now: Timestamp, keep: Option<Duration>, most: u64) -> Result<usize> {
        self.audit.sweep(now, keep, most)
    }

    /// Keeps a value under a name; the one before it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn remember(&self, name: &str, value: &str) -> Result<Option<String>> {
        self.audit.remember(name, value)
    }

    /// Which state the events' file is in.
    pub fn events_stamp(&self) -> Option<Stamp> {
        self.audit.stamp()
    }
}

fn tell(journal: &Journal, event: &Event) {
    let id = event.id.as_ref().map(ToString::to_string).unwrap_or_default();
    let whom = if id.is_empty() { String::new() } else { format!("{id}: ") };
    let line = Line::new(event.level, event.kind, &format!("{whom}{}", event.sentence));
    journal.tell(&line.with("BERTH_ID", &id).with("BERTH_FINDING", event.finding.as_ref().map_or("", Shown::as_str)));
}

/// An action as an event. Whose account it is about the caller knows.
fn of_deed(deed: Deed) -> Event {
    let done = deed.result.as_ref().map(|result| (result.done, result.sentence.clone()));
    let outline = match &deed.result {
        None => "on its way",
        Some(result) if result.done => "done",
        Some(_) => "not done",
    };
    let what = What::Done { verb: deed.verb.clone(), by: deed.by.clone(), reason: deed.reason.clone(), result: done };
    let level = if deed.result.as_ref().is_some_and(|result| !result.done) { Level::Warning } else { Level::Note };
    Event {
        number: deed.number,
        id: deed.id.clone(),
        brief: Some(Shown::new(&format!("{} by {}: {outline}", deed.verb, deed.by))),
        deed: Some(Box::new(deed.clone())),
        ..Event::of_host(deed.asked_at, EventKind::Action, level, &what.text())
    }
}

/// What somebody may see of an event: all of what is about the own account or was asked for by it, of the rest what stands in the table.
pub fn event_for(caller: &Caller, event: &Event) -> Option<Event> {
    let asked = event.deed.as_ref().is_some_and(|deed| deed.uid == caller.uid);
    if caller.role == Role::Admin || asked || event.uid == Some(caller.uid) {
        return Some(event.clone());
    }
    if caller.role != Role::Viewer {
        return None;
    }
    let brief = event.brief.clone()?;
    let deed = event.deed.as_ref().map(|deed| {
        let result = deed.result.as_ref().map(|result| DeedResult { sentence: Shown::default(), ..result.clone() });
        Box::new(Deed { reason: None, result, ..(**deed).clone() })
    });
    Some(Event { sentence: brief.clone(), brief: Some(brief), deed, ..event.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::InstanceId;

    const SECRET: &str = "hunter2";

    fn caller(uid: u32, role: Role) -> Caller {
        Caller { uid: Uid(uid), name: Shown::new("somebody"), login: None, role, read_only: false }
    }

    fn action() -> Event {
        let deed = Deed {
            number: 3,
            asked_at: Timestamp::UNIX_EPOCH,
            uid: Uid(1001),
            by: "alice".into(),
            verb: "stop".into(),
            id: InstanceId::parse("alice").ok(),
            reason: Some(SECRET.into()),
            result: Some(DeedResult { at: Timestamp::UNIX_EPOCH, done: false, sentence: SECRET.into() }),
        };
        Event { uid: Some(Uid(1001)), ..of_deed(deed) }
    }

    fn kept(brief: Option<&str>) -> Event {
        let event = Event::of_host(Timestamp::UNIX_EPOCH, EventKind::Found, Level::Error, SECRET);
        Event { uid: Some(Uid(1001)), brief: brief.map(Shown::from), ..event }
    }

    #[test]
    fn who_sees_what_of_an_event() {
        let cases = [
            (0, Role::Admin, 3, true),
            (1001, Role::Viewer, 3, true),
            (1001, Role::Stranger, 3, true),
            (1002, Role::Viewer, 2, false),
            (1002, Role::Stranger, 0, false),
        ];
        for (uid, role, count, whole) in cases {
            let caller = caller(uid, role);
            let seen: Vec<Event> =
                [action(), kept(Some("short")), kept(None)].iter().filter_map(|event| event_for(&caller, event)).collect();
            assert_eq!((seen.len(), format!("{seen:?}").contains(SECRET)), (count, whole), "{uid} {role:?}");
        }
        let seen = event_for(&caller(1002, Role::Viewer), &action()).unwrap();
        assert_eq!(seen.sentence.as_str(), "stop by alice: not done");
    }
}
