//! `berth assign ID --port N|auto`: another port for an instance, in the registry, in its file and in what runs.
//!
//! It must never guess whom: one instance is named.

use super::args::{Assign, Global};
use super::door::Desk;
use super::errors::Stop;
use super::output::Out;
use super::results;
use crate::error::{Error, Kind};

/// Runs the command. `open` is called when the words are known to make sense.
pub fn run(assign: &Assign, global: &Global, open: impl FnOnce() -> Result<Box<dyn Desk>, Stop>, out: &mut Out) -> Result<u8, Stop> {
    if global.read_only && !assign.dry_run {
        return Err(Error::new(Kind::NotPermitted, "nothing was assigned: --read-only was given").into());
    }
    let outcome = open()?.assign(&assign.id, assign.port, assign.dry_run, assign.reason.clone());
    results::tell_one(&assign.id, assign.dry_run, &outcome, global.json, out)?;
    Ok(outcome.exit_code)
}
