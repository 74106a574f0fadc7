//! Keys of every pane and tab.
//!
//! It must never hold a key for something that does not exist.

use crossterm::event::KeyCode;

use super::{ESCAPE, bind, char, ctrl, named};
use crate::tui::keymap::{Action, Binding, Place};
use crate::tui::state::Tab;

/// In the order of the help page and of the last line.
pub const KEYS: &[Binding] = &[
    bind(Place::Tabs, Action::Tab(Tab::Instances), &[char('1')], "", "the instances"),
    bind(Place::Tabs, Action::Tab(Tab::Ports), &[char('2')], "", "the ports, as a map of the range"),
    bind(Place::Tabs, Action::Tab(Tab::Findings), &[char('3')], "", "the findings, with what mends them"),
    bind(Place::Tabs, Action::Tab(Tab::Events), &[char('4')], "", "what happened"),
    bind(Place::Tabs, Action::Tab(Tab::Host), &[char('5')], "", "the host"),
    bind(Place::Everywhere, Action::Palette, &[char(':'), ctrl('p')], "commands", "every action by its name"),
    bind(Place::Everywhere, Action::Help, &[char('?'), named(KeyCode::F(1))], "help", "this page"),
    bind(Place::Everywhere, Action::NextPane, &[named(KeyCode::Tab)], "", "the next pane"),
    bind(Place::Everywhere, Action::PreviousPane, &[named(KeyCode::BackTab)], "", "the previous pane"),
    bind(Place::Everywhere, Action::Escape, ESCAPE, "", "one step back: large pane, filter, hold"),
    bind(Place::Everywhere, Action::Hold, &[char('Z')], "", "hold the picture, or let it go on"),
    bind(Place::Everywhere, Action::Lock, &[char('V')], "", "lock or unlock changes"),
    bind(Place::Everywhere, Action::NextTheme, &[char('T')], "", "the next theme"),
    bind(Place::Everywhere, Action::Mouse, &[], "", "let go of the mouse, so that it selects text, or take it again"),
    bind(Place::Everywhere, Action::Theme, &[], "", "choose a theme, seen while one chooses"),
    bind(Place::Everywhere, Action::Back, &[char('q')], "quit", "one step back, or quit"),
    bind(Place::Always, Action::Redraw, &[ctrl('l')], "", "paint the screen anew"),
    bind(Place::Always, Action::Suspend, &[ctrl('z')], "", "to the shell; fg comes back"),
    bind(Place::Always, Action::Quit, &[ctrl('c')], "", "quit"),
];
