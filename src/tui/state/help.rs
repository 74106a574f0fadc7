//! The help page: how far it is scrolled, and for what it was opened.
//!
//! It must never hold the texts: they are the keymap's.

use crate::tui::keymap::Place;

/// Its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Help {
    /// What had the focus when it was opened; its keys come first.
    pub place: Place,
    /// The first line that is seen.
    pub top: usize,
}
