//! The connection to a user's own manager, which may be anything that calls itself so: what it says is measured before it is read.
//!
//! It must never make room for more than a manager has to say, nor read faster than so much a second.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::Instant;
use zbus::Connection;
use zbus::connection::Builder;
use zbus::connection::socket::{ReadHalf, Socket, Split};

use super::envelope::{self, HEAD};

/// Longer than anything that a manager says of one unit, or of all that are looked at; what it holds in memory is many times as much.
const LONGEST: usize = 256 * 1024;

/// The answer to who we are: `OK` and 32 digits.
const LONGEST_LINE: usize = 128;

/// How many messages, and bytes of them, may come at once ...
const MESSAGES: f64 = 4_000.0;
const BYTES: f64 = 16.0 * 1024.0 * 1024.0;

/// ... and each second after that.
const MESSAGES_A_SECOND: f64 = 200.0;
const BYTES_A_SECOND: f64 = 512.0 * 1024.0;

/// Connects over a socket that somebody of that account listens on.
///
/// # Errors
/// When nobody there speaks as a manager does.
pub async fn over(mut stream: UnixStream, deadline: Duration) -> zbus::Result<Connection> {
    let guid = greet(&mut stream).await?;
    Builder::authenticated_socket(Measured(stream), guid)?.p2p().method_timeout(deadline).build().await
}

/// Says who we are, and is told the connection's number: the library's own greeting trusts whoever it speaks with.
async fn greet(stream: &mut UnixStream) -> io::Result<String> {
    let digits: String = nix::unistd::geteuid().to_string().bytes().map(|digit| format!("{digit:02x}")).collect();
    // Both lines at once, as systemd's own clients do: of what comes together with the second one it would not look at the rest.
    stream.write_all(format!("\0AUTH EXTERNAL {digits}\r\nBEGIN\r\n").as_bytes()).await?;
    let mut line = Vec::with_capacity(LONGEST_LINE);
    // Byte by byte: what follows is a message already.
    while !line.ends_with(b"\r\n") {
        if line.len() == LONGEST_LINE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it does not speak as a manager does"));
        }
        line.push(stream.read_u8().await?);
    }
    let line = String::from_utf8_lossy(&line).into_owned();
    let guid = line.trim_end().strip_prefix("OK ").ok_or_else(|| io::Error::new(io::ErrorKind::PermissionDenied, "it lets nobody in"))?;
    Ok(guid.to_owned())
}

/// A socket that is measured.
struct Measured(UnixStream);

impl Socket for Measured {
    type ReadHalf = Reading;
    type WriteHalf = OwnedWriteHalf;

    fn split(self) -> Split<Reading, OwnedWriteHalf> {
        let (read, write) = self.0.into_split();
        Split::new(Reading { read, whole: Vec::new(), handed: 0, purse: Purse::full() }, write)
    }
}

/// Its half that is read.
#[derive(Debug)]
struct Reading {
    read: OwnedReadHalf,
    /// The message that is being handed on, and how much of it was.
    whole: Vec<u8>,
    handed: usize,
    purse: Purse,
}

impl Reading {
    async fn next(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.handed == self.whole.len() {
            let mut head = [0; HEAD];
            self.read.read_exact(&mut head).await?;
            let total = envelope::length(&head).filter(|total| *total <= LONGEST);
            let total = total.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it says more at once than a manager does"))?;
            self.purse.pay(total).await;
            let mut message = head.to_vec();
            message.resize(total, 0);
            self.read.read_exact(message.get_mut(HEAD..).unwrap_or_default()).await?;
            let plain = envelope::plain(&message);
            self.whole = plain.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it does not speak as a manager does"))?;
            self.handed = 0;
        }
        let left = self.whole.get(self.handed..).unwrap_or_default();
        let length = left.len().min(buffer.len());
        if let (Some(room), Some(left)) = (buffer.get_mut(..length), left.get(..length)) {
            room.copy_from_slice(left);
        }
        self.handed += length;
        Ok(length)
    }
}

type Received<'a> = Pin<Box<dyn Future<Output = io::Result<(usize, Vec<OwnedFd>)>> + Send + 'a>>;

impl ReadHalf for Reading {
    /// Descriptors that come with it are not taken.
    fn recvmsg<'life0, 'life1, 'async_trait>(&'life0 mut self, buffer: &'life1 mut [u8]) -> Received<'async_trait>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move { Ok((self.next(buffer).await?, Vec::new())) })
    }
}

/// What may be said now: it fills with the time.
#[derive(Debug)]
struct Purse {
    messages: f64,
    bytes: f64,
    at: Instant,
}

impl Purse {
    fn full() -> Self {
        Self { messages: MESSAGES, bytes: BYTES, at: Instant::now() }
    }

    /// Takes a message's price, and waits while it is not there.
    async fn pay(&mut self, total: usize) {
        let now = Instant::now();
        let passed = now.duration_since(self.at).as_secs_f64();
        self.at = now;
        self.messages = (self.messages + passed * MESSAGES_A_SECOND).min(MESSAGES) - 1.0;
        self.bytes = (self.bytes + passed * BYTES_A_SECOND).min(BYTES) - f64::from(u32::try_from(total).unwrap_or(u32::MAX));
        let missing = (-self.messages / MESSAGES_A_SECOND).max(-self.bytes / BYTES_A_SECOND);
        if missing > 0.0 {
            tokio::time::sleep(Duration::from_secs_f64(missing)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(answer: &[u8]) -> io::Result<String> {
        let (mut own, mut other) = UnixStream::pair()?;
        other.write_all(answer).await?;
        other.shutdown().await?;
        let greeted = greet(&mut own).await;
        drop(own);
        let mut said = [0; 15];
        other.read_exact(&mut said).await?;
        assert_eq!(&said, b"\0AUTH EXTERNAL ");
        greeted
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
    }

    #[test]
    fn who_does_not_answer_as_a_manager_is_none() {
        let guid = "0123456789abcdef0123456789abcdef";
        assert_eq!(run(answered(format!("OK {guid}\r\nl").as_bytes())).unwrap(), guid);
        for answer in [&b"\n"[..], b"\r\n", b"REJECTED EXTERNAL\r\n", &[b'x'; 4096]] {
            assert!(run(answered(answer)).is_err(), "{answer:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_read_and_what_is_too_much_is_read_later() {
        run(async {
            let (own, mut other) = UnixStream::pair().unwrap();
            let (mut reading, _write) = Measured(own).split().take();
            let mut head = [0; HEAD];
            head[0] = envelope::NATIVE;
            head[12..].copy_from_slice(&0x00ff_ffff_u32.to_ne_bytes());
            other.write_all(&head).await.unwrap();
            assert_eq!(reading.next(&mut [0; 64]).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        });
        let mut purse = Purse::full();
        purse.messages = 1.0;
        run(async {
            purse.pay(100).await;
            assert!(purse.messages < 1.0);
            purse.pay(100).await;
        });
        assert!(purse.messages < 0.0, "the next one is waited for");
    }
}
