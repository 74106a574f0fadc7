//! The question that is asked often: is it alive?
//!
//! It must never be asked at the MCP endpoint: a bare GET there opens a session in some servers.

use jiff::Timestamp;
use tokio::time::Instant;

use super::exchange::{self, Answer, DEADLINE, Question};
use super::failure::Failure;
use super::line::Line;
use super::opinion::{self, Opinion};
use super::record::Outcome;
use super::tls::Presented;
use crate::domain::Row;

/// Where to ask when there is no health check: the protocol defines this path, and it lies outside the MCP endpoint (RFC 9728).
const ELSEWHERE: &str = "/.well-known/oauth-protected-resource";

/// How servers of TLS say to who asks without that this is the wrong way: nginx and what is made with it, Go.
const WRONG_WAY: [&str; 2] = ["plain HTTP request was sent to HTTPS port", "HTTP request to an HTTPS server"];

/// What came of one question.
#[derive(Debug)]
pub struct Asked {
    /// The answer, and what it means.
    pub outcome: Outcome,
    /// The way in which it was spoken to at last.
    pub line: Line,
    /// The certificate that was shown.
    pub presented: Option<Presented>,
}

/// Asks once; the other way as well, with and without TLS, where this one is the wrong one. Both together take no longer than one may.
pub async fn alive(line: Line, row: &Row) -> Asked {
    let path = row.declared.as_ref().and_then(|declared| declared.probing.path.as_deref()).unwrap_or(ELSEWHERE);
    let question = Question::get(path);
    let begun = Instant::now();
    let until = begun + DEADLINE;
    let mut came = exchange::ask_until(until, &line, &question, |_| false).await;
    let mut used = line;
    let instead = match &came {
        Err(failure) => used.instead(*failure),
        Ok(answer) if used.secure.is_none() && is_wrong_way(answer) => used.other_way(),
        Ok(_) => None,
    };
    if let Some(other) = instead {
        let second = exchange::ask_until(until, &other, &question, |_| false).await;
        // Who hangs up on everybody is told as that, not by what it thinks of TLS; who broke the handshake off does speak TLS.
        let is_better = match &second {
            Ok(_) => true,
            Err(failure) => failure.is_of_tls() || matches!(came, Err(Failure::Tls)),
        };
        if is_better {
            (came, used) = (second, other);
        }
    }
    let presented = came.as_ref().ok().and_then(|answer| answer.presented);
    let outcome = match came {
        Ok(answer) => {
            let took = answer.took;
            Outcome::Answered(with_tls(opinion::of(&answer, path), row, presented.as_ref()), took)
        }
        // Alive, and answers nobody who cannot show one: as good as 401.
        Err(Failure::WantsCertificate) => Outcome::Answered(Opinion::Guarded, begun.elapsed()),
        Err(failure) => Outcome::Failed(failure),
    };
    Asked { outcome, line: used, presented }
}

/// What the answer means where TLS is beside it: clients go by what the configuration says, and by until when a certificate holds.
fn with_tls(opinion: Opinion, row: &Row, presented: Option<&Presented>) -> Opinion {
    if matches!(opinion, Opinion::Troubled(_)) {
        return opinion;
    }
    match presented {
        Some(presented) => opinion::of_end(presented.ends, Timestamp::now()).unwrap_or(opinion),
        None if row.declared.as_ref().is_some_and(|declared| declared.https) => opinion::without_tls(),
        None => opinion,
    }
}

fn is_wrong_way(answer: &Answer) -> bool {
    let holds = |text: &str| answer.body.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text.as_bytes()));
    answer.status == 400 && answer.body.len() <= 4096 && WRONG_WAY.iter().any(|text| holds(text))
}

impl Failure {
    /// Whether only who speaks TLS fails so.
    fn is_of_tls(self) -> bool {
        matches!(self, Self::NoHandshake | Self::NoCertificate | Self::LongChain | Self::WantsCertificate)
    }
}
