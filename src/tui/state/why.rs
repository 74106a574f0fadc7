//! The page that answers why an instance is as it is: whom it is about and how far it is scrolled.
//!
//! It must never hold the answer: that is made from the picture that is shown.

use crate::domain::InstanceId;

/// Its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// Whom it is about.
    pub id: InstanceId,
    /// The first line that is seen.
    pub top: usize,
}
