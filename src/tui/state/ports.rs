//! The map of the range: where its cursor is and how far it is scrolled.
//!
//! It must never know what holds a port: that is the snapshot.

use crate::domain::InstanceId;

use super::State;

/// Its state.
#[derive(Clone, Debug, Default)]
pub struct Ports {}

impl Ports {
    /// The instance under the cursor.
    pub fn target<'state>(&self, _state: &'state State) -> Option<&'state InstanceId> {
        None
    }
}
