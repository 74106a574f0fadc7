//! What is kept of events, as lines and as JSON.
//!
//! It must never print a reason or a sentence twice, nor a number where there is none.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::What;
use crate::domain::{Event, EventKind, Level, Shown};
use crate::present::json::{SCHEMA, timestamp};
use crate::present::wording;

/// `berth events --json`.
pub fn document(events: &[Event]) -> Value {
    json!({ "schema": SCHEMA, "events": events.iter().map(json).collect::<Vec<_>>() })
}

/// One event.
pub fn json(event: &Event) -> Value {
    let action = event.deed.as_ref().map(|deed| {
        json!({
            "verb": deed.verb.as_str(),
            "by": deed.by.as_str(),
            "uid": deed.uid.0,
            "reason": deed.reason.as_ref().map(Shown::as_str),
            "ended_at": deed.result.as_ref().map(|result| timestamp(result.at)),
            "done": deed.result.as_ref().map(|result| result.done),
            "result": deed.result.as_ref().map(|result| result.sentence.as_str()).filter(|text| !text.is_empty()),
        })
    });
    json!({
        "number": event.number,
        "at": timestamp(event.at),
        "kind": event.kind.word(),
        "level": event.level.word(),
        "id": event.id.as_ref().map(ToString::to_string),
        "finding": event.finding.as_ref().map(Shown::as_str),
        "sentence": event.sentence.as_str(),
        "action": action,
    })
}

/// `2026-11-21 03:12:04  ✖ zoe  running -> crashed`.
pub fn line(event: &Event, zone: &TimeZone, ascii: bool) -> String {
    let at = event.at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S");
    let whom = event.id.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    format!("{at}  {} {whom}  {}", what(event).sign(ascii), event.sentence)
}

/// As one of the things that the console lists.
pub fn what(event: &Event) -> What {
    if event.kind == EventKind::Over {
        return What::Recorded { level: Level::Note, over: true, sentence: event.sentence.clone() };
    }
    What::Recorded { level: event.level, over: false, sentence: event.sentence.clone() }
}

/// The sign of a recorded event.
pub(super) fn sign(level: Level, over: bool, ascii: bool) -> &'static str {
    match (over, ascii) {
        (true, false) => "○",
        (true, true) => "o",
        _ => wording::level_sign(level, ascii),
    }
}

/// Whether an event is older than what a console saw itself, or of a kind that no console sees.
pub fn is_news(event: &Event, since: Option<Timestamp>) -> bool {
    let is_unseen = matches!(event.kind, EventKind::Configuration | EventKind::Lost | EventKind::Untold);
    is_unseen || since.is_none_or(|since| event.at < since)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::InstanceId;

    #[test]
    fn an_event_is_a_line_and_an_object() {
        let at: Timestamp = "2026-11-21T03:12:04.5Z".parse().unwrap();
        let event = Event::of_host(at, EventKind::Crashed, Level::Error, "running -> crashed");
        let event = Event { number: 4, id: InstanceId::parse("zoe").ok(), ..event };
        assert_eq!(line(&event, &TimeZone::UTC, false), "2026-11-21 03:12:04  ✖ zoe  running -> crashed");
        assert!(line(&event, &TimeZone::UTC, true).is_ascii());
        let expected = r#"{"number":4,"at":"2026-11-21T03:12:04.500Z","kind":"crashed","level":"error","id":"zoe","finding":null,"sentence":"running -> crashed","action":null}"#;
        assert_eq!(json(&event).to_string(), expected);
        let over = Event { kind: EventKind::Over, level: Level::Note, ..event };
        assert!(line(&over, &TimeZone::UTC, false).contains("○ zoe"));
    }
}
