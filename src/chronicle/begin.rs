//! What happened while nobody looked: what stands now against what the events say stood. Pure.
//!
//! It must never tell again what is written already.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::draft;
use crate::domain::{Event, EventKind, Level, Snapshot, State};

/// What a finding is known by in the file.
type Key = (String, Option<String>);

/// Two records of one end may be so far apart.
const CLOCKS: SignedDuration = SignedDuration::from_secs(3);

/// An end that is longer ago is no news, written or not.
const RECENT: SignedDuration = SignedDuration::from_hours(24);

/// The events that are missing, `known` being the newest of those that are written, oldest first.
pub fn missing(known: &[Event], now: &Snapshot) -> Vec<Event> {
    let mut standing: HashMap<Key, &Event> = HashMap::new();
    let mut ends: HashMap<String, Timestamp> = HashMap::new();
    for event in known {
        let id = event.id.as_ref().map(ToString::to_string);
        match (event.kind, &event.finding) {
            (EventKind::Found, Some(code)) => {
                standing.insert((code.to_string(), id), event);
            }
            (EventKind::Over, Some(code)) => {
                standing.remove(&(code.to_string(), id));
            }
            (EventKind::Crashed | EventKind::CrashLoop, _) => {
                ends.extend(id.map(|id| (id, event.at)));
            }
            _ => {}
        }
    }
    let mut events = Vec::new();
    let mut stands: HashSet<Key> = HashSet::new();
    for finding in &now.findings {
        let code = finding.code.word().to_owned();
        let key = (code.clone(), finding.instances.first().map(ToString::to_string));
        // Of many at once only the code was written.
        if !standing.contains_key(&key) && !standing.contains_key(&(code, None)) && !stands.contains(&key) {
            events.push(draft::found(finding, now));
        }
        stands.insert(key);
    }
    let codes: HashSet<&String> = stands.iter().map(|(code, _)| code).collect();
    for ((code, id), event) in &standing {
        let is_still = if id.is_some() { stands.contains(&(code.clone(), id.clone())) } else { codes.contains(code) };
        if !is_still {
            let sentence = format!("{code} is over; it ended while nobody looked");
            let over = Event::of_host(now.taken.wall, EventKind::Over, Level::Note, &sentence);
            let brief = event.brief.as_ref().map(|_| over.sentence.clone());
            events.push(Event { id: event.id.clone(), uid: event.uid, finding: event.finding.clone(), brief, ..over });
        }
    }
    for row in now.rows.iter().filter(|row| matches!(row.state, State::Crashed | State::CrashLoop)) {
        let Some(exit) = row.exit.filter(|exit| now.taken.wall.duration_since(exit.at) < RECENT) else { continue };
        if ends.get(&row.id.to_string()).is_none_or(|at| *at < exit.at - CLOCKS) {
            events.push(draft::crashed(row, now));
        }
    }
    events.sort_by_key(|event| event.at);
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Shown;
    use crate::fixture::{fleet, id};

    #[test]
    fn what_is_written_is_not_told_again_and_what_ended_unseen_is() {
        let now = fleet();
        let first = missing(&[], &now);
        let found = first.iter().filter(|event| event.kind == EventKind::Found).count();
        let crashed = first.iter().filter(|event| matches!(event.kind, EventKind::Crashed | EventKind::CrashLoop)).count();
        assert!(found > 0 && crashed > 0 && found + crashed == first.len(), "{first:?}");
        assert_eq!(missing(&first, &now), []);
        let mut gone = now.clone();
        gone.findings.clear();
        let over = missing(&first, &gone);
        assert!(over.len() == found && over.iter().all(|event| event.kind == EventKind::Over), "{over:?}");
        let mut all = first;
        all.extend(over);
        assert_eq!(missing(&all, &gone), []);
        // Of many at once there is one line without a name.
        let mut many = now.clone();
        many.findings.truncate(1);
        let code = Shown::from(many.findings[0].code.word());
        let line = Event { finding: Some(code), ..Event::of_host(now.taken.wall, EventKind::Found, Level::Error, "9 at once") };
        let rest = missing(&[line], &many);
        assert!(rest.iter().all(|event| event.kind != EventKind::Found), "{rest:?}");
        assert!(now.row(&id("alice")).is_some());
    }
}
