//! The page that answers why an instance is as it is: whom it is about and how far it is scrolled.
//!
//! It must never hold more of the answer than what was looked up for it: the rest is made from the picture that is shown.

use crate::domain::{Diagnosis, InstanceId, Shown, State};

/// Its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// Whom it is about.
    pub id: InstanceId,
    /// The state in which it was looked at; in another one that is done anew.
    pub state: Option<State>,
    /// What keeps it from working, or why that was not looked at; `None` before the answer.
    pub checked: Option<Result<Diagnosis, Shown>>,
    /// The first line that is seen.
    pub top: usize,
}
