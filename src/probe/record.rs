//! What one process answered so far, and the verdict that follows. Pure: times are given.
//!
//! It must never change its mind for one lost answer.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::failure::Failure;
use super::opinion::Opinion;
use crate::domain::{Certificate, Course, Health, HealthState, Metrics, Probed, ProcessKey, Server, Shown};

/// So many questions in a row without an answer: it is not well.
pub const UNHEALTHY_AFTER: u32 = 3;

/// From here on an answer is late.
pub const SLOW: Duration = Duration::from_millis(500);

/// So many answers in a row that tell of trouble: it is degraded.
const TROUBLED_AFTER: u32 = 2;

/// What came of one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer, and how long it took.
    Answered(Opinion, Duration),
    /// None.
    Failed(Failure),
}

/// What one process answered.
#[derive(Clone, Debug)]
pub struct Record {
    of: ProcessKey,
    course: Course,
    /// Questions in a row without an answer.
    failures: u32,
    /// Answers ever.
    answers: u32,
    /// Answers in a row that told of trouble.
    troubles: u32,
    last: Option<Outcome>,
    latency: Option<u32>,
    checked_at: Option<Timestamp>,
    /// What held before the question that is not answered yet.
    before: HealthState,
    server: Option<Arc<Server>>,
    metrics: Option<Arc<Metrics>>,
    certificate: Option<Arc<Certificate>>,
}

impl Record {
    /// Of a process that was not asked yet.
    pub fn new(of: ProcessKey) -> Self {
        Self {
            of,
            course: Course::default(),
            failures: 0,
            answers: 0,
            troubles: 0,
            last: None,
            latency: None,
            checked_at: None,
            before: HealthState::Unknown,
            server: None,
            metrics: None,
            certificate: None,
        }
    }

    /// Whether it ever answered.
    pub fn has_answered(&self) -> bool {
        self.answers > 0
    }

    /// Whether the last question was not answered, and it is not given up yet: it is asked again soon.
    pub fn is_in_doubt(&self) -> bool {
        (1..UNHEALTHY_AFTER).contains(&self.failures)
    }

    /// Whether it answered the last question.
    pub fn answers_now(&self) -> bool {
        self.has_answered() && self.failures == 0
    }

    /// It said which server it is.
    pub fn introduced(&mut self, server: Server) {
        self.server = Some(Arc::new(server));
    }

    /// It showed this certificate, or none.
    pub fn showed(&mut self, certificate: Option<Certificate>) {
        if self.certificate.as_deref() != certificate.as_ref() {
            self.certificate = certificate.map(Arc::new);
        }
    }

    /// The certificate that it showed last.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_deref()
    }

    /// What it counts of itself.
    pub fn counted(&mut self, metrics: Option<Arc<Metrics>>) {
        self.metrics = metrics;
    }

    /// Takes over what came of a question. `is_young`: it may still be starting.
    pub fn took(&mut self, outcome: Outcome, at: Timestamp, is_young: bool) {
        self.before = self.state(is_young);
        self.checked_at = Some(at);
        match &outcome {
            Outcome::Answered(opinion, took) => {
                // No answer is there before it was asked for: less than a millisecond is told as one.
                let latency = u32::try_from(took.as_micros().div_ceil(1000)).unwrap_or(u32::MAX);
                self.course.add(Some(latency));
                self.latency = Some(latency);
                self.answers = self.answers.saturating_add(1);
                self.failures = 0;
                self.troubles = if matches!(opinion, Opinion::Troubled(_)) { self.troubles.saturating_add(1) } else { 0 };
            }
            Outcome::Failed(failure) if failure.is_no_verdict() => {}
            Outcome::Failed(_) => {
                self.course.add(None);
                self.failures = self.failures.saturating_add(1);
                if self.failures >= UNHEALTHY_AFTER {
                    self.latency = None;
                }
            }
        }
        self.last = Some(outcome);
    }

    /// The verdict.
    fn state(&self, is_young: bool) -> HealthState {
        let Some(last) = &self.last else { return if is_young { HealthState::Starting } else { HealthState::Unknown } };
        match last {
            Outcome::Failed(failure) if failure.is_no_verdict() => HealthState::Unknown,
            Outcome::Failed(_) if self.answers == 0 && is_young => HealthState::Starting,
            Outcome::Failed(_) if self.failures >= UNHEALTHY_AFTER => HealthState::Unhealthy,
            Outcome::Failed(_) => match self.before {
                HealthState::Starting => HealthState::Unknown,
                before => before,
            },
            Outcome::Answered(..) if self.troubles >= TROUBLED_AFTER => HealthState::Degraded,
            // The first word counts where there was none before it.
            Outcome::Answered(Opinion::Troubled(_), _) if self.answers == 1 => HealthState::Degraded,
            Outcome::Answered(..) if self.is_slow() => HealthState::Slow,
            Outcome::Answered(Opinion::Guarded, _) => HealthState::Guarded,
            Outcome::Answered(..) if self.server.as_ref().is_some_and(|server| server.wants_key) => HealthState::Guarded,
            Outcome::Answered(..) => HealthState::Healthy,
        }
    }

    /// The middle one of the last three answers is late: one late answer is none.
    fn is_slow(&self) -> bool {
        let mut last = [0; 3];
        let mut count = 0;
        for time in self.course.iter().flatten() {
            last[count % 3] = time;
            count += 1;
        }
        let known = &mut last[..count.min(3)];
        known.sort_unstable();
        known.get(known.len().saturating_sub(1) / 2).is_some_and(|middle| u128::from(*middle) >= SLOW.as_millis())
    }

    fn why(&self, state: HealthState) -> Option<Shown> {
        let failed = |failure: Failure| match self.failures {
            0 | 1 => Shown::new(&format!("it {}", failure.words())),
            times => Shown::new(&format!("it {}, {times} times in a row", failure.words())),
        };
        match (state, &self.last) {
            (HealthState::Slow, _) => Some(Shown::new("its answers take half a second and more")),
            (HealthState::Degraded, Some(Outcome::Answered(Opinion::Troubled(why), _))) => Some(why.clone()),
            (HealthState::Guarded, _) => Some(Shown::new("it is alive and answers nobody without credentials")),
            // How often is told until it counts as down: a sentence that changes with every question is painted with every question.
            (HealthState::Unhealthy, Some(Outcome::Failed(failure))) => {
                Some(Shown::new(&format!("it {}, {UNHEALTHY_AFTER} times in a row and more", failure.words())))
            }
            (_, Some(Outcome::Failed(failure))) => Some(failed(*failure)),
            _ => None,
        }
    }

    /// All of it as facts.
    pub fn probed(&self, is_young: bool) -> Probed {
        let state = self.state(is_young);
        let latency_ms = self.latency.filter(|_| !matches!(state, HealthState::Starting | HealthState::Unknown | HealthState::Unhealthy));
        Probed {
            of: self.of,
            health: Health { state, latency_ms, checked_at: self.checked_at },
            why: self.why(state),
            course: self.course,
            server: self.server.clone(),
            metrics: self.metrics.clone().filter(|_| self.answers_now()),
            certificate: self.certificate.clone(),
        }
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
