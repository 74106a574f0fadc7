//! The log of the chosen instance: which one is open, which lines are seen, whether the end is followed.
//!
//! It must never hold more lines than a screen shows: the ring is the tail's.

use crate::domain::{InstanceId, LogView, Shown};

/// Its state.
#[derive(Clone, Debug)]
pub struct Log {
    /// Whose log it is.
    pub of: Option<InstanceId>,
    /// Rises with each log that is asked for; answers about an earlier one are dropped.
    pub serial: u64,
    /// How far opening it is.
    pub phase: Phase,
    /// The lines that are seen.
    pub view: LogView,
    /// The line that is last on the screen; `None` follows the newest.
    pub up_to: Option<u64>,
    /// The newest line when following was paused.
    pub paused_at: u64,
    /// Long lines are wrapped.
    pub wrap: bool,
    /// What was asked of the tail last: the last line and how many.
    pub asked: Option<(Option<u64>, usize)>,
    /// How many columns are scrolled away on the left.
    pub left: usize,
}

/// How far opening a log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// None was asked for.
    Closed,
    /// It was asked for.
    Opening,
    /// It is followed.
    Open,
    /// It cannot be read; why.
    Failed(Shown),
}

impl Default for Log {
    fn default() -> Self {
        let view = LogView::default();
        Self { of: None, serial: 0, phase: Phase::Closed, view, up_to: None, paused_at: 0, wrap: false, asked: None, left: 0 }
    }
}

impl Log {
    /// How many lines came since following was paused.
    pub fn unseen(&self) -> u64 {
        if self.up_to.is_none() { 0 } else { self.view.newest.saturating_sub(self.paused_at) }
    }
}
