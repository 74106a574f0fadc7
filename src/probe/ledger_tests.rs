//! Who is asked when, on a made-up clock.

use super::*;
use crate::domain::Reading;
use crate::fixture;
use crate::probe::failure::Failure;
use crate::probe::opinion::Opinion;

const EVERY: Duration = Duration::from_secs(10);

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Only alice, who listens.
fn snapshot() -> Snapshot {
    let mut snapshot = fixture::fleet();
    snapshot.rows.retain(|row| row.id == fixture::id("alice"));
    snapshot
}

fn changed(change: impl FnOnce(&mut Row)) -> Snapshot {
    let mut snapshot = snapshot();
    let mut row = (*snapshot.rows[0]).clone();
    change(&mut row);
    snapshot.rows[0] = Arc::new(row);
    snapshot
}

fn well() -> Outcome {
    Outcome::Answered(Opinion::Well, Duration::from_millis(3))
}

fn ledger() -> (Ledger, InstanceId, Target) {
    let mut ledger = Ledger::new(EVERY);
    ledger.learn(&snapshot(), Duration::ZERO);
    let (id, target, _) = ledger.due(seconds(1), 50).remove(0);
    (ledger, id, target)
}

fn state(ledger: &mut Ledger) -> Option<crate::domain::HealthState> {
    ledger.news().pop().and_then(|(_, probed)| probed).map(|probed| probed.health.state)
}

#[test]
fn one_that_answers_is_asked_again_after_the_interval_and_in_doubt_sooner() {
    let (mut ledger, id, target) = ledger();
    assert!(ledger.due(seconds(99), 50).is_empty(), "it is being asked");
    assert!(ledger.took(&id, target, well(), Timestamp::UNIX_EPOCH, seconds(1)));
    let first = ledger.entries[&id].due.unwrap();
    assert!((seconds(6)..seconds(16)).contains(&first), "{first:?}");
    assert_eq!(ledger.due(first, 50).len(), 1);
    assert!(!ledger.took(&id, target, Outcome::Failed(Failure::Silent), Timestamp::UNIX_EPOCH, seconds(20)));
    assert_eq!(ledger.entries[&id].due, Some(seconds(22)));
    ledger.due(seconds(22), 50);
    ledger.took(&id, target, well(), Timestamp::UNIX_EPOCH, seconds(22));
    assert_eq!(ledger.entries[&id].due, Some(seconds(32)));
}

#[test]
fn never_more_are_asked_than_there_is_room_for() {
    let mut ledger = Ledger::new(EVERY);
    ledger.learn(&fixture::fleet(), Duration::ZERO);
    let all = ledger.entries.len();
    assert!(all > 1);
    assert_eq!(ledger.due(seconds(1), 1).len(), 1);
    assert_eq!(ledger.due(seconds(1), 50).len(), all - 1);
    assert_eq!(ledger.due(seconds(1), 0).len(), 0);
}

#[test]
fn another_process_begins_anew_and_a_late_answer_of_the_old_one_is_nothing() {
    let (mut ledger, id, target) = ledger();
    ledger.took(&id, target, well(), Timestamp::UNIX_EPOCH, seconds(1));
    assert_eq!(state(&mut ledger), Some(crate::domain::HealthState::Healthy));
    let renewed = changed(|row| {
        let key = crate::domain::ProcessKey { start_time: 1, ..row.main.known().unwrap() };
        row.main = Reading::Known(key);
    });
    ledger.learn(&renewed, seconds(2));
    assert_eq!(state(&mut ledger), Some(crate::domain::HealthState::Unknown));
    assert!(!ledger.took(&id, target, well(), Timestamp::UNIX_EPOCH, seconds(3)));
    assert_eq!(ledger.due(seconds(3), 50).len(), 1);
    ledger.learn(&changed(|row| row.listening.clear()), seconds(4));
    assert_eq!(ledger.news(), [(id, None)]);
}

#[test]
fn one_that_is_starting_is_asked_every_second() {
    let young = changed(|row| {
        let mut declared = (**row.declared.as_ref().unwrap()).clone();
        declared.launch.as_mut().unwrap().start_timeout = Duration::MAX;
        row.declared = Some(Arc::new(declared));
    });
    let mut ledger = Ledger::new(EVERY);
    ledger.learn(&young, Duration::ZERO);
    let (id, target, _) = ledger.due(seconds(1), 50).remove(0);
    ledger.took(&id, target, Outcome::Failed(Failure::Closed), Timestamp::UNIX_EPOCH, seconds(1));
    assert_eq!(ledger.entries[&id].due, Some(seconds(2)));
    assert_eq!(state(&mut ledger), Some(crate::domain::HealthState::Starting));
}

#[test]
fn who_it_is_is_asked_once_it_answers_and_once_only() {
    let (mut ledger, id, target) = ledger();
    assert!(ledger.stranger(seconds(1)).is_none());
    ledger.took(&id, target, well(), Timestamp::UNIX_EPOCH, seconds(1));
    assert!(ledger.stranger(seconds(1)).is_some());
    assert!(ledger.stranger(seconds(999)).is_none(), "it is being asked");
    ledger.introduced(&id, target, None, seconds(5));
    assert!(ledger.stranger(seconds(64)).is_none());
    assert!(ledger.stranger(seconds(65)).is_some());
    ledger.introduced(&id, target, None, seconds(65));
    assert_eq!(ledger.entries[&id].introduction, Some(seconds(185)));
}

#[test]
fn whose_certificate_was_accepted_is_asked_again_who_it_is() {
    use crate::domain::{Certificate, Fingerprint, Pin};
    let (mut ledger, id, target) = ledger();
    let pin = |byte| Some(Pin { print: Fingerprint::new([byte; 32]), since: Timestamp::UNIX_EPOCH });
    let shown = Certificate { port: 1, print: Fingerprint::new([1; 32]), ends: None, pin: pin(2) };
    ledger.showed(&id, target, Line::plain(target.at), Some(shown));
    ledger.took(&id, target, well(), Timestamp::UNIX_EPOCH, seconds(1));
    assert!(ledger.stranger(seconds(1)).is_some());
    ledger.introduced(&id, target, None, seconds(1));
    assert!(ledger.stranger(seconds(2)).is_none());
    ledger.news();
    ledger.look_again_at_certificates(seconds(2), |_, shown| *shown);
    assert!(!ledger.has_news() && ledger.stranger(seconds(2)).is_none());
    ledger.look_again_at_certificates(seconds(2), |_, shown| Certificate { pin: pin(1), ..*shown });
    assert!(ledger.has_news() && ledger.stranger(seconds(2)).is_some());
    let told = ledger.news().pop().and_then(|(_, probed)| probed).unwrap();
    assert!(told.certificate.as_ref().unwrap().is_known());
}

#[test]
fn a_certificate_that_was_renewed_is_seen_though_the_server_takes_its_tickets() {
    let (mut ledger, id, target) = ledger();
    let line = Line::plain(target.at).other_way().unwrap();
    let ends = |at: i64| Timestamp::from_second(at).ok();
    let shown = |at| Certificate { port: target.at.port(), print: crate::domain::Fingerprint::new([1; 32]), ends: ends(at), pin: None };
    let answers = |ledger: &mut Ledger, until: i64, now: u64| {
        let before = ledger.line(&id).unwrap();
        // As it was spoken to: another one of the same way, as of an introduction that took long, changes nothing.
        ledger.showed(&id, target, line.clone(), Some(shown(until)));
        let taken = ledger.line(&id).unwrap();
        assert!(before.secure.is_none() || before.secure.as_ref().unwrap().is_same(taken.secure.as_ref().unwrap()));
        ledger.took(&id, target, well(), Timestamp::from_second(1000).unwrap(), seconds(now));
        !taken.secure.unwrap().is_same(&ledger.line(&id).unwrap().secure.unwrap())
    };
    assert!(!answers(&mut ledger, 5000, 1));
    assert!(!answers(&mut ledger, 5000, 200));
    assert!(answers(&mut ledger, 5000, 301), "the ticket is old");
    assert!(!answers(&mut ledger, 5000, 400));
    assert!(answers(&mut ledger, 999, 410) && answers(&mut ledger, 999, 420), "it has ended: each time");
}
