//! The check of the process: does it run, and if not, how did it end?
//!
//! It must never name a reason that neither the kernel nor the log names.

use super::says::{Saying, module};
use super::{Given, berth, check, tell, with};
use crate::domain::{Check, ExitStatus, LastExit, LogLevel, LogLineKind, Reading, Shown, State, Step, Topic, Verdict, Wish, words};

/// How many lines of the log are quoted where none is understood.
const QUOTED: usize = 4;

/// Whether it runs; or how it ended.
pub(super) fn process(given: &Given<'_>) -> Check {
    let row = given.row;
    let id = given.id();
    match row.state {
        State::Running | State::Degraded | State::Starting | State::Stopping => {
            let pid = row.main.known().map(|key| format!(": pid {}", key.pid)).unwrap_or_default();
            let why = row.why.as_ref().map(|why| format!(", {why}")).unwrap_or_default();
            check(Topic::Process, Verdict::Good, &format!("it is {}{pid}{why}", row.state.word()))
        }
        State::Unknown => {
            let why = row.why.as_ref().map_or("it may not be seen", Shown::as_str);
            check(Topic::Process, Verdict::Unknown, why)
        }
        State::Crashed | State::CrashLoop => ended(given),
        State::Stopped => match (row.wish, row.exit) {
            (Some(Wish::Up), Some(_)) => ended(given),
            // Told last of all: a start would show what else is wrong.
            (Some(Wish::Up), None) => with(Topic::Process, Verdict::Symptom, "it does not run, though it should", vec![start(&id)]),
            _ if matches!(given.checkup.stopped, Reading::Known(_)) => {
                let by = given.checkup.stopped.as_ref().known().map_or("", |by| by.as_str());
                with(Topic::Process, Verdict::Bad, &format!("it does not run: {by}"), vec![start(&id)])
            }
            _ if given.said.is_some() => ended(given),
            _ if given.checkup.stopped == Reading::Denied => {
                let sentence = "it does not run, and is not meant to; who stopped it, if anybody did, this account may not see";
                with(Topic::Process, Verdict::Symptom, sentence, vec![start(&id)])
            }
            _ => with(Topic::Process, Verdict::Symptom, "it does not run, and nobody asked for it to", vec![start(&id)]),
        },
    }
}

fn start(id: &str) -> Step {
    berth(&["start", id], "starts it")
}

fn ended(given: &Given<'_>) -> Check {
    let id = given.id();
    let how = given.row.exit.map_or_else(|| "it does not run".to_owned(), |exit| end(&exit));
    let again = if given.row.state == State::CrashLoop { ", again and again" } else { "" };
    let memory = given.declared.limits.memory_max;
    let limit = memory.map(|bytes| format!("; its limit is {}", words::size(bytes))).unwrap_or_default();
    let more = || vec![tell("give it more in `memory_max` of the template, or have it need less"), start(&id)];
    let killed = given.row.exit.is_some_and(|exit| matches!(exit.status, ExitStatus::Signal(9) | ExitStatus::Code(137)));
    if let Some(over) = given.row.exit.and_then(|exit| exit.over_memory) {
        let sentence = format!("{how}{again}: the kernel killed it for using more memory than its {}", words::size(over));
        return with(Topic::Process, Verdict::Bad, &sentence, more());
    }
    if let Some(said) = given.said {
        let reason = match said.what {
            Saying::OutOfMemory => Some((format!("it ran out of memory{limit}"), more())),
            Saying::ModuleMissing => {
                let name = module(said.line.as_str()).map(|name| format!(" {name}")).unwrap_or_default();
                let directory = given.declared.launch.as_ref().map(|launch| launch.directory.to_string_lossy().into_owned());
                let place = directory.map(|directory| format!(" in {directory}")).unwrap_or_default();
                let install = tell(&format!("install what it needs{place} (npm ci, or pip install -r requirements.txt)"));
                Some((
                    format!("a module that it needs is not there:{}", if name.is_empty() { " see its log" } else { &name }),
                    vec![install, start(&id)],
                ))
            }
            Saying::NotPermitted => Some((
                "it was not permitted something that it needs".to_owned(),
                vec![tell("give its account the right that the line names"), start(&id)],
            )),
            Saying::KeyRefused => {
                Some(("its credentials were refused".to_owned(), vec![tell("mend the key in its environment file"), start(&id)]))
            }
            // These are the checks' of the port and of the disks.
            Saying::PortTaken | Saying::DiskFull => None,
        };
        if let Some((reason, steps)) = reason {
            let told = with(Topic::Process, Verdict::Bad, &format!("{how}{again}: {reason}"), steps);
            return Check { quotes: vec![said.line.clone()], ..told };
        }
    }
    let steps = vec![berth(&["logs", &id], "shows the whole log"), start(&id)];
    if killed {
        let sentence = format!("{how}{again}: KILL comes from a person, or from the kernel when memory runs out{limit}");
        return Check { quotes: last(given), ..with(Topic::Process, Verdict::Suspect, &sentence, steps) };
    }
    let meaning = given.row.exit.and_then(|exit| meaning(exit.status)).map(|meaning| format!(": {meaning}")).unwrap_or_default();
    Check { quotes: last(given), ..with(Topic::Process, Verdict::Symptom, &format!("{how}{again}{meaning}"), steps) }
}

fn end(exit: &LastExit) -> String {
    match exit.status {
        ExitStatus::Code(code) => format!("it exited with code {code}"),
        ExitStatus::Signal(signal) => format!("it was killed by signal {signal}"),
        ExitStatus::Unknown => "it ended, and nobody was there to see how".to_owned(),
    }
}

fn meaning(status: ExitStatus) -> Option<&'static str> {
    match status {
        ExitStatus::Code(0) => Some("it ended by itself, content"),
        ExitStatus::Code(126) => Some("a shell's word for a program that may not be executed"),
        ExitStatus::Code(127) => Some("a shell's word for a program that is not there"),
        ExitStatus::Signal(4 | 7 | 8 | 11) => Some("the program itself is at fault"),
        _ => None,
    }
}

/// The last lines that name an error, else the last ones.
fn last(given: &Given<'_>) -> Vec<Shown> {
    let Ok(lines) = &given.checkup.log else { return Vec::new() };
    let written: Vec<_> = lines.iter().filter(|line| line.kind == LogLineKind::Text && !line.text.is_empty()).collect();
    let errors: Vec<_> = written.iter().copied().filter(|line| line.level == Some(LogLevel::Error)).collect();
    let chosen = if errors.is_empty() { written } else { errors };
    chosen.iter().skip(chosen.len().saturating_sub(QUOTED)).map(|line| line.text.clone()).collect()
}
