//! Where what was heard last hangs, for whoever judges.
//!
//! It must never make a reader wait for a hearing: only the hanging up is locked.

use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::Announcements;

/// What was heard last.
#[derive(Debug, Default)]
pub struct Board(Mutex<Arc<Announcements>>);

impl Board {
    /// What was heard last; the same `Arc` as long as that is the same. Nothing before anybody listened.
    pub fn newest(&self) -> Arc<Announcements> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hangs up what was heard, if that is something else.
    pub fn put(&self, heard: Announcements) {
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if **newest != heard {
            *newest = Arc::new(heard);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_stays_the_same() {
        let board = Board::default();
        let first = board.newest();
        board.put(Announcements::default());
        assert!(Arc::ptr_eq(&first, &board.newest()));
        board.put(Announcements { services: Some(Vec::new()), ..Announcements::default() });
        assert!(!Arc::ptr_eq(&first, &board.newest()));
    }
}
