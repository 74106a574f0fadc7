//! Pairs of pictures and what happened between them.

use std::time::Duration;

use super::*;
use crate::domain::{ExitStatus, HealthState, LastExit, ProcessKey};
use crate::present::fleet;

/// The fixture fleet a second later, changed.
fn later(change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    let mut snapshot = fleet::fleet();
    snapshot.taken.boot += Duration::from_secs(1);
    snapshot.taken.wall += Duration::from_secs(1);
    change(&mut snapshot);
    snapshot
}

/// Changes the row of an instance.
fn with(snapshot: &mut Snapshot, name: &str, change: impl FnOnce(&mut Row)) {
    let row = snapshot.rows.iter_mut().find(|row| row.id == fleet::id(name)).unwrap();
    change(Arc::make_mut(row));
}

/// `who: what`, in order.
fn told(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let line = |happening: &Happening| {
        let about = happening.about.as_ref().map_or_else(|| "host".to_owned(), ToString::to_string);
        format!("{about}: {}", happening.what.text())
    };
    compare(before, after).iter().map(line).collect()
}

#[test]
fn what_changes_is_told() {
    type Change = fn(&mut Snapshot);
    let cases: [(Change, &[&str]); 17] = [
        (|_| {}, &[]),
        // Numbers are no events.
        (|snapshot| with(snapshot, "alice", |row| row.cpu_percent = Reading::Known(99.0)), &[]),
        (
            |snapshot| {
                with(snapshot, "alice", |row| {
                    row.state = State::Crashed;
                    row.exit = Some(LastExit { status: ExitStatus::Signal(9), at: fleet::now(), over_memory: None });
                });
            },
            &["alice: running -> crashed: killed by signal 9 (KILL)"],
        ),
        (|snapshot| with(snapshot, "alice", |row| row.health.state = HealthState::Slow), &["alice: health healthy -> slow"]),
        // What was not known before is no change.
        (|snapshot| with(snapshot, "alice", |row| row.health.state = HealthState::Unknown), &[]),
        (|snapshot| with(snapshot, "erin", |row| row.state = State::Running), &["erin: starting -> running"]),
        (
            |snapshot| with(snapshot, "bob/tools", |row| row.state = State::Running),
            &["bob/tools: degraded -> running: 127.0.0.1:8102, pid 3307"],
        ),
        (
            |snapshot| with(snapshot, "dave", |row| (row.state, row.restarts) = (State::Starting, 4)),
            &["dave: running -> starting: restart 4"],
        ),
        (
            |snapshot| {
                with(snapshot, "dave", |row| {
                    row.restarts = 1;
                    row.main = Reading::Known(ProcessKey { pid: 9000, start_time: 1 });
                });
            },
            &["dave: restarted: restart 1, pid 9000 in place of pid 5120"],
        ),
        (
            |snapshot| {
                with(snapshot, "dave", |row| {
                    row.state = State::Degraded;
                    row.findings = vec![Code::PortTaken, Code::PortDrift];
                });
            },
            &["dave: running -> degraded: port-taken, port-drift"],
        ),
        (|snapshot| drop(snapshot.rows.remove(0)), &["alice: gone: its configuration is not there any more"]),
        (
            |snapshot| {
                let mut row = (*snapshot.rows[0]).clone();
                row.id = fleet::id("zoe");
                snapshot.rows.insert(8, row.into());
            },
            &["zoe: new: running, port 8101"],
        ),
        // A stranger's row comes and goes with its finding, which tells more.
        (
            |snapshot| {
                snapshot.rows.pop();
                snapshot.findings.pop();
            },
            &["bob/:8190: port-stranger of 8190 is over, after 10 min"],
        ),
        (
            |snapshot| {
                let finding = snapshot.findings.remove(0);
                snapshot.findings.push(Finding { code: Code::PortDrift, evidence: "8107 it is not".into(), ..finding });
            },
            &["carol: port-taken of 8107 is over, after 2 min", "carol: port-drift: 8107 it is not"],
        ),
        // It is counted a picture after it was told that it runs again.
        (|snapshot| with(snapshot, "alice", |row| row.restarts = 3), &[]),
        // What goes on at another port, or with one more, is not over.
        (
            |snapshot| {
                snapshot.findings[0].port = Some(8108);
                snapshot.findings[0].evidence = "8108 it is".into();
            },
            &["carol: port-taken: 8108 it is"],
        ),
        // The same finding with other words is the same finding.
        (|snapshot| snapshot.findings[0].evidence = "held by another pid".into(), &[]),
    ];
    for (index, (change, expected)) in cases.into_iter().enumerate() {
        assert_eq!(told(&fleet::fleet(), &later(change)), expected, "case {index}");
    }
}

#[test]
fn a_start_that_was_refused_ends_nothing_anew() {
    let exit = |second| Some(LastExit { status: ExitStatus::Code(1), at: fleet::now() - Duration::from_secs(second), over_memory: None });
    let starting = later(|snapshot| with(snapshot, "erin", |row| (row.state, row.exit) = (State::Starting, exit(60))));
    let crashed = |ended| later(|snapshot| with(snapshot, "erin", |row| (row.state, row.exit) = (State::Crashed, ended)));
    assert!(told(&starting, &crashed(exit(60))).is_empty());
    assert_eq!(told(&starting, &crashed(exit(0))), ["erin: starting -> crashed: exited with code 1"]);
    assert_eq!(told(&starting, &crashed(None)).len(), 1);
}

#[test]
fn many_of_a_kind_are_one_line() {
    let example = fleet::fleet().findings[0].clone();
    let many = |count: u16| -> Vec<Finding> {
        (0..count).map(|port| Finding { code: Code::LimitsMissing, port: Some(port), ..example.clone() }).collect()
    };
    let after = later(|snapshot| snapshot.findings.extend(many(6)));
    assert_eq!(told(&fleet::fleet(), &after), ["host: limits-missing: 6 at once"]);
    assert_eq!(told(&after, &fleet::fleet()), ["host: limits-missing: 6 over at once"]);
    assert_eq!(told(&fleet::fleet(), &later(|snapshot| snapshot.findings.extend(many(5)))).len(), 5);
}

#[test]
fn an_end_has_the_time_at_which_it_ended() {
    let ended = fleet::now() + Duration::from_millis(300);
    let crash = |at| {
        later(|snapshot| {
            with(snapshot, "alice", |row| {
                row.state = State::Crashed;
                row.exit = Some(LastExit { status: ExitStatus::Code(1), at, over_memory: None });
            });
        })
    };
    assert_eq!(compare(&fleet::fleet(), &crash(ended))[0].at, ended);
    // What ended long ago was only noticed now, and stands where it was noticed.
    let after = crash(ended - Duration::from_secs(3600));
    assert_eq!(compare(&fleet::fleet(), &after)[0].at, after.taken.wall);
}

#[test]
fn the_beginning_counts_what_there_is() {
    assert_eq!(beginning(&fleet::fleet()).what.text(), "berth looks from now on: 8 instances, 2 errors, 1 warning");
}
