//! Where the newest counts hang, for whoever judges.
//!
//! It must never make a reader wait for a count: only the hanging up is locked.

use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::Storage;

/// The newest counts.
#[derive(Debug, Default)]
pub struct Board(Mutex<Arc<Storage>>);

impl Board {
    /// What was counted last; empty before anything was.
    pub fn newest(&self) -> Arc<Storage> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hangs up new counts.
    pub(super) fn put(&self, storage: Storage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(storage);
    }
}
