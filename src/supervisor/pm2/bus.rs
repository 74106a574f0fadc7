//! What a daemon tells by itself over its `pub.sock`: that something happened to a process. What it was is asked for.
//!
//! It must never keep what is told, since every line of every log is; nor leave it unread, since the daemon would keep it for us.

use std::io;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;

use super::amp::{Decoder, Keep};
use super::fault::Fault;

/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// The names of what is told are shorter.
const LONGEST_NAME: usize = 64;

/// More than this in a second is nobody's logs any more: to read it would take a part of a core that could be seen.
const MOST: usize = 16 * 1024 * 1024;

/// How long that is counted.
const WINDOW: Duration = Duration::from_secs(1);

/// It.
pub struct Bus {
    stream: Option<tokio::net::UnixStream>,
    decoder: Decoder,
    chunk: Vec<u8>,
    /// Since when it is counted, and how much came.
    counted: (Instant, usize),
}

impl Bus {
    /// Over this connection.
    ///
    /// # Errors
    /// When there is no runtime to wait in.
    pub fn over(stream: UnixStream) -> io::Result<Self> {
        let stream = Some(tokio::net::UnixStream::from_std(stream)?);
        Ok(Self { stream, decoder: Decoder::new(Keep::Beginning(LONGEST_NAME)), chunk: Vec::new(), counted: (Instant::now(), 0) })
    }

    /// Whether it is not listened to any more, because it tells too much.
    pub fn is_closed(&self) -> bool {
        self.stream.is_none()
    }

    /// Waits until something happened to a process. It may be given up at any time.
    ///
    /// # Errors
    /// When the daemon has ended, or says so, or what it tells is not understood.
    pub async fn next(&mut self) -> Result<bool, Fault> {
        loop {
            let Some(stream) = &mut self.stream else { std::future::pending().await };
            self.chunk.clear();
            self.chunk.reserve_exact(CHUNK);
            let count = stream.read_buf(&mut self.chunk).await?;
            if count == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            if self.take(count)? {
                return Ok(true);
            }
        }
    }

    /// Reads what has come by now.
    ///
    /// # Errors
    /// As [`Bus::next`].
    pub async fn pass_over(&mut self) -> Result<(), Fault> {
        while let Ok(told) = tokio::time::timeout(Duration::ZERO, self.next()).await {
            told?;
        }
        Ok(())
    }

    fn take(&mut self, count: usize) -> Result<bool, Fault> {
        let mut happened = false;
        self.decoder.take(&self.chunk, |message| happened |= is_news(message.first().map(Vec::as_slice).unwrap_or_default()))?;
        let (since, counted) = &mut self.counted;
        if since.elapsed() > WINDOW {
            (*since, *counted) = (Instant::now(), 0);
        }
        *counted += count;
        if *counted > MOST {
            self.stream = None;
            self.chunk = Vec::new();
            return Ok(true);
        }
        // An idle daemon costs no room.
        if self.chunk.len() < CHUNK {
            self.chunk = Vec::new();
        }
        Ok(happened)
    }
}

/// Whether what is told under this name may have changed what an app does. Lines of logs (`log:out`) and figures have not.
fn is_news(name: &[u8]) -> bool {
    matches!(name.strip_prefix(b"s:").unwrap_or(name), b"process:event" | b"pm2:kill")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::amp::encode;
    use super::*;

    fn alone<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
    }

    fn bus() -> (Bus, UnixStream) {
        let (own, theirs) = UnixStream::pair().unwrap();
        own.set_nonblocking(true).unwrap();
        (Bus::over(own).unwrap(), theirs)
    }

    #[test]
    fn a_process_s_event_is_news_and_a_line_of_its_log_is_not() {
        for (name, news) in [("s:process:event", true), ("s:pm2:kill", true), ("s:log:out", false), ("j:{}", false), ("", false)] {
            assert_eq!(is_news(name.as_bytes()), news, "{name}");
        }
        alone(async {
            let (mut bus, mut daemon) = bus();
            let log = encode(&[b"s:log:out", &[b'x'; 3000]]);
            daemon.write_all(&[log.as_slice(), &log, &encode(&[b"s:process:event", b"j:{}"]), &log].concat()).unwrap();
            assert_eq!(bus.next().await, Ok(true));
            drop(daemon);
            assert_eq!(bus.next().await, Err(Fault::lost("it has closed the connection")));
        });
    }

    #[test]
    fn what_is_no_bus_is_told() {
        alone(async {
            let (mut bus, mut daemon) = bus();
            daemon.write_all(b"hello").unwrap();
            assert_eq!(bus.next().await, Err(Fault::lost("what it sends is not understood")));
        });
    }

    #[test]
    fn f19_whoever_tells_without_end_is_not_listened_to_any_more() {
        alone(async {
            let (mut bus, mut daemon) = bus();
            let storm = std::thread::spawn(move || {
                let log = encode(&[b"s:log:out", &[b'x'; 1 << 20]]);
                // It ends when nobody reads any more.
                while daemon.write_all(&log).is_ok() {}
            });
            // As if it had been told within one second, however slow the machine.
            bus.counted.1 = MOST;
            assert_eq!(bus.next().await, Ok(true));
            assert!(bus.is_closed());
            storm.join().unwrap();
        });
    }
}
