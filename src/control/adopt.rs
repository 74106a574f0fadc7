//! Adopting what runs already: the port that it listens on becomes its own, in the registry and in its file.
//!
//! It must never stop or start anything: what runs goes on running.

use jiff::Timestamp;

use super::act::{Control, Progress, RECENT, done, no_such, outcome_of, unrecorded};
use super::add::refused;
use super::assign::{Giving, rules};
use super::left::LeftOver;
use crate::domain::{Caller, Declared, InstanceId, Outcome, Role, Row, Shown, Snapshot, Verb};
use crate::error::{Error, Kind, Result};
use crate::failpoint::cut;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Adopt {
    /// Who runs already.
    pub id: InstanceId,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Why, for the audit.
    pub reason: Option<String>,
}

impl Control {
    /// Adopts an instance and says what came of it.
    pub fn adopt(&self, caller: &Caller, ask: &Adopt, giving: &Giving<'_>, progress: Progress<'_>) -> Outcome {
        self.try_adopt(caller, ask, giving, progress).unwrap_or_else(|error| outcome_of(&error))
    }

    fn try_adopt(&self, caller: &Caller, ask: &Adopt, giving: &Giving<'_>, progress: Progress<'_>) -> Result<Outcome> {
        let snapshot = self.eyes.look_for(&ask.id, RECENT);
        let (row, declared) = self.adoptable(caller, ask, &snapshot)?;
        if ask.dry_run {
            let port = actual(row)?;
            giving
                .registry
                .would_adopt(&ask.id, port, &rules(giving, caller, &snapshot))
                .map_err(|error| refused("not adopted", &error))?;
            let line = self.change(declared, port)?.map(|change| file_told(&declared.config, change.edit.line, "would be"));
            return Ok(done(format!("would have port {port}, on which it listens{}", line.unwrap_or_default())));
        }
        giving.registry.require_room().map_err(|error| refused("not adopted", &error))?;
        // Its configuration will be another file, which somebody else might lock before this is done.
        let _by_name = self.lock_by_name(&ask.id, "not adopted")?;
        let _held = self.lock(caller, declared, Verb::Restart, "adopted")?;
        // Looked behind the locks, at the files too: whoever had them before may have changed them.
        let snapshot = self.eyes.look();
        let (row, declared) = self.adoptable(caller, ask, &snapshot)?;
        let port = actual(row)?;
        let left = self.left_over(&ask.id);
        let recorded = self.audit.intend_deed(caller, "adopt", &ask.id, ask.reason.clone(), Some(row.state));
        let entry = recorded.map_err(|error| unrecorded("not adopted", error))?;
        cut("adopt-recorded");
        progress(&Shown::from("writing its port down"));
        let mut changed = None;
        let written = giving.registry.adopt_then(&ask.id, declared.uid, port, &rules(giving, caller, &snapshot), || {
            if let Some(change) = self.change(declared, port)? {
                self.write(declared, &change.edit, change.digest)?;
                changed = Some(change);
            }
            cut("adopt-written");
            Ok(())
        });
        cut("adopt-registered");
        let mut outcome = match written {
            Ok((before, notices)) => {
                let line = changed.map(|change| file_told(&declared.config, change.edit.line, "was")).unwrap_or_default();
                let before = before.filter(|before| *before != port).map(|before| format!(" instead of {before}")).unwrap_or_default();
                let mut outcome = done(format!("has port {port}{before}, on which it listens{line}"));
                outcome.hints.extend(notices);
                outcome.hints.extend(self.keep_port(declared, port).told());
                outcome
            }
            Err(error) => {
                // The file says what is the case; that stays right whatever the registry holds.
                outcome_of(&refused("not adopted", &error))
            }
        };
        if outcome.is_done() {
            outcome.hints.extend(self.take_over(caller, row, declared));
        }
        outcome.hints.extend(left.iter().map(LeftOver::told));
        cut("adopt-done");
        // The deed is done; that its result could not be recorded must not hide it.
        drop(self.audit.conclude(entry, &outcome));
        Ok(outcome)
    }

    /// Has it be wished up, where nobody watches over it already; what is to be said where that fails.
    fn take_over(&self, caller: &Caller, row: &Row, declared: &Declared) -> Option<Shown> {
        let main = row.main.known().filter(|_| row.keeper.is_none())?;
        let error = self.supervisor.adopt(declared, main, row.started_at.unwrap_or_else(Timestamp::now), caller).err()?;
        Some(Shown::new(&format!("should it end, it is not started again: {}", error.chain())))
    }

    /// What is to be adopted, if this caller may have it adopted.
    fn adoptable<'a>(&self, caller: &Caller, ask: &Adopt, snapshot: &'a Snapshot) -> Result<(&'a Row, &'a Declared)> {
        let row = snapshot.row(&ask.id).ok_or_else(no_such)?;
        let Some(declared) = row.declared.as_deref() else {
            let hint = "berth add OWNER    makes one; what listens there has to end before";
            return Err(Error::failed("not adopted. It is no instance: no configuration declares it").hint(hint));
        };
        // Only to say what would be done changes nothing.
        let asking = Caller { read_only: caller.read_only && !ask.dry_run, ..caller.clone() };
        if let Some(why) = self.why_not(&asking, Verb::Stop, row) {
            return Err(Error::new(Kind::NotPermitted, format!("not adopted: {why}")));
        }
        if caller.role != Role::Admin {
            return Err(Error::new(Kind::NotPermitted, "not adopted: ports are given by admins ([access] admins)"));
        }
        Ok((row, declared))
    }
}

/// The port on which it listens: the configured one, else the only one.
fn actual(row: &Row) -> Result<u16> {
    let mut ports: Vec<u16> = row.listening.iter().map(|(endpoint, _)| endpoint.port).collect();
    ports.sort_unstable();
    ports.dedup();
    let configured = row.declared.as_ref().and_then(|declared| declared.port).filter(|port| ports.contains(port));
    match (configured, ports.as_slice()) {
        (Some(port), _) | (None, &[port]) => Ok(port),
        (None, []) => {
            let hint = format!("berth add {}    has its file's port be its own, and starts it", row.id);
            Err(Error::failed("not adopted. It listens on nothing that could be adopted").hint(hint))
        }
        (None, several) => {
            let several: Vec<String> = several.iter().map(u16::to_string).collect();
            let hint = format!("berth assign {} --port N    names the one that is meant", row.id);
            Err(Error::failed(format!("not adopted. It listens on {}, and which is its own cannot be told", several.join(", "))).hint(hint))
        }
    }
}

fn file_told(config: &std::path::Path, line: usize, was: &str) -> String {
    format!("; line {line} of {} {was} changed", Shown::new(&config.to_string_lossy()))
}
