//! Plain processes, each under a keeper of its own (DESIGN invariant 10).
//!
//! It must never trust a PID file, and never signal: the user's hand does.

mod adopted;
mod claims;
mod environment;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod keeper;
mod launch;
mod lock;
mod pid_file;
mod record;
mod records;
mod rotate;
mod signal;
mod spec;
mod stop;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::{Again, Caller, Capabilities, Claim, Declared, InstanceId, ProcessKey, Roster, Signal, SupervisorKind, Uid, Verb};
use crate::error::Result;
use crate::hand::{Identity, Reader, Zygote};

use super::{AdoptedEnd, Started, Stopped, Supervisor};

pub use lock::{Held, InstanceLock, Untaken, held};
pub use record::boot_id;
use records::Records;
pub use spec::PATH as PROGRAM_PATH;

/// The supervisor of process instances.
pub struct ProcessSupervisor {
    records: Records,
    zygote: Arc<Zygote>,
    reader: Arc<Reader>,
    boot: String,
    open_files: u64,
    cache: Mutex<claims::Cache>,
}

impl ProcessSupervisor {
    /// A supervisor whose records lie below `state`. `open_files` is the soft limit that servers get.
    pub fn new(state: &Path, zygote: Arc<Zygote>, reader: Arc<Reader>, open_files: u64) -> Self {
        Self { records: Records::below(state), zygote, reader, boot: record::boot_id(), open_files, cache: Mutex::default() }
    }
}

impl ProcessSupervisor {
    /// Has the next look read its record again.
    fn forget_record(&self, declared: &Declared) {
        claims::forget(&self.cache, &declared.id);
    }
}

/// The identity an instance's hand takes on.
pub fn identity_of(declared: &Declared) -> Identity {
    Identity::of(declared.uid, declared.gid, declared.account.as_ref().map(|name| name.as_str()))
}

impl Supervisor for ProcessSupervisor {
    fn runs(&self, kind: SupervisorKind) -> bool {
        kind == SupervisorKind::Process
    }

    fn claims(&self, roster: &Arc<Roster>) -> Arc<[Claim]> {
        claims::read(&self.records, &self.boot, &self.cache, roster)
    }

    fn forget(&self, id: &InstanceId) {
        claims::forget(&self.cache, id);
    }

    fn was_ended_by_reboot(&self, declared: &Declared, seen: Option<Timestamp>) -> bool {
        let record = self.records.read(&declared.id, &self.boot).ok().flatten();
        record.is_some_and(|record| record.was_ended_by_reboot(seen))
    }

    fn ran_as(&self, declared: &Declared) -> Option<Uid> {
        self.records.read(&declared.id, &self.boot).ok().flatten()?.uid
    }

    fn adopt(&self, declared: &Declared, main: ProcessKey, started_at: Timestamp, by: &Caller) -> Result<()> {
        adopted::adopt(self, declared, main, started_at, by)
    }

    fn keep_down(&self, declared: &Declared, by: &Caller) -> Result<bool> {
        let record = self.records.read(&declared.id, &self.boot).ok().flatten();
        let is_waiting = record.is_some_and(|record| record.is_of_another_boot && record.stop_asked_at.is_none());
        if is_waiting {
            self.records.add(&declared.id, &record::Event::StopAsked { by: by.name.as_str().to_owned(), at: Timestamp::now() })?;
            self.forget_record(declared);
        }
        Ok(is_waiting)
    }

    fn end_of_adopted(&self, declared: &Declared) -> AdoptedEnd {
        adopted::end(self, declared)
    }

    fn note_end_of_adopted(&self, declared: &Declared, is_asked: bool) {
        adopted::note_end(self, declared, is_asked);
    }

    fn note_of_adopted(&self, declared: &Declared, again: Again) {
        adopted::note(self, declared, again);
    }

    fn capabilities(&self, declared: &Declared) -> Capabilities {
        let mut capabilities = Capabilities::default();
        if declared.launch.is_none() {
            capabilities.unable.push((Verb::Start, "its configuration cannot be read"));
            capabilities.unable.push((Verb::Restart, "its configuration cannot be read"));
        }
        capabilities
    }

    fn start(&self, declared: &Declared, by: &Caller, again: bool) -> Result<Box<dyn Started>> {
        launch::start(self, declared, by, again)
    }

    fn stop(&self, declared: &Declared, extra: &[ProcessKey], by: &Caller, grace: Duration) -> Result<Stopped> {
        stop::stop(self, declared, extra, by, grace)
    }

    fn signal(&self, declared: &Declared, key: ProcessKey, signal: Signal, _by: &Caller) -> Result<()> {
        signal::signal(self, declared, key, signal)
    }
}
