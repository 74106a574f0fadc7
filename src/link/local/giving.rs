//! Ports given through this door: from the registry in the state directory, by what the configuration and the kernel allow.
//!
//! It must never give itself: `control` does, and records it.

use super::Local;
use super::proposal::{limits, with_numbers};
use crate::control::{Assign, Giving};
use crate::domain::{InstanceId, Outcome, Shown};
use crate::registry::By;

/// Which port is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// This one or none.
    Port(u16),
    /// What the configured strategy gives.
    Auto,
}

impl Local {
    /// Gives an instance a port; `dry_run` only says what would be done. `progress` is told each step in words.
    pub fn assign(
        &self,
        id: &InstanceId,
        asked: Asked,
        dry_run: bool,
        reason: Option<String>,
        progress: &mut dyn FnMut(&Shown),
    ) -> Outcome {
        let ports = &self.config.ports;
        let by = match asked {
            Asked::Port(port) => By::Name(port),
            Asked::Auto => By::Strategy(with_numbers(ports.strategy, ports)),
        };
        let ask = Assign { id: id.clone(), by, dry_run, reason };
        let outcome = self.control.assign(&self.caller, &ask, &self.giving(), progress);
        self.wake();
        outcome
    }

    /// From what ports are given.
    pub(super) fn giving(&self) -> Giving<'_> {
        let ports = &self.config.ports;
        Giving { registry: &self.registry, limits: limits(ports), quarantine: ports.quarantine }
    }
}
