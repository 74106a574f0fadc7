//! From where the eyes take what others find out: probes, audits, announcements, twins.
//!
//! It must never ask for any of it.

use std::sync::Arc;

use super::super::Probing;
use super::super::posture::Audits;
use super::Eye;
use tokio::sync::watch;

use crate::discover::Twins;
use crate::domain::Notified;
use crate::nearby;

impl Eye {
    /// The same, which takes what servers answer from there.
    #[must_use]
    pub fn with_probes(self, probing: &Probing) -> Self {
        Self { probing: probing.clone(), ..self }
    }

    /// The same, which takes from there what servers announce on the network.
    #[must_use]
    pub fn with_nearby(self, nearby: &Arc<nearby::Board>) -> Self {
        Self { nearby: Arc::clone(nearby), ..self }
    }

    /// The same, which takes from there how it goes with those who are to be told of events.
    #[must_use]
    pub fn with_notified(self, notified: &watch::Sender<Option<Arc<[Notified]>>>) -> Self {
        Self { notified: Some(notified.subscribe()), ..self }
    }

    /// The same, which takes from there what servers let in when they were asked.
    #[must_use]
    pub fn with_audits(mut self, audits: &Audits) -> Self {
        self.postures.hear(audits);
        self
    }

    /// The same, which shares with others which services were seen to be configured instances.
    #[must_use]
    pub fn with_twins(mut self, twins: &Twins) -> Self {
        self.discoverer = self.discoverer.with_twins(twins.clone());
        Self { twins: twins.clone(), ..self }
    }
}
