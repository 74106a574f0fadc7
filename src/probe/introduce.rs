//! The question that is asked once of each process: which server is it?
//!
//! It must never call a tool, never leave a session behind, and never send a key to anybody but the process that was verified.

use hyper::Method;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use serde_json::Value;

use super::exchange::{self, Answer, Question};
use super::failure::Failure;
use super::identity::{self, LEGACY, MODERN};
use super::line::Whom;
use super::tls::Presented;
use crate::domain::{Era, Server, Transport};

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");

/// Where servers speak streamable HTTP; some frameworks redirect from the one to the other, and nobody follows here.
const PATHS: [&str; 2] = ["/mcp", "/mcp/"];

/// Where they speak the older transport.
const SSE: &str = "/sse";

/// What was told, and by whom.
#[derive(Clone, Debug)]
pub struct Introduced {
    /// Which server it is; `None` where it does not speak MCP.
    pub server: Option<Server>,
    /// The certificate that it showed; `None` without TLS.
    pub presented: Option<Presented>,
}

/// Asks. `key` is asked for only where the server answers nobody without one, and goes only to who is trusted with it.
///
/// # Errors
/// Why there was no answer at all.
pub async fn introduce(whom: Whom<'_>, key: impl Future<Output = Option<String>>) -> Result<Introduced, Failure> {
    let mut asking = Asking { whom, path: PATHS[0], key: None };
    let first = asking.discover().await?;
    let presented = first.presented;
    let server = asking.go_on(first, key).await?;
    Ok(Introduced { server, presented })
}

/// A key as it is sent; marked so that nothing shows it. `None` for what no header can hold.
fn bearer(key: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.trim())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

struct Asking<'a> {
    whom: Whom<'a>,
    path: &'static str,
    key: Option<HeaderValue>,
}

impl Asking<'_> {
    async fn go_on(&mut self, mut first: Answer, key: impl Future<Output = Option<String>>) -> Result<Option<Server>, Failure> {
        if matches!(first.status, 301 | 302 | 307 | 308) {
            self.path = PATHS[1];
            first = self.discover().await?;
        }
        let wants_key = matches!(first.status, 401 | 403);
        if wants_key {
            // It is not even looked for where it may not be sent.
            let is_trusted = (self.whom.trusts)(first.presented.as_ref());
            self.key = if is_trusted { key.await.and_then(|key| bearer(&key)) } else { None };
            if self.key.is_none() {
                return Ok(Some(self.server(None, true, None, None)));
            }
            first = self.discover().await?;
            if matches!(first.status, 401 | 403) {
                return Ok(Some(self.server(None, true, None, None)));
            }
        }
        if matches!(first.status, 404 | 405) {
            let older = Server { transport: Transport::Sse, path: SSE, ..self.server(Some(Era::Legacy), wants_key, None, Some(true)) };
            return Ok(self.older_transport().await?.then_some(older));
        }
        let answer = identity::answer(&first.body);
        if identity::era(answer.as_ref()) == Era::Modern {
            return Ok(Some(self.server(Some(Era::Modern), wants_key, answer, Some(false))));
        }
        let (answer, sessions) = self.initialize().await?;
        // Neither kind of answer: something else than MCP lies there.
        Ok(answer.map(|answer| self.server(Some(Era::Legacy), wants_key, Some(answer), Some(sessions))))
    }

    /// `server/discover`. A server that opened a session to refuse it is told to close it.
    async fn discover(&self) -> Result<Answer, Failure> {
        let more = [(PROTOCOL, HeaderValue::from_static(MODERN)), (METHOD, HeaderValue::from_static("server/discover"))];
        let answer = self.post(identity::discover(), &more).await?;
        self.close(&answer, MODERN).await;
        Ok(answer)
    }

    /// `initialize`, and the end of what it began. The answer, and whether the server keeps sessions.
    async fn initialize(&self) -> Result<(Option<Value>, bool), Failure> {
        let answer = self.post(identity::initialize(), &[]).await?;
        let message = identity::answer(&answer.body).filter(|message| message.get("result").is_some());
        let told = message.as_ref().and_then(|message| message.pointer("/result/protocolVersion")).and_then(Value::as_str);
        let has_session = self.close(&answer, told.unwrap_or(LEGACY)).await;
        Ok((message, has_session))
    }

    async fn post(&self, body: String, more: &[(HeaderName, HeaderValue)]) -> Result<Answer, Failure> {
        let mut headers = vec![
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (ACCEPT, HeaderValue::from_static("application/json, text/event-stream")),
        ];
        headers.extend_from_slice(more);
        let question = Question { method: Method::POST, headers: self.with_key(headers), body, ..Question::get(self.path) };
        // A stream may stay open: what was asked for is enough.
        exchange::ask_verified(self.whom, &question, |body| identity::answer(body).is_some()).await
    }

    /// Ends the session that an answer came with. True when there was one.
    async fn close(&self, answer: &Answer, protocol: &str) -> bool {
        let Some(session) = answer.headers.get(&SESSION) else { return false };
        let mut headers = vec![(SESSION, session.clone())];
        headers.extend(HeaderValue::from_str(protocol).ok().map(|protocol| (PROTOCOL, protocol)));
        let question = Question { method: Method::DELETE, headers: self.with_key(headers), ..Question::get(self.path) };
        // 405 is legal, and nothing more can be done about any other answer.
        drop(exchange::ask_verified(self.whom, &question, |_| false).await);
        true
    }

    /// Whether the older transport is spoken; the session that this opens ends with the connection.
    async fn older_transport(&self) -> Result<bool, Failure> {
        let headers = self.with_key(vec![(ACCEPT, HeaderValue::from_static("text/event-stream"))]);
        let question = Question { headers, ..Question::get(SSE) };
        let answer = exchange::ask_verified(self.whom, &question, identity::has_endpoint).await?;
        Ok(answer.status == 200 && identity::has_endpoint(&answer.body))
    }

    fn with_key(&self, mut headers: Vec<(HeaderName, HeaderValue)>) -> Vec<(HeaderName, HeaderValue)> {
        headers.extend(self.key.clone().map(|key| (AUTHORIZATION, key)));
        headers
    }

    fn server(&self, era: Option<Era>, wants_key: bool, answer: Option<Value>, sessions: Option<bool>) -> Server {
        let told = answer.map(|answer| identity::told(&answer)).unwrap_or_default();
        Server {
            transport: Transport::Http,
            path: self.path,
            era,
            name: told.name,
            version: told.version,
            protocol: told.protocol,
            capabilities: told.capabilities,
            sessions,
            wants_key,
        }
    }
}
