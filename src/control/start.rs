//! Starting: refused while the port is another's, done when the instance's own process listens on it, explained when it fails.
//!
//! It must never take a log line or an answer for success: only a listening socket of the instance's own tree counts.

use std::time::{Duration, Instant};

use crate::domain::{Caller, Code, Declared, ExitStatus, Finding, InstanceId, Order, Outcome, Restart, Row, Shown, Snapshot, State};
use crate::error::{Error, Kind, Result};
use crate::logs::{Journal, Opener, last_lines, places};
use crate::present::{units, wording};
use crate::supervisor::Started;
use crate::supervisor::process::identity_of;

use super::act::{Control, Progress, done};
use super::{ears, port};

/// How often it is looked whether the instance listens, while somebody listens on its port.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// How often it is looked while nobody does: it may listen on another one, or in a network namespace of its own.
const LOOK_AT_LEAST: Duration = Duration::from_millis(500);

/// How many of the log's last lines explain a failure.
const LINES: usize = 8;

#[allow(clippy::too_many_arguments, reason = "one step of the pipeline with what the steps before it found out")]
pub(super) fn start(
    control: &Control,
    caller: &Caller,
    order: &Order,
    snapshot: &Snapshot,
    row: &Row,
    declared: &Declared,
    again: bool,
    progress: Progress<'_>,
) -> Result<Outcome> {
    if row.state.is_up() {
        return running(control, order, snapshot, row, declared, progress);
    }
    if row.state == State::Unknown {
        let why = row.why.as_ref().map_or("it may not be seen", |why| why.as_str());
        return Err(Error::failed(format!("not started. Whether it runs is not known: {why}")));
    }
    if let Some(taken) = rivals(snapshot, &order.id).or_else(|| about(snapshot, &order.id, Code::PortTaken)) {
        return Err(Error::new(Kind::Busy, format!("not started. {}", taken.evidence)).hint(another_port(declared)));
    }
    if let Some(obstacle) = port::obstacle(declared) {
        return Err(Error::new(Kind::Busy, format!("not started. {obstacle}")).hint(another_port(declared)));
    }
    progress(&Shown::new("starting"));
    let begun = Instant::now();
    let started = control.supervisor.start(declared, caller, again)?;
    await_listening(control, order, declared, started, begun, progress)
}

/// Waits until what was started listens, or has ended.
pub(super) fn await_listening(
    control: &Control,
    order: &Order,
    declared: &Declared,
    mut started: Box<dyn Started>,
    begun: Instant,
    progress: Progress<'_>,
) -> Result<Outcome> {
    let deadline = order.timeout.or_else(|| declared.launch.as_ref().map(|launch| launch.start_timeout)).unwrap_or(Duration::from_secs(60));
    if let Some(port) = declared.port {
        progress(&Shown::new(&format!("waiting for port {port}")));
    }
    let mut outcome = wait(control, order, declared, started.as_mut(), begun, deadline)?;
    // While it came up, its user's scripts could read what it was before; from here on they read what it is.
    outcome.hints.extend(declared.port.and_then(|port| control.keep_port(declared, port).told_on_start()));
    Ok(outcome)
}

/// The finding of this kind about an instance.
pub(super) fn about<'a>(snapshot: &'a Snapshot, id: &InstanceId, code: Code) -> Option<&'a Finding> {
    snapshot.findings.iter().find(|finding| finding.code == code && finding.instances.contains(id))
}

/// The finding that another instance that is configured with the same port has it. Whose instance is not up does not have it itself.
pub(super) fn rivals<'a>(snapshot: &'a Snapshot, id: &InstanceId) -> Option<&'a Finding> {
    about(snapshot, id, Code::PortDuplicate).filter(|finding| !finding.processes.is_empty())
}

/// The way out where the port is somebody else's.
fn another_port(declared: &Declared) -> String {
    format!("berth assign {} --port auto    gives it a free one", declared.id)
}

/// What runs already is started when it listens, as what was started now.
fn running(
    control: &Control,
    order: &Order,
    snapshot: &Snapshot,
    row: &Row,
    declared: &Declared,
    progress: Progress<'_>,
) -> Result<Outcome> {
    let Some(port) = declared.port.filter(|_| is_mute(snapshot, row)) else { return Ok(done(already(row))) };
    progress(&Shown::new(&format!("waiting for port {port}")));
    let begun = Instant::now();
    let deadline = order.timeout.or_else(|| declared.launch.as_ref().map(|launch| launch.start_timeout)).unwrap_or(Duration::from_secs(60));
    loop {
        let snapshot = control.eyes.look_again_since(&order.id, LOOK_EVERY);
        let row = snapshot.row(&order.id).filter(|row| row.state.is_up());
        let Some(row) = row else {
            return Err(Error::failed("not started. It ran and listened on nothing, and ended").hint(format!("berth logs {}", order.id)));
        };
        if !is_mute(&snapshot, row) {
            return Ok(done(already(row)));
        }
        // Whose time to start is over was waited for before.
        let is_silent = about(&snapshot, &order.id, Code::PortSilent).is_some();
        if !is_silent && begun.elapsed() >= deadline {
            return Ok(done(already(row)));
        }
        if is_silent {
            let who = row.main.known().map(|key| format!(": {key}")).unwrap_or_default();
            let mut outcome = done(format!("not started. It runs already{who}, and listens on nothing; its port is {port}"));
            outcome.exit_code = Kind::Failed.exit_code();
            outcome.hints = ["logs", "restart"].iter().map(|verb| Shown::new(&format!("berth {verb} {}", declared.id))).collect();
            outcome.log_lines = lines(control, declared);
            return Ok(outcome);
        }
        std::thread::sleep(LOOK_AT_LEAST);
    }
}

/// Whether it runs and is seen to listen on nothing: young, or found to be silent. What may not be seen, or happens in another network
/// namespace, is neither.
fn is_mute(snapshot: &Snapshot, row: &Row) -> bool {
    row.state == State::Starting || about(snapshot, &row.id, Code::PortSilent).is_some()
}

fn already(row: &Row) -> String {
    match (row.main.known(), row.port) {
        (Some(key), Some(port)) => format!("is running already: {key}, port {port}"),
        (Some(key), None) => format!("is running already: {key}"),
        _ => "is running already".to_owned(),
    }
}

fn wait(
    control: &Control,
    order: &Order,
    declared: &Declared,
    started: &mut dyn Started,
    begun: Instant,
    deadline: Duration,
) -> Result<Outcome> {
    let mut looked = begun;
    loop {
        if let Some(status) = started.ended() {
            return Ok(failed(control, declared, status, started.why(), begun));
        }
        let is_due = looked.elapsed() >= LOOK_AT_LEAST || begun.elapsed() >= deadline;
        if !is_due && declared.port.is_some_and(|port| !control.ears.hear(port)) {
            std::thread::sleep(ears::RECENT);
            continue;
        }
        looked = Instant::now();
        control.supervisor.forget(&order.id);
        let snapshot = control.eyes.look_again_since(&order.id, LOOK_EVERY);
        let row = snapshot.row(&order.id);
        // A service whose port is written nowhere may listen on any.
        let is_own = |port: u16| declared.port.map_or(declared.unit.is_some(), |own| own == port);
        let listens = row.and_then(|row| row.listening.iter().find(|(endpoint, _)| is_own(endpoint.port)));
        if let Some((endpoint, pid)) = listens {
            // What a cluster's daemon holds its workers serve.
            let published = row.and_then(|row| row.publisher).map(|publisher| publisher.pid);
            let pid = pid.filter(|pid| Some(*pid) != published).unwrap_or(started.main().pid);
            let mut outcome = done(format!("running: pid {pid} listens on {endpoint} after {}", units::took(begun.elapsed())));
            // Both can listen, so it was started; that it may be mistaken for another one is to be known all the same.
            outcome.hints.extend(about(&snapshot, &order.id, Code::PortShadowed).map(|finding| finding.evidence.clone()));
            return Ok(outcome);
        }
        let runs = row.filter(|row| row.supervisor.is_container() && row.state.is_up() && row.main.known().is_some());
        if let Some(row) = runs.filter(|row| row.port.is_none() && row.processes.iter().any(|process| process.elsewhere)) {
            let pid = row.main.known().map_or(started.main().pid, |main| main.pid);
            return Ok(done(format!("running: pid {pid}, after {}; it publishes no port", units::took(begun.elapsed()))));
        }
        if begun.elapsed() >= deadline {
            let elsewhere = row.and_then(|row| row.listening.first());
            let is_away = row.is_some_and(|row| row.processes.iter().any(|process| process.elsewhere));
            let port = declared.port.map_or_else(String::new, |port| format!(" {port}"));
            let what = elsewhere.map_or_else(
                || {
                    let took = units::took(deadline);
                    let away = "lives in a network namespace of its own, and whether it listens there is not to be seen";
                    if is_away { format!("{away}, after {took}") } else { format!("listens on nothing after {took}") }
                },
                |(endpoint, _)| format!("listens on {endpoint} and not on its port{port}"),
            );
            let mut outcome = done(format!("started, but pid {} {what}; it was left running", started.main().pid));
            outcome.exit_code = Kind::Failed.exit_code();
            outcome.hints = vec![Shown::new(&format!("berth logs {}", declared.id)), Shown::new(&format!("berth stop {}", declared.id))];
            outcome.log_lines = lines(control, declared);
            return Ok(outcome);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn failed(control: &Control, declared: &Declared, status: ExitStatus, why: Option<Shown>, begun: Instant) -> Outcome {
    let how = wording::exit(status);
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    let mut hints = vec![Shown::new(&format!("berth logs {}    shows the whole log", declared.id))];
    if declared.launch.as_ref().is_some_and(|launch| launch.restart != Restart::No) {
        let whose = if declared.unit.is_some() { declared.supervisor.word() } else { "its keeper" };
        hints.push(Shown::new(&format!("berth stop {}    ends the further tries of {whose}", declared.id)));
    }
    hints.extend(port::explanation(declared).map(|why| Shown::new(&why)));
    Outcome {
        exit_code: Kind::Failed.exit_code(),
        sentence: Shown::new(&format!("not started. Its process {how} after {}{why}", units::took(begun.elapsed()))),
        hints,
        log_lines: lines(control, declared),
    }
}

/// The last lines of the log, read as the user; none when they cannot be read.
fn lines(control: &Control, declared: &Declared) -> Vec<Shown> {
    // What is kept in memory is there for as long as these are.
    let kept = control.supervisor.log(declared);
    let journal = declared.journal().map(|(unit, user)| Journal::last(unit.as_str(), user, LINES));
    let opened = match (&kept, &journal) {
        (Some(kept), _) => vec![kept()],
        (None, Some(journal)) => vec![journal.open()],
        (None, None) => {
            let who = identity_of(declared);
            places(declared).iter().map(|(root, beneath)| control.reader.open(&who, root, beneath)).collect()
        }
    };
    let lines = opened.into_iter().filter_map(|file| last_lines(&file.ok()?, LINES).ok()).flatten().map(|line| line.text);
    let mut lines: Vec<Shown> = lines.collect();
    // Of several the one for errors comes last, and is the one that says why.
    lines.drain(..lines.len().saturating_sub(LINES));
    lines
}
