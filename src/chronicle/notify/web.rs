//! A webhook: one POST of JSON over HTTP or HTTPS, tried again a few times where that may help, each time within one deadline.
//!
//! It must never follow a redirect, read more than a little of the answer, wait for a name service beyond its deadline, or try for ever.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1::Builder;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::DEADLINE;
use super::tls::Trust;
use crate::config::Address;
use crate::domain::Shown;

/// How long it is waited before each further attempt.
const PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(8)];

/// How many addresses of a name are tried.
const ADDRESSES: usize = 4;

/// How many name services that do not answer are left behind: each is a thread.
const LOOKUPS: usize = 4;

/// Why an attempt failed.
#[derive(Debug)]
struct Fault {
    why: String,
    /// Another attempt may go better.
    again: bool,
}

/// Posts it; why that failed. `ca` names whom to trust instead of those whom this host trusts.
pub fn post(address: &Address, ca: Option<&Path>, text: &str) -> Result<(), String> {
    let failed = |why: String| format!("{} was not told: {why}", name(address));
    let trust = match address {
        Address::Http { secure: true, .. } => Some(Trust::of(ca).map_err(failed)?),
        _ => None,
    };
    let builder = |mut builder: tokio::runtime::Builder| builder.enable_all().max_blocking_threads(LOOKUPS).build();
    let runtime = builder(tokio::runtime::Builder::new_current_thread()).map_err(|error| failed(error.to_string()))?;
    let told = runtime.block_on(async {
        let mut pauses = PAUSES.into_iter();
        loop {
            let attempt = tokio::time::timeout(DEADLINE, attempt(address, trust.as_ref(), text)).await;
            let late = || Fault { why: format!("no answer within {} s", DEADLINE.as_secs()), again: true };
            let Err(fault) = attempt.unwrap_or_else(|_| Err(late())) else { return Ok(()) };
            match pauses.next().filter(|_| fault.again) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(failed(fault.why)),
            }
        }
    });
    // A name service that does not answer is not waited for; it ends by itself.
    runtime.shutdown_background();
    told
}

/// Without its path, which may be a secret.
pub fn name(address: &Address) -> String {
    match address {
        Address::Http { secure, host, port, .. } => {
            let scheme = if *secure { "https" } else { "http" };
            Shown::new(&format!("{scheme}://{}", authority(host, *port))).to_string()
        }
        Address::Unix { socket, .. } => Shown::new(&socket.to_string_lossy()).to_string(),
    }
}

fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self { why: error.to_string(), again: true }
    }
}

async fn attempt(address: &Address, trust: Option<&Trust>, text: &str) -> Result<(), Fault> {
    match address {
        Address::Http { host, port, path, .. } => {
            let stream = connect(tokio::net::lookup_host((host.as_str(), *port)).await?.collect()).await?;
            let authority = authority(host, *port);
            match trust {
                Some(trust) => {
                    let stream = trust.connect(stream, host).await.map_err(|(why, again)| Fault { why, again })?;
                    send(stream, &authority, path, text).await
                }
                None => send(stream, &authority, path, text).await,
            }
        }
        Address::Unix { socket, path } => send(UnixStream::connect(socket).await?, "localhost", path, text).await,
    }
}

/// Connects to the first address that takes it: a host may have one by which it is not reached from here.
async fn connect(mut all: Vec<SocketAddr>) -> Result<TcpStream, Fault> {
    all.truncate(ADDRESSES);
    let mut fault = Fault { why: "it has no address".to_owned(), again: true };
    let each = DEADLINE.checked_div(u32::try_from(all.len()).unwrap_or(1)).unwrap_or(DEADLINE);
    for place in all {
        match tokio::time::timeout(each, TcpStream::connect(place)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => fault.why = format!("{place}: {error}"),
            Err(_) => fault.why = format!("{place}: no answer within {} s", each.as_secs()),
        }
    }
    Err(fault)
}

async fn send(stream: impl AsyncRead + AsyncWrite + Unpin, authority: &str, path: &str, text: &str) -> Result<(), Fault> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(HOST, authority)
        .header(CONNECTION, "close")
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, concat!("berth/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(Bytes::from(text.to_owned())))
        .map_err(|error| Fault { why: error.to_string(), again: false })?;
    let closed = |error: hyper::Error| Fault { why: error.to_string(), again: true };
    let (mut sender, connection) = Builder::new().max_buf_size(16 * 1024).handshake(TokioIo::new(stream)).await.map_err(closed)?;
    let mut connection = std::pin::pin!(connection);
    let mut answering = std::pin::pin!(sender.send_request(request));
    let response = tokio::select! {
        response = answering.as_mut() => response.map_err(closed)?,
        // The connection may end with its last answer.
        ended = connection.as_mut() => match ended {
            Ok(()) => answering.await.map_err(closed)?,
            Err(error) => return Err(closed(error)),
        },
    };
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let again = status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    Err(Fault { why: format!("it answered {status}"), again })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// Answers so many times with these statuses; what it heard.
    fn server(statuses: &'static [&'static str]) -> (Address, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = std::thread::spawn(move || {
            statuses
                .iter()
                .map(|status| {
                    let (mut stream, _) = listener.accept().unwrap();
                    let mut heard = Vec::new();
                    while !heard.ends_with(b"{}") {
                        let mut bytes = [0; 1024];
                        let count = stream.read(&mut bytes).unwrap();
                        assert!(count > 0);
                        heard.extend_from_slice(&bytes[..count]);
                    }
                    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").unwrap();
                    String::from_utf8(heard).unwrap()
                })
                .collect()
        });
        (Address::Http { secure: false, host: "127.0.0.1".to_owned(), port, path: "/hook".to_owned() }, serving)
    }

    #[test]
    fn it_is_tried_again_until_it_is_taken() {
        let (address, serving) = server(&["503 Busy", "500 Broken", "204 No Content"]);
        assert_eq!(post(&address, None, "{}"), Ok(()));
        let heard = serving.join().unwrap();
        assert!(heard.len() == 3 && heard[0].starts_with("POST /hook HTTP/1.1\r\n"), "{heard:?}");
        assert!(heard[2].to_lowercase().contains("content-type: application/json"), "{heard:?}");
    }

    #[test]
    fn who_refuses_is_not_asked_again() {
        let (address, serving) = server(&["404 Not Found"]);
        assert!(post(&address, None, "{}").unwrap_err().ends_with("was not told: it answered 404 Not Found"));
        assert_eq!(serving.join().unwrap().len(), 1);
    }

    #[test]
    fn another_address_is_tried_where_the_first_does_not_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let good = listener.local_addr().unwrap();
        // Nobody listens there: it was bound and let go.
        let bad = TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap();
        assert_eq!(runtime.block_on(connect(vec![bad, good])).unwrap().peer_addr().unwrap(), good);
        let why = runtime.block_on(connect(vec![bad])).unwrap_err().why;
        assert!(why.starts_with(&bad.to_string()), "{why}");
        assert_eq!(runtime.block_on(connect(Vec::new())).unwrap_err().why, "it has no address");
    }

    #[test]
    fn a_name_that_there_is_not_is_said() {
        let address = Address::Http { secure: false, host: "no-such-host.invalid".to_owned(), port: 80, path: "/".to_owned() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let looked = runtime.block_on(async { tokio::time::timeout(DEADLINE, attempt(&address, None, "{}")).await });
        // Where the name service does not answer in time, that is what is said by who waits.
        assert!(looked.is_err() || looked.is_ok_and(|attempt| attempt.is_err()));
        runtime.shutdown_background();
    }
}
