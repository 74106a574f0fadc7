//! Keys for what is done to the chosen instance, in every pane and tab.
//!
//! It must never hold a key for something that does not exist.

use super::{bind, char};
use crate::domain::Verb;
use crate::tui::keymap::{Action, Binding, Place};

/// In the order of the help page and of the last line.
pub const KEYS: &[Binding] = &[
    bind(Place::Everywhere, Action::Log, &[char('l')], "log", "the log, large; again to make it small"),
    bind(Place::Everywhere, Action::Act(Verb::Start), &[char('s')], "start", "start it (asks first)"),
    bind(Place::Everywhere, Action::Act(Verb::Stop), &[char('S')], "stop", "stop it and everything that it started (asks first)"),
    bind(Place::Everywhere, Action::Act(Verb::Restart), &[char('r')], "restart", "restart it on the same port (asks first)"),
    bind(Place::Everywhere, Action::Signal, &[char('K')], "", "send its process a signal (asks first)"),
    bind(Place::Everywhere, Action::Add, &[], "", "add an instance: a port, its files, a start (asks first)"),
    bind(Place::Everywhere, Action::Remove, &[], "", "remove it, its files kept; followed by purge, with them (asks first)"),
    bind(Place::Everywhere, Action::Adopt, &[], "", "have it keep the port that it listens on (asks first)"),
    bind(Place::Everywhere, Action::Progress, &[char('b')], "", "how far the last bulk action is"),
    bind(Place::Everywhere, Action::Menu, &[char('a')], "more", "what is possible now, and why the rest is not"),
];
