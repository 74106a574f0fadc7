//! The last line: what can be done here, or for a moment what was to be said.
//!
//! It must never hold a text for long: a key or some seconds take it away.

use std::time::Duration;

use crate::domain::{InstanceId, Shown, Verb};
use crate::tui::event::Answer;

/// How long a sentence stays.
pub const STAYS: Duration = Duration::from_secs(8);

/// Its state.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// What is to be said.
    pub message: Option<Message>,
    /// What may be done to the chosen instance.
    pub allowed: Option<Answer>,
    /// The instance that this was asked about last.
    pub asked: Option<InstanceId>,
}

/// A sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// In words.
    pub text: Shown,
    /// Whether something was refused.
    pub refused: bool,
    /// When it goes, on the boot clock.
    pub until: Duration,
}

impl Status {
    /// Why a verb cannot be asked of the chosen instance.
    pub fn why_not(&self, verb: Verb) -> Option<&Shown> {
        self.allowed.as_ref().and_then(|answer| answer.why_not(verb))
    }
}
