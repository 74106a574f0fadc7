//! What somebody else had started and berth adopted: it has no keeper, so that whoever looks puts down that it ended.
//!
//! It must never call an end a crash that somebody asked for: the guide's script removes the PID file after its signal.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{Again, Caller, Declared, ProcessKey};
use crate::error::Result;
use crate::hand::is_alive;

use super::record::Event;
use super::spec::millis;
use super::{ProcessSupervisor, identity_of};

/// How long a PID file may be that says one number.
const LONGEST: usize = 64;

/// Puts down that it is berth's from now on.
pub fn adopt(supervisor: &ProcessSupervisor, declared: &Declared, main: ProcessKey, started_at: Timestamp, by: &Caller) -> Result<()> {
    let event = Event::Adopted {
        boot: supervisor.boot.clone(),
        by: by.name.as_str().to_owned(),
        at: Timestamp::now(),
        main: (main.pid, main.start_time),
        started_at,
        named: is_named(supervisor, declared, main.pid),
        uid: Some(declared.uid.0),
    };
    supervisor.records.begin(&declared.id, &event).map(drop)
}

/// Whether it was adopted and has ended unasked, with its end put down; until it is started, or somebody has it stopped.
pub fn has_ended(supervisor: &ProcessSupervisor, declared: &Declared) -> bool {
    let Ok(Some(record)) = supervisor.records.read(&declared.id, &supervisor.boot) else { return false };
    let (Some(named), Some(main)) = (record.adopted, record.main) else { return false };
    if is_alive(main) || record.stop_asked || matches!(record.again, Some(Again::Never { .. })) {
        return false;
    }
    if record.exit.is_some() {
        return true;
    }
    let asked_outside = named && !is_named(supervisor, declared, main.pid);
    let end = Event::Exited { code: None, signal: None, asked_outside, over_memory: None, at: Timestamp::now() };
    drop(supervisor.records.add(&declared.id, &end));
    supervisor.forget_record(declared);
    !asked_outside
}

/// Puts down what comes of that.
pub fn note(supervisor: &ProcessSupervisor, declared: &Declared, again: Again) {
    let now = Timestamp::now();
    let event = match again {
        Again::At { at, tries } => {
            let wait = at.duration_since(now).max(SignedDuration::ZERO).unsigned_abs();
            Event::Waiting { wait_ms: millis(wait), tries, at: now }
        }
        Again::Never { ends, within } => Event::GaveUp { ends, within_s: within.as_secs(), at: now },
    };
    drop(supervisor.records.add(&declared.id, &event));
    supervisor.forget_record(declared);
}

/// Whether the PID file says this process, read with the rights of its account.
fn is_named(supervisor: &ProcessSupervisor, declared: &Declared, pid: i32) -> bool {
    let path = &declared.pid_file;
    let (root, beneath) = match path.strip_prefix(&declared.config_root) {
        Ok(beneath) => (declared.config_root.as_path(), beneath),
        Err(_) => (Path::new("/"), path.strip_prefix("/").unwrap_or(path)),
    };
    let text = supervisor.reader.read(&identity_of(declared), root, beneath, LONGEST);
    text.is_ok_and(|text| String::from_utf8_lossy(&text).trim().parse() == Ok(pid))
}
