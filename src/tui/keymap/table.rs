//! The table of keys, as DESIGN section 7 fixes them. Order is the order on the help page and in the last line.
//!
//! It must never hold a key for something that does not exist yet.

use crossterm::event::KeyCode;

use super::{Action, Binding, Key, Motion, Place};
use crate::domain::Verb;
use crate::present::columns::Column;

/// A plain character.
const fn char(character: char) -> Key {
    Key { code: KeyCode::Char(character), control: false }
}

/// A character with Ctrl.
const fn ctrl(character: char) -> Key {
    Key { code: KeyCode::Char(character), control: true }
}

/// A named key.
const fn named(code: KeyCode) -> Key {
    Key { code, control: false }
}

const UP: &[Key] = &[char('k'), named(KeyCode::Up)];
const DOWN: &[Key] = &[char('j'), named(KeyCode::Down)];
const FIRST: &[Key] = &[char('g'), named(KeyCode::Home)];
const LAST: &[Key] = &[char('G'), named(KeyCode::End)];
const PAGE_UP: &[Key] = &[named(KeyCode::PageUp)];
const PAGE_DOWN: &[Key] = &[named(KeyCode::PageDown)];
const ESCAPE: &[Key] = &[named(KeyCode::Esc)];

/// A line of the table.
const fn bind(place: Place, action: Action, keys: &'static [Key], short: &'static str, words: &'static str) -> Binding {
    Binding { action, place, keys, words, short }
}

/// Every key.
pub const BINDINGS: &[Binding] = &[
    bind(Place::Fleet, Action::Detail, &[named(KeyCode::Enter)], "detail", "everything about the chosen instance; again for the table"),
    bind(Place::Detail, Action::Detail, &[named(KeyCode::Enter)], "table", "back to the table"),
    bind(Place::Log, Action::Follow, &[char('f')], "follow", "follow the end; scrolling up pauses"),
    bind(Place::Log, Action::Wrap, &[char('w')], "wrap", "wrap long lines, or cut them off"),
    bind(Place::Log, Action::Move(Motion::Last), &[char('0')], "tail", "to the newest line, and follow"),
    bind(Place::Log, Action::Move(Motion::First), &[char('1')], "head", "to the oldest line that is kept"),
    bind(Place::Log, Action::PreviousInstance, &[char('[')], "", "the log of the instance above"),
    bind(Place::Log, Action::NextInstance, &[char(']')], "", "the log of the instance below"),
    bind(Place::Log, Action::Move(Motion::Left), &[named(KeyCode::Left)], "", "scroll to the left"),
    bind(Place::Log, Action::Move(Motion::Right), &[named(KeyCode::Right)], "", "scroll to the right"),
    bind(Place::Everywhere, Action::Log, &[char('l')], "log", "the log, large; again to make it small"),
    bind(Place::Everywhere, Action::Act(Verb::Start), &[char('s')], "start", "start it (asks first)"),
    bind(Place::Everywhere, Action::Act(Verb::Stop), &[char('S')], "stop", "stop it and everything that it started (asks first)"),
    bind(Place::Everywhere, Action::Act(Verb::Restart), &[char('r')], "restart", "restart it on the same port (asks first)"),
    bind(Place::Fleet, Action::Filter, &[char('/')], "filter", "filter by text, user: port: state: supervisor: finding: !not"),
    bind(Place::Everywhere, Action::Menu, &[char('a')], "more", "what is possible now, and why the rest is not"),
    bind(Place::Fleet, Action::Problems, &[char('e')], "problems", "only what has a problem"),
    bind(Place::Everywhere, Action::Help, &[char('?'), named(KeyCode::F(1))], "help", "this page"),
    bind(Place::Fleet, Action::Move(Motion::Down), DOWN, "", "one down"),
    bind(Place::Fleet, Action::Move(Motion::Up), UP, "", "one up"),
    bind(Place::Fleet, Action::Move(Motion::First), FIRST, "", "to the first"),
    bind(Place::Fleet, Action::Move(Motion::Last), LAST, "", "to the last"),
    bind(Place::Fleet, Action::Move(Motion::PageUp), PAGE_UP, "", "a page up"),
    bind(Place::Fleet, Action::Move(Motion::PageDown), PAGE_DOWN, "", "a page down"),
    bind(Place::Fleet, Action::SortNext, &[char('o')], "", "sort by the next column"),
    bind(Place::Fleet, Action::SortReverse, &[char('O')], "", "sort the other way round"),
    bind(Place::Fleet, Action::SortBy(Column::Cpu), &[char('P')], "", "sort by CPU"),
    bind(Place::Fleet, Action::SortBy(Column::Memory), &[char('M')], "", "sort by memory"),
    bind(Place::Fleet, Action::SortBy(Column::Pid), &[char('N')], "", "sort by process id"),
    bind(Place::Fleet, Action::SortBy(Column::Up), &[char('A')], "", "sort by age"),
    bind(Place::Detail, Action::Move(Motion::Down), DOWN, "", "one line down"),
    bind(Place::Detail, Action::Move(Motion::Up), UP, "", "one line up"),
    bind(Place::Detail, Action::Move(Motion::First), FIRST, "", "to the top"),
    bind(Place::Detail, Action::Move(Motion::PageUp), PAGE_UP, "", "a page up"),
    bind(Place::Detail, Action::Move(Motion::PageDown), PAGE_DOWN, "", "a page down"),
    bind(Place::Log, Action::Move(Motion::Down), DOWN, "", "one line down"),
    bind(Place::Log, Action::Move(Motion::Up), UP, "", "one line up, and pause"),
    bind(Place::Log, Action::Move(Motion::First), FIRST, "", "to the oldest line that is kept"),
    bind(Place::Log, Action::Move(Motion::Last), LAST, "", "to the newest line, and follow"),
    bind(Place::Log, Action::Move(Motion::PageUp), PAGE_UP, "", "a page up, and pause"),
    bind(Place::Log, Action::Move(Motion::PageDown), PAGE_DOWN, "", "a page down"),
    bind(Place::Filter, Action::Press, &[named(KeyCode::Enter)], "keep it", "keep the filter"),
    bind(Place::Filter, Action::Escape, ESCAPE, "clear it", "clear the filter"),
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
    bind(Place::Everywhere, Action::NextPane, &[named(KeyCode::Tab)], "", "the next pane"),
    bind(Place::Everywhere, Action::PreviousPane, &[named(KeyCode::BackTab)], "", "the previous pane"),
    bind(Place::Everywhere, Action::Escape, ESCAPE, "", "one step back: large pane, filter, hold"),
    bind(Place::Everywhere, Action::Hold, &[char('Z')], "", "hold the picture, or let it go on"),
    bind(Place::Everywhere, Action::Lock, &[char('V')], "", "lock or unlock changes"),
    bind(Place::Everywhere, Action::Back, &[char('q')], "quit", "one step back, or quit"),
    bind(Place::Always, Action::Redraw, &[ctrl('l')], "", "paint the screen anew"),
    bind(Place::Always, Action::Suspend, &[ctrl('z')], "", "to the shell; fg comes back"),
    bind(Place::Always, Action::Quit, &[ctrl('c')], "", "quit"),
];
