//! Whose engine a console shows: its own or a daemon's, and since when that is gone.
//!
//! It must never be guessed: the door tells it.

use super::{Moment, Shown};

/// How a console stands to the engine that it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has an engine of its own, which acts.
    Own,
    /// It has an engine of its own, which only looks; why.
    Looking(Shown),
    /// It is attached to the daemon.
    Attached,
    /// It was attached, and the daemon has gone; the picture is of then.
    Lost {
        /// Since when.
        since: Moment,
        /// What happened, in words.
        why: Shown,
    },
}
