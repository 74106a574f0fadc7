//! The console: one screen with every instance, its detail and its log.
//!
//! `state/` is what is known, `update/` what an event does to it, `view/` what it looks like: the three have the same files.
//! Only `app` waits. It must never reach the rest of berth but through `link`, and never change anything that was not confirmed.

mod app;
pub mod clipboard;
pub mod effect;
pub mod event;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod fuzzy;
pub mod glyphs;
mod input;
pub mod keymap;
pub mod layout;
mod outlet;
pub mod pace;
mod paint;
pub mod palette;
mod perform;
pub mod preferences;
pub mod query;
mod signals;
pub mod state;
mod swift;
mod terminal;
pub mod theme;
pub mod themes;
pub mod update;
pub mod view;
mod watchdog;

#[cfg(any(test, fuzzing))]
mod testing;

use std::sync::Arc;

use crate::error::Result;
use crate::link::Door;
use crate::present::command::Program;

pub use keymap::Keymap;
pub use palette::ColorChoice;

/// How the console is to look and what it may.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether there are colours.
    pub color: ColorChoice,
    /// ASCII only, whatever the locale says.
    pub ascii: bool,
    /// Nothing can be changed, and that cannot be unlocked.
    pub read_only: bool,
    /// So many frames a second at most.
    pub fps: Option<u8>,
    /// What each key does.
    pub keymap: Arc<Keymap>,
    /// The theme that is asked for; the default without it.
    pub theme: Option<String>,
    /// Whether any file configures this berth.
    pub configured: bool,
    /// The berth that the commands call which are shown and copied.
    pub program: Program,
}

/// Opens the console on the terminal and returns when it is left. The terminal is given back on every way out.
///
/// # Errors
/// `Usage` when standard input and output are not a terminal.
pub fn run(door: Arc<dyn Door>, options: Options) -> Result<()> {
    app::run(door, options)
}
