//! Work that costs about the same for one as for many, done for everybody who waits at once: of those who come, one does it for all.
//!
//! It must never give anybody the result of work that began before it was handed in.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Something handed in, and where its result will be.
type Piece<Work, Done> = (Work, Arc<OnceLock<Done>>);

/// Those who wait, and the turn to work.
#[derive(Debug)]
pub(super) struct Together<Work, Done> {
    waiting: Mutex<Vec<Piece<Work, Done>>>,
    turn: Mutex<()>,
}

impl<Work, Done> Default for Together<Work, Done> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), turn: Mutex::default() }
    }
}

impl<Work, Done: Clone> Together<Work, Done> {
    /// Hands a piece in and waits for its result. `all` does every piece that waits, this one among them or done already by another;
    /// it returns a result for each, in their order.
    pub fn hand_in(&self, work: Work, all: impl FnOnce(Vec<Work>) -> Vec<Done>) -> Option<Done> {
        let place = Arc::new(OnceLock::new());
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push((work, Arc::clone(&place)));
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if place.get().is_none() {
            let pieces = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            let (work, places): (Vec<Work>, Vec<_>) = pieces.into_iter().unzip();
            for (place, done) in places.into_iter().zip(all(work)) {
                drop(place.set(done));
            }
        }
        place.get().cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_gets_its_own_result_and_the_work_is_done_few_times() {
        let (together, rounds) = (Together::<u64, u64>::default(), AtomicU64::new(0));
        thread::scope(|scope| {
            for number in 0..40 {
                let (together, rounds) = (&together, &rounds);
                scope.spawn(move || {
                    let done = together.hand_in(number, |all| {
                        rounds.fetch_add(1, Ordering::SeqCst);
                        thread::sleep(Duration::from_millis(3));
                        all.into_iter().map(|number| number * 2).collect()
                    });
                    assert_eq!(done, Some(number * 2));
                });
            }
        });
        assert!((1..40).contains(&rounds.load(Ordering::SeqCst)), "{rounds:?} rounds for 40");
    }
}
