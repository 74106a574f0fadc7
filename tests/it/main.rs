//! berth from outside: its screens, its terminal, its command line.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly, its helpers too")]

// The fixtures take their facts from here.
use berth::domain;

mod actions;

#[path = "../support/console.rs"]
mod console;
#[path = "../support/fake_door.rs"]
mod fake_door;
#[path = "../support/fleet.rs"]
mod fleet;
mod logs;
mod overlap;
mod pending;
mod ports;
mod pty;
mod restarts;
mod screens;
mod screens_logs;
mod screens_sizes;
#[path = "../support/terminal.rs"]
mod terminal;
