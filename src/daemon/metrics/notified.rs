//! How it goes with those who are to be told of events, as series: at most one set for each `[[notify]]`.
//!
//! It must never be there for somebody who is no admin: then the picture has none of them.

use super::{family, head, line};
use crate::domain::Notified;

/// What is counted of one.
type Counted = fn(&Notified) -> u64;

/// Adds them, where there are any.
pub(super) fn families(text: &mut String, all: &[Notified]) {
    if all.is_empty() {
        return;
    }
    let counts: [(&str, &str, Counted); 3] = [
        ("berth_notify_told", "Messages that were told.", |one| one.told),
        ("berth_notify_failed", "Messages that could not be told.", |one| one.failed),
        ("berth_notify_dropped", "Events that were told of as a number only, or not at all.", |one| one.dropped),
    ];
    for (name, help, counted) in counts {
        head(text, name, "counter", "", help);
        for (number, one) in all.iter().enumerate() {
            line(text, &format!("{name}_total"), &labels(number, one), counted(one) as f64);
        }
    }
    let name = "berth_notify_failing";
    family(text, name, "", "Whether the last message could not be told.");
    for (number, one) in all.iter().enumerate() {
        line(text, name, &labels(number, one), f64::from(u8::from(one.is_failing())));
    }
    let name = "berth_notify_last_told_timestamp_seconds";
    family(text, name, "seconds", "When the last message was told.");
    for (number, one) in all.iter().enumerate() {
        if let Some(at) = one.told_at {
            line(text, name, &labels(number, one), at.as_millisecond() as f64 / 1000.0);
        }
    }
}

/// Two may be told at one place: the number in the configuration tells them apart.
fn labels(number: usize, one: &Notified) -> String {
    let to = one.whom.as_str().replace('\\', "\\\\").replace('"', "\\\"");
    format!("number=\"{number}\",to=\"{to}\"")
}
