//! Where the newest answers hang, for whoever judges.
//!
//! It must never make a reader wait for an answer: only the hanging up is locked.

use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::{InstanceId, Probed, Probes};

/// The newest answers.
#[derive(Debug, Default)]
pub struct Board(Mutex<Arc<Probes>>);

impl Board {
    /// What was told last of each.
    pub fn newest(&self) -> Arc<Probes> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hangs up what is new; `None` takes an instance off.
    pub(super) fn put(&self, news: impl IntoIterator<Item = (InstanceId, Option<Arc<Probed>>)>) {
        let mut hanging = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let probes = Arc::make_mut(&mut hanging);
        for (id, probed) in news {
            match probed {
                Some(probed) => probes.insert(id, probed),
                None => probes.remove(&id),
            };
        }
    }
}
