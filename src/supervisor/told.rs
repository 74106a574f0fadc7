//! What a supervisor told last, which is told as the very same until what it was made from is another.
//!
//! It must never make anything anew for an unchanged state: it is asked at every tick.

use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::{Claim, Declared, Finds, InstanceId, Roster};

/// By which roster and at which state what was claimed.
type Claimed<N> = (Arc<Roster>, N, Arc<[Claim]>);

/// It; `N` numbers the state that it was made from.
pub(super) struct Told<N> {
    claimed: Mutex<Option<Claimed<N>>>,
    found: Mutex<Option<(N, Arc<Finds>)>>,
}

impl<N> Default for Told<N> {
    fn default() -> Self {
        Self { claimed: Mutex::default(), found: Mutex::default() }
    }
}

impl<N: PartialEq> Told<N> {
    /// The services that there are.
    pub fn finds(&self, at: N, make: impl FnOnce() -> Finds) -> Arc<Finds> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        match &*found {
            Some((of, known)) if *of == at => Arc::clone(known),
            known => {
                let finds = make();
                // What runs changes more often than what there is.
                let finds = match known {
                    Some((_, old)) if **old == finds => Arc::clone(old),
                    _ => Arc::new(finds),
                };
                *found = Some((at, Arc::clone(&finds)));
                finds
            }
        }
    }

    /// What is claimed of a roster's instances.
    pub fn claims(&self, roster: &Arc<Roster>, at: N, make: impl FnOnce() -> Arc<[Claim]>) -> Arc<[Claim]> {
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        match &*claimed {
            Some((of, when, known)) if Arc::ptr_eq(of, roster) && *when == at => Arc::clone(known),
            _ => {
                let claims = make();
                *claimed = Some((Arc::clone(roster), at, Arc::clone(&claims)));
                claims
            }
        }
    }

    /// An instance of the roster of which was claimed last.
    pub fn declared(&self, id: &InstanceId) -> Option<Arc<Declared>> {
        let claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        let (roster, ..) = claimed.as_ref()?;
        let place = roster.instances.binary_search_by(|declared| declared.id.cmp(id)).ok()?;
        roster.instances.get(place).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_made_twice_and_what_is_equal_stays_the_very_same() {
        let told: Told<u64> = Told::default();
        let first = told.finds(1, Finds::default);
        assert!(Arc::ptr_eq(&first, &told.finds(1, || panic!("it was made for this state already"))));
        assert!(Arc::ptr_eq(&first, &told.finds(2, Finds::default)));
        let (roster, other) = (Arc::<Roster>::default(), Arc::<Roster>::default());
        let id = InstanceId::of_owner("amy").unwrap();
        let make = || -> Arc<[Claim]> { [Claim::nothing(id.clone(), false)].into() };
        let claims = told.claims(&roster, 1, make);
        assert!(Arc::ptr_eq(&claims, &told.claims(&roster, 1, || panic!("nothing is another"))));
        assert!(!Arc::ptr_eq(&claims, &told.claims(&roster, 2, make)) && !Arc::ptr_eq(&claims, &told.claims(&other, 2, make)));
        assert!(told.declared(&id).is_none());
    }
}
