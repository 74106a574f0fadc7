//! Server-sent events: a body that is made as fast as its reader takes it, and not faster.
//!
//! It must never hold more than one event that nobody has taken yet.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::Response;
use futures_core::Stream;
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::answer::text;
use super::serve::until_closed;

/// How often a reader hears that it is still connected.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Where events are put.
pub struct Sink {
    sender: mpsc::Sender<Bytes>,
    closed: watch::Receiver<bool>,
}

/// The body's side.
pub struct Events(pub mpsc::Receiver<Bytes>);

impl Stream for Events {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|event| event.map(Ok))
    }
}

/// A response, and where its events are put; it ends when the daemon does.
pub fn response(closed: watch::Receiver<bool>) -> (Response, Sink) {
    let (sender, receiver) = mpsc::channel(1);
    (text(StatusCode::OK, "text/event-stream", Body::from_stream(Events(receiver))), Sink { sender, closed })
}

/// That the reader or the daemon has gone.
#[derive(Debug)]
pub struct Gone;

/// What came while waiting for something to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// There is something to tell.
    Changed,
    /// Nothing for a while; the reader was told that it is still connected.
    Silent,
}

impl Sink {
    /// Waits until the reader has taken what was put before; how long that took.
    pub async fn room(&mut self) -> Result<Duration, Gone> {
        let begun = Instant::now();
        tokio::select! {
            permit = self.sender.reserve() => drop(permit.map_err(|_| Gone)?),
            () = until_closed(&mut self.closed) => return Err(Gone),
        }
        Ok(begun.elapsed())
    }

    /// Puts an event, for which [`Sink::room`] found room. The data is one line: JSON.
    pub fn put(&mut self, name: &str, number: u64, data: &str) -> Result<(), Gone> {
        self.put_made(made(name, number, data))
    }

    /// The same of an event that was made for several.
    pub fn put_made(&mut self, event: Bytes) -> Result<(), Gone> {
        self.sender.try_send(event).map_err(|_| Gone)
    }

    /// Waits for a change, with a sign of life in between.
    pub async fn wait<T>(&mut self, changes: &mut watch::Receiver<T>) -> Result<Waited, Gone> {
        tokio::select! {
            changed = changes.changed() => changed.map(|()| Waited::Changed).map_err(|_| Gone),
            () = until_closed(&mut self.closed) => Err(Gone),
            () = self.sender.closed() => Err(Gone),
            () = tokio::time::sleep(HEARTBEAT) => {
                // One that has not even taken the last event needs no more.
                match self.sender.try_send(Bytes::from_static(b": still here\n\n")) {
                    Err(mpsc::error::TrySendError::Closed(_)) => Err(Gone),
                    _ => Ok(Waited::Silent),
                }
            }
        }
    }
}

/// An event as it is sent. The data is one line: JSON.
pub fn made(name: &str, number: u64, data: &str) -> Bytes {
    Bytes::from(format!("event: {name}\nid: {number}\ndata: {data}\n\n"))
}

/// Whether a query says `name=1`, and what number it gives for a name.
pub fn asked(query: Option<&str>, name: &str) -> Option<usize> {
    query?.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name)?.1.parse().ok())
}

/// A document in one line.
pub fn line(value: &Value) -> String {
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_takes_nothing_holds_one_event() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (close, closed) = watch::channel(false);
            let (response, mut sink) = response(closed);
            assert!(sink.room().await.is_ok());
            sink.put("x", 1, "{}").unwrap();
            assert!(sink.put("x", 2, "{}").is_err(), "there is no room before it was taken");
            let waiting = tokio::time::timeout(Duration::from_millis(50), sink.room()).await;
            assert!(waiting.is_err());
            close.send_replace(true);
            assert!(sink.room().await.is_err());
            drop(response);
        });
    }

    #[test]
    fn a_query_gives_numbers() {
        assert_eq!(asked(Some("follow=1&lines=20"), "lines"), Some(20));
        assert_eq!((asked(Some("follow=x"), "follow"), asked(Some("lines"), "lines"), asked(None, "lines")), (None, None, None));
    }
}
