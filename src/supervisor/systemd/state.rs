//! What is known of the units now, shared between the thread that asks and those who look.
//!
//! It must never make a reader wait for the bus.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::facts::Facts;
use crate::domain::Shown;
use crate::supervisor::newest::{Newest, Numbered};

/// What is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Rises with each change.
    pub serial: u64,
    /// The units by name.
    pub units: BTreeMap<String, Arc<Facts>>,
    /// Since when nobody has answered, and why.
    pub lost: Option<(Timestamp, Shown)>,
    /// There are more units than are looked at.
    pub has_more: bool,
    /// It was answered once.
    pub is_asked: bool,
}

impl Numbered for State {
    fn renumber(&mut self) {
        self.serial += 1;
    }
}

/// It, shared.
pub type Shared = Newest<State>;

impl Shared {
    /// Everything was asked.
    pub fn all(&self, units: Vec<Facts>, has_more: bool) {
        self.change(|state| {
            state.has_more = has_more;
            // What is not loaded any more and has no file of its own was an instance a moment ago, and can be one again.
            let mut known = std::mem::take(&mut state.units);
            for facts in known.values_mut().filter(|known| !units.iter().any(|unit| unit.name == known.name)) {
                let gone = facts.let_go();
                if **facts != gone {
                    *facts = Arc::new(gone);
                }
            }
            for facts in units {
                known.insert(facts.name.clone(), Arc::new(facts));
            }
            known.retain(|_, facts| facts.is_there());
            state.units = known;
            (state.lost, state.is_asked) = (None, true);
        });
    }

    /// This unit is so now. Of more than `most` no further ones are kept.
    pub fn one(&self, facts: Facts, most: usize) {
        self.change(|state| {
            if facts.is_there() && state.units.len() >= most && !state.units.contains_key(&facts.name) {
                state.has_more = true;
            } else if facts.is_there() {
                state.units.insert(facts.name.clone(), Arc::new(facts));
            } else {
                state.units.remove(&facts.name);
            }
        });
    }

    /// This unit is not loaded any more.
    pub fn let_go(&self, name: &str) {
        self.change(|state| {
            if let Some(known) = state.units.get_mut(name) {
                *known = Arc::new(known.let_go());
            }
        });
    }

    /// Nobody answers any more. The first reason stands until somebody does.
    pub fn lose(&self, why: &str) {
        self.change(|state| {
            state.lost.get_or_insert_with(|| (Timestamp::now(), Shown::new(why)));
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::facts::tests::unit;
    use super::*;
    use crate::domain::Activity;

    #[test]
    fn whoever_listens_is_told_of_changes_and_of_nothing_else() {
        let (shared, told) = (Shared::default(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&told);
        shared.tell(Arc::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        }));
        shared.all(vec![unit("mcp@a.service", "active", "running")], false);
        shared.one(unit("mcp@a.service", "active", "running"), 9);
        assert_eq!((told.load(Ordering::SeqCst), shared.state().serial), (1, 1));
        shared.one(unit("mcp@a.service", "failed", "failed"), 9);
        assert_eq!((told.load(Ordering::SeqCst), shared.state().serial), (2, 2));
    }

    #[test]
    fn what_is_lost_keeps_its_first_reason_until_everything_was_asked_again() {
        let shared = Shared::default();
        shared.all(vec![unit("mcp@a.service", "active", "running")], false);
        shared.lose("it does not answer");
        let since = shared.state().lost.clone();
        shared.lose("no such file");
        assert_eq!(shared.state().lost, since);
        assert_eq!(since.unwrap().1.as_str(), "it does not answer");
        assert_eq!(shared.state().units.len(), 1, "what was known is not forgotten");
        shared.all(vec![unit("mcp@a.service", "active", "running")], false);
        assert_eq!(shared.state().lost, None);
    }

    #[test]
    fn a_unit_that_was_let_go_of_is_stopped_and_one_without_a_file_is_none() {
        let shared = Shared::default();
        shared.all(vec![unit("mcp@a.service", "active", "running"), unit("mcp@b.service", "active", "running")], false);
        shared.let_go("mcp@a.service");
        assert_eq!(shared.state().units["mcp@a.service"].activity(), Activity::Inactive);
        shared.all(vec![unit("mcp@a.service", "inactive", "dead")], false);
        assert_eq!(shared.state().units["mcp@b.service"].activity(), Activity::Inactive);
        let mut gone = unit("mcp@b.service", "inactive", "dead");
        gone.load_state = "not-found".into();
        shared.one(gone, 9);
        assert_eq!(shared.state().units.keys().collect::<Vec<_>>(), ["mcp@a.service"]);
    }

    #[test]
    fn of_more_units_than_are_looked_at_the_first_ones_stay() {
        let shared = Shared::default();
        for name in ["mcp@a.service", "mcp@b.service", "mcp@a.service"] {
            shared.one(unit(name, "active", "running"), 1);
        }
        assert_eq!((shared.state().units.len(), shared.state().has_more), (1, true));
    }
}
