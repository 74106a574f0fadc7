//! `berth assign ID --port N|auto`: another port for an instance, in the registry, in its file and in what runs.
//!
//! It must never guess whom: one instance is named.

use super::args::{Assign, Global};
use super::door::Desk;
use super::errors::{Stop, unless_closed};
use super::output::Out;
use super::results;
use crate::error::{Error, Kind};
use serde_json::json;

/// Runs the command. `open` is called when the words are known to make sense.
pub fn run(assign: &Assign, global: &Global, open: impl FnOnce() -> Result<Box<dyn Desk>, Stop>, out: &mut Out) -> Result<u8, Stop> {
    if global.read_only && !assign.dry_run {
        return Err(Error::new(Kind::NotPermitted, "nothing was assigned: --read-only was given").into());
    }
    let outcome = open()?.assign(&assign.id, assign.port, assign.dry_run, assign.reason.clone());
    let done = outcome.is_done();
    if global.json {
        let document = json!({
            "schema": crate::present::json::SCHEMA,
            "id": assign.id.to_string(),
            "dry_run": assign.dry_run,
            "done": done,
            "exit_code": outcome.exit_code,
            "sentence": outcome.sentence.as_str(),
            "hints": results::hints(&outcome, out.program()),
        });
        unless_closed(out.json(&document))?;
    } else {
        let text = results::text(&assign.id, &outcome, out.style(), out.program());
        // What did not happen goes where errors go.
        unless_closed(if done { out.text(&text) } else { results::tell_failure(&text) })?;
    }
    Ok(outcome.exit_code)
}
