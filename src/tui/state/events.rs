//! What happened, newest last, in a ring.
//!
//! It must never grow without bound.

use crate::domain::InstanceId;

use super::State;

/// Its state.
#[derive(Clone, Debug, Default)]
pub struct Events {}

impl Events {
    /// The instance under the cursor.
    pub fn target<'state>(&self, _state: &'state State) -> Option<&'state InstanceId> {
        None
    }
}
