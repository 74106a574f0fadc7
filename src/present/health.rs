//! How an instance answers and which server it is, in words, for the detail, `berth show` and JSON.
//!
//! It must never tell a time or a name that nobody gave.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{json::timestamp, metrics, units, wording};
use crate::domain::{Certificate, Era, Probed, Row, Server};

/// What is known of its answers, a label and a text each; nothing before the first question. With `now`, when it was asked is told, too.
pub fn facts(row: &Row, now: Option<Timestamp>) -> Vec<(&'static str, String)> {
    let Some(probed) = &row.probed else { return Vec::new() };
    let mut facts = vec![("health", answers(probed, now))];
    facts.extend(times(probed).map(|times| ("answers", times)));
    facts.extend(probed.certificate.as_ref().map(|shown| ("tls", certificate_words(shown))));
    facts.extend(probed.server.as_ref().map(|server| ("mcp", server_words(server))));
    facts.extend(probed.metrics.as_ref().map(|counted| ("counts", metrics::words(counted))));
    facts
}

/// "healthy, 3 ms, asked 2 s ago", "unhealthy, asked 2 s ago: it did not answer within 2 s, 3 times in a row and more".
fn answers(probed: &Probed, now: Option<Timestamp>) -> String {
    let mut text = probed.health.state.word().to_owned();
    if let Some(latency) = probed.health.latency_ms {
        text.push_str(&format!(", {}", units::latency(latency)));
    }
    if let Some((at, now)) = probed.health.checked_at.zip(now) {
        text.push_str(&format!(", asked {} ago", wording::age(at, now)));
    }
    if let Some(why) = &probed.why {
        text.push_str(&format!(": {why}"));
    }
    text
}

/// "certificate 3F:9A:…, known since 2026-11-22, holds until 2027-11-22".
fn certificate_words(shown: &Certificate) -> String {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let mut text = format!("certificate {}", shown.print.short());
    match (shown.instead_of(), shown.pin) {
        (Some(pin), _) => text.push_str(&format!(", not {} as since {}", pin.print.short(), day(pin.since))),
        (None, Some(pin)) => text.push_str(&format!(", known since {}", day(pin.since))),
        (None, None) => text.push_str(", not kept"),
    }
    if let Some(ends) = shown.ends {
        text.push_str(&format!(", holds until {}", day(ends)));
    }
    text
}

/// "p50 3 ms, p95 5 ms, p99 9 ms of 30 questions, 1 lost"; `None` without an answer.
pub fn times(probed: &Probed) -> Option<String> {
    let time = |percent| probed.course.percentile(percent).map(units::latency);
    let (asked, lost) = (probed.course.iter().count(), probed.course.iter().filter(Option::is_none).count());
    let lost = if lost == 0 { String::new() } else { format!(", {lost} lost") };
    Some(format!("p50 {}, p95 {}, p99 {} of {}{lost}", time(50)?, time(95)?, time(99)?, wording::count(asked, "question")))
}

/// "everything 2.0.0 · 2025-11-25 · http · sessions · tools prompts".
pub fn server_words(server: &Server) -> String {
    let name = server.name.as_ref().map_or_else(|| "says no name".to_owned(), ToString::to_string);
    let name = server.version.as_ref().map_or(name.clone(), |version| format!("{name} {version}"));
    let mut parts = vec![name];
    parts.extend(server.protocol.as_ref().map(ToString::to_string));
    parts.push(server.transport.word().to_owned());
    parts.extend(server.era.filter(|era| *era == Era::Modern).map(|era| era.word().to_owned()));
    parts.extend(server.sessions.map(|keeps| if keeps { "sessions" } else { "no sessions" }.to_owned()));
    parts.extend(server.wants_key.then(|| "wants credentials".to_owned()));
    let can: Vec<&str> = server.capabilities.iter().map(|one| one.as_str()).collect();
    parts.extend((!can.is_empty()).then(|| can.join(" ")));
    parts.join(" · ")
}

/// As it stands in `ls`: the contract's four keys.
pub fn json(row: &Row) -> Value {
    let health = &row.health;
    let server = row.probed.as_ref().and_then(|probed| probed.server.as_ref()).map(|server| {
        let text = |text: &Option<crate::domain::Shown>| text.as_ref().map(ToString::to_string);
        json!({ "name": text(&server.name), "version": text(&server.version), "protocol": text(&server.protocol) })
    });
    json!({
        "state": health.state.word(),
        "latency_ms": health.latency_ms,
        "checked_at": health.checked_at.map(timestamp),
        "server": server,
    })
}

/// As it stands in `show`: with the reason, the times, and all that the server said of itself.
pub fn json_in_full(row: &Row) -> Value {
    let mut document = json(row);
    let Some(probed) = &row.probed else { return document };
    document["why"] = probed.why.as_ref().map(ToString::to_string).into();
    document["percentiles_ms"] = json!({
        "p50": probed.course.percentile(50), "p95": probed.course.percentile(95), "p99": probed.course.percentile(99),
    });
    document["course_ms"] = probed.course.iter().collect::<Vec<_>>().into();
    document["certificate"] = probed.certificate.as_ref().map_or(Value::Null, |shown| {
        json!({
            "sha256": shown.print.to_string(),
            "ends_at": shown.ends.map(timestamp),
            "known_sha256": shown.pin.map(|pin| pin.print.to_string()),
            "known_since": shown.pin.map(|pin| timestamp(pin.since)),
        })
    });
    document["metrics"] = probed.metrics.as_ref().map(|counted| metrics::json(counted)).into();
    if let Some(server) = &probed.server {
        let known = &mut document["server"];
        known["transport"] = server.transport.word().into();
        known["path"] = server.path.into();
        known["era"] = server.era.map(Era::word).into();
        known["capabilities"] = server.capabilities.iter().map(ToString::to_string).collect::<Vec<_>>().into();
        known["sessions"] = server.sessions.into();
        known["wants_key"] = server.wants_key.into();
    }
    document
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Course, Health, HealthState, ProcessKey, Transport};
    use crate::present::fleet;

    fn row(change: impl FnOnce(&mut Probed)) -> Row {
        let mut row = (**fleet::fleet().row(&fleet::id("alice")).unwrap()).clone();
        let mut course = Course::default();
        [Some(2), None, Some(3), Some(9)].into_iter().for_each(|time| course.add(time));
        let server = Server {
            transport: Transport::Http,
            path: "/mcp",
            era: Some(Era::Legacy),
            name: Some("everything".into()),
            version: Some("2.0.0".into()),
            protocol: Some("2025-11-25".into()),
            capabilities: vec!["tools".into(), "prompts".into()],
            sessions: Some(true),
            wants_key: false,
        };
        let checked_at = Some(fleet::now() - std::time::Duration::from_secs(2));
        let mut probed = Probed {
            of: ProcessKey { pid: 1, start_time: 1 },
            health: Health { state: HealthState::Healthy, latency_ms: Some(9), checked_at },
            why: None,
            course,
            server: Some(Arc::new(server)),
            metrics: None,
            certificate: None,
        };
        change(&mut probed);
        row.health = probed.health;
        row.probed = Some(Arc::new(probed));
        row
    }

    #[test]
    fn it_is_told_in_words() {
        let told =
            |row: &Row| facts(row, Some(fleet::now())).into_iter().map(|(label, text)| format!("{label}: {text}")).collect::<Vec<_>>();
        let expected = [
            "health: healthy, 9 ms, asked 2 s ago",
            "answers: p50 3 ms, p95 9 ms, p99 9 ms of 4 questions, 1 lost",
            "mcp: everything 2.0.0 · 2025-11-25 · http · sessions · tools prompts",
        ];
        assert_eq!(told(&row(|_| {})), expected);
        let silent = row(|probed| {
            probed.health = Health { state: HealthState::Unhealthy, latency_ms: None, ..probed.health };
            (probed.why, probed.course, probed.server) = (Some("it refuses connections".into()), Course::default(), None);
        });
        assert_eq!(told(&silent), ["health: unhealthy, asked 2 s ago: it refuses connections"]);
        let unasked = Row { probed: None, ..row(|_| {}) };
        assert_eq!(told(&unasked), [""; 0]);
    }

    #[test]
    fn the_document_says_the_same() {
        let document = json_in_full(&row(|_| {}));
        assert_eq!(document["server"]["name"], "everything");
        assert_eq!(document["percentiles_ms"], serde_json::json!({ "p50": 3, "p95": 9, "p99": 9 }));
        assert_eq!(document["course_ms"], serde_json::json!([2, null, 3, 9]));
        assert_eq!((document["server"]["era"].as_str(), document["server"]["sessions"].as_bool()), (Some("legacy"), Some(true)));
        let short = json(&row(|_| {}));
        assert_eq!(short["server"], serde_json::json!({ "name": "everything", "version": "2.0.0", "protocol": "2025-11-25" }));
        assert_eq!(short.as_object().unwrap().len(), 4, "scripts rely on it");
    }
}
