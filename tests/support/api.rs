//! A plain client of the daemon's socket: one request a connection, as whoever the calling thread is.
//!
//! It must never share code with the daemon: what is sent and read here is what anybody's client would send and read.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// What was answered.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub head: String,
    pub text: String,
}

impl Answered {
    /// The body as a document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {} {}", self.head, self.text))
    }
}

/// A connection on which nothing was said.
pub fn connect(socket: &Path) -> UnixStream {
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Asks.
pub fn ask(socket: &Path, method: &str, path: &str, body: &str) -> Answered {
    let mut stream = connect(socket);
    let length = body.len();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: berth\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    // Who is refused for being one too many may be answered before having asked.
    let _ = stream.write_all(request.as_bytes());
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert!(!bytes.is_empty() && error.kind() == ErrorKind::ConnectionReset, "{error}");
    }
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answered { status, head: head.to_ascii_lowercase(), text: body.to_owned() }
}

/// Asks for a document that must be had.
pub fn get(socket: &Path, path: &str) -> Value {
    let answered = ask(socket, "GET", path, "");
    assert_eq!(answered.status, 200, "{path}: {}", answered.text);
    answered.json()
}

/// Waits until it holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The events of a stream, one after the other.
pub struct Events {
    reader: BufReader<UnixStream>,
    /// All that was read, for whoever looks for what must not be in it.
    pub read: String,
}

impl Events {
    /// Begins to read.
    pub fn of(socket: &Path, path: &str) -> Self {
        let mut stream = connect(socket);
        write!(stream, "GET {path} HTTP/1.1\r\nHost: berth\r\n\r\n").unwrap();
        let mut events = Self { reader: BufReader::new(stream), read: String::new() };
        assert!(events.line().unwrap().starts_with("HTTP/1.1 200"), "{}", events.read);
        events
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let count = self.reader.read_line(&mut line).unwrap();
        self.read.push_str(&line);
        (count > 0).then_some(line)
    }

    /// The next event's name and document; `None` at the end.
    pub fn next(&mut self) -> Option<(String, Value)> {
        let (mut name, begun) = (String::new(), Instant::now());
        loop {
            let line = self.line()?;
            // Signs of life alone are no event.
            assert!(begun.elapsed() < PATIENCE, "nothing came: {}", self.read);
            if let Some(text) = line.strip_prefix("event: ") {
                name = text.trim().to_owned();
            } else if let Some(text) = line.strip_prefix("data: ") {
                return Some((name, serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))));
            }
        }
    }

    /// The first event that is as wanted.
    pub fn until(&mut self, what: &str, mut is_wanted: impl FnMut(&str, &Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let (name, value) = self.next().unwrap_or_else(|| panic!("it ended before {what}: {}", self.read));
            if is_wanted(&name, &value) {
                return value;
            }
            assert!(begun.elapsed() < PATIENCE, "never {what}: {}", self.read);
        }
    }
}
