//! A host among several whose pictures are shown as one: its name, how it stands, and its own picture.
//!
//! It must never hold what another host told.

use std::sync::Arc;

use super::{Caller, Snapshot, Standing};

/// It.
#[derive(Clone, Debug)]
pub struct HostPart {
    /// As it is shown in the table, and as it stands in every id that is on it.
    pub name: Arc<str>,
    /// Whether it answers.
    pub standing: Standing,
    /// Who asks there, and as what.
    pub caller: Caller,
    /// What it told last; of sequence 0 where it told nothing yet.
    pub picture: Arc<Snapshot>,
}

impl HostPart {
    /// Whether it answers.
    pub fn is_reached(&self) -> bool {
        !matches!(self.standing, Standing::Lost { .. })
    }
}
