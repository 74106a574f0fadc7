//! Carrying an order out: who may, the lock, the intent, the deed, the result.
//!
//! It must never signal or open anything itself: supervisors and hands do.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::domain::{Caller, Declared, Deed, Order, Outcome, ProcessKey, Row, Shown, Signal, Snapshot, State, Target, Uid, Verb};
use crate::error::{Error, Kind, Result};
use crate::failpoint::cut;
use crate::hand::{Reader, Zygote};
use crate::present::units;
use crate::registry::Pins;
use crate::supervisor::Supervisor;

use super::audit::Audit;
use super::authorise::{Policy, why_not};
use super::ears::Ears;
use super::eyes::{Eyes, Look};
use super::journal::Journal;
use super::left::LeftOver;
use super::refused::Refusals;
use super::restore::Unasked;
use super::start;

/// How old the look may be by which an order's instance is found: what is acted on is looked at again behind the lock.
pub(super) const RECENT: Duration = Duration::from_secs(1);

/// Everything that acting needs.
pub struct Control {
    pub(super) supervisor: Arc<dyn Supervisor>,
    pub(super) reader: Arc<Reader>,
    pub(super) eyes: Eyes,
    pub(super) ears: Ears,
    pub(super) zygote: Arc<Zygote>,
    policy: Policy,
    pub(super) audit: Audit,
    pub(super) refusals: Refusals,
    pub(super) state: PathBuf,
    pub(super) pins: Pins,
}

/// Told each step in words.
pub type Progress<'a> = &'a mut dyn FnMut(&Shown);

impl Control {
    /// A control whose own state lies in `state`.
    pub fn new(
        supervisor: Arc<dyn Supervisor>,
        reader: Arc<Reader>,
        zygote: Arc<Zygote>,
        eye: Box<dyn Look>,
        policy: Policy,
        state: PathBuf,
    ) -> Self {
        Self {
            supervisor,
            reader,
            eyes: Eyes::new(eye),
            ears: Ears::new(),
            zygote,
            policy,
            audit: Audit::below(&state),
            refusals: Refusals::default(),
            state,
            pins: Pins::default(),
        }
    }

    /// The same, with what happens told to the host's journal as well.
    #[must_use]
    pub fn with_journal(self, journal: Journal) -> Self {
        Self { audit: self.audit.with_journal(journal), ..self }
    }

    /// The same, which keeps there by which certificates instances are known.
    #[must_use]
    pub fn with_pins(self, pins: &Pins) -> Self {
        Self { pins: pins.clone(), ..self }
    }

    /// One whole look of its own, apart from any engine's.
    pub fn look(&self) -> Arc<Snapshot> {
        self.eyes.look()
    }

    /// Has the next look tell the limits in force of these: no look reads them by itself.
    pub fn limits_of(&self, mains: &[ProcessKey]) {
        self.eyes.limits_of(mains);
    }

    /// Has the next look tell of what a look by itself does not read.
    pub fn examine(&self) {
        self.eyes.examine();
    }

    /// Why the caller cannot have this done to a row; `None` when it can be asked.
    pub fn why_not(&self, caller: &Caller, verb: Verb, row: &Row) -> Option<Shown> {
        let Some(declared) = &row.declared else {
            return Some(Shown::new("it is no instance, so berth leaves it alone"));
        };
        if let Some(why) = why_not(caller, verb, declared.uid, &self.policy) {
            return Some(Shown::new(&why));
        }
        // Who is given another port is restarted on it.
        let needed = match verb {
            Verb::Assign(_) => Verb::Restart,
            // Whoever runs it has no part in it.
            Verb::Trust(_) => return None,
            other => other,
        };
        let able = self.supervisor.capabilities(declared);
        able.why_not(verb).or_else(|| able.why_not(needed)).map(Shown::new)
    }

    /// The last `count` entries of the audit trail, oldest first.
    ///
    /// # Errors
    /// When the trail may not or cannot be read.
    pub fn deeds(&self, count: usize, account: impl FnMut(Uid) -> Shown) -> Result<Vec<Deed>> {
        self.audit.last(count, account)
    }

    /// Carries an order out and says what came of it.
    pub fn carry_out(&self, caller: &Caller, order: &Order, progress: Progress<'_>) -> Outcome {
        self.attempt(caller, order, None, progress).unwrap_or_else(|error| outcome_of(&error))
    }

    pub(super) fn attempt(&self, caller: &Caller, order: &Order, unasked: Option<Unasked>, progress: Progress<'_>) -> Result<Outcome> {
        let snapshot = self.eyes.look_for(&order.id, RECENT);
        let row = snapshot.row(&order.id).ok_or_else(no_such)?;
        if let Some(why) = self.why_not(caller, order.verb, row) {
            let kind = if row.declared.as_ref().is_some_and(|declared| declared.launch.is_none() && !declared.is_unread())
                && order.verb != Verb::Stop
            {
                Kind::Failed
            } else {
                Kind::NotPermitted
            };
            let error = Error::new(kind, format!("not {}: {why}", order.verb.done()));
            // Where the configuration is the reason, its own fault says more than that it is one.
            let fault = row.declared.as_ref().and_then(|declared| declared.fault.as_ref()).filter(|_| kind == Kind::Failed);
            return Err(match fault {
                Some(fault) => error.because(fault.reason.as_str()).hint(format!(
                    "mend {}{}, then berth {} {}",
                    fault.file,
                    fault.line.map_or_else(String::new, |line| format!(" line {line}")),
                    order.verb,
                    order.id
                )),
                None => error,
            });
        }
        let Some(declared) = row.declared.clone() else { return Err(Error::failed("it is no instance")) };
        cut("order-authorised");
        let lock = self.lock(caller, &declared, order.verb, order.verb.done())?;
        cut("order-locked");
        // Looked again behind the lock: whoever had it before may have done the same.
        let snapshot = self.eyes.look_again(&order.id);
        let Some(row) = snapshot.row(&order.id) else { return Err(Error::new(Kind::NoSuchInstance, "it has just gone")) };
        check_target(order, row)?;
        let declared = self.declared_now(caller, order, row, declared)?;
        self.require_due(unasked, row, &declared)?;
        let left = if lock.is_alone { self.left_over(&order.id) } else { Vec::new() };
        let entry = match self.audit.intend(caller, order, lock.is_alone.then_some(row.state)) {
            Ok(entry) => Some(entry),
            Err(_) if order.verb == Verb::Stop => None,
            Err(error) => {
                return Err(Error::failed(format!("not {}. It could not be recorded", order.verb.done()))
                    .because(error)
                    .hint("only stop works without the audit trail: is the disk full?"));
            }
        };
        cut("order-recorded");
        let outcome = match order.verb {
            Verb::Start => self
                .require_same_account(unasked, &declared)
                .and_then(|()| start::start(self, caller, order, &snapshot, row, &declared, false, progress)),
            Verb::Stop => self.stop(caller, order, row, &declared, progress),
            Verb::Restart => self.restart(caller, order, row, &declared, progress),
            Verb::Logs => Err(Error::failed("reading a log is no action")),
            Verb::Signal(signal) => self.signal(caller, order, &declared, signal),
            Verb::Trust(print) => self.trust(row, print),
            Verb::Assign(_) => Err(Error::failed("a port is given by the registry, not by an order alone")),
        };
        cut("order-done");
        let mut outcome = outcome.unwrap_or_else(|error| outcome_of(&error));
        outcome.hints.extend(left.iter().map(LeftOver::told));
        if let Some(entry) = entry {
            // The deed is done; that its result could not be recorded must not hide it.
            drop(self.audit.conclude(entry, &outcome));
        }
        Ok(outcome)
    }

    /// What is declared behind the lock: the file may be another than at the look before. A stop is of what runs, whatever its file says.
    fn declared_now(&self, caller: &Caller, order: &Order, row: &Row, before: Arc<Declared>) -> Result<Arc<Declared>> {
        let now = row.declared.as_ref().filter(|now| (now.uid, &now.config) == (before.uid, &before.config));
        if order.verb == Verb::Stop {
            return Ok(now.map_or(before, Arc::clone));
        }
        let changed = || Error::new(Kind::Busy, format!("not {}. What declares it was changed just now", order.verb.done()));
        let now = now.ok_or_else(changed)?;
        match self.why_not(caller, order.verb, row).filter(|_| !Arc::ptr_eq(now, &before)) {
            Some(why) => Err(Error::failed(format!("not {}: {why}", order.verb.done()))),
            None => Ok(Arc::clone(now)),
        }
    }

    fn restart(&self, caller: &Caller, order: &Order, row: &Row, declared: &Declared, progress: Progress<'_>) -> Result<Outcome> {
        let was_up = row.state.is_up();
        let begun = Instant::now();
        if was_up && let Some(started) = self.supervisor.restart(declared, caller) {
            return start::await_listening(self, order, declared, started?, begun, progress);
        }
        if was_up {
            let stopped = self.stop(caller, order, row, declared, progress)?;
            if !stopped.is_done() {
                return Ok(stopped);
            }
            cut("restart-stopped");
        }
        let snapshot = self.eyes.look_again(&order.id);
        let Some(row) = snapshot.row(&order.id) else { return Err(Error::new(Kind::NoSuchInstance, "it has just gone")) };
        start::start(self, caller, order, &snapshot, row, declared, was_up, progress)
    }

    pub(super) fn stop(&self, caller: &Caller, order: &Order, row: &Row, declared: &Declared, progress: Progress<'_>) -> Result<Outcome> {
        if row.state == State::Stopped {
            // After a reboot it may be about to be started again.
            let kept = if self.supervisor.keep_down(declared, caller)? { ", and stays so" } else { "" };
            return Ok(done(format!("is stopped already{kept}")));
        }
        progress(&Shown::new("stopping"));
        let begun = Instant::now();
        let grace = order.timeout.or_else(|| declared.launch.as_ref().map(|launch| launch.stop_timeout)).unwrap_or(Duration::from_secs(10));
        let processes: Vec<ProcessKey> = row.processes.iter().map(|process| process.key).collect();
        let stopped = self.supervisor.stop(declared, &processes, caller, grace)?;
        let took = units::took(begun.elapsed());
        if stopped.survivors.is_empty() {
            let how = if stopped.killed { format!("stopped after {took}; it had to be killed") } else { format!("stopped after {took}") };
            return Ok(done(how));
        }
        let left: Vec<String> = stopped.survivors.iter().map(|(pid, state)| format!("pid {pid} in state {state}")).collect();
        Err(Error::failed(format!("still there after {took}: {}", left.join(", ")))
            .hint("a process in state D waits for its disk or network file system and ends when that answers"))
    }

    /// Sends a signal to the process that the person saw, and to no other.
    fn signal(&self, caller: &Caller, order: &Order, declared: &Declared, signal: Signal) -> Result<Outcome> {
        let Target::Exactly(key) = order.target else {
            return Err(Error::new(Kind::Usage, "not signalled. A signal is for one process, and none was named"));
        };
        self.supervisor.signal(declared, key, signal, caller)?;
        Ok(done(format!("{signal} was sent to {key}")))
    }
}

/// Whether what runs is still what the person saw when confirming.
pub(super) fn check_target(order: &Order, row: &Row) -> Result<()> {
    let now = row.main.known();
    match order.target {
        Target::Whatever => Ok(()),
        Target::Exactly(key) if now == Some(key) => Ok(()),
        Target::Exactly(key) => {
            let what = now.map_or_else(|| "nothing runs now".to_owned(), |now| format!("{now} runs now"));
            Err(Error::new(Kind::Busy, format!("not {}. It was confirmed for {key}, but {what}", order.verb.done())))
        }
        Target::Nothing if now.is_none() || order.verb == Verb::Start => Ok(()),
        Target::Nothing => {
            Err(Error::new(Kind::Busy, format!("not {}. Nothing ran when it was confirmed, but it runs now", order.verb.done())))
        }
    }
}

/// That nothing is called so.
pub(super) fn no_such() -> Error {
    Error::new(Kind::NoSuchInstance, "no such instance").hint("berth ls    lists those that there are")
}

/// That nothing was done because the intent could not be written down. `not`: "not removed".
pub(super) fn unrecorded(not: &str, error: Error) -> Error {
    Error::failed(format!("{not}. It could not be recorded")).because(error).hint("is the disk full? nothing was changed")
}

/// What was asked holds.
pub(super) fn done(sentence: String) -> Outcome {
    Outcome { exit_code: 0, sentence: Shown::new(&sentence), hints: Vec::new(), log_lines: Vec::new() }
}

/// An error as an outcome: its sentence with the causes, its way out.
pub(super) fn outcome_of(error: &Error) -> Outcome {
    let hints = error.way_out().into_iter().map(Shown::new).collect();
    Outcome { exit_code: error.exit_code(), sentence: Shown::new(&error.chain()), hints, log_lines: Vec::new() }
}
