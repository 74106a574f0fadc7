//! One exchange over HTTP: a connection, a question, an answer, all within one deadline.
//!
//! It must never follow a redirect, ask a name service or a proxy, unpack what is packed, or read more than its limit.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::Builder;
use hyper::header::{ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request};

use super::failure::Failure;
use super::line::{Line, Whom};
use super::sockets;
use super::tls::{self, Presented};
use super::wire::{Limited, MOST_READ, Seen, Wire};

/// How long an exchange may take, the connection included.
pub const DEADLINE: Duration = Duration::from_secs(2);

/// How many headers an answer may have.
const MOST_HEADERS: usize = 64;

/// Room for the headers; hyper's least is 8 KiB.
const HEADER_ROOM: usize = 16 * 1024;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// How.
    pub method: Method,
    /// The path; it is plain ASCII and begins with a slash.
    pub path: &'a str,
    /// Beside those that every question has.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What is sent with it.
    pub body: String,
    /// The most bytes that are read of the answer, its headers included.
    pub most: usize,
}

impl<'a> Question<'a> {
    /// A question for what lies at a path.
    pub fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, headers: Vec::new(), body: String::new(), most: MOST_READ }
    }
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// From the first packet to the last header.
    pub took: Duration,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as far as it was read.
    pub body: Vec<u8>,
    /// The body came to its end, or to what was looked for.
    pub is_whole: bool,
    /// The deadline passed while it came.
    pub was_late: bool,
    /// The certificate that was shown; `None` without TLS.
    pub presented: Option<Presented>,
}

/// Asks. `enough` tells from the body so far whether more of it is wanted.
///
/// # Errors
/// Why there was no answer: not even a status.
pub async fn ask(line: &Line, question: &Question<'_>, enough: impl Fn(&[u8]) -> bool) -> Result<Answer, Failure> {
    ask_until(tokio::time::Instant::now() + DEADLINE, line, question, enough).await
}

/// The same, with what is left of a deadline.
///
/// # Errors
/// As [`ask`].
pub async fn ask_until(
    until: tokio::time::Instant,
    line: &Line,
    question: &Question<'_>,
    enough: impl Fn(&[u8]) -> bool,
) -> Result<Answer, Failure> {
    exchange(until, Whom { line, still: &|| true, trusts: &|_| false }, question, enough).await
}

/// Asks nobody but whom `whom` vouches for: once the connection stands, before anything is sent; and a key goes only to who is trusted with it.
///
/// # Errors
/// As [`ask`]; [`Failure::Refused`] when it is somebody else, [`Failure::Untrusted`] when it may not be given the key.
pub async fn ask_verified(whom: Whom<'_>, question: &Question<'_>, enough: impl Fn(&[u8]) -> bool) -> Result<Answer, Failure> {
    exchange(tokio::time::Instant::now() + DEADLINE, whom, question, enough).await
}

async fn exchange(
    until: tokio::time::Instant,
    whom: Whom<'_>,
    question: &Question<'_>,
    enough: impl Fn(&[u8]) -> bool,
) -> Result<Answer, Failure> {
    let begun = Instant::now();
    let to = whom.line.at;
    let connecting = tokio::time::timeout_at(until, sockets::connect(to)).await;
    let stream = connecting.map_err(|_| Failure::Silent)?.map_err(|error| Failure::of_connecting(&error))?;
    if !(whom.still)() {
        return Err(Failure::Refused);
    }
    // It is closed as every client closes (FIN), never reset to spare a port in TIME_WAIT: a reset is an error to whoever still reads,
    // and it ended servers of Node's `net` that listen for no error.
    let request = request(to, question)?;
    let seen = Arc::new(Seen::default());
    let mut builder = Builder::new();
    builder.max_headers(MOST_HEADERS).max_buf_size(HEADER_ROOM);
    let limited = Limited::new(stream, question.most, Arc::clone(&seen));
    let (wire, presented) = match &whom.line.secure {
        None => (Wire::Plain(limited), None),
        Some(secure) => {
            let shaken = tokio::time::timeout_at(until, secure.connect(limited, &seen)).await.map_err(|_| Failure::Silent)?;
            let (stream, presented) = shaken?;
            (Wire::Secure(Box::new(stream)), Some(presented))
        }
    };
    let has_key = question.headers.iter().any(|(name, _)| *name == AUTHORIZATION);
    if has_key && !(whom.trusts)(presented.as_ref()) {
        return Err(Failure::Untrusted);
    }
    let (mut sender, connection) = builder.handshake::<_, Full<Bytes>>(wire).await.map_err(|_| Failure::Closed)?;
    let mut connection = Some(Box::pin(connection));
    let mut drive = move |context: &mut std::task::Context<'_>| {
        if let Some(running) = &mut connection
            && running.as_mut().poll(context).is_ready()
        {
            connection = None;
        }
    };

    let answered = driven(&mut drive, sender.send_request(request));
    let response = match tokio::time::timeout_at(until, answered).await {
        Err(_) if presented.is_none() && seen.is_tls() => return Err(Failure::Tls),
        Err(_) => return Err(Failure::Silent),
        Ok(Err(error)) if presented.is_some() => return Err(secure_failure(&error, &seen)),
        Ok(Err(error)) => return Err(failure(&error, &seen)),
        Ok(Ok(response)) => response,
    };
    let took = begun.elapsed();
    let (parts, mut incoming) = response.into_parts();
    let (status, headers) = (parts.status.as_u16(), parts.headers);
    let mut answer = Answer { status, took, headers, body: Vec::new(), is_whole: false, was_late: false, presented };
    let whole = tokio::time::timeout_at(until, driven(&mut drive, read(&mut incoming, &mut answer.body, &enough))).await;
    answer.was_late = whole.is_err();
    answer.is_whole = whole.unwrap_or(false);
    Ok(answer)
}

/// Reads on until there is enough. True when that came, or the end.
async fn read(incoming: &mut Incoming, body: &mut Vec<u8>, enough: &impl Fn(&[u8]) -> bool) -> bool {
    while !enough(body) {
        match incoming.frame().await {
            None => return true,
            Some(Err(_)) => return false,
            Some(Ok(frame)) => body.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
        }
    }
    true
}

/// Waits for what comes over a connection, which moves on meanwhile.
async fn driven<T>(drive: &mut impl FnMut(&mut std::task::Context<'_>), wanted: impl Future<Output = T>) -> T {
    let mut wanted: Pin<&mut _> = pin!(wanted);
    poll_fn(|context| {
        if let Poll::Ready(came) = wanted.as_mut().poll(context) {
            return Poll::Ready(came);
        }
        drive(context);
        wanted.as_mut().poll(context)
    })
    .await
}

/// `Host` is always the loopback's: servers that look at it refuse every other name (DNS rebinding).
fn request(to: std::net::SocketAddr, question: &Question<'_>) -> Result<Request<Full<Bytes>>, Failure> {
    let mut builder = Request::builder().method(question.method.clone()).uri(question.path);
    builder = builder.header(HOST, format!("127.0.0.1:{}", to.port()));
    builder = builder.header(CONNECTION, "close").header(ACCEPT_ENCODING, "identity");
    builder = builder.header(USER_AGENT, concat!("berth/", env!("CARGO_PKG_VERSION")));
    for (name, value) in &question.headers {
        builder = builder.header(name, value);
    }
    builder.body(Full::new(Bytes::from(question.body.clone()))).map_err(|_| Failure::NotHttp)
}

fn failure(error: &hyper::Error, seen: &Seen) -> Failure {
    if seen.is_tls() {
        return Failure::Tls;
    }
    if seen.was_cut() || error.is_parse_too_large() {
        return Failure::TooMuch;
    }
    if error.is_parse() { Failure::NotHttp } else { Failure::Closed }
}

/// The same behind a handshake: a server that wants a certificate of its clients says so only then.
fn secure_failure(error: &hyper::Error, seen: &Seen) -> Failure {
    let inner = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    match inner {
        Some(inner) if inner.kind() == std::io::ErrorKind::InvalidData => tls::failure(inner, seen),
        _ if seen.was_cut() || error.is_parse_too_large() => Failure::TooMuch,
        _ if error.is_parse() => Failure::NotHttp,
        _ => Failure::Closed,
    }
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
