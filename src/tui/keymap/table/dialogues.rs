//! Keys of what floats over the panes, and of inputs.
//!
//! It must never hold a key for something that does not exist.

use crossterm::event::KeyCode;

use super::{DOWN, ESCAPE, FIRST, LAST, PAGE_DOWN, PAGE_UP, UP, bind, char, named};
use crate::domain::Verb;
use crate::tui::keymap::{Action, Binding, Motion, Place};

/// In the order of the help page and of the last line.
pub const KEYS: &[Binding] = &[
    bind(Place::Filter, Action::Press, &[named(KeyCode::Enter)], "keep it", "keep the filter"),
    bind(Place::Filter, Action::Escape, ESCAPE, "clear it", "clear the filter"),
    bind(Place::Filter, Action::Complete, &[named(KeyCode::Tab)], "", "complete it; again for the next possibility"),
    bind(Place::Filter, Action::CompleteBack, &[named(KeyCode::BackTab)], "", "the possibility before"),
    bind(Place::Filter, Action::Move(Motion::Down), &[named(KeyCode::Down)], "", "one row down"),
    bind(Place::Filter, Action::Move(Motion::Up), &[named(KeyCode::Up)], "", "one row up"),
    bind(Place::Confirm, Action::Confirm, &[char('y')], "yes", "do it"),
    bind(Place::Confirm, Action::Escape, &[named(KeyCode::Esc), char('n'), char('q')], "cancel", "do nothing"),
    bind(Place::Confirm, Action::Press, &[named(KeyCode::Enter)], "", "what has the focus; at first that is to cancel"),
    bind(Place::Confirm, Action::NextField, &[named(KeyCode::Tab)], "give a reason", "the reason, then the button, then cancel"),
    bind(Place::Confirm, Action::PreviousField, &[named(KeyCode::BackTab)], "", "the other way round"),
    bind(Place::Reason, Action::Escape, ESCAPE, "cancel", "do nothing"),
    bind(Place::Reason, Action::Press, &[named(KeyCode::Enter)], "done writing", "keep the reason; nothing is done yet"),
    bind(Place::Reason, Action::NextField, &[named(KeyCode::Tab)], "next field", "the button"),
    bind(Place::Reason, Action::PreviousField, &[named(KeyCode::BackTab)], "", "cancel"),
    bind(Place::Menu, Action::Press, &[named(KeyCode::Enter)], "choose", "the chosen one"),
    bind(Place::Menu, Action::Act(Verb::Start), &[char('s')], "", "start"),
    bind(Place::Menu, Action::Act(Verb::Stop), &[char('S')], "", "stop"),
    bind(Place::Menu, Action::Act(Verb::Restart), &[char('r')], "", "restart"),
    bind(Place::Menu, Action::Log, &[char('l')], "", "the log"),
    bind(Place::Menu, Action::Move(Motion::Down), DOWN, "", "one down"),
    bind(Place::Menu, Action::Move(Motion::Up), UP, "", "one up"),
    bind(Place::Menu, Action::Escape, &[named(KeyCode::Esc), char('q'), char('a')], "close", "close the menu"),
    bind(Place::Help, Action::Move(Motion::Down), DOWN, "down", "one line down"),
    bind(Place::Help, Action::Move(Motion::Up), UP, "up", "one line up"),
    bind(Place::Help, Action::Move(Motion::First), FIRST, "", "to the top"),
    bind(Place::Help, Action::Move(Motion::Last), LAST, "", "to the end"),
    bind(Place::Help, Action::Move(Motion::PageUp), PAGE_UP, "", "a page up"),
    bind(Place::Help, Action::Move(Motion::PageDown), &[named(KeyCode::PageDown), char(' ')], "", "a page down"),
    bind(Place::Help, Action::Escape, &[named(KeyCode::Esc), char('q'), char('?'), named(KeyCode::F(1))], "close", "close the help"),
    bind(Place::Picker, Action::Press, &[named(KeyCode::Enter)], "choose", "the chosen one"),
    bind(
        Place::Picker,
        Action::Move(Motion::Left),
        &[named(KeyCode::Left)],
        "move it left",
        "move a column to the left; elsewhere the cursor",
    ),
    bind(Place::Picker, Action::Move(Motion::Right), &[named(KeyCode::Right)], "later", "move a column to the right; elsewhere the cursor"),
    bind(Place::Picker, Action::Move(Motion::Down), &[named(KeyCode::Down)], "", "one down"),
    bind(Place::Picker, Action::Move(Motion::Up), &[named(KeyCode::Up)], "", "one up"),
    bind(Place::Picker, Action::Move(Motion::PageUp), PAGE_UP, "", "a page up"),
    bind(Place::Picker, Action::Move(Motion::PageDown), PAGE_DOWN, "", "a page down"),
    bind(Place::Picker, Action::Escape, ESCAPE, "close", "choose nothing"),
    bind(Place::Prompt, Action::Press, &[named(KeyCode::Enter)], "do it", "take the line"),
    bind(Place::Prompt, Action::Escape, ESCAPE, "leave", "leave it"),
];
