//! What was looked at before it was asked for, until it is asked for or a moment has passed.
//!
//! It must never answer for another path, another user or a later time than what was looked at.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Identity;
use super::errand::{FileFacts, Got};
use super::reader::Foreseen;

/// How long it stands for what there is.
const HOLDS: Duration = Duration::from_millis(50);

/// What was found.
pub(super) enum Ahead {
    /// A regular file, open, and what it is.
    File(FileFacts, File),
    /// Something that is not opened, or may not be.
    Other(FileFacts),
    /// Nothing: the kernel's error for a path that does not exist.
    Nothing(io::Error),
}

impl Ahead {
    /// What an answer of the reading thread says.
    ///
    /// # Errors
    /// The answer's own, where it does not say that nothing is there: the reason may be another the next time.
    pub(super) fn of(answer: io::Result<Got>) -> io::Result<Self> {
        match answer {
            Ok(Got::Ahead(facts, file)) => Ok(Self::File(facts, file)),
            Ok(Got::Facts(facts)) => Ok(Self::Other(facts)),
            Ok(_) => Err(io::Error::other("wrong answer")),
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT)) => Ok(Self::Nothing(error)),
            Err(error) => Err(error),
        }
    }
}

/// All that stands there, the oldest first. It is asked for in the order in which it was put, so that it is found at the front.
#[derive(Default)]
pub(super) struct Shelf(VecDeque<(Foreseen, Ahead, Instant)>);

impl Shelf {
    /// Puts something there that was seen then; what has stood there too long is let go of.
    pub(super) fn put(&mut self, path: Foreseen, ahead: Ahead, since: Instant) {
        let now = Instant::now();
        while self.0.front().is_some_and(|(.., since)| now.duration_since(*since) >= HOLDS) {
            self.0.pop_front();
        }
        self.0.push_back((path, ahead, since));
    }

    /// What the file is that stands there for this user, which stays there to be taken; with anything else the way is as ever.
    pub(super) fn facts(&self, who: &Identity, root: &Path, beneath: &Path) -> Option<FileFacts> {
        match self.0.get(self.place(who, root, beneath)?)? {
            (_, Ahead::File(facts, _), since) if since.elapsed() < HOLDS => Some(*facts),
            _ => None,
        }
    }

    /// Takes what was found there for this user, not long ago.
    pub(super) fn take(&mut self, who: &Identity, root: &Path, beneath: &Path) -> Option<Ahead> {
        let (_, ahead, since) = self.0.remove(self.place(who, root, beneath)?)?;
        (since.elapsed() < HOLDS).then_some(ahead)
    }

    fn place(&self, who: &Identity, root: &Path, beneath: &Path) -> Option<usize> {
        // Paths are compared as bytes: one that is written differently is merely looked at once more.
        let is_it = |((by, top, rest), ..): &(Foreseen, Ahead, Instant)| {
            rest.as_os_str() == beneath.as_os_str() && top.as_os_str() == root.as_os_str() && by == who
        };
        self.0.iter().position(is_it)
    }

    /// Lets go of everything.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
