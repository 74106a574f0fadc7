//! The question before something is done to many: who will be hit, who cannot and why, and the number that has to be typed.
//!
//! It must never hit a process that was not there when it was asked: each row holds its own target, and what changed is left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use tui_input::Input;

use crate::domain::{InstanceId, Order, Pace, Row, Shown, Snapshot, Target, Verb};

use super::confirm::difference;
use super::progress::AT_ONCE;

/// How many are restarted at once where the next ones wait until these serve.
const ROLLING: [usize; 3] = [1, 2, 4];

/// Its state.
#[derive(Clone, Debug)]
pub struct Bulk {
    /// What will be done.
    pub verb: Verb,
    /// How many at once, and whether it ends at a failure.
    pub pace: Pace,
    /// To whom.
    pub hits: Vec<Hit>,
    /// Who was marked and cannot be, with the reason.
    pub cannot: Vec<(InstanceId, Shown)>,
    /// The number, as it is typed.
    pub count: Input,
    /// Why it should be done, for the audit.
    pub reason: Input,
    /// The reason is typed, not the number.
    pub reasoning: bool,
    /// The first hit that is seen.
    pub top: usize,
    /// What is wrong with the number; typing takes it away.
    pub wrong: Option<Shown>,
}

/// One that will be hit.
#[derive(Clone, Debug)]
pub struct Hit {
    /// The row as the person saw it.
    pub row: Arc<Row>,
    /// What will be hit, and nothing else.
    pub target: Target,
    /// The filter hides it.
    pub hidden: bool,
    /// The target is another by now, in words: it is left out.
    pub changed: Option<Shown>,
}

impl Bulk {
    /// Asks.
    pub fn new(verb: Verb, rows: Vec<Arc<Row>>, cannot: Vec<(InstanceId, Shown)>, is_hidden: impl Fn(&InstanceId) -> bool) -> Self {
        let hit = |row: Arc<Row>| {
            let target = row.main.known().map_or(Target::Nothing, Target::Exactly);
            Hit { target, hidden: is_hidden(&row.id), row, changed: None }
        };
        let hits = rows.into_iter().map(hit).collect();
        let (count, reason) = (Input::default(), Input::default());
        Self { verb, pace: Pace::of(AT_ONCE), hits, cannot, count, reason, reasoning: false, top: 0, wrong: None }
    }

    /// The next of the paces that there are for a restart: all, then one after the other, then more at once. False for what has no other.
    pub fn change_pace(&mut self) -> bool {
        if self.verb != Verb::Restart {
            return false;
        }
        let at = ROLLING.iter().position(|at_once| self.pace == Pace::rolling(*at_once, 1));
        let next = at.map_or(ROLLING.first(), |at| ROLLING.get(at + 1));
        self.pace = next.map_or(Pace::of(AT_ONCE), |at_once| Pace::rolling(*at_once, 1));
        true
    }

    /// Those that will be hit.
    pub fn willing(&self) -> impl Iterator<Item = &Hit> {
        self.hits.iter().filter(|hit| hit.changed.is_none())
    }

    /// How many will be hit: the number that has to be typed.
    pub fn number(&self) -> usize {
        self.willing().count()
    }

    /// Whether that number is typed.
    pub fn is_counted(&self) -> bool {
        let number = self.number();
        number > 0 && self.count.value().parse() == Ok(number)
    }

    /// Looks whether each target is still what it was. Once it was another, it stays left out: the person saw the old one.
    pub fn check(&mut self, live: &Snapshot) {
        let rows: BTreeMap<&InstanceId, &Arc<Row>> = live.rows.iter().map(|row| (&row.id, row)).collect();
        for hit in self.hits.iter_mut().filter(|hit| hit.changed.is_none()) {
            let now = rows.get(&hit.row.id).map(|row| row.main);
            hit.changed = difference(&hit.target, now).map(|text| Shown::new(&text));
        }
    }

    /// How many of those the filter hides.
    pub fn hidden(&self) -> usize {
        self.willing().filter(|hit| hit.hidden).count()
    }

    /// The reason, if one was given.
    pub fn why(&self) -> Option<String> {
        Some(self.reason.value().trim().to_owned()).filter(|reason| !reason.is_empty())
    }

    /// What is submitted on yes.
    pub fn orders(&self) -> Vec<Order> {
        let order = |hit: &Hit| Order { verb: self.verb, id: hit.row.id.clone(), target: hit.target, reason: self.why(), timeout: None };
        self.willing().map(order).collect()
    }

    /// Why some cannot be hit, each reason once: "2 cannot: it does not run (carol, hank)"; in one line when these are more than `most`.
    pub fn refusals(&self, most: usize) -> Vec<String> {
        let reasons = self.reasons();
        let with_ids = |(why, ids): &(&Shown, Vec<String>)| format!("{why} ({})", ids.join(", "));
        if reasons.len() > most {
            let all: Vec<String> = reasons.iter().map(with_ids).collect();
            return vec![format!("{} cannot: {}", self.cannot.len(), all.join("; "))];
        }
        reasons.iter().map(|reason| format!("{} cannot: {}", reason.1.len(), with_ids(reason))).collect()
    }

    /// The reasons, each with those it is about.
    fn reasons(&self) -> Vec<(&Shown, Vec<String>)> {
        let mut reasons: Vec<(&Shown, Vec<String>)> = Vec::new();
        for (id, why) in &self.cannot {
            match reasons.iter_mut().find(|(known, _)| *known == why) {
                Some((_, ids)) => ids.push(id.to_string()),
                None => reasons.push((why, vec![id.to_string()])),
            }
        }
        reasons
    }
}
