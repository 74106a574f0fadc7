//! The question that is asked often: is it alive?
//!
//! It must never be asked at the MCP endpoint: a bare GET there opens a session in some servers.

use super::exchange::{self, Question};
use super::opinion;
use super::record::Outcome;
use super::target::Target;
use crate::domain::Row;

/// Where to ask when there is no health check: the protocol defines this path, and it lies outside the MCP endpoint (RFC 9728).
const ELSEWHERE: &str = "/.well-known/oauth-protected-resource";

/// Asks once.
pub async fn alive(target: Target, row: &Row) -> Outcome {
    let path = row.declared.as_ref().and_then(|declared| declared.probing.path.as_deref()).unwrap_or(ELSEWHERE);
    match exchange::ask(target.at, &Question::get(path), |_| false).await {
        Ok(answer) => Outcome::Answered(opinion::of(&answer, path), answer.took),
        Err(failure) => Outcome::Failed(failure),
    }
}
