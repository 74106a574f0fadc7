//! Keys of the map of ports.
//!
//! It must never hold a key for something that does not exist.

use crossterm::event::KeyCode;

use super::{DOWN, FIRST, LAST, PAGE_DOWN, PAGE_UP, UP, bind, char, named};
use crate::tui::keymap::{Action, Binding, Motion, Place};

/// In the order of the help page and of the last line.
pub const KEYS: &[Binding] = &[
    bind(Place::Ports, Action::GoToInstance, &[named(KeyCode::Enter)], "instance", "to the instance whose port it is"),
    bind(Place::Ports, Action::Fix, &[char('F')], "fix", "what mends what is wrong with this port"),
    bind(Place::Ports, Action::FindPort, &[char('/')], "find", "find a port: its number, an owner, or free, conflict, stranger"),
    bind(Place::Ports, Action::GivePort, &[char('A')], "assign", "assign this free port to an instance (asks first)"),
    bind(
        Place::Ports,
        Action::Reserve,
        &[char('X')],
        "reserve",
        "reserve this port: nobody is given it; again to give it back (asks first)",
    ),
    bind(Place::Ports, Action::Plan, &[char('P')], "plan", "what a strategy would give to everybody, over the map; Esc leaves it"),
    bind(Place::Ports, Action::Why, &[char('w')], "why", "why the instance whose port it is is as it is"),
    bind(Place::Ports, Action::Move(Motion::Right), &[named(KeyCode::Right)], "", "to the next port"),
    bind(Place::Ports, Action::Move(Motion::Left), &[named(KeyCode::Left)], "", "to the port before"),
    bind(Place::Ports, Action::Move(Motion::Down), DOWN, "", "one line down"),
    bind(Place::Ports, Action::Move(Motion::Up), UP, "", "one line up"),
    bind(Place::Ports, Action::Move(Motion::First), FIRST, "", "to the range's first port"),
    bind(Place::Ports, Action::Move(Motion::Last), LAST, "", "to the range's last port"),
    bind(Place::Ports, Action::Move(Motion::PageUp), PAGE_UP, "", "a page up"),
    bind(Place::Ports, Action::Move(Motion::PageDown), PAGE_DOWN, "", "a page down"),
];
