//! Many deeds at once: one transaction for all that is intended, and one for all that came of it.
//!
//! It must never record a part of them.

use jiff::Timestamp;

use super::{Audit, End, Entry, Intent};
use crate::domain::{Caller, InstanceId, Outcome};
use crate::error::Result;

impl Audit {
    /// Records what is about to be done to each; the entries' numbers, in their order.
    ///
    /// # Errors
    /// When it cannot be written: then none of it is done.
    pub fn intend_all(&self, caller: &Caller, verb: &str, all: &[(InstanceId, Option<String>)]) -> Result<Vec<i64>> {
        let asked_at = Timestamp::now();
        let intent = |(id, reason): &(InstanceId, Option<String>)| {
            Entry::Intent(Intent {
                asked_at,
                uid: caller.uid.0,
                login: caller.login.map(|uid| uid.0),
                name: caller.name.to_string(),
                verb: verb.to_owned(),
                instance: id.to_string(),
                reason: reason.clone(),
                found: None,
            })
        };
        let entries: Vec<Entry> = all.iter().map(intent).collect();
        self.write_all(&entries)
    }

    /// Records what came of each.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn conclude_all(&self, ended: &[(i64, &Outcome)]) -> Result<()> {
        let ended_at = Timestamp::now();
        let end = |(entry, outcome): &(i64, &Outcome)| {
            Entry::End(End { entry: *entry, ended_at, exit_code: outcome.exit_code, result: outcome.sentence.to_string() })
        };
        let entries: Vec<Entry> = ended.iter().map(end).collect();
        self.write_all(&entries).map(drop)
    }
}
