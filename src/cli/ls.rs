//! `berth ls`: all instances, and what is wrong below them.
//!
//! It must never leave an empty screen unexplained.

use super::args::{Global, Ls};
use super::door::Desk;
use super::errors::Stop;
use super::output::{Out, aside};
use super::watch;
use crate::domain::Snapshot;
use crate::present::{json, table};

/// Runs the command.
pub fn run(ls: &Ls, global: &Global, desk: &dyn Desk, out: &mut Out) -> Result<u8, Stop> {
    if ls.watch {
        return watch::run(global, desk, out);
    }
    let snapshot = desk.look()?;
    if global.json {
        out.json(&json::ls(&snapshot))?;
    } else {
        out.text(&table::table(&snapshot, out.style()))?;
    }
    tell_notices(&snapshot, global);
    Ok(0)
}

/// What could not be read or was looked for in vain: always when there is nothing else to show, and when asked with `-v`.
pub fn tell_notices(snapshot: &Snapshot, global: &Global) {
    if snapshot.rows.is_empty() && !global.json {
        aside("there are no instances");
    }
    if global.verbose || (snapshot.rows.is_empty() && !global.json) {
        for notice in &snapshot.notices {
            aside(&format!("  {notice}"));
        }
    }
}
