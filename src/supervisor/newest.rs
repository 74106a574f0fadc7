//! What is known now of what a supervisor runs, shared between the thread that asks it and those who look.
//!
//! It must never make a reader wait for the supervisor, and never tell anybody of a change that is none.

use std::sync::{Arc, Mutex, PoisonError};

use super::Ear;

/// Those who are told of changes; of several supervisors of one kind they may be the same.
pub(super) type Ears = Arc<Mutex<Vec<Ear>>>;

/// What is known, with a number that rises with each change of it.
pub(super) trait Numbered: Clone + Default + PartialEq {
    /// It is another than before.
    fn renumber(&mut self);
}

/// The newest of it.
#[derive(Default)]
pub(super) struct Newest<S> {
    state: Mutex<Arc<S>>,
    ears: Ears,
}

impl<S: Numbered> Newest<S> {
    /// Nothing known yet; these are told of changes.
    pub fn new(ears: Ears) -> Self {
        Self { state: Mutex::default(), ears }
    }

    /// What is known now.
    pub fn state(&self) -> Arc<S> {
        Arc::clone(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has somebody told of changes from now on.
    pub fn tell(&self, ear: Ear) {
        self.ears.lock().unwrap_or_else(PoisonError::into_inner).push(ear);
    }

    /// Changes it, and tells where it is another then. Nobody is told while something is locked.
    pub fn change(&self, how: impl FnOnce(&mut S)) {
        {
            let mut newest = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let mut state = (**newest).clone();
            how(&mut state);
            if state == **newest {
                return;
            }
            state.renumber();
            *newest = Arc::new(state);
        }
        let ears = self.ears.lock().unwrap_or_else(PoisonError::into_inner).clone();
        ears.iter().for_each(|ear| ear());
    }
}
