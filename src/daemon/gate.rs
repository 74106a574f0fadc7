//! How many may be connected: each account so many, all together so many, with room that is root's alone.
//!
//! It must never let one account keep the others out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::Uid;

/// How many connections one account may have.
const EACH: usize = 32;

/// How many root may have: every admin's console may be root's.
const ROOTS: usize = 128;

/// How many there may be of all but root.
const OTHERS: usize = 256;

/// The count of those that are connected.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<Mutex<HashMap<Uid, usize>>>);

/// A connection's place, given back when it is dropped.
#[derive(Debug)]
pub struct Seat {
    gate: Gate,
    uid: Uid,
}

impl Gate {
    /// A place for one more of this account, if there is one.
    pub fn enter(&self, uid: Uid) -> Option<Seat> {
        let mut all = self.lock();
        let own = all.get(&uid).copied().unwrap_or(0);
        let others: usize = all.iter().filter(|(uid, _)| !uid.is_root()).map(|(_, count)| count).sum();
        let has_room = if uid.is_root() { own < ROOTS } else { own < EACH && others < OTHERS };
        if !has_room {
            return None;
        }
        all.insert(uid, own + 1);
        drop(all);
        Some(Seat { gate: self.clone(), uid })
    }

    /// How many are connected.
    pub fn count(&self) -> usize {
        self.lock().values().sum()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uid, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = self.gate.lock();
        match all.get_mut(&self.uid) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(all.remove(&self.uid)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_keeps_the_others_out() {
        let gate = Gate::default();
        let greedy: Vec<Seat> = (0..100).filter_map(|_| gate.enter(Uid(1001))).collect();
        assert_eq!(greedy.len(), EACH);
        let many: Vec<Seat> = (2000..3000).filter_map(|uid| gate.enter(Uid(uid))).collect();
        assert_eq!(greedy.len() + many.len(), OTHERS);
        let roots: Vec<Seat> = (0..1000).filter_map(|_| gate.enter(Uid::ROOT)).collect();
        assert_eq!((roots.len(), gate.count()), (ROOTS, ROOTS + OTHERS));
        drop(greedy);
        assert!(gate.enter(Uid(1001)).is_some());
        drop((many, roots));
        assert_eq!((gate.count(), gate.lock().len()), (0, 0));
    }
}
