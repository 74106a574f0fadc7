//! Logs for consoles: opened here as the account whose they are, handed over open, read there.
//!
//! It must never hand over anything but a log that the caller may read, open for reading.

use std::fs::File;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderValue, Request, StatusCode, header};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::calls::body;
use crate::daemon::answer::{Answer, document};
use crate::daemon::hub::{ANSWERED, Hub, Work, within};
use crate::daemon::routes::{Peer, is_there};
use crate::domain::{InstanceId, Shown};
use crate::error::{Context, Error, Kind};
use crate::link::wire::{OpenedLog, Refused};

/// Answers: the file comes with an empty line before the answer, which HTTP has nothing against.
pub async fn log(State(hub): State<Arc<Hub>>, Extension(peer): Extension<Peer>, request: Request<Body>) -> Answer {
    let read = serde_json::from_slice(&body(request).await?);
    let asked: (InstanceId, Option<String>) = read.map_err(|_| Error::new(Kind::Usage, "the question is not understood"))?;
    let (id, suffix) = asked;
    is_there(&hub, &peer, &id)?;
    let turn = hub.turn(peer.caller.uid, Work::Log)?;
    let (shared, caller) = (Arc::clone(&hub.shared), Arc::clone(&peer.caller));
    let opened = within(ANSWERED, move || {
        let _turn = turn;
        shared.open_log(&caller, &id, suffix.as_deref())
    });
    let told = match opened.await {
        Ok(Ok(file)) => match peer.wire.as_deref().map(|wire| hand_over(wire, &file)) {
            Some(Ok(())) => OpenedLog::Here,
            None => OpenedLog::Failed(None, Shown::from("no file can be handed over by this way")),
            Some(Err(error)) => OpenedLog::Failed(Some(error.raw_os_error()), Shown::from("it could not be handed over")),
        },
        Ok(Err(error)) => OpenedLog::Failed(number(&error), Shown::new(&error.to_string())),
        Err(error) => OpenedLog::Refused(Refused::from(&error)),
    };
    let value = serde_json::to_value(&told).while_doing(|| "cannot say what came of it".to_owned())?;
    let mut answer = document(StatusCode::OK, &value);
    // One file a connection.
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    Ok(answer)
}

/// The number of an error; of those that are told in words also where the kernel gave none.
fn number(error: &std::io::Error) -> Option<i32> {
    error.raw_os_error().or(match error.kind() {
        std::io::ErrorKind::NotFound => Some(libc::ENOENT),
        std::io::ErrorKind::PermissionDenied => Some(libc::EACCES),
        _ => None,
    })
}

fn hand_over(wire: &OwnedFd, file: &File) -> rustix::io::Result<()> {
    let files = [file.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    beside.push(SendAncillaryMessage::ScmRights(&files));
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    sendmsg(wire, &[IoSlice::new(b"\r\n")], &mut beside, flags).map(drop)
}
