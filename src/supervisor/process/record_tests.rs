//! What a record says, line by line.
//!
//! It must never write outside of its own directory.

use std::fs;

use super::super::records::{Records, append};
use super::*;
use crate::domain::InstanceId;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn asked(boot: &str) -> Event {
    Event::Asked {
        boot: boot.to_owned(),
        by: "root".to_owned(),
        at: at(1),
        restarts: 2,
        before: Some((Some(1), None, at(0))),
        settings: None,
        before_over_memory: None,
        uid: Some(1001),
    }
}

#[test]
fn as_whom_it_was_started_is_known_and_what_an_older_berth_wrote_is_read() {
    let text = serde_json::to_string(&asked("b")).unwrap();
    assert_eq!(Record::parse(&text, "b").uid, Some(Uid(1001)));
    let older = text.replace(",\"uid\":1001", "");
    assert_ne!(older, text);
    let record = Record::parse(&older, "b");
    assert_eq!((record.uid, record.restarts), (None, 2));
}

#[test]
fn how_the_run_before_ended_is_no_end_of_the_one_that_is_asked_for() {
    let text = serde_json::to_string(&asked("b")).unwrap();
    let record = Record::parse(&text, "b");
    assert_eq!((record.exit, record.exits.len(), record.before()), (None, 1, Some((Some(1), None, at(0)))));
    // What began and whose end nobody told of did not end as another one did.
    let begins = Event::Started { keeper: (1, 1), main: (2, 2), at: at(14), unlimited: None };
    let begun = text + "\n" + &serde_json::to_string(&begins).unwrap();
    assert_eq!(Record::parse(&begun, "b").before(), None);
}

#[test]
fn a_life_is_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let records = Records::below(directory.path());
    let id = InstanceId::of_owner("alice").unwrap();
    assert_eq!(records.read(&id, "b").unwrap(), None);
    let mut file = records.begin(&id, &asked("b")).unwrap();
    append(&mut file, &Event::Started { keeper: (10, 1), main: (11, 2), at: at(2), unlimited: None }).unwrap();
    let record = records.read(&id, "b").unwrap().unwrap();
    assert_eq!(record.main, Some(ProcessKey { pid: 11, start_time: 2 }));
    assert_eq!((record.restarts, record.exit, record.settled), (2, None, false));
    records.add(&id, &Event::StopAsked { by: "root".to_owned(), at: at(3) }).unwrap();
    append(&mut file, &Event::Exited { code: None, signal: Some(15), asked_outside: false, over_memory: None, at: at(4) }).unwrap();
    append(&mut file, &Event::Empty { told: true, killed: false, at: at(4) }).unwrap();
    let record = records.read(&id, "b").unwrap().unwrap();
    assert!(record.stop_asked && record.settled);
    assert_eq!(record.exit, Some(LastExit { status: ExitStatus::Signal(15), at: at(4), over_memory: None }));
}

#[test]
fn another_boots_pids_are_forgotten() {
    let mut text = serde_json::to_string(&asked("old")).unwrap();
    text.push('\n');
    text.push_str(&serde_json::to_string(&Event::Started { keeper: (10, 1), main: (11, 2), at: at(2), unlimited: None }).unwrap());
    let record = Record::parse(&text, "new");
    assert_eq!((record.keeper, record.main, record.settled), (None, None, true));
}

#[test]
fn what_a_reboot_ended_is_told_from_what_somebody_had_ended() {
    let started = || vec![asked("old"), Event::Started { keeper: (10, 1), main: (11, 2), at: at(2), unlimited: None }];
    let exited = |asked_outside, second| Event::Exited { code: None, signal: Some(15), asked_outside, over_memory: None, at: at(second) };
    let told = |second| Event::Empty { told: true, killed: false, at: at(second) };
    let stop = Event::StopAsked { by: "root".to_owned(), at: at(5) };
    let cases = [
        (vec![], None, true, "the power went"),
        (vec![exited(false, 9)], None, true, "it had crashed, and was to be started again"),
        (vec![stop.clone(), exited(true, 6), told(6)], Some(at(6)), false, "stopped by berth"),
        (vec![exited(true, 1000), told(1000)], Some(at(990)), true, "the machine ended it, and the daemon before it"),
        (vec![told(1000), exited(true, 1000)], Some(at(1060)), true, "the daemon a little later"),
        (vec![exited(true, 1000)], Some(at(5000)), false, "the guide's script, long before"),
        (vec![exited(true, 1000)], None, false, "there was no daemon to say so"),
    ];
    for (more, seen, expected, why) in cases {
        let text: String = started().iter().chain(&more).map(|event| serde_json::to_string(event).unwrap() + "\n").collect();
        assert_eq!(Record::parse(&text, "new").was_ended_by_reboot(seen), expected, "{why}");
        assert!(!Record::parse(&text, "old").was_ended_by_reboot(seen), "{why}: in the same boot");
    }
    let never = serde_json::to_string(&asked("old")).unwrap();
    assert!(!Record::parse(&never, "new").was_ended_by_reboot(None), "it never ran");
}

#[test]
fn an_adopted_ones_end_may_turn_out_to_have_been_asked_for() {
    let adopted = Event::Adopted {
        boot: "b".to_owned(),
        by: "root".to_owned(),
        at: at(1),
        main: (11, 2),
        started_at: at(0),
        named: true,
        uid: Some(1001),
    };
    let exited = Event::Exited { code: None, signal: None, asked_outside: false, over_memory: None, at: at(2) };
    let waiting = Event::Waiting { wait_ms: 1000, tries: 1, at: at(2) };
    let told = Event::Empty { told: true, killed: false, at: at(3) };
    let parsed = |events: &[Event]| {
        let text: String = events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect();
        Record::parse(&text, "b")
    };
    let crashed = parsed(&[adopted.clone(), exited.clone(), waiting.clone()]);
    assert!(crashed.is_adopted_and_ended() && crashed.again.is_some());
    let ended = parsed(&[adopted, exited, waiting, told]);
    assert!(ended.stop_asked && ended.ended_outside && ended.again.is_none() && !ended.is_adopted_and_ended());
    assert_eq!((ended.exits.len(), ended.uid), (1, Some(Uid(1001))));
}

#[test]
fn what_was_taken_away_is_counted() {
    let started = |main| Event::Started { keeper: (10, 1), main: (main, 2), at: at(2), unlimited: None };
    let text = |events: &[Event]| events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect::<String>();
    let whole = Record::parse(&text(&[asked("b"), started(11), started(12), started(13), started(14)]), "b");
    let shortened = Record::parse(&text(&[asked("b"), Event::Shortened { restarts: 2 }, started(14)]), "b");
    assert_eq!((whole.restarts, shortened.restarts), (5, 5));
    assert_eq!((whole.main, whole.exit), (shortened.main, shortened.exit));
}

#[test]
fn the_last_ends_are_told_the_one_before_its_keeper_among_them() {
    let exited = |second| Event::Exited { code: Some(3), signal: None, asked_outside: false, over_memory: None, at: at(second) };
    let text = |ends| {
        let events = std::iter::once(asked("b")).chain((1..=ends).map(exited));
        events.map(|event| serde_json::to_string(&event).unwrap() + "\n").collect::<String>()
    };
    let seconds = |ends| Record::parse(&text(ends), "b").exits.iter().map(|exit| exit.at.as_second()).collect::<Vec<_>>();
    assert_eq!((seconds(0), seconds(2), seconds(9)), (vec![0], vec![0, 1, 2], vec![5, 6, 7, 8, 9]));
    // A keeper is its user's process: it may write that it begins as often as it likes.
    let again = (serde_json::to_string(&asked("b")).unwrap() + "\n").repeat(9);
    assert_eq!(Record::parse(&again, "b").exits.len(), EXITS);
}

#[test]
fn a_keeper_that_was_told_was_asked() {
    for (told, stop_asked) in [(true, true), (false, false)] {
        let text = serde_json::to_string(&Event::Empty { told, killed: false, at: at(4) }).unwrap();
        assert_eq!(Record::parse(&text, "b").stop_asked, stop_asked);
    }
}

#[test]
fn an_edition_changes_with_every_event() {
    let directory = tempfile::tempdir().unwrap();
    let records = Records::below(directory.path());
    let id = InstanceId::of_owner("alice").unwrap();
    assert_eq!(records.edition(&id).unwrap(), None);
    let mut file = records.begin(&id, &asked("b")).unwrap();
    let first = records.edition(&id).unwrap();
    append(&mut file, &Event::Shortened { restarts: 1 }).unwrap();
    let second = records.edition(&id).unwrap();
    records.begin(&id, &asked("b")).unwrap();
    let third = records.edition(&id).unwrap();
    assert!(first != second && second != third && first != third);
}

#[test]
fn a_torn_line_costs_only_itself() {
    let text = format!("{}\n{{\"started\":{{\"keep", serde_json::to_string(&asked("b")).unwrap());
    let record = Record::parse(&text, "b");
    assert_eq!((record.restarts, record.main), (2, None));
}

#[test]
fn a_new_record_replaces_a_left_over_draft() {
    let directory = tempfile::tempdir().unwrap();
    let records = Records::below(directory.path());
    let id = InstanceId::of_owner("alice").unwrap();
    fs::create_dir_all(records.directory()).unwrap();
    fs::write(records.directory().join("alice+default.jsonl.new"), "junk").unwrap();
    records.begin(&id, &asked("b")).unwrap();
    assert_eq!(records.read(&id, "b").unwrap().unwrap().restarts, 2);
}
