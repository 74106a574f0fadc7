//! Answers: documents, and errors with their kind, their way out and the one mapping between exit codes and HTTP.
//!
//! It must never answer with anything but JSON, metrics or events, nor with a text that was not made harmless.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::domain::{Order, Outcome, Shown};
use crate::error::{Error, Kind};
use crate::present::json::SCHEMA;

/// What HTTP says for what a command line would exit with.
pub fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        Kind::Usage => StatusCode::BAD_REQUEST,
        Kind::NotPermitted => StatusCode::FORBIDDEN,
        Kind::NoSuchInstance => StatusCode::NOT_FOUND,
        Kind::Busy => StatusCode::CONFLICT,
        Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
    }
}

/// An error on its way out.
#[derive(Debug)]
pub struct Refusal(Error, StatusCode);

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = status(error.kind());
        Self(error, status)
    }
}

impl Refusal {
    /// One that HTTP has a word of its own for.
    pub fn of(status: StatusCode, kind: Kind, sentence: &str) -> Self {
        Self(Error::new(kind, sentence), status)
    }
}

/// What a request comes to.
pub type Answer = Result<Response<Body>, Refusal>;

impl IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        let Self(error, status) = self;
        document(status, &refused(&error, &error.chain()))
    }
}

fn refused(error: &Error, sentence: &str) -> Value {
    let harmless = |text: &str| text.lines().map(|line| Shown::new(line).as_str().to_owned()).collect::<Vec<_>>().join("\n");
    json!({
        "schema": SCHEMA,
        "error": {
            "kind": error.kind().word(),
            "message": harmless(sentence),
            "hint": error.way_out().map(harmless),
            "exit_code": error.exit_code(),
        },
    })
}

/// A document.
pub fn document(status: StatusCode, value: &Value) -> Response<Body> {
    text(status, "application/json", format!("{value}\n"))
}

/// Any text. Nothing that berth answers is to be kept by anybody between.
pub fn text(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What came of an order: as the command line's document of an action, and where it failed as an error, too.
pub fn outcome(order: &Order, outcome: &Outcome) -> Response<Body> {
    let lines = |lines: &[Shown]| lines.iter().map(Shown::to_string).collect::<Vec<_>>();
    let mut value = json!({
        "schema": SCHEMA,
        "results": [{
            "id": order.id.to_string(),
            "verb": order.verb.word(),
            "done": outcome.is_done(),
            "exit_code": outcome.exit_code,
            "sentence": outcome.sentence.as_str(),
            "hints": lines(&outcome.hints),
            "log_lines": lines(&outcome.log_lines),
        }],
    });
    let Some(kind) = Kind::of_exit_code(outcome.exit_code) else { return document(StatusCode::OK, &value) };
    let error = Error::new(kind, outcome.sentence.as_str());
    value["error"] = refused(&error, outcome.sentence.as_str())["error"].take();
    value["error"]["hint"] = outcome.hints.first().map(Shown::to_string).into();
    document(status(kind), &value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_and_exit_codes_say_the_same() {
        let told = Kind::ALL.map(|kind| (kind.exit_code(), status(kind).as_u16()));
        assert_eq!(told, [(1, 500), (2, 400), (3, 403), (4, 404), (5, 409), (6, 504)]);
    }

    #[test]
    fn an_error_is_a_document_without_anything_that_a_terminal_obeys() {
        let refusal = Refusal::from(Error::new(Kind::NoSuchInstance, "no \u{1b}[2Jx").hint("berth ls"));
        assert_eq!(
            refused(&refusal.0, &refusal.0.chain()).to_string(),
            r#"{"schema":1,"error":{"kind":"no-such-instance","message":"no ␛[2Jx","hint":"berth ls","exit_code":4}}"#
        );
        assert_eq!(refusal.into_response().status(), StatusCode::NOT_FOUND);
    }
}
