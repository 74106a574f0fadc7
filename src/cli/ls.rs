//! `berth ls`: all instances, and what is wrong below them.
//!
//! It must never leave an empty screen unexplained.

use super::args::{Global, Ls};
use super::door::Desk;
use super::errors::Stop;
use super::output::{Out, aside};
use super::watch;
use crate::domain::{Reading, Row, Snapshot, Standing};
use crate::present::command::Program;
use crate::present::fit::{Align, fit, width};
use crate::present::{json, table, welcome};

/// Runs the command.
pub fn run(ls: &Ls, global: &Global, desk: &dyn Desk, out: &mut Out) -> Result<u8, Stop> {
    if ls.watch {
        return watch::run(global, desk, out);
    }
    out.reach_all(desk.hosts());
    let snapshot = desk.look()?;
    if global.json {
        out.json(&json::ls(&snapshot))?;
    } else {
        out.text(&table::table(&snapshot, out.style(), out.program()))?;
    }
    tell_notices(&snapshot, is_configured(desk), global);
    tell_missing(&snapshot);
    Ok(0)
}

/// Says which hosts are missing, and why. True when none is.
pub fn tell_missing(snapshot: &Snapshot) -> bool {
    let lost = snapshot.hosts.iter().filter_map(|part| match &part.standing {
        Standing::Lost { why, .. } => Some((&part.name, why)),
        _ => None,
    });
    lost.map(|(name, why)| aside(&format!("{name} is not reached: {why}"))).count() == 0
}

/// Whether any file configures this berth.
pub fn is_configured(desk: &dyn Desk) -> bool {
    desk.config().is_some_and(|config| !config.files.is_empty())
}

/// Whether no instance is among the rows.
fn is_nobodys(snapshot: &Snapshot) -> bool {
    snapshot.rows.iter().all(|row| row.declared.is_none())
}

/// What could not be read or was looked for in vain: always when no instance is to be shown or nobody's port is known for sure, and when
/// asked with `-v`.
pub fn tell_notices(snapshot: &Snapshot, configured: bool, global: &Global) {
    if snapshot.rows.is_empty() && !global.json {
        let mut sentences = welcome::sentences(snapshot).into_iter();
        sentences.by_ref().take(1).for_each(|sentence| aside(&sentence));
        sentences.for_each(|sentence| aside(&format!("  {sentence}")));
        aside("");
        let steps = welcome::calls(welcome::steps(configured), &Program::with(global.config.as_deref()));
        let width = steps.iter().map(|(command, _)| width(command)).max().unwrap_or(0);
        for (command, about) in steps {
            aside(&format!("{}  {about}", fit(&command, width, Align::Left, false)));
        }
    } else if global.verbose
        || (!global.json && (is_unread(snapshot) || is_nobodys(snapshot) || is_unkept(snapshot) || snapshot.allotments == Reading::Denied))
    {
        for notice in &snapshot.notices {
            aside(&format!("  {notice}"));
        }
    }
}

/// Whether somebody showed a certificate and may not be known by any: the file that they are kept in is damaged.
fn is_unkept(snapshot: &Snapshot) -> bool {
    let shown = |row: &Row| row.probed.as_ref().and_then(|probed| probed.certificate.as_deref()).is_some_and(|shown| shown.pin.is_none());
    snapshot.rows.iter().any(|row| shown(row))
}

/// Whether there are instances whose files this caller may not read: what is missing of them has to be said.
fn is_unread(snapshot: &Snapshot) -> bool {
    snapshot.rows.iter().any(|row| row.declared.as_ref().is_some_and(|declared| declared.is_unread()))
}
