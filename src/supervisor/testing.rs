//! For tests: a supervisor that claims and finds what it is told, and does nothing.
//!
//! It must never start, end or signal anything.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Started, Stopped, Supervisor};
use crate::domain::{Caller, Capabilities, Claim, Declared, Finds, InstanceId, ProcessKey, Roster, Signal, SupervisorKind};
use crate::error::{Error, Result};

/// It.
pub struct Idle {
    /// Of which kind it is.
    pub kind: SupervisorKind,
    /// What it has.
    pub finds: Option<Arc<Finds>>,
    /// What it claims; `None` for nothing about each of the roster.
    pub claims: Mutex<Option<Arc<[Claim]>>>,
}

impl Idle {
    /// One that finds nothing, and knows nothing of anybody.
    pub fn of(kind: SupervisorKind) -> Self {
        Self { kind, finds: None, claims: Mutex::default() }
    }
}

impl Supervisor for Idle {
    fn runs(&self, kind: SupervisorKind) -> bool {
        kind == self.kind
    }

    fn finds(&self) -> Option<Arc<Finds>> {
        self.finds.clone()
    }

    fn claims(&self, roster: &Arc<Roster>) -> Arc<[Claim]> {
        let nothing = || roster.instances.iter().map(|declared| Claim::nothing(declared.id.clone(), false)).collect();
        self.claims.lock().unwrap().clone().unwrap_or_else(nothing)
    }

    fn forget(&self, _id: &InstanceId) {}

    fn capabilities(&self, _declared: &Declared) -> Capabilities {
        Capabilities::default()
    }

    fn start(&self, _declared: &Declared, _by: &Caller, _again: bool) -> Result<Box<dyn Started>> {
        Err(Error::failed("nobody starts anything"))
    }

    fn stop(&self, _declared: &Declared, _extra: &[ProcessKey], _by: &Caller, _grace: Duration) -> Result<Stopped> {
        Ok(Stopped::default())
    }

    fn signal(&self, _declared: &Declared, _key: ProcessKey, _signal: Signal, _by: &Caller) -> Result<()> {
        Err(Error::failed("nobody signals anything"))
    }
}
