//! The looks of a command that is over in a moment: no engine, one picture.
//!
//! It must never take longer than the two readings that a rate needs, but where one instance is looked at closely.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Local;
use crate::domain::{InstanceId, ProcessKey, Row, Snapshot};
use crate::engine::Audits;
use crate::storage::{self, Wanted};

/// Between the two readings of a one-shot command, DESIGN section 5.
const BETWEEN_READINGS: Duration = Duration::from_millis(200);

/// How long a one-shot command that is about everything may count on the disks.
const COUNTING: Duration = Duration::from_millis(300);

/// How long one that is about one instance may: its workspace is counted, too.
const COUNTING_ONE: Duration = Duration::from_millis(800);

/// How long one that is about one instance waits for its server's answer: a little longer than for any answer.
const ASKING_ONE: Duration = Duration::from_millis(2200);

/// How long those who ask what is wrong go on asking servers who they are.
const ASKING_ALL: Duration = Duration::from_secs(3);

impl Local {
    /// One look with two readings of the processes. The logs are counted while it waits for the second.
    pub fn look(&self) -> Arc<Snapshot> {
        self.look_and_count(Wanted::default(), BETWEEN_READINGS)
    }

    /// The same, with the workspace of one instance and what everybody has open.
    pub fn look_closely(&self, id: &InstanceId) -> Arc<Snapshot> {
        self.look_and_count(Wanted { open_files: true, workspace_of: Some(id) }, COUNTING_ONE)
    }

    fn look_and_count(&self, wanted: Wanted<'_>, patience: Duration) -> Arc<Snapshot> {
        let first = self.control.look();
        let begun = Instant::now();
        self.control.examine();
        self.control.limits_of(&limited(&first, wanted.workspace_of));
        let asking = self.ask(&first, wanted.workspace_of);
        let listening = self.listen_if_configured();
        self.count(&first, wanted, patience.saturating_sub(begun.elapsed()));
        // What panicked has said so.
        drop(asking.map(JoinHandle::join));
        self.put_up(listening);
        std::thread::sleep(BETWEEN_READINGS.saturating_sub(begun.elapsed()));
        self.keep(self.control.look())
    }

    /// Asks the servers of a picture whether they are well: one of them for as long as that takes, all in the time between two readings.
    fn ask(&self, snapshot: &Arc<Snapshot>, one: Option<&InstanceId>) -> Option<JoinHandle<()>> {
        self.config.sampling.probes?;
        self.probing.once(snapshot, one, if one.is_some() { ASKING_ONE } else { BETWEEN_READINGS })
    }

    /// One look with a single reading: no CPU rates.
    pub fn glance(&self) -> Arc<Snapshot> {
        self.keep(self.control.look())
    }

    /// A look with a single reading, and everything that can be counted on the disks in a moment: logs, room, open files; and the
    /// PID files, who else may read and change files, and which server each is.
    pub fn examine(&self) -> Arc<Snapshot> {
        self.survey(None)
    }

    /// The same, and each server is asked whether it lets in a page of another host's.
    pub fn audit(&self) -> Arc<Snapshot> {
        self.survey(Some(&self.audits))
    }

    fn survey(&self, audits: Option<&Audits>) -> Arc<Snapshot> {
        let first = self.control.look();
        let is_asked = self.config.sampling.probes.is_some() || audits.is_some();
        let asking = is_asked.then(|| self.probing.survey(&first, audits, ASKING_ALL)).flatten();
        let listening = self.listen_if_configured();
        self.control.examine();
        self.control.limits_of(&limited(&first, None));
        self.count(&first, Wanted { open_files: true, workspace_of: None }, COUNTING);
        // What panicked has said so.
        drop(asking.map(JoinHandle::join));
        self.put_up(listening);
        self.keep(self.control.look())
    }

    /// Counts on the disks. Where no thread can be had nothing is counted, and nothing is told.
    fn count(&self, snapshot: &Snapshot, wanted: Wanted<'_>, patience: Duration) {
        drop(storage::count_once(&self.storage, snapshot, wanted, patience));
    }
}

/// Of whom limits are to be read: of the one that is shown, and of those whose limits only the kernel knows, since no keeper set them.
fn limited(snapshot: &Snapshot, shown: Option<&InstanceId>) -> Vec<ProcessKey> {
    let is_adopted = |row: &Row| row.keeper.is_none() && row.declared.as_ref().is_some_and(|declared| !declared.limits.is_empty());
    let rows = snapshot.rows.iter().filter(|row| Some(&row.id) == shown || is_adopted(row));
    rows.filter_map(|row| row.main.known()).collect()
}
