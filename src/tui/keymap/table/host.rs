//! Keys of the host.
//!
//! It must never hold a key for something that does not exist.

use super::{DOWN, FIRST, LAST, PAGE_DOWN, PAGE_UP, UP, bind};
use crate::tui::keymap::{Action, Binding, Motion, Place};

/// In the order of the help page and of the last line.
pub const KEYS: &[Binding] = &[
    bind(Place::Host, Action::Move(Motion::Down), DOWN, "down", "one line down"),
    bind(Place::Host, Action::Move(Motion::Up), UP, "up", "one line up"),
    bind(Place::Host, Action::Move(Motion::First), FIRST, "", "to the top"),
    bind(Place::Host, Action::Move(Motion::Last), LAST, "", "to the end"),
    bind(Place::Host, Action::Move(Motion::PageUp), PAGE_UP, "", "a page up"),
    bind(Place::Host, Action::Move(Motion::PageDown), PAGE_DOWN, "", "a page down"),
];
