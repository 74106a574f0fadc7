//! restart-pending: what an instance was started with is not what it would be started with now.
//!
//! It must never be said because of a touched file where it is known what the instance was started with, and never because of a
//! time that lies ahead of the clock.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::join::Subject;
use super::rule::{Facts, Rule};
use crate::domain::{Code, Finding, Part, Program, ReadBy, Reading, Remedy, Settings, Shown, words};

/// How exactly a process's start and a file's time can be compared: clock ticks, and the kernel's coarse file times.
const SLACK: SignedDuration = SignedDuration::from_secs(1);

/// How many differences are told.
const MOST_TOLD: usize = 6;

/// The rule.
pub(super) struct RestartPending;

impl Rule for RestartPending {
    fn check(&self, facts: &Facts<'_>, found: &mut Vec<Finding>) {
        for subject in facts.subjects() {
            let Reading::Known(main) = subject.main else { continue };
            // A broken configuration is told by another rule, and nothing can be started with it.
            if subject.declared.fault.is_some() {
                continue;
            }
            let now = &subject.declared.settings;
            let recorded = subject.claimed_main.and(subject.claim).and_then(|claim| claim.started_with.as_ref());
            // The supervisor makes both the same where they say the same: nothing is compared on a quiet host.
            if recorded.is_some_and(|recorded| Arc::ptr_eq(recorded, now)) {
                continue;
            }
            let seen = facts.census.get(main).map(|person| person.started_at);
            let told = subject.claimed_main.and(subject.claim).and_then(|claim| claim.started_at);
            let Some(started) = told.or(seen) else { continue };
            let run = Run { facts, subject, started };
            let sentences = match recorded {
                Some(recorded) => run.against_record(recorded),
                None => run.by_times(),
            };
            if sentences.is_empty() {
                continue;
            }
            found.push(Finding {
                code: Code::RestartPending,
                instances: vec![subject.declared.id.clone()],
                port: None,
                processes: vec![main],
                since: facts.now(),
                evidence: Shown::new(&sentences.join("; ")),
                remedies: vec![Remedy::Restart],
            });
        }
    }
}

/// One run of an instance, and when it began.
struct Run<'a> {
    facts: &'a Facts<'a>,
    subject: &'a Subject<'a>,
    started: Timestamp,
}

impl Run<'_> {
    /// What differs from what was recorded at the start.
    fn against_record(&self, recorded: &Settings) -> Vec<String> {
        let now = &self.subject.declared.settings;
        let mut sentences = Vec::new();
        for part in &now.parts {
            let Some(before) = recorded.part(&part.name) else {
                sentences.push(format!("{} is new since {}", part.name, self.start()));
                continue;
            };
            let changes = part.changes_since(before);
            // The server read it again when the keeper started it again.
            let was_read_again = part.read_by == ReadBy::Server && !self.is_after_start(latest(part));
            if !changes.is_empty() && !was_read_again {
                sentences.push(format!("{}: {}", self.changed(&part.name, part.modified.or(part.changed)), list(&changes)));
            }
        }
        let gone = recorded.parts.iter().filter(|part| now.part(&part.name).is_none());
        sentences.extend(gone.map(|part| format!("{} is gone since {}", part.name, self.start())));
        for program in &now.programs {
            let before = recorded.programs.iter().find(|before| before.path == program.path);
            let is_another = before.is_some_and(|before| !is_same_file(before, program));
            if is_another && self.is_after_start(Some(program.modified.max(program.changed))) {
                sentences.push(self.changed(&program.path, Some(program.changed)));
            }
        }
        sentences
    }

    /// What is newer than the process, where nobody recorded what it was started with.
    fn by_times(&self) -> Vec<String> {
        let now = &self.subject.declared.settings;
        let mut sentences = Vec::new();
        for part in now.parts.iter().filter(|part| self.is_newer(part.modified)) {
            let changed = self.changed(&part.name, part.modified);
            sentences.push(format!("{changed}; what differs is not known, because berth did not start it"));
        }
        for program in now.programs.iter().filter(|program| self.is_newer(Some(program.modified))) {
            sentences.push(self.changed(&program.path, Some(program.modified)));
        }
        sentences
    }

    /// Whether something happened after the start; not when it is not known when it happened.
    fn is_after_start(&self, at: Option<Timestamp>) -> bool {
        at.is_none_or(|at| at.duration_since(self.started) > -SLACK)
    }

    /// Whether a file's time lies clearly between the start and now.
    fn is_newer(&self, at: Option<Timestamp>) -> bool {
        at.is_some_and(|at| at.duration_since(self.started) > SLACK && at.duration_since(self.facts.now()) <= SLACK)
    }

    /// "config.json changed at 12:03:04, after alice's instance was started".
    fn changed(&self, what: &str, at: Option<Timestamp>) -> String {
        let start = self.start();
        match at.filter(|at| *at > self.started && *at <= self.facts.now()) {
            Some(at) => format!("{what} changed at {}, after {start}", self.facts.clock(at)),
            None => format!("{what} changed after {start}"),
        }
    }

    fn start(&self) -> String {
        format!("{} was started", words::instance(&self.subject.declared.id))
    }
}

/// When a part was changed or put where it is.
fn latest(part: &Part) -> Option<Timestamp> {
    part.modified.max(part.changed)
}

fn is_same_file(before: &Program, now: &Program) -> bool {
    (before.modified, before.size, before.inode) == (now.modified, now.size, now.inode)
}

/// The differences in a row, the last of many only counted.
fn list(changes: &[Shown]) -> String {
    let mut told: Vec<String> = changes.iter().take(MOST_TOLD).map(ToString::to_string).collect();
    if changes.len() > MOST_TOLD {
        told.push(format!("and {} more", changes.len() - MOST_TOLD));
    }
    told.join(", ")
}

#[cfg(test)]
#[path = "restart_pending_tests.rs"]
mod tests;
