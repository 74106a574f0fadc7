//! Why an instance does not work, asked through this door: looked up by `control`, judged by `judge`.
//!
//! It must never change anything.

use std::sync::Arc;

use super::{Local, account_of};
use crate::domain::{Diagnosis, InstanceId, Snapshot};
use crate::error::{Error, Kind, Result};
use crate::judge;

impl Local {
    /// Looks closely at an instance, asks its server, and says why it does not work.
    ///
    /// # Errors
    /// When there is no such instance.
    pub fn why(&self, id: &InstanceId) -> Result<(Arc<Snapshot>, Diagnosis)> {
        let snapshot = self.look_closely(id);
        let diagnosis = self.diagnose_in(id, &snapshot)?;
        Ok((snapshot, diagnosis))
    }

    pub(super) fn diagnose_in(&self, id: &InstanceId, snapshot: &Snapshot) -> Result<Diagnosis> {
        let none = || Error::new(Kind::NoSuchInstance, format!("{id}: no such instance")).hint("berth ls    lists those that there are");
        let row = snapshot.row(id).ok_or_else(none)?;
        let checkup = self.control.checkup(&self.caller, row, account_of);
        let diagnosis = checkup.and_then(|checkup| judge::diagnose(&checkup, row, snapshot));
        diagnosis.ok_or_else(|| {
            let sentence = format!("{id} belongs to no instance, so that nothing can keep it from working");
            Error::new(Kind::NoSuchInstance, sentence).hint(format!("berth show {id}"))
        })
    }
}
