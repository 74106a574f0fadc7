//! So many at once, and no more.
//!
//! It must never let one in that nobody gives back.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How many there are still.
pub(super) struct Turns {
    left: Mutex<usize>,
    more: Condvar,
}

/// One of them; given back when it is dropped.
pub struct Turn(Arc<Turns>);

impl Turns {
    /// So many.
    pub(super) fn of(count: usize) -> Arc<Self> {
        Arc::new(Self { left: Mutex::new(count), more: Condvar::new() })
    }

    /// One of them; nothing where none is given back in time.
    pub(super) fn wait(self: &Arc<Self>, patience: Duration) -> Option<Turn> {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = self.more.wait_timeout_while(left, patience, |left| *left == 0);
        let (mut left, _) = waiting.unwrap_or_else(PoisonError::into_inner);
        *left = left.checked_sub(1)?;
        Some(Turn(Arc::clone(self)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *self.0.left.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.more.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_later_waits_until_one_is_given_back() {
        let turns = Turns::of(2);
        let (one, _other) = (turns.wait(Duration::ZERO).unwrap(), turns.wait(Duration::ZERO).unwrap());
        assert!(turns.wait(Duration::ZERO).is_none());
        let waiting = std::thread::spawn({
            let turns = Arc::clone(&turns);
            move || turns.wait(Duration::from_secs(600)).is_some()
        });
        drop(one);
        assert!(waiting.join().unwrap());
    }
}
