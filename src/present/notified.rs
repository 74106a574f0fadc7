//! Those who are to be told of events, and how that goes, in a sentence each: for the tab of the host.
//!
//! It must never call somebody told whom the last message did not reach.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::paint::Tone;
use crate::domain::{Notified, words};

/// One of them in JSON.
pub fn json(notified: &Notified) -> Value {
    let failed = notified.failed_at.as_ref();
    json!({
        "to": notified.whom.as_str(),
        "failing": notified.is_failing(),
        "told": notified.told,
        "told_at": notified.told_at.map(super::json::timestamp),
        "failed": notified.failed,
        "failed_at": failed.map(|(at, _)| super::json::timestamp(*at)),
        "why": failed.map(|(_, why)| why.as_str()),
        "dropped": notified.dropped,
    })
}

/// How it goes, and how that is coloured.
pub fn sentence(notified: &Notified, now: Timestamp, zone: &TimeZone) -> (String, Tone) {
    let clock = |at| words::clock(at, now, zone);
    let told = notified.told_at.map(|at| format!("{} told, the last at {}", notified.told, clock(at)));
    let failed = notified.failed_at.as_ref().map(|(at, why)| (clock(*at), why));
    let dropped = if notified.dropped > 0 { format!("; {} dropped or told as a number", notified.dropped) } else { String::new() };
    match (told, failed) {
        (None, None) => (format!("nothing to tell yet{dropped}"), Tone::Dim),
        (Some(told), None) => (format!("{told}{dropped}"), Tone::Good),
        (told, Some((at, why))) if notified.is_failing() => {
            let why = bare(why.as_str(), notified.whom.as_str());
            let told = told.unwrap_or_else(|| "none told".to_owned());
            (format!("not told at {at}: {why} ({} not told, {told}{dropped})", notified.failed), Tone::Bad)
        }
        (told, Some((at, why))) => {
            let (told, why) = (told.unwrap_or_default(), bare(why.as_str(), notified.whom.as_str()));
            (format!("{told}{dropped}; {} not told, the last at {at}: {why}", notified.failed), Tone::Good)
        }
    }
}

/// Why it was not, without who: that stands before it.
fn bare<'a>(why: &'a str, whom: &str) -> &'a str {
    let rest = why.strip_prefix(whom).and_then(|rest| rest.strip_prefix(' ')).unwrap_or(why);
    rest.strip_prefix("was not told: ").unwrap_or(rest)
}

/// The sign that stands before it.
pub fn sign(notified: &Notified, ascii: bool) -> &'static str {
    let pick = |sign, plain| if ascii { plain } else { sign };
    match (notified.is_failing(), notified.told_at) {
        (true, _) => pick("✖", "x"),
        (false, Some(_)) => pick("●", "*"),
        (false, None) => pick("○", "o"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn who_it_is_is_not_said_twice() {
        let cases = [
            ("/bin/tell was not told: others may write it", "others may write it"),
            ("/bin/tell failed (exit status: 3): no", "failed (exit status: 3): no"),
            ("/bin/teller failed", "/bin/teller failed"),
        ];
        for (why, expected) in cases {
            assert_eq!(bare(why, "/bin/tell"), expected);
        }
    }

    #[test]
    fn the_last_message_decides() {
        let none = Notified::nothing_yet("http://127.0.0.1:9000");
        let good = Notified { told: 3, told_at: Some(at(1)), dropped: 30, ..none.clone() };
        let bad = Notified { failed: 2, failed_at: Some((at(2), "it answered 503".into())), ..good.clone() };
        let never = Notified { told: 0, told_at: None, dropped: 0, ..bad.clone() };
        let again = Notified { told: 4, told_at: Some(at(3)), ..bad.clone() };
        let cases = [
            (none, "○ nothing to tell yet", Tone::Dim),
            (good, "● 3 told, the last at 22:13:21; 30 dropped or told as a number", Tone::Good),
            (
                bad,
                "✖ not told at 22:13:22: it answered 503 (2 not told, 3 told, the last at 22:13:21; 30 dropped or told as a number)",
                Tone::Bad,
            ),
            (never, "✖ not told at 22:13:22: it answered 503 (2 not told, none told)", Tone::Bad),
            (
                again,
                "● 4 told, the last at 22:13:23; 30 dropped or told as a number; 2 not told, the last at 22:13:22: it answered 503",
                Tone::Good,
            ),
        ];
        for (notified, expected, tone) in cases {
            let (text, its) = sentence(&notified, at(9), &TimeZone::UTC);
            assert_eq!((format!("{} {text}", sign(&notified, false)).as_str(), its), (expected, tone));
            assert!(sign(&notified, true).is_ascii());
        }
    }
}
