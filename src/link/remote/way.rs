//! The way to a daemon: its socket here, or ssh to another host; and what its answers are read as.
//!
//! It must never be what decides who may what: at the other end the kernel says who is there.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::peer::connect;
use crate::domain::{Shown, told_by};
use crate::error::{Error, Result};
use crate::link::ssh::{Channel, Ssh, Turn};

/// Where it leads.
#[derive(Clone)]
pub(super) enum To {
    Socket(PathBuf),
    Ssh(Arc<Ssh>),
}

/// It.
#[derive(Clone)]
pub(super) struct Way {
    pub to: To,
    /// What the host is called, where several are shown as one.
    pub label: Option<Arc<str>>,
}

/// A connection, and what has to stay for as long as it is used.
pub(super) struct Connected {
    pub stream: UnixStream,
    pub channel: Option<Channel>,
}

impl Way {
    /// Connects; the stream does not block.
    pub fn connect(&self) -> Result<Connected> {
        match &self.to {
            To::Socket(path) => Ok(Connected { stream: connect(path)?, channel: None }),
            To::Ssh(ssh) => ssh.dial().map(|(stream, channel)| Connected { stream, channel: Some(channel) }),
        }
    }

    /// A turn for a question, where not any number of them may be on their way.
    pub fn turn(&self) -> Result<Option<Turn>> {
        match &self.to {
            To::Socket(_) => Ok(None),
            To::Ssh(ssh) => ssh.turn().map(Some),
        }
    }

    /// The same for a log that is followed.
    pub fn log_turn(&self) -> Result<Option<Turn>> {
        match &self.to {
            To::Socket(_) => Ok(None),
            To::Ssh(ssh) => ssh.log_turn().map(Some),
        }
    }

    /// Connects anew what all questions share, where there is such a thing. Nothing is asked of a person.
    /// Where the daemon has answered by what there is, that stays.
    pub fn renew(&self, has_answered: bool) -> Result<()> {
        match &self.to {
            To::Socket(_) => Ok(()),
            To::Ssh(ssh) => ssh.renew(has_answered),
        }
    }

    /// Whether it leads to another host.
    pub fn is_far(&self) -> bool {
        matches!(self.to, To::Ssh(_))
    }

    /// Reads what the daemon told: its ids are that host's.
    pub fn read<T: DeserializeOwned>(&self, text: &[u8]) -> serde_json::Result<T> {
        told_by(self.label.as_ref(), || serde_json::from_slice(text))
    }

    /// That a connection came to nothing, with what the other end said of it.
    pub fn broken(&self, error: Error, channel: Option<Channel>) -> Error {
        let (To::Ssh(ssh), Some(mut channel)) = (&self.to, channel) else { return error };
        let said = channel.last_words();
        if said.is_empty() {
            return error;
        }
        let error = Error::new(error.kind(), format!("{}: {}", ssh.host(), Shown::new(&said)));
        if said.contains("not found") { error.hint("berth has to be there in the PATH of commands that ssh runs") } else { error }
    }
}
