//! An instance's log at the daemon: it opens the file as the one whose log it is, and hands it over open; it is read here.
//!
//! It must never take more than one file for one question, nor anything but a file.

use std::fs::File;
use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use super::peer::connect;
use crate::domain::InstanceId;
use crate::link::wire::{LOG, OpenedLog};
use crate::logs::Opener;

/// How long the daemon may take: a user's file system may hang there.
const PATIENCE: Duration = Duration::from_secs(12);

/// How long its answer may be.
const LARGEST: u64 = 64 * 1024;

/// Opens a log there.
pub(super) struct Remote {
    pub socket: PathBuf,
    pub id: InstanceId,
}

impl Remote {
    fn ask(&self, suffix: Option<&str>) -> io::Result<File> {
        let mut stream = connect(&self.socket).map_err(|error| io::Error::other(error.chain()))?;
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let body = serde_json::to_string(&(&self.id, suffix)).map_err(io::Error::other)?;
        let length = body.len();
        write!(
            stream,
            "POST {LOG} HTTP/1.1\r\nhost: berth\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )?;
        let (file, mut text) = first(&stream)?;
        stream.take(LARGEST).read_to_end(&mut text)?;
        let body = text.windows(4).position(|end| end == b"\r\n\r\n").and_then(|at| text.get(at + 4..)).unwrap_or_default();
        match (serde_json::from_slice(body), file) {
            (Ok(OpenedLog::Here), Some(file)) => Ok(File::from(file)),
            (Ok(OpenedLog::Failed(Some(number), _)), _) => Err(io::Error::from_raw_os_error(number)),
            (Ok(OpenedLog::Failed(None, why)), _) => Err(io::Error::other(why.to_string())),
            (Ok(OpenedLog::Refused(refused)), _) => Err(io::Error::new(io::ErrorKind::PermissionDenied, refused.sentence.to_string())),
            _ => Err(io::Error::other("the daemon did not open it")),
        }
    }
}

/// The first bytes of the answer, and the file that came with them.
fn first(stream: &UnixStream) -> io::Result<(Option<OwnedFd>, Vec<u8>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = vec![0; 4096];
    let came = recvmsg(stream, &mut [IoSliceMut::new(&mut bytes)], &mut beside, RecvFlags::CMSG_CLOEXEC)?;
    bytes.truncate(came.bytes);
    let file = beside.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    Ok((file, bytes))
}

impl Opener for Remote {
    fn open(&self) -> io::Result<File> {
        self.ask(None)
    }

    fn beside(&self, suffix: &str) -> io::Result<File> {
        self.ask(Some(suffix))
    }
}
