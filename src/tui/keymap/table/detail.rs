//! Keys of the detail.
//!
//! It must never hold a key for something that does not exist.

use crossterm::event::KeyCode;

use super::{DOWN, FIRST, PAGE_DOWN, PAGE_UP, UP, bind, char, named};
use crate::tui::keymap::{Action, Binding, Motion, Place};

/// In the order of the help page and of the last line.
pub const KEYS: &[Binding] = &[
    bind(Place::Detail, Action::Detail, &[named(KeyCode::Enter)], "table", "back to the table"),
    bind(Place::Detail, Action::Copy, &[char('y')], "copy", "copy its URL, port, PID, JSON, or a command"),
    bind(Place::Detail, Action::Snippet, &[char('c')], "", "copy the entry for a client's configuration"),
    bind(Place::Detail, Action::Move(Motion::Down), DOWN, "", "one line down"),
    bind(Place::Detail, Action::Move(Motion::Up), UP, "", "one line up"),
    bind(Place::Detail, Action::Move(Motion::First), FIRST, "", "to the top"),
    bind(Place::Detail, Action::Move(Motion::PageUp), PAGE_UP, "", "a page up"),
    bind(Place::Detail, Action::Move(Motion::PageDown), PAGE_DOWN, "", "a page down"),
];
