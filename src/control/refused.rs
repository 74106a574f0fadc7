//! That an order, or a change of the fleet, was refused, in the trail: who wanted what done to whom.
//!
//! It must never let somebody who may do nothing fill the disk with what was refused.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::act::Control;
use crate::domain::{Caller, InstanceId, Order, Outcome, Shown, Uid};

/// So many refusals of a kind of one account are written in this time; the others are counted.
const MOST: u32 = 10;
const WITHIN: Duration = Duration::from_secs(60);

/// How many accounts are counted; those beyond have none written.
const ACCOUNTS: usize = 1024;

/// How many were written of each account, since when, and how many were not.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<(Kind, Uid), Count>>);

#[derive(Debug)]
struct Count {
    since: Instant,
    written: u32,
    passed: u32,
}

/// What is counted apart: what was asked of instances must not have been hidden by what was asked of the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Order,
    Fleet,
}

impl Refusals {
    /// Whether one more of this account is written: how many before it were not.
    fn admit(&self, kind: Kind, uid: Uid, now: Instant) -> Option<u32> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= ACCOUNTS && !all.contains_key(&(kind, uid)) {
            all.retain(|_, count| now.duration_since(count.since) < WITHIN);
            if all.len() >= ACCOUNTS {
                return None;
            }
        }
        let count = all.entry((kind, uid)).or_insert(Count { since: now, written: 0, passed: 0 });
        if now.duration_since(count.since) >= WITHIN {
            (count.since, count.written) = (now, 0);
        }
        if count.written == MOST {
            count.passed = count.passed.saturating_add(1);
            return None;
        }
        count.written += 1;
        Some(std::mem::take(&mut count.passed))
    }
}

impl Control {
    /// Writes down that an order was refused. Where that fails nothing was done all the same.
    pub fn record_refusal(&self, caller: &Caller, order: &Order, outcome: &Outcome) {
        self.put_down(Kind::Order, caller, &order.verb.to_string(), &order.id, order.reason.clone(), outcome);
    }

    /// The same of a change of the fleet: `verb` says what was asked for.
    pub fn record_refused(&self, caller: &Caller, verb: &str, id: &InstanceId, reason: Option<String>, outcome: &Outcome) {
        self.put_down(Kind::Fleet, caller, verb, id, reason, outcome);
    }

    fn put_down(&self, kind: Kind, caller: &Caller, verb: &str, id: &InstanceId, reason: Option<String>, outcome: &Outcome) {
        let Some(passed) = self.refusals.admit(kind, caller.uid, Instant::now()) else { return };
        let more = if passed == 0 { String::new() } else { format!(" ({passed} more were refused before it and not written)") };
        let sentence = Shown::new(&format!("refused: {}{more}", outcome.sentence));
        if let Ok(entry) = self.audit.intend_deed(caller, verb, id, reason, None) {
            drop(self.audit.conclude(entry, &Outcome { sentence, ..outcome.clone() }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_counted_and_not_written() {
        let refusals = Refusals::default();
        let begun = Instant::now();
        let admitted = (0..100).filter(|_| refusals.admit(Kind::Order, Uid(1001), begun).is_some()).count();
        assert_eq!(admitted, MOST as usize);
        assert_eq!(refusals.admit(Kind::Order, Uid(1002), begun), Some(0), "another account's are its own");
        assert_eq!(refusals.admit(Kind::Fleet, Uid(1001), begun), Some(0), "what is asked of the fleet is counted apart");
        assert_eq!(refusals.admit(Kind::Order, Uid(1001), begun + WITHIN), Some(90), "what was not written is told");
        assert_eq!(refusals.admit(Kind::Order, Uid(1001), begun + WITHIN), Some(0));
    }

    #[test]
    fn no_number_of_accounts_fills_the_memory() {
        let refusals = Refusals::default();
        let begun = Instant::now();
        let admitted = (0..5000).filter(|uid| refusals.admit(Kind::Order, Uid(*uid), begun).is_some()).count();
        assert_eq!(admitted, ACCOUNTS);
        assert_eq!(refusals.admit(Kind::Order, Uid(9999), begun + WITHIN), Some(0));
    }
}
