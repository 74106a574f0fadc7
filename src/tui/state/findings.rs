//! The list of findings: which one is chosen and how far it is scrolled.
//!
//! It must never judge.

use crate::domain::InstanceId;

use super::State;

/// Its state.
#[derive(Clone, Debug, Default)]
pub struct Findings {}

impl Findings {
    /// The instance under the cursor.
    pub fn target<'state>(&self, _state: &'state State) -> Option<&'state InstanceId> {
        None
    }
}
