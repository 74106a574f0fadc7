//! Keys that answer why an instance is as it is and what helps, beside those of the tabs that are about it.
//!
//! It must never hold a key for something that does not exist.

use crossterm::event::KeyCode;

use super::{DOWN, FIRST, LAST, PAGE_UP, UP, bind, char, named};
use crate::domain::Verb;
use crate::tui::keymap::{Action, Binding, Motion, Place};

/// In the order of the help page and of the last line.
pub const KEYS: &[Binding] = &[
    bind(Place::Everywhere, Action::Fix, &[char('F')], "", "what mends what is wrong: with it, and with what the banner names"),
    bind(Place::Fleet, Action::ShowPort, &[char('p')], "port", "its port on the map"),
    bind(Place::Detail, Action::Why, &[char('w')], "why", "why it is as it is, on one page"),
    bind(Place::Detail, Action::ShowPort, &[char('p')], "port", "its port on the map"),
    bind(Place::Why, Action::Escape, &[named(KeyCode::Esc), char('q'), char('w'), named(KeyCode::Enter)], "close", "close the page"),
    bind(Place::Why, Action::Fix, &[char('F')], "fix", "what mends it"),
    bind(Place::Why, Action::Log, &[char('l')], "log", "its log"),
    bind(Place::Why, Action::Act(Verb::Start), &[char('s')], "", "start it (asks first)"),
    bind(Place::Why, Action::Act(Verb::Restart), &[char('r')], "", "restart it (asks first)"),
    bind(Place::Why, Action::CopyPage, &[char('y')], "copy", "copy the page, as Markdown"),
    bind(Place::Why, Action::Move(Motion::Down), DOWN, "down", "one line down"),
    bind(Place::Why, Action::Move(Motion::Up), UP, "up", "one line up"),
    bind(Place::Why, Action::Move(Motion::First), FIRST, "", "to the top"),
    bind(Place::Why, Action::Move(Motion::Last), LAST, "", "to the end"),
    bind(Place::Why, Action::Move(Motion::PageUp), PAGE_UP, "", "a page up"),
    bind(Place::Why, Action::Move(Motion::PageDown), &[named(KeyCode::PageDown), char(' ')], "", "a page down"),
];
