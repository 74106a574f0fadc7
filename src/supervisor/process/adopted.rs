//! What somebody else had started and berth adopted: it has no keeper, so that whoever looks puts down that it ended.
//!
//! It must never call an end a crash that somebody asked for: the guide's script removes the PID file after its signal.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{Again, Caller, Declared, ProcessKey, Uid};
use crate::error::Result;
use crate::hand::{is_alive, process_facts};
use crate::supervisor::AdoptedEnd;

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

/// What became of it. Asked of the PID file each time: a script takes it away after its signal, and what starts itself again writes another.
pub fn end(supervisor: &ProcessSupervisor, declared: &Declared) -> AdoptedEnd {
    let Ok(Some(record)) = supervisor.records.read(&declared.id, &supervisor.boot) else { return AdoptedEnd::Not };
    let (Some(named), Some(main)) = (record.adopted, record.main) else { return AdoptedEnd::Not };
    if is_alive(main) || record.stop_asked || matches!(record.again, Some(Again::Never { .. })) {
        return AdoptedEnd::Not;
    }
    match named.then(|| pid_in_file(supervisor, declared)) {
        None => AdoptedEnd::Unasked,
        Some(Some(pid)) if pid == main.pid => AdoptedEnd::Unasked,
        Some(Some(pid)) if runs_as(pid, declared.uid) => AdoptedEnd::Replaced,
        Some(_) => AdoptedEnd::Asked,
    }
}

/// Puts down that it has ended, once, and that somebody had it end, where that is so.
pub fn note_end(supervisor: &ProcessSupervisor, declared: &Declared, is_asked: bool) {
    let Ok(Some(record)) = supervisor.records.read(&declared.id, &supervisor.boot) else { return };
    let at = Timestamp::now();
    let event = match record.exit {
        None => Event::Exited { code: None, signal: None, asked_outside: is_asked, over_memory: None, at },
        // It was taken for a crash until now.
        Some(_) if is_asked && !record.stop_asked => Event::Empty { told: true, killed: false, at },
        Some(_) => return,
    };
    drop(supervisor.records.add(&declared.id, &event));
    supervisor.forget_record(declared);
}

/// Puts down what comes of an end that nobody asked for.
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
    pid_in_file(supervisor, declared) == Some(pid)
}

/// What the PID file says, read with the rights of its account. It is believed in nothing but that no second server is started.
fn pid_in_file(supervisor: &ProcessSupervisor, declared: &Declared) -> Option<i32> {
    let path = &declared.pid_file;
    let (root, beneath) = match path.strip_prefix(&declared.config_root) {
        Ok(beneath) => (declared.config_root.as_path(), beneath),
        Err(_) => (Path::new("/"), path.strip_prefix("/").unwrap_or(path)),
    };
    let text = supervisor.reader.read(&identity_of(declared), root, beneath, LONGEST).ok()?;
    String::from_utf8_lossy(&text).trim().parse().ok()
}

/// Whether a process of this account has this number, and has not ended.
fn runs_as(pid: i32, uid: Uid) -> bool {
    let facts = || std::fs::metadata(format!("/proc/{pid}")).ok().filter(|facts| facts.uid() == uid.0);
    pid > 0 && facts().is_some() && process_facts(pid).is_ok_and(|facts| !matches!(facts.state, 'Z' | 'X'))
}
