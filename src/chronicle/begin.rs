//! What happened while nobody looked: what stands now against what the events say stood. Pure.
//!
//! It must never tell again what is written already.

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::draft;
use crate::domain::{Code, Event, EventKind, Finding, Snapshot, Stands, State};

/// More of one kind at once than this are told in one line.
const MANY: usize = 5;

/// Two records of one end may be so far apart.
const CLOCKS: SignedDuration = SignedDuration::from_secs(3);

/// An end that is longer ago is no news, written or not.
const RECENT: SignedDuration = SignedDuration::from_hours(24);

/// The events that are missing: `stood` was told of and not told to be over, `known` are the newest events, oldest first.
pub fn missing(stood: &BTreeSet<Stands>, known: &[Event], now: &Snapshot) -> Vec<Event> {
    let stands: BTreeSet<Key> = now.findings.iter().map(|finding| key(&draft::stands(finding, now))).collect();
    let before: BTreeSet<Key> = stood.iter().map(key).collect();
    let over: Vec<&Stands> = stood.iter().filter(|stood| !stands.contains(&key(stood))).collect();
    let mut found: Vec<&Finding> = now.findings.iter().filter(|finding| !before.contains(&key(&draft::stands(finding, now)))).collect();
    let mut told = BTreeSet::new();
    found.retain(|finding| told.insert(key(&draft::stands(finding, now))));
    let mut events = Vec::new();
    for (code, these) in by_code(&over, |stood| stood.code) {
        if these.len() > MANY {
            events.push(draft::many(code, these.len(), true, now));
        } else {
            events.extend(these.into_iter().map(|stood| draft::over(stood, now)));
        }
    }
    for (code, these) in by_code(&found, |finding| finding.code) {
        if these.len() > MANY {
            events.push(draft::many(code, these.len(), false, now));
        } else {
            events.extend(these.into_iter().map(|finding| draft::found(finding, now)));
        }
    }
    events.extend(ends(known, now));
    events.sort_by_key(|event| event.at);
    events
}

/// What a finding is known by: whose account that is may have changed.
type Key = (Code, Option<crate::domain::InstanceId>, Option<u16>);

fn key(stands: &Stands) -> Key {
    (stands.code, stands.id.clone(), stands.port)
}

/// Those of each code, in the order of the first.
fn by_code<'a, T>(all: &[&'a T], code: impl Fn(&T) -> Code) -> Vec<(Code, Vec<&'a T>)> {
    let mut groups: Vec<(Code, Vec<&'a T>)> = Vec::new();
    for one in all {
        match groups.iter_mut().find(|(known, _)| *known == code(one)) {
            Some((_, group)) => group.push(one),
            None => groups.push((code(one), vec![one])),
        }
    }
    groups
}

/// Instances that ended unasked while nobody looked.
fn ends(known: &[Event], now: &Snapshot) -> Vec<Event> {
    let is_end = |event: &&Event| matches!(event.kind, EventKind::Crashed | EventKind::CrashLoop);
    let ends: HashMap<String, Timestamp> =
        known.iter().filter(is_end).filter_map(|event| Some((event.id.as_ref()?.to_string(), event.at))).collect();
    let crashed = now.rows.iter().filter(|row| matches!(row.state, State::Crashed | State::CrashLoop));
    let is_news =
        |at: Timestamp, id: &str| now.taken.wall.duration_since(at) < RECENT && ends.get(id).is_none_or(|told| *told < at - CLOCKS);
    crashed.filter(|row| row.exit.is_some_and(|exit| is_news(exit.at, &row.id.to_string()))).map(|row| draft::crashed(row, now)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{fleet, id};

    fn standing(snapshot: &Snapshot) -> BTreeSet<Stands> {
        snapshot.findings.iter().map(|finding| draft::stands(finding, snapshot)).collect()
    }

    #[test]
    fn what_is_written_is_not_told_again_and_what_ended_unseen_is() {
        let now = fleet();
        let none = BTreeSet::new();
        let first = missing(&none, &[], &now);
        let found = first.iter().filter(|event| event.kind == EventKind::Found).count();
        let crashed = first.iter().filter(|event| matches!(event.kind, EventKind::Crashed | EventKind::CrashLoop)).count();
        assert!(found > 0 && crashed > 0 && found + crashed == first.len(), "{first:?}");
        assert_eq!(missing(&standing(&now), &first, &now), []);
        let mut gone = now.clone();
        gone.findings.clear();
        let over = missing(&standing(&now), &first, &gone);
        assert!(over.len() == found && over.iter().all(|event| event.kind == EventKind::Over), "{over:?}");
        assert!(over.iter().all(|event| event.sentence.as_str().ends_with("is over; it ended while nobody looked")), "{over:?}");
        assert_eq!(missing(&none, &first, &gone), []);
    }

    #[test]
    fn of_many_that_were_told_in_one_line_each_has_its_own_end() {
        let mut now = fleet();
        let example = now.findings[0].clone();
        let one =
            |number: u16| Finding { code: Code::LimitsMissing, instances: vec![id(&format!("u{number}"))], port: None, ..example.clone() };
        now.findings = (0..9).map(one).collect();
        let told = |events: Vec<Event>| {
            let findings = events.into_iter().filter(|event| event.finding.is_some());
            findings.map(|event| event.sentence.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(told(missing(&BTreeSet::new(), &[], &now)), ["limits-missing: 9 at once"]);
        let stood = standing(&now);
        now.findings.truncate(8);
        assert_eq!(told(missing(&stood, &[], &now)), ["limits-missing is over; it ended while nobody looked"]);
        now.findings.truncate(1);
        assert_eq!(told(missing(&stood, &[], &now)), ["limits-missing: 8 over at once"]);
    }
}
