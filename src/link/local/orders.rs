//! Orders that are carried out in the background, and how far each is.
//!
//! It must never queue without bound, nor leave one without an end that can be seen.

use std::sync::{Arc, PoisonError};

use super::Local;
use crate::control::Unasked;
use crate::domain::{Order, Outcome, Shown, Stage, Underway, Verb};
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
        let now = sample::now().boot;
        let mut one =
            Underway { verb: order.verb, id: order.id.clone(), since: now, stage: Stage::Doing(Shown::new("waiting")), ended: None };
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
            let mut outcome = hands.carry_out(&task, &mut |step| Self::set_stage(&underway, &task, Stage::Doing(step.clone())));
            // Of whom nobody knows whose it is nothing is shown.
            let may_read = door.newest().row(&task.id).is_some_and(|row| door.control.why_not(&door.caller, Verb::Logs, row).is_none());
            if !may_read {
                outcome.log_lines.clear();
            }
            Self::set_stage(&underway, &task, Stage::Ended(outcome.clone()));
            ended(&outcome);
        });
        if let Err(error) = spawned {
            let sentence = Shown::new(&format!("not {}. No thread could be had: {error}", failed.verb.done()));
            let outcome = Outcome { exit_code: 1, sentence, hints: Vec::new(), log_lines: Vec::new() };
            Self::set_stage(&self.underway, &failed, Stage::Ended(outcome));
            return Begun::No;
        }
        Begun::Yes
    }

    fn set_stage(underway: &Underways, order: &Order, stage: Stage) {
        let now = sample::now().boot;
        let mut all = underway.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = all.iter_mut().rev().find(|one| one.id == order.id && one.verb == order.verb && one.ended.is_none()) {
            one.ended = matches!(stage, Stage::Ended(_)).then_some(now);
            one.stage = stage;
        }
    }
}

fn too_many(verb: Verb) -> Outcome {
    let sentence = Shown::new(&format!("not {}. {MOST_UNDERWAY} orders are on their way already", verb.done()));
    Outcome { exit_code: Kind::Busy.exit_code(), sentence, hints: Vec::new(), log_lines: Vec::new() }
}
