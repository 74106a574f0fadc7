//! What probing told, as it reaches the rows.

use std::sync::Arc;

use super::testing::{Host, id, key, row, state, wall};
use crate::domain::{Course, Health, HealthState, Probed, ProcessKey, Snapshot, State};

fn probed(of: ProcessKey, state: HealthState, why: Option<&str>) -> Arc<Probed> {
    let health = Health { state, latency_ms: Some(3), checked_at: Some(wall()) };
    Arc::new(Probed { of, health, why: why.map(Into::into), course: Course::default(), server: None, metrics: None, certificate: None })
}

/// Alice's instance, which listens; pid 101 is its server.
fn host(told: Option<Arc<Probed>>) -> Host {
    let mut host = Host::new();
    host.declare("alice", 1001, "127.0.0.1:8081").keep("alice", 100, Some("127.0.0.1:8081"));
    host.probes.extend(told.map(|told| (id("alice"), told)));
    host
}

fn told(snapshot: &Snapshot) -> (State, HealthState, Option<String>) {
    let row = row(snapshot, "alice");
    (row.state, row.health.state, row.why.as_ref().map(ToString::to_string))
}

#[test]
fn who_does_not_answer_is_degraded_and_the_reason_is_told() {
    let why = Some("it did not answer within 2 s, 3 times in a row and more");
    let cases = [
        (HealthState::Healthy, None, (State::Running, HealthState::Healthy, None)),
        (HealthState::Slow, Some("late"), (State::Running, HealthState::Slow, None)),
        (HealthState::Guarded, Some("closed"), (State::Running, HealthState::Guarded, None)),
        (HealthState::Unhealthy, why, (State::Degraded, HealthState::Unhealthy, why.map(str::to_owned))),
        (HealthState::Degraded, Some("it says so"), (State::Degraded, HealthState::Degraded, Some("it says so".to_owned()))),
    ];
    for (health, why, expected) in cases {
        assert_eq!(told(&host(Some(probed(key(101), health, why))).judge()), expected);
    }
}

#[test]
fn what_another_process_answered_is_nothing() {
    let other = ProcessKey { start_time: 1, ..key(101) };
    let snapshot = host(Some(probed(other, HealthState::Unhealthy, Some("x")))).judge();
    assert_eq!(told(&snapshot), (State::Running, HealthState::Unknown, None));
    assert_eq!(row(&snapshot, "alice").probed, None);
}

#[test]
fn a_picture_that_follows_takes_answers_over_and_a_new_verdict_is_judged() {
    let mut host = host(Some(probed(key(101), HealthState::Healthy, None)));
    let first = host.judge();
    let again = probed(key(101), HealthState::Healthy, None);
    host.probes.insert(id("alice"), Arc::clone(&again));
    let second = host.pass(1).follow(&first).unwrap();
    assert!(row(&second, "alice").probed.as_ref().is_some_and(|told| Arc::ptr_eq(told, &again)));
    host.probes.insert(id("alice"), probed(key(101), HealthState::Unhealthy, Some("gone quiet")));
    assert!(host.pass(1).follow(&second).is_none());
    assert_eq!(state(&host.judge_after(Some(&second)), "alice"), State::Degraded);
}
