//! What the keeper writes into the record that it was given: it can only append, and cut off what it wrote itself.
//!
//! It must never end the keeper because a disk is full, and never let the record of a server that is started again for months grow for ever.

use std::fs::File;
use std::io::Write;

use crate::supervisor::process::record::Event;
use crate::supervisor::process::records::append;

/// So many bytes of its own, and the keeper's earlier lines are taken away: some two hundred runs.
const LONGEST: u64 = 64 * 1024;

/// The record, as its keeper sees it.
pub struct Notes {
    file: File,
    /// How long it was when the keeper got it: what stands there is not the keeper's.
    given: u64,
    /// Runs that began.
    runs: u32,
    /// The last line was not written whole: the next one must not become part of it.
    torn: bool,
}

impl Notes {
    /// Notes into this record, from here on.
    pub fn new(file: File) -> Self {
        let given = file.metadata().map_or(u64::MAX, |facts| facts.len());
        Self { file, given, runs: 0, torn: false }
    }

    /// Records an event. On a full disk the event is lost, and the server lives.
    pub fn add(&mut self, event: &Event) {
        if self.torn && self.file.write_all(b"\n").is_err() {
            return;
        }
        self.torn = append(&mut self.file, event).is_err();
    }

    /// A run begins: of those before it only their number counts once they have become many.
    pub fn begin_run(&mut self) {
        let before = self.runs;
        self.runs = self.runs.saturating_add(1);
        let length = self.file.metadata().map_or(0, |facts| facts.len());
        if length.saturating_sub(self.given) <= LONGEST || self.file.set_len(self.given).is_err() {
            return;
        }
        self.torn = false;
        self.add(&Event::Shortened { restarts: before.saturating_sub(1) });
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::InstanceId;
    use crate::supervisor::process::records::Records;

    fn asked() -> Event {
        Event::Asked {
            boot: "b".to_owned(),
            by: "root".to_owned(),
            at: Timestamp::now(),
            restarts: 3,
            before: None,
            before_over_memory: None,
            settings: None,
            uid: None,
        }
    }

    #[test]
    fn a_server_that_is_started_again_for_months_has_a_short_record() {
        let directory = tempfile::tempdir().unwrap();
        let records = Records::below(directory.path());
        let id = InstanceId::of_owner("alice").unwrap();
        let mut notes = Notes::new(records.begin(&id, &asked()).unwrap());
        for run in 0..5000 {
            notes.begin_run();
            notes.add(&Event::Started { keeper: (10, 1), main: (100 + run, 2), at: Timestamp::now(), unlimited: None });
            if run % 97 == 0 {
                let record = records.read(&id, "b").unwrap().unwrap();
                assert_eq!((record.restarts, record.main.map(|main| main.pid)), (3 + u32::try_from(run).unwrap(), Some(100 + run)));
            }
            notes.add(&Event::Exited { code: Some(1), signal: None, asked_outside: false, over_memory: None, at: Timestamp::now() });
            notes.add(&Event::Waiting { wait_ms: 300_000, tries: 9, at: Timestamp::now() });
        }
        let length = std::fs::metadata(directory.path().join("instances/alice+default.jsonl")).unwrap().len();
        assert!(length < 2 * LONGEST, "{length}");
        let text = std::fs::read_to_string(directory.path().join("instances/alice+default.jsonl")).unwrap();
        assert!(text.starts_with("{\"asked\":"), "the first line is not the keeper's");
    }

    #[test]
    fn a_full_disk_costs_what_did_not_fit_and_nothing_after_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("record");
        let file = std::fs::OpenOptions::new().append(true).create(true).open(&path).unwrap();
        let mut notes = Notes::new(file);
        // What a write that ran out of space leaves.
        notes.file.write_all(b"{\"exited\":{\"co").unwrap();
        notes.torn = true;
        notes.add(&Event::Shortened { restarts: 7 });
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().last(), Some("{\"shortened\":{\"restarts\":7}}"));
        assert!(!notes.torn);
        // A device that is always full: nothing panics, and every line is remembered as torn.
        let mut notes = Notes::new(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
        notes.begin_run();
        notes.add(&Event::Shortened { restarts: 7 });
        assert!(notes.torn);
    }
}
