//! `berth serve`: the daemon; with `--install` its unit.
//!
//! It must never serve itself: that is the wiring's.

use super::args::{Global, Serve};
use super::door::{Attach, Opening, Wiring};
use super::errors::Stop;
use super::output::Out;

/// Runs the command.
pub fn run(words: &Serve, global: &Global, wiring: &dyn Wiring, out: &mut Out) -> Result<u8, Stop> {
    if words.install {
        out.text(&wiring.install(global.config.as_deref(), words.dry_run)?)?;
        return Ok(0);
    }
    wiring.serve(&Opening {
        config: global.config.clone(),
        alone: false,
        read_only: global.read_only,
        attach: Attach::Never,
        stays: true,
        hosts: Vec::new(),
    })?;
    Ok(0)
}
