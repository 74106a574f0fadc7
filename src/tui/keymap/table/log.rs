//! Keys of the log.
//!
//! It must never hold a key for something that does not exist.

use crossterm::event::KeyCode;

use super::{DOWN, FIRST, LAST, PAGE_DOWN, PAGE_UP, UP, bind, char, named};
use crate::tui::keymap::{Action, Binding, Motion, Place};

/// In the order of the help page and of the last line.
pub const KEYS: &[Binding] = &[
    bind(Place::Log, Action::Follow, &[char('f')], "follow", "follow the end; scrolling up pauses"),
    bind(Place::Log, Action::Wrap, &[char('w')], "wrap", "wrap long lines, or cut them off"),
    bind(Place::Log, Action::Move(Motion::Last), &[char('0')], "tail", "to the newest line, and follow"),
    bind(Place::Log, Action::Move(Motion::First), &[char('1')], "head", "to the oldest line that is kept"),
    bind(Place::Log, Action::PreviousInstance, &[char('[')], "", "the log of the instance above"),
    bind(Place::Log, Action::NextInstance, &[char(']')], "", "the log of the instance below"),
    bind(Place::Log, Action::Move(Motion::Left), &[named(KeyCode::Left)], "", "scroll to the left"),
    bind(Place::Log, Action::Move(Motion::Right), &[named(KeyCode::Right)], "", "scroll to the right"),
    bind(Place::Log, Action::Move(Motion::Down), DOWN, "", "one line down"),
    bind(Place::Log, Action::Move(Motion::Up), UP, "", "one line up, and pause"),
    bind(Place::Log, Action::Move(Motion::First), FIRST, "", "to the oldest line that is kept"),
    bind(Place::Log, Action::Move(Motion::Last), LAST, "", "to the newest line, and follow"),
    bind(Place::Log, Action::Move(Motion::PageUp), PAGE_UP, "", "a page up, and pause"),
    bind(Place::Log, Action::Move(Motion::PageDown), PAGE_DOWN, "", "a page down"),
];
