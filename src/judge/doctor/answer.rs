//! The check of the answer: what came of asking the server whether it is well.
//!
//! It must never take silence for health, nor a guarded server for a broken one.

use super::{Given, berth, check, with};
use crate::domain::{Check, HealthState, Shown, Topic, Verdict};

/// What the last exchange told.
pub(super) fn answer(given: &Given<'_>) -> Check {
    let row = given.row;
    if !row.state.is_up() {
        return check(Topic::Answer, Verdict::Unknown, "it does not run, so that nobody was asked");
    }
    let id = given.id();
    let after = row.health.latency_ms.map(|latency| format!(" after {latency} ms")).unwrap_or_default();
    let told = row.probed.as_ref().and_then(|probed| probed.why.as_ref()).map(Shown::as_str);
    let server = row.probed.as_ref().and_then(|probed| probed.server.as_ref());
    let named = server.and_then(|server| server.name.as_ref()).map(|name| format!(", and says that it is {name}")).unwrap_or_default();
    let steps = || vec![berth(&["logs", &id], "shows what it is doing"), berth(&["restart", &id], "starts it anew")];
    match row.health.state {
        HealthState::Healthy => check(Topic::Answer, Verdict::Good, &format!("it answers{after}{named}")),
        HealthState::Slow => check(Topic::Answer, Verdict::Good, &format!("it answers late,{after}{named}")),
        HealthState::Guarded => {
            check(Topic::Answer, Verdict::Good, &format!("it answers{after} that it wants credentials, so it is alive"))
        }
        HealthState::Degraded => {
            let sentence = told.map_or_else(|| format!("it says of itself that something is wrong,{after}"), str::to_owned);
            with(Topic::Answer, Verdict::Suspect, &sentence, steps())
        }
        HealthState::Unhealthy if row.listening.is_empty() => check(Topic::Answer, Verdict::Symptom, told.unwrap_or("it does not answer")),
        HealthState::Unhealthy => {
            let why = told.map(|why| format!(": {why}")).unwrap_or_default();
            with(Topic::Answer, Verdict::Bad, &format!("it accepts connections and does not answer{why}"), steps())
        }
        HealthState::Starting | HealthState::Unknown if is_failure(told) && !row.listening.is_empty() => {
            let sentence = format!("it accepts connections, and {}", told.unwrap_or_default());
            with(Topic::Answer, Verdict::Suspect, &sentence, steps())
        }
        HealthState::Starting | HealthState::Unknown => check(Topic::Answer, Verdict::Unknown, "whether it answers was not asked yet"),
    }
}

/// Whether this was told of a question that was lost; one lost question is no verdict on its health yet. What berth cannot ask in, or had no
/// means to ask, is no failure.
pub(super) fn is_failure(told: Option<&str>) -> bool {
    const LOST: [&str; 8] = [
        "did not answer",
        "closed the connection",
        "is not HTTP",
        "refuses connections",
        "have no end",
        "of TLS",
        "not TLS",
        "certificate",
    ];
    told.is_some_and(|told| LOST.iter().any(|words| told.contains(words)))
}
