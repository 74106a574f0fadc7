//! Orders and the trail, in either order: one line for one action.

use super::*;
use crate::domain::{DeedResult, EventKind, Level, Outcome, Role};

fn at(seconds: i64) -> Timestamp {
    "2026-11-21T03:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn caller() -> Caller {
    Caller { uid: Uid(0), name: Shown::from("root"), login: None, role: Role::Admin, read_only: false }
}

fn id(name: &str) -> InstanceId {
    InstanceId::parse(name).unwrap()
}

fn order(name: &str, verb: Verb, since: u64, result: Option<&str>) -> Underway {
    let stage = match result {
        None => Stage::Doing(Shown::from("waiting")),
        Some(sentence) => Stage::Ended(Outcome { exit_code: 0, sentence: sentence.into(), hints: vec![], log_lines: vec![] }),
    };
    Underway { verb, id: id(name), by: Some(Uid::ROOT), since: Duration::from_secs(since), stage, ended: None }
}

fn deed(number: i64, name: &str, verb: Verb, seconds: i64, result: Option<&str>) -> Deed {
    Deed {
        number,
        asked_at: at(seconds),
        uid: Uid(0),
        by: "amy as root".into(),
        verb: verb.word().into(),
        id: Some(id(name)),
        reason: Some("tired".into()),
        result: result.map(|sentence| DeedResult { at: at(seconds + 1), done: true, sentence: sentence.into() }),
    }
}

fn told(ring: &Ring) -> Vec<String> {
    let line = |entry: &Entry| format!("{} {}", entry.happening.about.as_ref().unwrap(), entry.happening.what.text());
    ring.iter().map(line).collect()
}

#[test]
fn an_order_and_its_record_are_one_line_whichever_came_first() {
    let stopped = "bob stop by amy as root (tired): stopped after 1.2 s";
    let (doing, done) = (order("bob", Verb::Stop, 100, None), order("bob", Verb::Stop, 100, Some("stopped after 1.2 s")));
    let recorded = deed(7, "bob", Verb::Stop, 1, None);
    let concluded = deed(7, "bob", Verb::Stop, 1, Some("stopped after 1.2 s"));

    let mut ring = Ring::default();
    assert!(ring.order(&doing, at(0), &caller()));
    assert_eq!(told(&ring), ["bob stop by root: on its way"]);
    assert!(ring.trail(std::slice::from_ref(&recorded)));
    assert!(ring.order(&done, at(0), &caller()));
    assert!(!ring.order(&done, at(0), &caller()) && !ring.trail(std::slice::from_ref(&concluded)));
    assert_eq!(told(&ring), [stopped]);

    let mut ring = Ring::default();
    ring.trail(std::slice::from_ref(&recorded));
    assert!(!ring.order(&doing, at(0), &caller()));
    ring.trail(std::slice::from_ref(&concluded));
    assert!(!ring.order(&done, at(0), &caller()));
    assert_eq!(told(&ring), [stopped]);

    // It was over before the trail was read at all.
    let mut ring = Ring::default();
    ring.order(&done, at(0), &caller());
    ring.trail(&[concluded]);
    assert_eq!(told(&ring), [stopped]);
}

#[test]
fn an_admins_order_that_the_daemon_carries_out_is_one_line() {
    let amy = Caller { uid: Uid(1000), name: Shown::from("amy"), login: Some(Uid(1000)), role: Role::Admin, read_only: false };
    let (doing, done) = (order("bob", Verb::Stop, 100, None), order("bob", Verb::Stop, 100, Some("stopped")));
    let recorded = deed(1, "bob", Verb::Stop, 0, Some("stopped"));
    assert_eq!((recorded.uid, recorded.by.as_str()), (Uid::ROOT, "amy as root"));
    let mut ring = Ring::default();
    ring.order(&doing, at(0), &amy);
    ring.trail(std::slice::from_ref(&recorded));
    ring.order(&done, at(0), &amy);
    assert_eq!(told(&ring).len(), 1, "{:?}", told(&ring));
    let mut ring = Ring::default();
    ring.trail(&[recorded]);
    ring.order(&done, at(0), &amy);
    assert_eq!(told(&ring).len(), 1, "{:?}", told(&ring));
}

#[test]
fn other_actions_have_lines_of_their_own() {
    let mut ring = Ring::default();
    ring.order(&order("bob", Verb::Stop, 100, Some("stopped")), at(0), &caller());
    ring.order(&order("bob", Verb::Stop, 160, Some("is stopped already")), at(60), &caller());
    let mut others = deed(3, "bob", Verb::Stop, 2, Some("by another"));
    others.uid = Uid(9);
    let records = [
        // Long before, another verb, another instance, another person.
        deed(1, "bob", Verb::Stop, -600, Some("old")),
        deed(2, "bob", Verb::Start, 1, Some("started")),
        others,
        deed(4, "carol", Verb::Stop, 1, Some("stopped")),
        deed(5, "bob", Verb::Stop, 1, Some("stopped")),
        deed(6, "bob", Verb::Stop, 61, Some("is stopped already")),
    ];
    ring.trail(&records);
    let lines = told(&ring);
    assert_eq!(lines.len(), 6, "{lines:#?}");
    assert_eq!(lines[0], "bob stop by amy as root (tired): old");
    assert!(!ring.trail(&records), "nothing is new in what is known");
}

#[test]
fn what_is_old_stands_before_what_is_new() {
    let mut ring = Ring::default();
    for seconds in [10, 20] {
        ring.push(Happening { at: at(seconds), about: Some(id("amy")), what: What::Disappeared });
    }
    ring.trail(&[deed(1, "bob", Verb::Start, 5, None), deed(2, "carol", Verb::Start, 15, None)]);
    let who: Vec<String> = ring.iter().map(|entry| entry.happening.about.as_ref().unwrap().to_string()).collect();
    assert_eq!(who, ["bob", "amy", "carol", "amy"]);
    let mut serials: Vec<u64> = ring.iter().map(|entry| entry.serial).collect();
    serials.sort_unstable();
    assert_eq!(serials, [0, 1, 2, 3]);
}

#[test]
fn the_ring_keeps_the_newest() {
    let mut ring = Ring::default();
    for seconds in 0..i64::try_from(MOST).unwrap() + 10 {
        ring.push(Happening { at: at(seconds), about: None, what: What::Disappeared });
    }
    assert_eq!((ring.len(), ring.get(0).unwrap().happening.at), (MOST, at(10)));
    // What is older than all of them is not worth one of them.
    ring.trail(&[deed(1, "bob", Verb::Start, 3, None)]);
    assert_eq!((ring.len(), ring.get(0).unwrap().happening.at), (MOST, at(10)));
}

#[test]
fn what_was_written_down_before_is_told_once_and_what_was_seen_is_not() {
    let event = |number, seconds, kind| {
        let event = Event::of_host(at(seconds), kind, Level::Error, "running -> crashed");
        Event { number, id: Some(id("bob")), ..event }
    };
    let mut ring = Ring::default();
    let all = [event(1, 0, EventKind::Crashed), event(2, 20, EventKind::Crashed), event(3, 30, EventKind::Lost)];
    assert!(ring.recorded(&all, Some(at(10))));
    assert!(!ring.recorded(&all, Some(at(10))));
    assert_eq!(ring.len(), 2);
    assert_eq!(told(&ring)[0], "bob running -> crashed");
    assert!(ring.get(0).unwrap().happening.what.is_problem());
}
