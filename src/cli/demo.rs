//! `berth demo`: the stage, its fleet started through the same door as any other, the console on it, and everything away again.
//!
//! It must never return while something of the demo is left.

use std::sync::Arc;
use std::thread;

use nix::sys::signal::{SigSet, Signal};
use serde_json::json;

use super::args::{Demo, Global};
use super::door::{Attach, ConsoleOptions, Opening, Wiring};
use super::errors::Stop;
use super::output::Out;
use crate::demo::stage::Stage;
use crate::domain::{InstanceId, Order, Target, Verb};
use crate::error::Context;
use crate::link::Door;
use crate::present::json::SCHEMA;

/// Runs the command.
pub fn run(words: &Demo, global: &Global, wiring: &dyn Wiring, out: &mut Out) -> Result<u8, Stop> {
    // Blocked before any thread exists, so that all inherit it and the signal waits until it is taken.
    let signals = if words.headless { Some(ending_signals()?) } else { None };
    let mut stage = Stage::set()?;
    let shown = show(&stage, signals.as_ref(), global, wiring, out);
    let struck = stage.strike();
    shown?;
    struck?;
    Ok(0)
}

fn show(stage: &Stage, signals: Option<&SigSet>, global: &Global, wiring: &dyn Wiring, out: &mut Out) -> Result<(), Stop> {
    // The fleet is started here even with --read-only: that is for the one who looks at it.
    let opening = Opening {
        config: Some(stage.config().to_owned()),
        alone: true,
        read_only: false,
        attach: Attach::Never,
        stays: true,
        hosts: Vec::new(),
    };
    let desk = wiring.open(&opening)?;
    let Some(signals) = signals else {
        start(stage, &desk.door());
        return Ok(wiring.console(desk.as_ref(), ConsoleOptions { config: opening.config, ..out.console_options(global) })?);
    };
    let config = stage.config().to_string_lossy();
    if global.json {
        out.json(&json!({ "schema": SCHEMA, "config": config }))?;
    } else {
        out.text(&format!("{config}\n"))?;
    }
    out.flush()?;
    start(stage, &desk.door());
    signals.wait().while_doing(|| "cannot wait for the demo's end".to_owned())?;
    Ok(())
}

/// Starts the owners side by side, those who share a port one after the other. That some fail is what the demo shows.
fn start(stage: &Stage, door: &Arc<dyn Door>) {
    for row in stage.starts() {
        let door = Arc::clone(door);
        thread::spawn(move || {
            crate::failpoint::pass("demo");
            for owner in row {
                let Ok(id) = InstanceId::of_owner(owner) else { continue };
                let order =
                    Order { verb: Verb::Start, id, target: Target::Whatever, reason: Some("the demo begins".to_owned()), timeout: None };
                door.carry_out(order, &mut |_| {});
            }
        });
    }
}

fn ending_signals() -> Result<SigSet, Stop> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        signals.add(signal);
    }
    signals.thread_block().while_doing(|| "cannot block signals".to_owned())?;
    Ok(signals)
}
