//! `berth adopt ID`: the port on which an instance runs becomes its own.
//!
//! It must never guess whom: one instance is named.

use super::args::{Adopt, Global};
use super::door::Desk;
use super::errors::Stop;
use super::output::Out;
use super::results;
use crate::error::{Error, Kind};

/// Runs the command. `open` is called when the words are known to make sense.
pub fn run(words: &Adopt, global: &Global, open: impl FnOnce() -> Result<Box<dyn Desk>, Stop>, out: &mut Out) -> Result<u8, Stop> {
    if global.read_only && !words.dry_run {
        return Err(Error::new(Kind::NotPermitted, "nothing was adopted: --read-only was given").into());
    }
    let outcome = open()?.adopt(&words.id, words.dry_run, words.reason.clone());
    results::tell_one(&words.id, words.dry_run, &outcome, global.json, out)?;
    Ok(outcome.exit_code)
}
