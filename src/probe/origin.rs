//! The question that is asked on demand only: does a server let in a page of another host's, and is the metadata there that it advertises?
//!
//! It must never be asked by a clock, nor follow where the metadata is said to be on another host.

use std::net::SocketAddr;

use hyper::Method;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, ORIGIN, WWW_AUTHENTICATE};

use super::exchange::{self, Answer, Question};
use super::failure::Failure;
use super::identity::{self, MODERN};
use super::line::Whom;
use super::wire::MOST_READ;
use crate::domain::{Audit, Shown};

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");

/// A page of a host that there is not, RFC 6761.
const FOREIGN: &str = "https://elsewhere.invalid";

/// Asks. `key` is looked for only where the server answers nobody without one.
///
/// # Errors
/// Why there was no answer at all.
pub async fn audit(whom: Whom<'_>, path: &str, key: impl Future<Output = Option<String>>) -> Result<Audit, Failure> {
    let asking = Asking { whom, path };
    let mut authorisation = None;
    let mut plain = asking.discover(None, None).await?;
    let mut metadata = None;
    if plain.status == 401 {
        metadata = asking.metadata(&plain).await;
        let is_trusted = (whom.trusts)(plain.presented.as_ref());
        authorisation =
            if is_trusted { key.await } else { None }.and_then(|key| HeaderValue::from_str(&format!("Bearer {}", key.trim())).ok());
        if let Some(value) = &mut authorisation {
            value.set_sensitive(true);
            plain = asking.discover(None, authorisation.clone()).await?;
        }
    }
    let foreign = asking.discover(Some(HeaderValue::from_static(FOREIGN)), authorisation).await?;
    // Who is refused anyway shows nothing; but 403 is the answer that the protocol demands.
    let takes_foreign_origin = match (plain.status, foreign.status) {
        (401 | 403, 401) => None,
        (_, 403) => Some(false),
        (before, now) if before == now => Some(true),
        (_, now) => Some(now < 400),
    };
    Ok(Audit { takes_foreign_origin, metadata })
}

struct Asking<'a> {
    whom: Whom<'a>,
    path: &'a str,
}

impl Asking<'_> {
    /// `server/discover`; a session that a server opened to refuse it is ended.
    async fn discover(&self, origin: Option<HeaderValue>, key: Option<HeaderValue>) -> Result<Answer, Failure> {
        let mut headers = vec![
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (ACCEPT, HeaderValue::from_static("application/json, text/event-stream")),
            (PROTOCOL, HeaderValue::from_static(MODERN)),
            (METHOD, HeaderValue::from_static("server/discover")),
        ];
        headers.extend(origin.map(|origin| (ORIGIN, origin)));
        headers.extend(key.clone().map(|key| (AUTHORIZATION, key)));
        let question = Question { method: Method::POST, path: self.path, headers, body: identity::discover(), most: MOST_READ };
        let answer = exchange::ask_verified(self.whom, &question, |body| identity::answer(body).is_some()).await?;
        if let Some(session) = answer.headers.get(&SESSION) {
            let mut headers = vec![(SESSION, session.clone()), (PROTOCOL, HeaderValue::from_static(MODERN))];
            headers.extend(key.map(|key| (AUTHORIZATION, key)));
            let end = Question { method: Method::DELETE, path: self.path, headers, body: String::new(), most: MOST_READ };
            drop(exchange::ask_verified(self.whom, &end, |_| false).await);
        }
        Ok(answer)
    }

    /// What is wrong with the metadata that a refusal names; `None` where it names none, or it is there.
    async fn metadata(&self, refusal: &Answer) -> Option<Shown> {
        let header = refusal.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()).find_map(advertised)?;
        let (is_here, path) = match place(header, self.whom.line.at) {
            Some(place) => place,
            None => return Some(Shown::within(&format!("it advertises {header}, which is no address of a document"), 200)),
        };
        if !is_here {
            return Some(Shown::within(&format!("it advertises {header}, which lies on another host and was not asked for"), 200));
        }
        let question = Question::get(&path);
        let told = exchange::ask_verified(self.whom, &question, |_| false).await;
        let what = match told {
            Ok(answer) if answer.status == 200 && is_metadata(&answer.body) => return None,
            Ok(answer) if answer.status == 200 => "is no metadata of a protected resource".to_owned(),
            Ok(answer) => format!("is answered with {}", answer.status),
            Err(failure) => format!("is not to be had: it {}", failure.words()),
        };
        Some(Shown::within(&format!("it advertises {path}, which {what}"), 200))
    }
}

/// The address in `Bearer resource_metadata="…"`, RFC 9728 section 5.1.
fn advertised(header: &str) -> Option<&str> {
    let (_, rest) = header.split_once("resource_metadata=")?;
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split([',', ' ']).next(),
    }
    .filter(|address| !address.is_empty())
}

/// Whether an address leads to whom was asked, and the path there. A server behind a proxy names that: its own name counts as here.
fn place(address: &str, at: SocketAddr) -> Option<(bool, String)> {
    let (scheme, rest) = address.split_once("://")?;
    let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
    if !matches!(scheme, "http" | "https") || host.is_empty() || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let port = host.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    Some((port.is_none_or(|port| port == at.port()), format!("/{path}")))
}

fn is_metadata(body: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(body).is_ok_and(|value| value.get("resource").is_some_and(serde_json::Value::is_string))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_metadata_is_found_and_placed() {
        let address = "http://127.0.0.1:8081/.well-known/oauth-protected-resource";
        assert_eq!(advertised(&format!("Bearer error=\"x\", resource_metadata=\"{address}\"")), Some(address));
        assert_eq!(advertised("Bearer resource_metadata=http://h/x, scope=a"), Some("http://h/x"));
        assert_eq!(advertised("Bearer realm=\"x\""), None);
        let at = "127.0.0.1:8081".parse().unwrap();
        assert_eq!(place(address, at), Some((true, "/.well-known/oauth-protected-resource".to_owned())));
        assert_eq!(place("https://mcp.example.org/x", at), Some((true, "/x".to_owned())));
        assert_eq!(place("http://127.0.0.1:9/x", at), Some((false, "/x".to_owned())));
        for wrong in ["/x", "ftp://h/x", "http:///x", "http://h/a b"] {
            assert_eq!(place(wrong, at), None, "{wrong}");
        }
        assert!(is_metadata(br#"{"resource":"http://h/mcp"}"#) && !is_metadata(b"{}") && !is_metadata(b"<html>"));
    }
}
