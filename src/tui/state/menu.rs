//! The menu of what can be done to the chosen instance now, and why the rest cannot.
//!
//! It must never do anything itself: choosing is the same as the key beside it.

use crate::domain::{InstanceId, Shown};
use crate::tui::keymap::Action;

/// Its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Menu {
    /// Whom it is about; `None` for all that are marked.
    pub id: Option<InstanceId>,
    /// What there is.
    pub entries: Vec<Entry>,
    /// The chosen one.
    pub chosen: usize,
}

/// One thing that can be done, or cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The same as this.
    pub action: Action,
    /// In words.
    pub words: &'static str,
    /// Why it is not possible.
    pub why: Option<Shown>,
}
