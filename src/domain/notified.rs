//! How it goes with one of those who are to be told of events.
//!
//! It must never hold what may be a secret: an address without its path, a program without its arguments.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Shown;

/// One `[[notify]]`, since this berth began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notified {
    /// Who it is: `https://alerts.example:443`, `/usr/local/bin/tell`.
    pub whom: Shown,
    /// How many messages were told.
    pub told: u64,
    /// When the last of them was.
    pub told_at: Option<Timestamp>,
    /// How many could not be told.
    pub failed: u64,
    /// When the last of them was given up, and why.
    pub failed_at: Option<(Timestamp, Shown)>,
    /// How many events were told of as a number only, or not at all.
    pub dropped: u64,
}

impl Notified {
    /// One whom nothing was told yet.
    pub fn nothing_yet(whom: &str) -> Self {
        Self { whom: Shown::new(whom), told: 0, told_at: None, failed: 0, failed_at: None, dropped: 0 }
    }

    /// Whether the last that was to be told was not.
    pub fn is_failing(&self) -> bool {
        self.failed_at.as_ref().is_some_and(|(at, _)| self.told_at.is_none_or(|told| told < *at))
    }
}
