//! What a hand can be asked to do, and what it answers.
//!
//! It must never hold a path that root resolves: what a hand opens, it opens as the user.

use serde::{Deserialize, Serialize};

use crate::domain::ProcessKey;

use super::{GroupOrder, Identity, Making, Note, Replacement, Taking};

/// A process in a message.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct WireKey {
    pid: i32,
    start_time: u64,
}

impl From<ProcessKey> for WireKey {
    fn from(key: ProcessKey) -> Self {
        Self { pid: key.pid, start_time: key.start_time }
    }
}

impl From<WireKey> for ProcessKey {
    fn from(key: WireKey) -> Self {
        Self { pid: key.pid, start_time: key.start_time }
    }
}

/// One job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Job {
    /// Send a signal to a verified process of the user. `value` goes along as its sigval.
    Signal {
        /// To which process.
        key: WireKey,
        /// The signal's number.
        signal: i32,
        /// The value, sigqueue(3).
        value: i32,
    },
    /// End these processes and everything below them: SIGTERM, the grace, SIGKILL.
    EndTree {
        /// The roots.
        roots: Vec<WireKey>,
        /// How long SIGTERM is given, milliseconds.
        grace_ms: u64,
    },
    /// Change one place of one of the user's files, or of one that root keeps for it. Where only root may write it is changed as root, else as the
    /// user.
    Replace(Replacement),
    /// Write a small file of berth's own.
    Note(Note),
    /// Make what a new instance needs. What lies in a directory of root's own is made there as the user's, before the rest is done as the user.
    Make(Making),
    /// Take away what made an instance, in the same way.
    Take(Taking),
    /// Become an instance's keeper. The descriptors that come along are the specification, the record and the line to the engine.
    Keep {
        /// What the process is called in `ps`.
        title: String,
        /// The control group that its server is to run in.
        group: GroupOrder,
    },
    /// Kill what is left in the control group of this name, and remove it. The one job that is done as root: it reaches what berth
    /// started and nothing else, also where the user has stopped or killed the keeper and kills or stops every hand.
    EndGroup {
        /// The group.
        name: String,
        /// Whether the keeper that the group is called by is killed too, if it is the user's: it is berth's own process.
        with_keeper: bool,
    },
}

/// What came of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// It was done.
    Done,
    /// It was done, and the file is called this now.
    Called(String),
    /// These processes are still there, with their state letter.
    Survivors(Vec<(i32, char)>),
    /// The kernel refused, with errno and what was being done.
    Refused {
        /// errno(3).
        errno: i32,
        /// What was being done.
        doing: String,
    },
}

/// A job with the user who is to do it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub who: Identity,
    pub job: Job,
    /// After this many milliseconds the zygote ends the hand. A keeper is not a hand any more and stays.
    pub deadline_ms: u64,
}
