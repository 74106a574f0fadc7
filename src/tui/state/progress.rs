//! How far many orders are: a few are underway at once, the rest waits here, and what came of each stays to be read.
//!
//! It must never have more underway than its limit, never begin what was cancelled, and never lose an outcome.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::{InstanceId, Order, Outcome, Pace, Shown, Stage, Underway, Verb};

/// How many are underway at once where nothing else is chosen.
pub const AT_ONCE: usize = 8;

/// After this time, an order that the engine does not tell of is taken for lost.
const LOST_AFTER: Duration = Duration::from_secs(10);

/// Its state.
#[derive(Clone, Debug)]
pub struct Progress {
    /// What is done.
    pub verb: Verb,
    /// To whom, in the order of the question.
    pub items: Vec<Item>,
    /// Who waits, as indices of `items`.
    waiting: VecDeque<usize>,
    /// Who is underway, as indices of `items`.
    underway: Vec<usize>,
    /// How many at once, and after how many failures it ends.
    pace: Pace,
    /// Whether it is seen.
    pub open: bool,
    /// The first line that is seen, once somebody scrolled; until then the list follows what is underway.
    pub top: Option<usize>,
    /// Its end was told.
    pub told: bool,
}

/// One order.
#[derive(Clone, Debug)]
pub struct Item {
    /// What is asked.
    pub order: Order,
    /// How far it is.
    pub step: Step,
}

/// How far an order is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It was not begun.
    Waiting,
    /// It was given to the door.
    Underway {
        /// When, on the boot clock.
        begun: Duration,
        /// The engine has told of it.
        seen: bool,
        /// At which step it is.
        words: Shown,
    },
    /// It came to an end.
    Ended(Outcome),
    /// It was cancelled before it was begun.
    Left,
}

/// How many are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not begun.
    pub waiting: usize,
    /// Being carried out.
    pub underway: usize,
    /// Done.
    pub done: usize,
    /// Ended otherwise.
    pub failed: usize,
    /// Cancelled.
    pub left: usize,
}

impl Progress {
    /// Queues orders of one verb, to be carried out at this pace.
    pub fn new(verb: Verb, orders: Vec<Order>, pace: Pace) -> Self {
        let items: Vec<Item> = orders.into_iter().map(|order| Item { order, step: Step::Waiting }).collect();
        let waiting = (0..items.len()).collect();
        Self { verb, items, waiting, underway: Vec::new(), pace, open: true, top: None, told: false }
    }

    /// The orders that may be begun now. When too many have failed, what waits is left.
    pub fn begin(&mut self, now: Duration) -> Vec<Order> {
        let mut orders = Vec::new();
        let failures = self.failures().count();
        if self.pace.is_broken_off(failures) {
            self.cancel();
        }
        while self.pace.may_begin(self.underway.len(), failures)
            && let Some(index) = self.waiting.pop_front()
        {
            if let Some(item) = self.items.get_mut(index) {
                item.step = Step::Underway { begun: now, seen: false, words: Shown::from("asked for") };
                orders.push(item.order.clone());
                self.underway.push(index);
            }
        }
        orders
    }

    /// Takes over what the engine tells of those that are underway.
    pub fn learn(&mut self, told: &[Underway], now: Duration) {
        for index in &self.underway {
            let Some(item) = self.items.get_mut(*index) else { continue };
            let Step::Underway { begun, seen, words } = &mut item.step else { continue };
            let news = told.iter().rev().find(|one| one.id == item.order.id && one.verb == item.order.verb && one.since >= *begun);
            match news.map(|news| &news.stage) {
                Some(Stage::Doing(step)) => (*seen, *words) = (true, step.clone()),
                Some(Stage::Ended(outcome)) => item.step = Step::Ended(outcome.clone()),
                // An end is told for some seconds only: while the console was stopped, nobody listened.
                None if *seen || now.saturating_sub(*begun) > LOST_AFTER => item.step = Step::Ended(unheard()),
                None => {}
            }
        }
        let items = &self.items;
        self.underway.retain(|index| items.get(*index).is_some_and(|item| matches!(item.step, Step::Underway { .. })));
    }

    /// What waits is not begun; what is underway goes on to its end. How many were left.
    pub fn cancel(&mut self) -> usize {
        let left = self.waiting.len();
        for index in self.waiting.drain(..) {
            if let Some(item) = self.items.get_mut(index) {
                item.step = Step::Left;
            }
        }
        left
    }

    /// How many are where.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for item in &self.items {
            *match &item.step {
                Step::Waiting => &mut counts.waiting,
                Step::Underway { .. } => &mut counts.underway,
                Step::Ended(outcome) if outcome.is_done() => &mut counts.done,
                Step::Ended(_) => &mut counts.failed,
                Step::Left => &mut counts.left,
            } += 1;
        }
        counts
    }

    /// Whether nothing waits and nothing is underway.
    pub fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.underway.is_empty()
    }

    /// The first line that is seen on a page of so many: as somebody scrolled, else so that what is underway is seen.
    pub fn first_seen(&self, page: usize) -> usize {
        let last = self.items.len().saturating_sub(page.max(1));
        let follow = || self.underway.iter().min().map_or(last, |first| first.saturating_sub(1));
        self.top.unwrap_or_else(|| if self.is_over() { self.first_failed().unwrap_or(0) } else { follow() }).min(last)
    }

    fn first_failed(&self) -> Option<usize> {
        self.items.iter().position(|item| matches!(&item.step, Step::Ended(outcome) if !outcome.is_done()))
    }

    /// What came of it all: "9 restarted, 1 failed: carol: not started. 8107 is held by pid 4711".
    pub fn summary(&self) -> String {
        let counts = self.counts();
        let mut parts = vec![format!("{} {}", counts.done, self.verb.done())];
        if counts.underway > 0 {
            parts.push(format!("{} underway", counts.underway));
        }
        if counts.waiting > 0 {
            parts.push(format!("{} waiting", counts.waiting));
        }
        if counts.left > 0 {
            parts.push(format!("{} not begun", counts.left));
        }
        if counts.failed > 0 {
            parts.push(format!("{} failed", counts.failed));
        }
        let failures: Vec<String> = self.failures().map(|(id, outcome)| format!("{id}: {}", outcome.sentence)).collect();
        let mut summary = parts.join(", ");
        if !failures.is_empty() {
            summary.push_str(&format!(": {}", failures.join("; ")));
        }
        summary
    }

    /// What failed, and why.
    fn failures(&self) -> impl Iterator<Item = (&InstanceId, &Outcome)> {
        self.items.iter().filter_map(|item| match &item.step {
            Step::Ended(outcome) if !outcome.is_done() => Some((&item.order.id, outcome)),
            _ => None,
        })
    }
}

/// An end that nobody told of.
fn unheard() -> Outcome {
    let sentence = Shown::from("what came of it was not heard; the tab of events may tell");
    Outcome { exit_code: 1, sentence, hints: Vec::new(), log_lines: Vec::new() }
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
