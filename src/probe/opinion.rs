//! What the answer of a health check means. Pure.
//!
//! It must never take a status for death: whoever answers lives.

use jiff::Timestamp;
use serde_json::Value;

use super::exchange::Answer;
use crate::domain::Shown;

/// What an answer says of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// It is alive.
    Well,
    /// It is alive and answers nobody without credentials.
    Guarded,
    /// It is alive and says of itself that something is wrong.
    Troubled(Shown),
}

/// The longest word of a server's own that is repeated.
const LONGEST_WORD: usize = 32;

/// Words by which health checks say that something is wrong.
const BAD_WORDS: [&str; 12] =
    ["degraded", "unhealthy", "error", "fail", "failed", "failing", "failure", "down", "critical", "unavailable", "not ok", "warn"];

/// What an answer to a question for `path` means.
pub fn of(answer: &Answer, path: &str) -> Opinion {
    if answer.was_late {
        return Opinion::Troubled(Shown::new(&format!("its answer to GET {path} began and did not end within 2 s")));
    }
    match answer.status {
        // 403 as well: some frameworks refuse so what has no credentials at all.
        401 | 403 | 407 => Opinion::Guarded,
        500..=599 => Opinion::Troubled(Shown::new(&format!("it answered {} to GET {path}", answer.status))),
        200..=299 => match bad_word(&answer.body) {
            Some(word) => Opinion::Troubled(Shown::new(&format!("it says of itself at {path}: {}", Shown::within(&word, LONGEST_WORD)))),
            None => Opinion::Well,
        },
        _ => Opinion::Well,
    }
}

/// What it means that its certificate held until then: clients that look refuse it.
pub fn of_end(ends: Option<Timestamp>, now: Timestamp) -> Option<Opinion> {
    let ended = ends.filter(|ends| *ends < now)?;
    let day = ended.strftime("%Y-%m-%d");
    Some(Opinion::Troubled(Shown::new(&format!("its certificate held until {day}: clients refuse it"))))
}

/// What it means that its configuration says https and it speaks plain HTTP.
pub fn without_tls() -> Opinion {
    Opinion::Troubled(Shown::from("its configuration says https, and it answers without TLS"))
}

/// What it means that it was known by a certificate and speaks plain HTTP.
pub fn without_certificate() -> Opinion {
    Opinion::Troubled(Shown::from("it was known by a certificate, and answers without TLS; berth trust accepts that"))
}

/// The word of a JSON health check, when it is a bad one: `{"status": "degraded"}` (and `state`, `health`).
fn bad_word(body: &[u8]) -> Option<String> {
    if !body.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let document: Value = serde_json::from_slice(body).ok()?;
    let word = ["status", "state", "health"].iter().find_map(|key| document.get(key)?.as_str())?;
    BAD_WORDS.iter().any(|bad| word.eq_ignore_ascii_case(bad)).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::header::HeaderMap;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        let took = Duration::from_millis(3);
        Answer { status, took, headers: HeaderMap::new(), body: body.into(), is_whole: true, was_late: false, presented: None }
    }

    #[test]
    fn whoever_answers_lives() {
        let cases = [
            (200, "", Opinion::Well),
            (200, r#"{"status":"ok"}"#, Opinion::Well),
            (200, r#"{"status":"#, Opinion::Well),
            (200, "\u{1f}\u{8b}\u{8}\0\0", Opinion::Well),
            (204, "", Opinion::Well),
            (302, "", Opinion::Well),
            (404, r#"{"status":"error"}"#, Opinion::Well),
            (405, "", Opinion::Well),
            (401, "", Opinion::Guarded),
            (403, "", Opinion::Guarded),
            (503, "", Opinion::Troubled("it answered 503 to GET /health".into())),
            (200, r#"{"status":"degraded"}"#, Opinion::Troubled("it says of itself at /health: degraded".into())),
            (200, r#" {"state":"DOWN","x":1}"#, Opinion::Troubled("it says of itself at /health: DOWN".into())),
        ];
        for (status, body, expected) in cases {
            assert_eq!(of(&answer(status, body), "/health"), expected, "{status} {body}");
        }
    }

    #[test]
    fn a_certificate_that_has_ended_is_a_trouble() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let of = |ends: &str| of_end(ends.parse().ok(), now);
        assert_eq!(of("2026-11-21T10:00:00Z"), Some(Opinion::Troubled("its certificate held until 2026-11-21: clients refuse it".into())));
        assert_eq!((of("2026-11-23T10:00:00Z"), of_end(None, now)), (None, None));
    }

    #[test]
    fn an_answer_without_an_end_is_a_trouble() {
        let late = Answer { was_late: true, is_whole: false, ..answer(200, "drip") };
        assert_eq!(of(&late, "/h"), Opinion::Troubled("its answer to GET /h began and did not end within 2 s".into()));
    }
}
