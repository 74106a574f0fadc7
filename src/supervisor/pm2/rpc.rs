//! Questions to a daemon over its `rpc.sock`, each with its own connection's order: asked once, its answer awaited and bounded.
//!
//! It must never ask twice, nor take in more than an answer may have.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::amp::{Decoder, Keep};
use super::app::Told;
use super::fault::Fault;
use super::message::{Few, Scalar, answer, call};

/// How many bytes an answer may have. An app takes its whole environment, some twenty thousand at most.
const MOST: usize = 8 * 1024 * 1024;

/// How much is read at once.
const CHUNK: usize = 16 * 1024;

/// A connection.
struct Line {
    decoder: Decoder,
    asked: u64,
    heard: Vec<Vec<Vec<u8>>>,
}

impl Line {
    fn new() -> Self {
        Self { decoder: Decoder::new(Keep::All(MOST)), asked: 0, heard: Vec::new() }
    }

    /// The name of the next question, and its bytes.
    fn question(&mut self, method: &str, argument: &Value) -> (String, Vec<u8>) {
        self.asked += 1;
        let name = format!("berth:{}", self.asked);
        let bytes = call(method, argument, &name);
        (name, bytes)
    }

    /// Takes in what came; nothing is the end of the connection.
    fn hear<T: for<'a> Deserialize<'a>>(&mut self, bytes: &[u8], name: &str) -> Option<Result<T, Fault>> {
        if bytes.is_empty() {
            return Some(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()));
        }
        if let Err(fault) = self.decoder.take(bytes, |message| self.heard.push(message)) {
            return Some(Err(fault));
        }
        // What answers nothing that was asked is of no interest.
        std::mem::take(&mut self.heard).iter().find_map(|message| answer(message, name))
    }
}

/// One that is waited for without blocking.
pub struct Rpc {
    stream: tokio::net::UnixStream,
    line: Line,
}

impl Rpc {
    /// Over this connection.
    ///
    /// # Errors
    /// When there is no runtime to wait in.
    pub fn over(stream: UnixStream) -> io::Result<Self> {
        Ok(Self { stream: tokio::net::UnixStream::from_std(stream)?, line: Line::new() })
    }

    async fn ask<T: for<'a> Deserialize<'a>>(&mut self, method: &str, argument: &Value) -> Result<T, Fault> {
        let (name, bytes) = self.line.question(method, argument);
        self.stream.write_all(&bytes).await?;
        let mut chunk = Vec::with_capacity(CHUNK);
        loop {
            chunk.clear();
            self.stream.read_buf(&mut chunk).await?;
            if let Some(told) = self.line.hear(&chunk, &name) {
                return told;
            }
        }
    }

    /// All its processes.
    pub async fn processes(&mut self) -> Result<Vec<Told>, Fault> {
        self.ask::<Few<Told>>("getMonitorData", &json!({})).await.map(|few| few.0)
    }

    /// Whether it answers.
    pub async fn ping(&mut self) -> Result<(), Fault> {
        self.ask::<Scalar>("ping", &json!({})).await.map(drop)
    }
}

/// One that is waited for by whoever asks.
pub struct Order {
    stream: UnixStream,
    line: Line,
}

impl Order {
    /// Over this connection.
    ///
    /// # Errors
    /// The kernel's.
    pub fn over(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        Ok(Self { stream, line: Line::new() })
    }

    fn ask<T: for<'a> Deserialize<'a>>(&mut self, method: &str, argument: &Value, patience: Duration) -> Result<T, Fault> {
        let deadline = Instant::now() + patience;
        let (name, bytes) = self.line.question(method, argument);
        self.stream.set_write_timeout(Some(patience))?;
        self.stream.write_all(&bytes)?;
        let mut chunk = vec![0; CHUNK];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::Error::from(io::ErrorKind::TimedOut).into());
            }
            self.stream.set_read_timeout(Some(left))?;
            let count = match self.stream.read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            if let Some(told) = self.line.hear(&chunk[..count], &name) {
                return told;
            }
        }
    }

    /// All its processes.
    ///
    /// # Errors
    /// When it does not answer in time.
    pub fn processes(&mut self, patience: Duration) -> Result<Vec<Told>, Fault> {
        self.ask::<Few<Told>>("getMonitorData", &json!({}), patience).map(|few| few.0)
    }

    /// Has it do something to one of its processes.
    ///
    /// # Errors
    /// What it refuses with, or that it does not answer in time.
    pub fn act(&mut self, method: &str, argument: &Value, patience: Duration) -> Result<(), Fault> {
        self.ask::<Scalar>(method, argument, patience).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::super::amp;
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// A daemon that reads one question and says this.
    fn says(answer: Vec<u8>) -> (Order, std::thread::JoinHandle<()>) {
        let (own, mut theirs) = UnixStream::pair().unwrap();
        let daemon = std::thread::spawn(move || {
            let mut question = [0; 1024];
            assert!(theirs.read(&mut question).unwrap() > 0);
            // It may have hung up on what is too long.
            let _ = theirs.write_all(&answer);
        });
        (Order::over(own).unwrap(), daemon)
    }

    fn reply(body: &str, name: &str) -> Vec<u8> {
        amp::encode(&[format!("j:{body}").as_bytes(), format!("s:{name}").as_bytes()])
    }

    fn asked(answer: Vec<u8>) -> Result<usize, Fault> {
        let (mut order, daemon) = says(answer);
        let told = order.processes(PATIENCE).map(|told| told.len());
        drop(order);
        daemon.join().unwrap();
        told
    }

    #[test]
    fn the_answer_to_the_own_question_is_taken_and_no_other() {
        let other = reply(r#"{"args":[[{},{},{}]]}"#, "berth:7");
        let own = reply(r#"{"args":[[{}]]}"#, "berth:1");
        assert_eq!(asked([other, own].concat()), Ok(1));
    }

    #[test]
    fn f19_whatever_a_daemon_says_is_an_answer_or_a_reason() {
        let lost = |why: &str| Err(Fault::lost(why));
        assert_eq!(asked(reply(r#"{"error":"no"}"#, "berth:1")), Err(Fault::Refused("no".into())));
        assert_eq!(asked(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()), lost("what it sends is not understood"));
        assert_eq!(asked(b"\x11\xff\xff\xff\xff".to_vec()), lost("it sends more than it should"));
        assert_eq!(asked(reply(&"[".repeat(100_000), "berth:1")), Err(Fault::Strange));
        let closed = asked(Vec::new()).unwrap_err();
        assert!(matches!(&closed, Fault::Lost(why) if why.contains("connection")), "{closed:?}");
    }

    #[test]
    fn f19_who_hears_everything_and_says_nothing_is_waited_for_no_longer_than_that() {
        let (own, _theirs) = UnixStream::pair().unwrap();
        let mut order = Order::over(own).unwrap();
        assert_eq!(order.act("stopProcessId", &json!(1), Duration::from_millis(50)), Err(Fault::lost("it does not answer")));
    }
}
