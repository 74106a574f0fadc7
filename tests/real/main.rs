//! Tests on real parts: real accounts, real MCP servers, the real binary.
//!
//! A part that is missing makes its tests print why and skip, unless `BERTH_TEST_REQUIRE` names it (`all`: every one); then they fail.
//! What they make they take away: accounts, processes, directories.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail loudly, its helpers too")]

mod accounts;
mod adding;
#[allow(dead_code, reason = "shared by test programs that need different parts of it")]
#[path = "../support/api.rs"]
mod api;
mod assigning;
mod berth;
mod clients;
mod conflict;
mod docker;
mod env_files;
mod fence;
mod health;
mod lifecycle;
mod limits;
mod limits_layouts;
mod mcp;
mod parts;
mod pm2;
mod posture;
mod prometheus;
mod readers;
mod scripts;
mod ssh;
mod systemd;
mod threats;
mod world;

use ::berth::domain;

#[allow(dead_code, reason = "shared by test programs that need different parts of it")]
#[path = "../support/fleet.rs"]
mod fleet;
#[allow(dead_code, reason = "shared by test programs that need different parts of it")]
#[path = "../support/link.rs"]
mod link;
#[allow(dead_code, reason = "shared by test programs that need different parts of it")]
#[path = "../support/terminal.rs"]
mod terminal;
