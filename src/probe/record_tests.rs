//! Verdicts from rows of answers.

use super::*;
use crate::domain::Transport;

const KEY: ProcessKey = ProcessKey { pid: 7, start_time: 9 };

fn well(milliseconds: u64) -> Outcome {
    Outcome::Answered(Opinion::Well, Duration::from_millis(milliseconds))
}

fn lost() -> Outcome {
    Outcome::Failed(Failure::Silent)
}

fn troubled() -> Outcome {
    Outcome::Answered(Opinion::Troubled("it answered 503 to GET /health".into()), Duration::from_millis(3))
}

fn after(outcomes: &[Outcome], is_young: bool) -> Probed {
    let mut record = Record::new(KEY);
    for outcome in outcomes {
        record.took(outcome.clone(), Timestamp::UNIX_EPOCH, is_young);
    }
    record.probed(is_young)
}

#[test]
fn the_verdict_follows_from_the_last_answers() {
    use HealthState::{Degraded, Guarded, Healthy, Slow, Starting, Unhealthy, Unknown};
    let guarded = Outcome::Answered(Opinion::Guarded, Duration::from_millis(1));
    let unasked = Outcome::Failed(Failure::NoMeans);
    let cases: &[(&str, Vec<Outcome>, bool, HealthState)] = &[
        ("not asked, old", vec![], false, Unknown),
        ("not asked, young", vec![], true, Starting),
        ("lost while it starts", vec![lost(), lost(), lost(), lost()], true, Starting),
        ("answers while it starts", vec![lost(), well(3)], true, Healthy),
        ("lost once and never answered", vec![lost()], false, Unknown),
        ("never answered", vec![lost(), lost(), lost()], false, Unhealthy),
        ("one lost", vec![well(3), lost()], false, Healthy),
        ("two lost", vec![well(3), lost(), lost()], false, Healthy),
        ("three lost", vec![well(3), lost(), lost(), lost()], false, Unhealthy),
        ("three lost, young", vec![well(3), lost(), lost(), lost()], true, Unhealthy),
        ("lost and found", vec![well(3), lost(), lost(), well(3), lost()], false, Healthy),
        ("back", vec![lost(), lost(), lost(), lost(), well(9)], false, Healthy),
        ("one late", vec![well(3), well(900)], false, Healthy),
        ("two late", vec![well(3), well(900), well(800)], false, Slow),
        ("late from the beginning", vec![well(900)], false, Slow),
        ("slow and lost once", vec![well(900), well(900), lost()], false, Slow),
        ("one trouble", vec![well(3), troubled()], false, Healthy),
        ("trouble at first", vec![troubled()], false, Degraded),
        ("two troubles", vec![well(3), troubled(), troubled()], false, Degraded),
        ("trouble and lost once", vec![well(3), troubled(), troubled(), lost()], false, Degraded),
        ("guarded", vec![guarded.clone()], false, Guarded),
        ("guarded and lost", vec![guarded, lost(), lost()], false, Guarded),
        ("no means is no verdict", vec![unasked.clone(), unasked.clone(), unasked.clone(), unasked], false, Unknown),
    ];
    for (name, outcomes, is_young, expected) in cases {
        assert_eq!(after(outcomes, *is_young).health.state, *expected, "{name}");
    }
}

#[test]
fn the_reason_is_told_in_words() {
    let why = |outcomes: &[Outcome]| after(outcomes, false).why.map(|why| why.to_string());
    assert_eq!(why(&[well(3)]), None);
    assert_eq!(why(&[well(3), lost()]).unwrap(), "it did not answer within 2 s");
    assert_eq!(why(&[well(3), lost(), lost()]).unwrap(), "it did not answer within 2 s, 2 times in a row");
    let unhealthy = why(&[lost(), lost(), lost()]).unwrap();
    assert_eq!(unhealthy, "it did not answer within 2 s, 3 times in a row and more");
    assert_eq!(why(&[lost(), lost(), lost(), lost()]), Some(unhealthy), "it stands still");
    assert_eq!(why(&[troubled()]).unwrap(), "it answered 503 to GET /health");
}

#[test]
fn times_are_those_of_answers() {
    let probed = after(&[well(3), well(5), lost()], false);
    assert_eq!((probed.health.latency_ms, probed.course.percentile(99)), (Some(5), Some(5)));
    assert_eq!(probed.course.iter().collect::<Vec<_>>(), [Some(3), Some(5), None]);
    assert_eq!(after(&[well(3), lost(), lost(), lost()], false).health.latency_ms, None);
    assert_eq!(after(&[Outcome::Answered(Opinion::Well, Duration::from_micros(180))], false).health.latency_ms, Some(1));
}

#[test]
fn who_wants_a_key_for_mcp_is_guarded() {
    let mut record = Record::new(KEY);
    record.took(well(2), Timestamp::UNIX_EPOCH, false);
    let server = Server {
        transport: Transport::Http,
        path: "/mcp",
        era: None,
        name: None,
        version: None,
        protocol: None,
        capabilities: Vec::new(),
        sessions: None,
        wants_key: true,
    };
    record.introduced(server);
    assert_eq!(record.probed(false).health.state, HealthState::Guarded);
}
