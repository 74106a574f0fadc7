//! The picture that follows, held against the full judgement.

use super::*;
use crate::domain::Verb;
use crate::judge::testing::{Host, row};

fn running() -> Host {
    let mut host = Host::new();
    host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081")).process(102, 101, 1001, "worker");
    host.declare("bob", 1002, "127.0.0.1:8082").keep("bob", 200, Some("127.0.0.1:8082")).declare("carol", 1003, "127.0.0.1:8083");
    host.process(300, 1, 1003, "python3").listen(300, "127.0.0.1:8090");
    host
}

/// Two full judgements, so that rates are known.
fn settled(host: &mut Host) -> Snapshot {
    let first = host.judge();
    host.pass(1).judge_after(Some(&first))
}

fn same(one: &Snapshot, two: &Snapshot) {
    assert_eq!(one.rows, two.rows);
    assert_eq!(one.findings, two.findings);
    assert_eq!((&one.totals, one.taken, one.sequence), (&two.totals, two.taken, two.sequence));
    assert_eq!((one.cpu_baseline.at, &one.cpu_baseline.ticks), (two.cpu_baseline.at, &two.cpu_baseline.ticks));
}

#[test]
fn it_is_what_a_full_judgement_says() {
    let changes: [fn(&mut Host); 6] = [
        |_| {},
        |host| host.sample.processes.get_mut(&102).unwrap().cpu_ticks += 37,
        |host| host.sample.processes.get_mut(&101).unwrap().memory_bytes += 4096,
        |host| {
            for pid in [100, 101, 102, 200, 201, 300] {
                let process = host.sample.processes.get_mut(&pid).unwrap();
                (process.cpu_ticks, process.tasks, process.state) = (process.cpu_ticks + 5, 9, 'R');
            }
        },
        |host| host.sample.processes.get_mut(&201).unwrap().open_files = Reading::Denied,
        |host| {
            Arc::make_mut(&mut host.sample.limits)
                .insert(101, Arc::new(crate::domain::InForce { tasks_now: Some(7), ..Default::default() }));
        },
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut host = running();
        let mut before = settled(&mut host);
        for _ in 0..3 {
            host.pass(1);
            change(&mut host);
            let full = host.judge_after(Some(&before));
            let followed = host.follow(&before).unwrap_or_else(|| panic!("{index}"));
            same(&followed, &full);
            before = followed;
        }
    }
}

#[test]
fn rows_that_did_nothing_are_the_same_rows() {
    let mut host = running();
    let before = settled(&mut host);
    host.pass(1).sample.processes.get_mut(&102).unwrap().cpu_ticks += 50;
    let after = host.follow(&before).unwrap();
    let is_same: Vec<bool> = before.rows.iter().zip(&after.rows).map(|(one, two)| Arc::ptr_eq(one, two)).collect();
    assert_eq!(is_same, [false, true, true, true]);
    assert_eq!(row(&after, "alice").cpu_percent, Reading::Known(50.0));
    // And back to nothing when it rests.
    let last = host.pass(1).follow(&after).unwrap();
    assert_eq!(row(&last, "alice").cpu_percent, Reading::Known(0.0));
}

#[test]
fn without_a_newer_listing_the_numbers_stand() {
    let mut host = running();
    let before = settled(&mut host);
    host.sample.taken.boot += Duration::from_millis(100);
    let after = host.follow(&before).unwrap();
    assert!(before.rows.iter().zip(&after.rows).all(|(one, two)| Arc::ptr_eq(one, two)));
    assert_eq!(after.cpu_baseline.at, before.cpu_baseline.at);
}

#[test]
fn what_is_more_than_a_number_is_judged_in_full() {
    let changes: [fn(&mut Host); 7] = [
        |host| host.sample.processes.get_mut(&101).unwrap().parent = 1,
        |host| host.sample.processes.get_mut(&101).unwrap().uid = crate::domain::Uid(1009),
        |host| host.sample.processes.get_mut(&102).unwrap().state = 'Z',
        |host| host.sample.processes.get_mut(&102).unwrap().command = "other".into(),
        |host| host.sample.processes.get_mut(&102).unwrap().key.start_time += 1,
        |host| host.sample.processes.remove(&102),
        |host| {
            host.order(Verb::Stop, "bob", false);
        },
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut host = running();
        let before = settled(&mut host);
        change(host.pass(1));
        assert!(host.follow(&before).is_none(), "{index}");
    }
    let mut host = running();
    assert!(host.judge_after(None).cpu_baseline.at.is_some());
    // A start has a time-out, and only a full judgement knows it.
    let now = host.sample.taken.boot.as_secs() * 100;
    host.keep("carol", 400, None);
    host.sample.processes.get_mut(&401).unwrap().key.start_time = now;
    host.claim("carol").main = Some(crate::domain::ProcessKey { pid: 401, start_time: now });
    let before = settled(&mut host);
    assert_eq!(row(&before, "carol").state, State::Starting);
    assert!(host.pass(1).follow(&before).is_none());
}
