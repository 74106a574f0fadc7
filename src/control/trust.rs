//! Accepting another certificate than the one that an instance was known by.
//!
//! It must never accept another one than the person saw, nor one that the server does not show now.

use super::act::{Control, done};
use crate::domain::{Fingerprint, InstanceId, Outcome, Row};
use crate::error::{Error, Kind, Result};

impl Control {
    /// From now on the instance is known by it.
    pub(super) fn trust(&self, row: &Row, print: Fingerprint) -> Result<Outcome> {
        let shown = row.probed.as_ref().and_then(|probed| probed.certificate.as_deref());
        // Without TLS there is none to be named: who was known by one is known by none from now on.
        let speaks_plain = shown.is_none() && row.health.latency_ms.is_some();
        if speaks_plain && print == Fingerprint::ANY && row.port.is_some_and(|port| self.pins.has(&row.id, port)) {
            self.pins.forget(&row.id)?;
            return Ok(done("speaks without TLS from now on; its certificate was forgotten".to_owned()));
        }
        let Some(shown) = shown else {
            return Err(Error::failed("not accepted. It has shown no certificate: it does not run, or speaks without TLS"));
        };
        if shown.print != print {
            let sentence = format!("not accepted. It shows {} by now, not {}", shown.print.short(), print.short());
            return Err(Error::new(Kind::Busy, sentence));
        }
        if shown.is_known() {
            // It may be known to this process only: written down, it is to all.
            self.pins.trust(&row.id, shown.port, print)?;
            return Ok(done(format!("is known by its certificate {} already", print.short())));
        }
        self.pins.trust(&row.id, shown.port, print)?;
        Ok(done(format!("is known by the certificate {} at {} from now on", print.short(), shown.port)))
    }

    /// Nothing is known of who is called so next.
    pub(super) fn forget_certificates(&self, id: &InstanceId) -> Result<()> {
        self.pins.forget(id)
    }
}
