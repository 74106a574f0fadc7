//! One question to the daemon: HTTP on its socket, within a deadline and a size.
//!
//! It must never wait without end, nor take in more than it was told to.

use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::way::{Connected, Way};
use crate::domain::Shown;
use crate::error::{Context, Error, Kind, Result};
use crate::link::wire::{Call, Hello, Line, Refused, Reply};

/// How long a daemon that is well takes to say the first word.
const FIRST_WORD: Duration = Duration::from_secs(15);

/// How much one answer may hold.
const LARGEST: usize = 32 * 1024 * 1024;

/// How much something small may hold: who a daemon is, why it refuses.
const SMALL: usize = 64 * 1024;

/// That the daemon does not answer.
pub(super) fn silent() -> Error {
    Error::new(Kind::Timeout, "the daemon does not answer").hint("berth --embedded    looks by itself")
}

/// That it ended before it said what came of what it was asked for.
fn gone() -> Error {
    Error::new(Kind::Timeout, "the daemon has ended in the middle of it, and what came of it is not known")
        .hint("berth events    tells what the next daemon finds of it")
}

/// Asks; what comes back has begun.
pub(super) async fn begin(way: &Way, method: Method, uri: &str, body: String) -> Result<Response<Incoming>> {
    let Connected { stream, channel } = way.connect()?;
    let asking = async {
        let stream = UnixStream::from_std(stream).map_err(|error| (silent().because(error), None))?;
        let (mut sender, connection) = match handshake(TokioIo::new(stream)).await {
            Ok(both) => both,
            Err(error) => return Err((silent().because(error), channel)),
        };
        // It ends with the answer, or when nobody reads that any more.
        let ended = tokio::spawn(async move {
            // What it ended with is told by who asked.
            let _ = connection.await;
            channel
        });
        let request = Request::builder().method(method).uri(uri).header("host", "berth").header("content-type", "application/json");
        let request = request.body(Full::new(Bytes::from(body))).while_doing(|| "cannot ask the daemon".to_owned());
        let request = request.map_err(|error| (error, None))?;
        match sender.send_request(request).await {
            Ok(response) => Ok(response),
            Err(error) => {
                drop(sender);
                // What was asked for may have been begun by then.
                let cut_off = if uri == crate::link::wire::CALL { gone } else { silent };
                Err((cut_off().because(error), ended.await.ok().flatten()))
            }
        }
    };
    let answered = timeout(FIRST_WORD, asking).await.map_err(|_| silent())?;
    answered.map_err(|(error, channel)| way.broken(error, channel))
}

/// The whole of an answer, which may be so long.
async fn whole(mut response: Response<Incoming>, most: usize) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(frame) = response.frame().await {
        let frame = frame.map_err(|error| silent().because(error))?;
        if let Some(data) = frame.data_ref() {
            if all.len() + data.len() > most {
                return Err(strange());
            }
            all.extend_from_slice(data);
        }
    }
    Ok(all)
}

/// That its answer is no answer.
pub(super) fn strange() -> Error {
    Error::failed("the daemon's answer is not understood: it may be of another version").hint("systemctl restart berth")
}

/// What the daemon says no with.
pub(super) async fn refusal(response: Response<Incoming>) -> Error {
    let document: Option<serde_json::Value> = whole(response, SMALL).await.ok().and_then(|text| serde_json::from_slice(&text).ok());
    let Some(error) = document.as_ref().map(|document| &document["error"]).filter(|error| error.is_object()) else { return strange() };
    let exit_code = error["exit_code"].as_u64().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    let sentence = Shown::new(error["message"].as_str().unwrap_or("the daemon refused it"));
    Error::from(Refused { exit_code, sentence, hint: error["hint"].as_str().map(Shown::new) })
}

/// Something small that is told at once.
pub(super) async fn get<T: DeserializeOwned>(way: &Way, uri: &str) -> Result<T> {
    let response = begin(way, Method::GET, uri, String::new()).await?;
    if !response.status().is_success() {
        return Err(timeout(FIRST_WORD, refusal(response)).await.unwrap_or_else(|_| silent()));
    }
    let text = timeout(FIRST_WORD, whole(response, SMALL)).await.map_err(|_| silent())??;
    way.read(&text).map_err(|error| strange().because(error))
}

/// Who the daemon is. One that has no such question is an older one.
pub(super) async fn hello(way: &Way) -> Result<Hello> {
    get(way, crate::link::wire::HELLO).await
}

/// Has something done and waits for its end, for so long.
pub(super) async fn call(way: &Way, call: &Call, deadline: Duration, progress: &mut dyn FnMut(&Shown)) -> Result<Reply> {
    let body = serde_json::to_string(call).while_doing(|| "cannot ask the daemon".to_owned())?;
    let _turn = way.turn()?;
    let answering = async {
        let mut response = begin(way, Method::POST, crate::link::wire::CALL, body).await?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        let (mut pending, mut taken): (Vec<u8>, usize) = (Vec::new(), 0);
        while let Some(frame) = response.frame().await {
            let frame = frame.map_err(|error| gone().because(error))?;
            let Some(data) = frame.data_ref() else { continue };
            taken += data.len();
            if taken > LARGEST {
                return Err(strange());
            }
            pending.extend_from_slice(data);
            while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = pending.drain(..=end).collect();
                match way.read(&line).map_err(|error| strange().because(error))? {
                    Line::Step(step) => progress(&step),
                    Line::End(reply) => return Ok(*reply),
                }
            }
        }
        Err(gone())
    };
    let late = || Error::new(Kind::Timeout, format!("the daemon has not come to an end after {} s; it goes on", deadline.as_secs()));
    match timeout(deadline, answering).await.map_err(|_| late())?? {
        Reply::Refused(refused) => Err(Error::from(refused)),
        reply => Ok(reply),
    }
}

/// Does what waits on a thread of its own loop. It must never be called from a loop.
pub(super) fn wait_for<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().while_doing(|| "cannot ask the daemon".to_owned())?;
    runtime.block_on(work)
}
