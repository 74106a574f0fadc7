//! The menu of what can be done to the chosen instance now, and why the rest cannot.
//!
//! It must never do anything itself: choosing asks the question.

use crate::domain::{InstanceId, Shown, Verb};

/// Its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Menu {
    /// Whom it is about.
    pub id: InstanceId,
    /// What there is, each with the reason why it is not possible.
    pub entries: Vec<(Verb, Option<Shown>)>,
    /// The chosen one.
    pub chosen: usize,
}
