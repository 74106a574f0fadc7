//! berth from outside: its screens, its terminal, its command line.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly, its helpers too")]

// The fixtures take their facts from here.
use berth::domain;

mod actions;
mod add;
#[allow(dead_code, reason = "shared by test programs that need different parts of it")]
#[path = "../support/api.rs"]
mod api;
mod asked;
mod assign;
mod attach;
mod beginning;
mod bulk;
mod chronicle;
mod client;
mod clipboard;

#[path = "../support/console.rs"]
mod console;
mod cuts;
mod events;
mod every_key;
mod every_key_table;
#[path = "../support/fake_door.rs"]
mod fake_door;
#[path = "../support/fake_supervisor.rs"]
mod fake_supervisor;
#[path = "../support/fleet.rs"]
mod fleet;
mod floods;
#[path = "../support/foreseen.rs"]
mod foreseen;
mod hostile;
mod introduced;
mod keymap_table;
mod kills;
#[path = "../support/link.rs"]
mod link;
mod logs;
mod mdns;
mod mouse;
mod overlap;
mod panics;
mod pending;
mod port_file;
mod ports;
mod posture;
mod preferences;
mod pty;
#[path = "../support/race.rs"]
mod race;
mod reboot;
mod registry;
mod remove;
mod restarts;
mod rolling;
mod screens;
mod screens_all;
mod screens_choosing;
mod screens_host;
mod screens_hosts;
mod screens_logs;
mod screens_marks;
mod screens_palette;
mod screens_plan;
mod screens_registry;
mod screens_sizes;
mod screens_tabs;
mod serve;
mod serve_stream;
#[allow(dead_code, reason = "shared by test programs that need different parts of it")]
mod stage;
mod supervisors;
#[allow(dead_code, reason = "shared by test programs that need different parts of it")]
#[path = "../support/terminal.rs"]
mod terminal;
mod threats;
mod through;
mod tls;

mod why;
