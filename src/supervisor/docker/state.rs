//! What is known of an engine's containers now, shared between the thread that asks and those who look.
//!
//! It must never make a reader wait for the engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::facts::Facts;
use crate::domain::{ProcessKey, Shown, SupervisorKind};
use crate::supervisor::newest::{Newest, Numbered};

/// What is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Rises with each change.
    pub serial: u64,
    /// Which engine it is; `None` until it has said so.
    pub kind: Option<SupervisorKind>,
    /// Its process.
    pub engine: Option<ProcessKey>,
    /// The containers that are looked for, by name.
    pub containers: BTreeMap<String, Arc<Facts>>,
    /// It has more than are looked at.
    pub has_more: bool,
    /// Since when nobody has answered, and why.
    pub lost: Option<(Timestamp, Shown)>,
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
    pub fn all(&self, (kind, engine): (SupervisorKind, Option<ProcessKey>), containers: Vec<Facts>, has_more: bool) {
        self.change(|state| {
            let known = std::mem::take(&mut state.containers);
            let named = |facts: Facts| (facts.name.clone(), Arc::new(remembering(facts, known.values())));
            state.containers = containers.into_iter().map(named).collect();
            (state.kind, state.engine, state.has_more) = (Some(kind), engine, has_more);
            (state.lost, state.is_asked) = (None, true);
        });
    }

    /// This container is so now.
    pub fn one(&self, facts: Facts) {
        self.change(|state| {
            let facts = remembering(facts, state.containers.values());
            // It may have been given another name.
            state.containers.retain(|_, known| known.id != facts.id);
            state.containers.insert(facts.name.clone(), Arc::new(facts));
        });
    }

    /// This container has been removed.
    pub fn removed(&self, id: &str) {
        self.change(|state| state.containers.retain(|_, known| known.id != id));
    }

    /// The end of this container's present run is asked for.
    pub fn asked(&self, id: &str) {
        self.change(|state| {
            if let Some(known) = state.containers.values_mut().find(|known| known.id == id) {
                *known = Arc::new(Facts { was_asked: true, ..(**known).clone() });
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

/// That an end was asked for belongs to the run it was asked of.
fn remembering<'a>(facts: Facts, mut known: impl Iterator<Item = &'a Arc<Facts>>) -> Facts {
    let before = known.find(|known| known.id == facts.id && known.started_at == facts.started_at);
    Facts { was_asked: facts.was_asked || before.is_some_and(|known| known.was_asked), ..facts }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::facts::tests::container;
    use super::*;
    use crate::domain::Activity;
    use crate::supervisor::Ear;
    use std::sync::Mutex;

    fn shared() -> (Shared, Arc<AtomicUsize>) {
        let told = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&told);
        let ear: Ear = Arc::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        (Shared::new(Arc::new(Mutex::new(vec![ear]))), told)
    }

    #[test]
    fn whoever_listens_is_told_of_changes_and_of_nothing_else() {
        let (shared, told) = shared();
        shared.all((SupervisorKind::Podman, None), vec![container("a", "running")], false);
        shared.one(container("a", "running"));
        assert_eq!((told.load(Ordering::SeqCst), shared.state().serial), (1, 1));
        shared.one(container("a", "exited"));
        shared.removed("nobody");
        assert_eq!((told.load(Ordering::SeqCst), shared.state().serial), (2, 2));
        shared.removed(&container("a", "exited").id);
        assert!(shared.state().containers.is_empty());
    }

    #[test]
    fn what_is_lost_keeps_its_first_reason_until_everything_was_asked_again() {
        let (shared, _) = shared();
        shared.all((SupervisorKind::Podman, None), vec![container("a", "running")], false);
        shared.lose("it does not answer");
        let since = shared.state().lost.clone();
        shared.lose("it does not run");
        assert_eq!(shared.state().lost, since);
        assert_eq!(shared.state().containers.len(), 1, "what was known is not forgotten");
        shared.all((SupervisorKind::Podman, None), vec![container("a", "running")], false);
        assert_eq!(shared.state().lost, None);
    }

    #[test]
    fn an_end_that_was_asked_for_is_no_failure_and_the_next_one_may_be() {
        let (shared, _) = shared();
        let run = |status: &str, second: i64, code: Option<i64>| Facts {
            started_at: Timestamp::from_second(second).ok(),
            exit: code.map(|code| (code, Timestamp::UNIX_EPOCH)),
            ..container("a", status)
        };
        shared.all((SupervisorKind::Podman, None), vec![run("running", 1, None)], false);
        shared.asked(&run("running", 1, None).id);
        shared.one(run("exited", 1, Some(137)));
        assert_eq!(shared.state().containers["a"].activity(), Activity::Inactive);
        shared.one(run("running", 2, None));
        shared.one(run("exited", 2, Some(137)));
        assert_eq!(shared.state().containers["a"].activity(), Activity::Failed);
    }

    #[test]
    fn a_container_with_a_new_name_is_the_same_one() {
        let (shared, _) = shared();
        shared.all((SupervisorKind::Docker, None), vec![container("a", "running")], false);
        shared.one(Facts { name: "b".to_owned(), ..container("a", "running") });
        assert_eq!(shared.state().containers.keys().collect::<Vec<_>>(), ["b"]);
    }
}
