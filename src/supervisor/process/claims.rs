//! What the records say of every instance of a roster, read anew only where something changed.
//!
//! It must never ask /proc: whether a claimed process still runs is the sample's to say.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::domain::{Claim, Declared, InstanceId, ProcessKey, Roster, Shown, SupervisorKind};

use super::record::Record;
use super::records::{Edition, Records};

/// The records as they were last read.
#[derive(Debug, Default)]
pub struct Cache {
    directory_changed: Option<SystemTime>,
    known: HashMap<InstanceId, Option<Record>>,
    /// Which edition of each is known.
    editions: HashMap<InstanceId, Option<Edition>>,
    denied: bool,
    /// Those whose process has ended, with that process: their keeper is about to write, or was killed.
    restless: HashMap<InstanceId, Option<ProcessKey>>,
}

/// A claim for each process instance.
///
/// A new record changes the directory; after that only records that are not settled and whose run has not fully begun, and those
/// that [`forget`] named, are read again: a keeper appends at the beginning and at the end of its server's life.
pub fn read(records: &Records, boot: &str, cache: &Mutex<Cache>, roster: &Roster) -> Vec<Claim> {
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    let changed = match fs::metadata(records.directory()) {
        Ok(facts) => {
            cache.denied = false;
            facts.modified().ok()
        }
        Err(error) => {
            cache.denied = error.kind() == std::io::ErrorKind::PermissionDenied;
            None
        }
    };
    let is_new_somewhere = changed != cache.directory_changed;
    cache.directory_changed = changed;
    let Cache { known, editions, denied, restless, .. } = &mut *cache;
    let mut claims = Vec::with_capacity(roster.instances.len());
    for declared in roster.instances.iter().filter(|declared| declared.supervisor == SupervisorKind::Process) {
        let last = known.get(&declared.id);
        let settled = last.is_some_and(|record| record.as_ref().is_none_or(|record| record.settled));
        let main = last.and_then(Option::as_ref).filter(|record| record.exit.is_none()).and_then(|record| record.main);
        if settled || restless.get(&declared.id).is_some_and(|ended| main.is_some() && main != *ended) {
            restless.remove(&declared.id);
        }
        // What runs is written of when it ends; between an end and the next try its keeper may write at any time.
        let quiet = !is_new_somewhere && (settled || (main.is_some() && !restless.contains_key(&declared.id)));
        if !quiet && !*denied {
            let is_known = known.contains_key(&declared.id);
            // What is written between the two looks is in the next one's edition: nothing is missed.
            let read = records.edition(&declared.id).and_then(|edition| {
                if !is_known || editions.get(&declared.id) != Some(&edition) {
                    let record = if edition.is_some() { records.read(&declared.id, boot)? } else { None };
                    known.insert(declared.id.clone(), record);
                    editions.insert(declared.id.clone(), edition);
                }
                Ok(())
            });
            *denied = read.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied);
        }
        let record = known.get_mut(&declared.id).and_then(Option::as_mut);
        let record = record.map(|record| share_settings(record, declared));
        claims.push(claim_of(&declared.id, record, *denied));
    }
    claims
}

/// Makes the next look at this instance read its record again.
pub fn forget(cache: &Mutex<Cache>, id: &InstanceId) {
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    let main = cache.known.remove(id).flatten().and_then(|record| record.main);
    cache.restless.insert(id.clone(), main);
}

/// What was recorded and still holds becomes the same as what is declared: whether anything differs is one look at two addresses
/// from then on.
fn share_settings<'a>(record: &'a mut Record, declared: &Declared) -> &'a Record {
    if let Some(recorded) = &mut record.started_with
        && !Arc::ptr_eq(recorded, &declared.settings)
        && recorded.says_the_same(&declared.settings)
    {
        *recorded = Arc::clone(&declared.settings);
    }
    record
}

fn claim_of(id: &InstanceId, record: Option<&Record>, denied: bool) -> Claim {
    let Some(record) = record else { return Claim::nothing(id.clone(), denied) };
    Claim {
        id: id.clone(),
        keeper: record.keeper,
        main: record.main,
        wished_up: Some(!record.stop_asked),
        exit: record.exit,
        started_at: record.started_at,
        restarts: record.restarts,
        ended_outside: record.ended_outside,
        again: record.again,
        started_with: record.started_with.clone(),
        unlimited: record.unlimited.as_deref().map(Shown::new),
        denied,
    }
}
