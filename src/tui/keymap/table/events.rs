//! Keys of the events.
//!
//! It must never hold a key for something that does not exist.

use crossterm::event::KeyCode;

use super::{DOWN, FIRST, PAGE_DOWN, PAGE_UP, UP, bind, char, named};
use crate::tui::keymap::{Action, Binding, LogKey, Motion, Place};

/// In the order of the help page and of the last line.
pub const KEYS: &[Binding] = &[
    bind(Place::Events, Action::GoTo, &[named(KeyCode::Enter)], "instance", "to the instance that it is about"),
    bind(Place::Events, Action::Only, &[char(' ')], "only its", "only what happened to the same instance, or everything again"),
    bind(Place::Events, Action::Problems, &[char('e')], "problems", "only what somebody should look at, or everything again"),
    bind(Place::Events, Action::Filter, &[char('/')], "filter", "only what has a text in it"),
    bind(Place::Events, Action::InLog(LogKey::Follow), &[char('f')], "follow", "follow the newest; moving up pauses"),
    bind(Place::Events, Action::Move(Motion::Down), DOWN, "", "one down"),
    bind(Place::Events, Action::Move(Motion::Up), UP, "", "one up, and pause"),
    bind(Place::Events, Action::Move(Motion::First), FIRST, "", "to the oldest that is kept"),
    bind(Place::Events, Action::Move(Motion::Last), &[char('G'), char('0'), named(KeyCode::End)], "", "to the newest, and follow"),
    bind(Place::Events, Action::Move(Motion::PageUp), PAGE_UP, "", "a page up, and pause"),
    bind(Place::Events, Action::Move(Motion::PageDown), PAGE_DOWN, "", "a page down"),
];
