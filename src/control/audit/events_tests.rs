//! Events in a file of their own.

use std::time::Duration;

use super::*;
use crate::domain::{Caller, Outcome, Role};

fn event(second: i64, kind: EventKind, id: &str, sentence: &str) -> Event {
    let at = Timestamp::from_second(1_700_000_000 + second).unwrap();
    let id = InstanceId::parse(id).ok();
    Event { id, uid: Some(Uid(7)), brief: Some("short".into()), ..Event::of_host(at, kind, Level::Error, sentence) }
}

fn query(last: usize) -> EventQuery {
    EventQuery { last, since: None, user: None, id: None }
}

fn told(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.sentence.as_str()).collect()
}

#[test]
fn what_was_kept_is_read_by_time_owner_and_instance() {
    let directory = tempfile::tempdir().unwrap();
    let audit = Audit::below(&directory.path().join("state"));
    assert_eq!(audit.events(&query(9)).unwrap(), []);
    assert!(!directory.path().join("state").exists(), "looking makes no file");
    let all = [
        event(0, EventKind::Crashed, "bob", "one"),
        event(1, EventKind::Found, "bob/tools", "two"),
        event(2, EventKind::Over, "bobby", "three"),
    ];
    let kept = audit.keep_events(&all, &[]).unwrap();
    let read = audit.events(&query(9)).unwrap();
    assert_eq!((&kept, told(&read)), (&read, vec!["one", "two", "three"]));
    assert_eq!(Event { number: 0, ..read[0].clone() }, all[0]);
    assert_eq!(told(&audit.events(&query(2)).unwrap()), ["two", "three"], "the newest");
    let of = |change: fn(&mut EventQuery)| {
        let mut asked = query(9);
        change(&mut asked);
        told(&audit.events(&asked).unwrap()).join(" ")
    };
    assert_eq!(of(|asked| asked.since = Timestamp::from_second(1_700_000_001).ok()), "two three");
    assert_eq!(of(|asked| asked.user = Some("bob".to_owned())), "one two");
    assert_eq!(of(|asked| asked.id = InstanceId::parse("bob").ok()), "one");
}

#[test]
fn what_an_action_brought_about_is_not_told_twice() {
    let directory = tempfile::tempdir().unwrap();
    let audit = Audit::below(directory.path());
    let caller = Caller { uid: Uid(7), name: Shown::new("amy"), login: None, role: Role::Admin, read_only: false };
    let bob = InstanceId::parse("bob").unwrap();
    let entry = audit.intend_deed(&caller, "stop", &bob, None, None).unwrap();
    let became = |id, kind| Event { at: Timestamp::now(), ..event(0, kind, id, "running -> stopped") };
    assert_eq!(audit.keep_events(&[became("bob", EventKind::State)], &[]).unwrap(), []);
    audit.conclude(entry, &Outcome { exit_code: 0, sentence: "stopped".into(), hints: vec![], log_lines: vec![] }).unwrap();
    assert_eq!(audit.keep_events(&[became("bob", EventKind::State)], &[]).unwrap(), []);
    assert_eq!(audit.keep_events(&[became("amy", EventKind::State), became("bob", EventKind::Crashed)], &[]).unwrap().len(), 2);
    let later = Timestamp::now() + SignedDuration::from_secs(60);
    assert_eq!(audit.keep_events(&[Event { at: later, ..became("bob", EventKind::State) }], &[]).unwrap().len(), 1);
}

#[test]
fn what_was_refused_hides_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let audit = Audit::below(directory.path());
    let eve = Caller { uid: Uid(9), name: Shown::new("eve"), login: None, role: Role::Viewer, read_only: false };
    let entry = audit.intend_deed(&eve, "stop", &InstanceId::parse("bob").unwrap(), None, None).unwrap();
    audit.conclude(entry, &Outcome { exit_code: 3, sentence: "not stopped".into(), hints: vec![], log_lines: vec![] }).unwrap();
    let became = Event { at: Timestamp::now(), ..event(0, EventKind::State, "bob", "running -> stopped") };
    assert_eq!(audit.keep_events(&[became], &[]).unwrap().len(), 1);
}

#[test]
fn what_is_old_and_what_is_too_much_is_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let audit = Audit::below(directory.path());
    let all: Vec<Event> = (0..10).map(|second| event(second, EventKind::Crashed, "bob", &second.to_string())).collect();
    audit.keep_events(&all, &[]).unwrap();
    let caller = Caller { uid: Uid(7), name: Shown::new("amy"), login: None, role: Role::Admin, read_only: false };
    let open = audit.intend_deed(&caller, "stop", &InstanceId::parse("bob").unwrap(), None, None).unwrap();
    let now = Timestamp::from_second(1_700_000_012).unwrap();
    assert_eq!(audit.sweep(now, Some(Duration::from_secs(8)), 100).unwrap(), 4);
    assert_eq!(audit.sweep(now, None, 3).unwrap(), 3);
    assert_eq!(told(&audit.events(&query(99)).unwrap()), ["7", "8", "9"]);
    // What has no end yet is not old, however long ago it was.
    assert_eq!(audit.sweep(Timestamp::now() + SignedDuration::from_hours(999), Some(Duration::from_secs(8)), 3).unwrap(), 3);
    assert_eq!(audit.last(9, |_| Shown::new("")).unwrap()[0].number, open);
}

#[test]
fn a_value_is_remembered_until_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let audit = Audit::below(directory.path());
    assert_eq!(audit.remember("a", "1").unwrap(), None);
    assert_eq!(audit.remember("a", "2").unwrap().as_deref(), Some("1"));
}

#[test]
fn a_flood_leaves_a_file_of_its_limit() {
    let directory = tempfile::tempdir().unwrap();
    let audit = Audit::below(directory.path());
    let size = || std::fs::metadata(directory.path().join(super::super::store::FILE)).unwrap().len();
    let text = "x".repeat(400);
    let flood = |from: i64| {
        let all: Vec<Event> = (from..from + 2000).map(|second| event(second, EventKind::Crashed, "bob", &text)).collect();
        audit.keep_events(&all, &[]).unwrap();
        audit.sweep(Timestamp::now(), None, 100).unwrap();
        size()
    };
    let first = flood(0);
    let last = (1..8).fold(first, |_, round| flood(round * 2000));
    // A hundred events of half a kilobyte, and what the tables take.
    assert!(first < 256 * 1024 && last <= first + 32 * 1024, "{first}, {last}");
}

#[test]
fn what_an_action_brought_about_is_found_among_many() {
    let directory = tempfile::tempdir().unwrap();
    let audit = Audit::below(directory.path());
    let caller = Caller { uid: Uid(7), name: Shown::new("amy"), login: None, role: Role::Admin, read_only: false };
    let ids: Vec<(InstanceId, Option<String>)> = (0..300).map(|number| (InstanceId::parse(&format!("u{number}")).unwrap(), None)).collect();
    audit.intend_all(&caller, "stop", &ids).unwrap();
    let all: Vec<Event> = (0..301)
        .map(|number| Event { at: Timestamp::now(), ..event(0, EventKind::State, &format!("u{number}"), "running -> stopped") })
        .collect();
    assert_eq!(audit.keep_events(&all, &[]).unwrap().len(), 1);
}
