//! Keys of the findings.
//!
//! It must never hold a key for something that does not exist.

use crossterm::event::KeyCode;

use super::{DOWN, FIRST, LAST, PAGE_DOWN, PAGE_UP, UP, bind, char, named};
use crate::tui::keymap::{Action, Binding, Motion, Place};

/// In the order of the help page and of the last line.
pub const KEYS: &[Binding] = &[
    bind(Place::Findings, Action::GoToInstance, &[named(KeyCode::Enter)], "instance", "to the instance that it is about"),
    bind(Place::Findings, Action::Fix, &[char('F')], "fix", "what mends it"),
    bind(Place::Findings, Action::Filter, &[char('/')], "filter", "only findings that hold these words, !not; Esc shows all again"),
    bind(Place::Findings, Action::Why, &[char('w')], "why", "why the instance is as it is"),
    bind(Place::Findings, Action::ShowPort, &[char('p')], "port", "the instance's port on the map"),
    bind(Place::Findings, Action::Move(Motion::Down), DOWN, "", "one down"),
    bind(Place::Findings, Action::Move(Motion::Up), UP, "", "one up"),
    bind(Place::Findings, Action::Move(Motion::First), FIRST, "", "to the first"),
    bind(Place::Findings, Action::Move(Motion::Last), LAST, "", "to the last"),
    bind(Place::Findings, Action::Move(Motion::PageUp), PAGE_UP, "", "a page up"),
    bind(Place::Findings, Action::Move(Motion::PageDown), PAGE_DOWN, "", "a page down"),
];
