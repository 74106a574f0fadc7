//! A webhook: one POST of JSON over HTTP, tried again a few times where that may help, each time within one deadline.
//!
//! It must never follow a redirect, read more than a little of the answer, or try for ever.

use std::net::ToSocketAddrs;
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
use crate::config::Address;
use crate::domain::Shown;

/// How long it is waited before each further attempt.
const PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(8)];

/// Why an attempt failed.
#[derive(Debug)]
struct Fault {
    why: String,
    /// Another attempt may go better.
    again: bool,
}

/// Posts it; why that failed.
pub fn post(address: &Address, text: &str) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("{} was not told: {error}", name(address)))?;
    runtime.block_on(async {
        let mut pauses = PAUSES.into_iter();
        loop {
            let attempt = tokio::time::timeout(DEADLINE, attempt(address, text)).await;
            let late = || Fault { why: format!("no answer within {} s", DEADLINE.as_secs()), again: true };
            let Err(fault) = attempt.unwrap_or_else(|_| Err(late())) else { return Ok(()) };
            match pauses.next().filter(|_| fault.again) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(format!("{} was not told: {}", name(address), fault.why)),
            }
        }
    })
}

/// Without its path, which may be a secret.
fn name(address: &Address) -> String {
    match address {
        Address::Http { host, port, .. } => Shown::new(&format!("http://{host}:{port}")).to_string(),
        Address::Unix { socket, .. } => Shown::new(&socket.to_string_lossy()).to_string(),
    }
}

async fn attempt(address: &Address, text: &str) -> Result<(), Fault> {
    let refused = |error: std::io::Error| Fault { why: error.to_string(), again: true };
    match address {
        Address::Http { host, port, path } => {
            // A name service may take its time; nobody but this thread waits for it.
            let mut places = (host.as_str(), *port).to_socket_addrs().map_err(refused)?;
            let place = places.next().ok_or_else(|| Fault { why: "it has no address".to_owned(), again: true })?;
            let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
            send(TcpStream::connect(place).await.map_err(refused)?, &authority, path, text).await
        }
        Address::Unix { socket, path } => send(UnixStream::connect(socket).await.map_err(refused)?, "localhost", path, text).await,
    }
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
        (Address::Http { host: "127.0.0.1".to_owned(), port, path: "/hook".to_owned() }, serving)
    }

    #[test]
    fn it_is_tried_again_until_it_is_taken() {
        let (address, serving) = server(&["503 Busy", "500 Broken", "204 No Content"]);
        assert_eq!(post(&address, "{}"), Ok(()));
        let heard = serving.join().unwrap();
        assert!(heard.len() == 3 && heard[0].starts_with("POST /hook HTTP/1.1\r\n"), "{heard:?}");
        assert!(heard[2].to_lowercase().contains("content-type: application/json"), "{heard:?}");
    }

    #[test]
    fn who_refuses_is_not_asked_again() {
        let (address, serving) = server(&["404 Not Found"]);
        assert!(post(&address, "{}").unwrap_err().ends_with("was not told: it answered 404 Not Found"));
        assert_eq!(serving.join().unwrap().len(), 1);
    }
}
