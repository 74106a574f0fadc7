//! Orders that are carried out in the background, and how far each is.
//!
//! It must never queue without bound, nor leave one without an end that can be seen.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::Local;
use crate::control::Unasked;
use crate::domain::{Caller, InstanceId, Order, Outcome, Shown, Stage, Uid, Underway, Verb};
use crate::engine::Underways;
use crate::error::Kind;
use crate::sample;

/// How many orders may be on their way at once; the rest is refused, so that nothing is queued without bound.
const MOST_UNDERWAY: usize = 64;

/// Whether an order was begun at all: that there is no room for it now is nothing that came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// It is on its way.
    Yes,
    /// Nothing was done. It may be asked for later.
    No,
}

impl Local {
    /// Has an order carried out in the background, or a start that nobody asked for; `ended` is told what came of it, also where it was not
    /// even begun.
    pub(super) fn begin(&self, order: Order, unasked: Option<Unasked>, ended: impl FnOnce(&Outcome) + Send + 'static) -> Begun {
        let by = unasked.is_none().then(|| self.caller.person());
        let mut one = Underway::begun(&order, by);
        let now = one.since;
        let refused = self.turned_away(order.verb.done());
        let turned_away = {
            let mut all = self.underway.lock().unwrap_or_else(PoisonError::into_inner);
            let is_full = all.iter().filter(|one| one.ended.is_none()).count() >= MOST_UNDERWAY;
            let refused = refused.or_else(|| is_full.then(|| too_many(order.verb)));
            if let Some(outcome) = &refused {
                one.stage = Stage::Ended(outcome.clone());
                one.ended = Some(now);
            }
            all.push(one);
            refused
        };
        self.wake();
        if let Some(outcome) = turned_away {
            ended(&outcome);
            return Begun::No;
        }
        let hands = match unasked {
            Some(unasked) => self.hands().unasked(unasked),
            None => self.hands(),
        };
        let underway = Arc::clone(&self.underway);
        let door = Self { caller: self.caller.clone(), parts: Arc::clone(&self.parts) };
        let (task, failed) = (order.clone(), order);
        let spawned = std::thread::Builder::new().name("berth-order".to_owned()).stack_size(512 * 1024).spawn(move || {
            crate::failpoint::pass("berth-order");
            let mark = Mark { all: underway, of: task.clone(), since: now };
            let mut outcome = hands.carry_out(&task, &mut |step| mark.set(Stage::Doing(step.clone())));
            // Of whom nobody knows whose it is nothing is shown.
            if !door.may_read(&door.caller, &task.id) {
                outcome.log_lines.clear();
            }
            mark.set(Stage::Ended(outcome.clone()));
            ended(&outcome);
        });
        if let Err(error) = spawned {
            let sentence = Shown::new(&format!("not {}. No thread could be had: {error}", failed.verb.done()));
            let outcome = Outcome { exit_code: 1, sentence, hints: Vec::new(), log_lines: Vec::new() };
            Mark { all: Arc::clone(&self.underway), of: failed, since: now }.set(Stage::Ended(outcome));
            return Begun::No;
        }
        Begun::Yes
    }

    /// Has an order carried out for somebody who waits for its end; the table shows how far it is, as of every other one. What is refused
    /// stands in nobody's table.
    pub(super) fn carried_out(&self, caller: &Caller, order: &Order, progress: &mut dyn FnMut(&Shown)) -> Outcome {
        let hands = self.hands_of(caller.clone());
        let is_shown = self.newest().row(&order.id).is_some_and(|row| self.control.why_not(caller, order.verb, row).is_none());
        if !is_shown {
            let outcome = hands.carry_out(order, progress);
            self.wake();
            return outcome;
        }
        let one = Underway::begun(order, Some(caller.person()));
        let mark = Mark { all: Arc::clone(&self.underway), of: order.clone(), since: one.since };
        self.underway.lock().unwrap_or_else(PoisonError::into_inner).push(one);
        self.wake();
        let outcome = hands.carry_out(order, &mut |step| {
            mark.set(Stage::Doing(step.clone()));
            progress(step);
        });
        let mut shown = outcome.clone();
        if !self.may_read(caller, &order.id) {
            shown.log_lines.clear();
        }
        mark.set(Stage::Ended(shown));
        self.wake();
        outcome
    }

    fn may_read(&self, caller: &Caller, id: &InstanceId) -> bool {
        self.newest().row(id).is_some_and(|row| self.control.why_not(caller, Verb::Logs, row).is_none())
    }
}

/// One order in the list of those that the table shows. What ends without an end, by a panic, is taken out.
struct Mark {
    all: Underways,
    of: Order,
    since: Duration,
}

impl Mark {
    fn is_it(&self, one: &Underway) -> bool {
        one.id == self.of.id && one.verb == self.of.verb && one.since == self.since && one.ended.is_none()
    }

    fn set(&self, stage: Stage) {
        let now = sample::now().boot;
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = all.iter_mut().rev().find(|one| self.is_it(one)) {
            one.ended = matches!(stage, Stage::Ended(_)).then_some(now);
            one.stage = stage;
        }
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).retain(|one| !self.is_it(one));
    }
}

impl Underway {
    fn begun(order: &Order, by: Option<Uid>) -> Self {
        let stage = Stage::Doing(Shown::from("waiting"));
        Self { verb: order.verb, id: order.id.clone(), by, since: sample::now().boot, stage, ended: None }
    }
}

fn too_many(verb: Verb) -> Outcome {
    let sentence = Shown::new(&format!("not {}. {MOST_UNDERWAY} orders are on their way already", verb.done()));
    Outcome { exit_code: Kind::Busy.exit_code(), sentence, hints: Vec::new(), log_lines: Vec::new() }
}
