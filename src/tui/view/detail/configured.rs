//! Where the instance is configured, with what, and how it ended before.
//!
//! It must never show a value that is likely a secret.

use std::path::Path;

use ratatui::style::Style;

use super::{Line, labelled};
use crate::domain::{Declared, LastExit, Row, Shown, SupervisorKind, words};
use crate::present::{units, wording};
use crate::tui::state::State;

/// How far apart the kernel and the keeper tell one end at most.
const MOMENT: jiff::SignedDuration = jiff::SignedDuration::from_secs(2);

/// Where it is configured.
pub fn lines(state: &State, row: &Row, width: u16, large: bool, lines: &mut Vec<Line>) {
    let Some(declared) = &row.declared else {
        labelled(state, lines, width, "config", "none: it belongs to no instance", state.settings.theme.dim);
        return;
    };
    // What this caller may not read is no fault; the state says why it is unknown.
    if let Some(fault) = declared.fault.as_ref().filter(|fault| !fault.denied || row.why.is_none()) {
        let place = [fault.line, fault.column].into_iter().flatten().map(|number| format!(":{number}")).collect::<String>();
        labelled(state, lines, width, "fault", &format!("{}{place}: {}", fault.file, fault.reason), state.settings.theme.error);
    }
    labelled(state, lines, width, "config", &path(&declared.config), Style::new());
    if large {
        if let Some(unit) = &declared.unit {
            let told = row.service.as_ref().map(|service| format!(": {}", service.told)).unwrap_or_default();
            let is_app = row.supervisor == SupervisorKind::Pm2;
            labelled(state, lines, width, if is_app { "app" } else { "unit" }, &format!("{}{told}", unit.name), Style::new());
            let log = if is_app { path(&declared.log) } else { unit.log_command(row.supervisor) };
            labelled(state, lines, width, "log", &log, Style::new());
        } else {
            labelled(state, lines, width, "log", &path(&declared.log), Style::new());
            labelled(state, lines, width, "pid file", &path(&declared.pid_file), Style::new());
        }
        if let Some(workspace) = &declared.workspace {
            labelled(state, lines, width, "works in", &path(workspace), Style::new());
        }
        if let Some(name) = &declared.server_name {
            labelled(state, lines, width, "server", name.as_str(), Style::new());
        }
        labelled(state, lines, width, "by", &wording::by(row), Style::new());
        launch(state, declared, width, lines);
        settings(state, row, declared, width, lines);
    }
}

fn path(path: &Path) -> String {
    Shown::from_bytes(path.as_os_str().as_encoded_bytes()).to_string()
}

/// How it is started.
fn launch(state: &State, declared: &Declared, width: u16, lines: &mut Vec<Line>) {
    let Some(launch) = &declared.launch else { return };
    labelled(state, lines, width, "command", Shown::new(&launch.command.join(" ")).as_str(), Style::new());
    labelled(state, lines, width, "in", &path(&launch.directory), Style::new());
    let (start, stop) = (units::uptime(launch.start_timeout), units::uptime(launch.stop_timeout));
    labelled(state, lines, width, "timeouts", &format!("{start} to start, {stop} to stop"), Style::new());
}

/// What its files say, secrets masked; for its own account and root.
fn settings(state: &State, row: &Row, declared: &Declared, width: u16, lines: &mut Vec<Line>) {
    // Of several hosts each has accounts of its own.
    let own = &state.settings.caller;
    let caller = state.snapshot.as_ref().map_or(own, |shown| shown.caller_at(&row.id, own));
    if !(caller.uid.is_root() || caller.uid == row.uid) {
        labelled(state, lines, width, "settings", "only its own account and root may see them", state.settings.theme.dim);
        return;
    }
    for part in &declared.settings.parts {
        labelled(state, lines, width, "settings", Shown::new(&part.name).as_str(), state.settings.theme.title);
        for (key, value) in part.shown() {
            labelled(state, lines, width, "", &format!("{key} = {value}"), Style::new());
        }
    }
    if let Some(file) = &declared.env_file {
        for name in &file.empty {
            labelled(state, lines, width, "", &format!("{name} is empty"), state.settings.theme.warning);
        }
    }
}

/// How it ended, the newest first.
pub fn ends(state: &State, row: &Row, width: u16, large: bool, lines: &mut Vec<Line>) {
    let now = state.header.now.wall;
    let mut exits: Vec<_> = row.exit.iter().copied().collect();
    if large {
        // The kernel and the keeper tell the same end, each with its own moment.
        let is_told =
            |exit: &&LastExit| row.exit.is_some_and(|last| last.status == exit.status && last.at.duration_since(exit.at).abs() < MOMENT);
        let newest = row.exits.last().filter(|exit| !is_told(exit));
        let before = row.exits.split_last().map_or(&[][..], |(_, before)| before);
        exits.extend(newest.into_iter().chain(before.iter().rev()));
    }
    for (index, exit) in exits.iter().enumerate() {
        let at = words::clock(exit.at, now, &state.settings.zone);
        let label = if index == 0 { "ended" } else { "" };
        labelled(state, lines, width, label, &format!("{at}, {} ago: {}", wording::age(exit.at, now), wording::ended(exit)), Style::new());
    }
}
