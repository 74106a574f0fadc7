//! After a reboot: which instances are wished up and were ended by it, and in which boot that was seen to last.
//!
//! It must never call one wished up whose end was asked for before the machine went down.

use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;

use super::act::{Control, Progress, outcome_of};
use crate::domain::{Caller, Declared, InstanceId, Order, Outcome, State, Uid};
use crate::error::{Context, Error, Kind, Result};

/// The file: the boot in which it was last seen to everything, and, as the time of its last change, when a daemon of that boot last lived.
#[derive(Clone, Debug)]
pub struct BootMark(PathBuf);

impl BootMark {
    /// In a state directory.
    pub fn below(state: &Path) -> Self {
        Self(state.join("boot"))
    }

    /// The boot, and when a daemon last lived in it; nothing where there was never one.
    pub fn read(&self) -> Option<(String, Option<Timestamp>)> {
        let boot = fs::read_to_string(&self.0).ok()?.trim().to_owned();
        let seen = fs::metadata(&self.0).and_then(|facts| facts.modified()).ok().and_then(|at| at.try_into().ok());
        Some((boot, seen))
    }

    /// Has it say this boot.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, boot: &str) -> Result<()> {
        let doing = || format!("cannot write {}", self.0.display());
        let fresh = self.0.with_extension("new");
        if let Some(state) = self.0.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(state).while_doing(doing)?;
        }
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh).while_doing(doing)?;
        file.write_all(boot.as_bytes()).and_then(|()| file.sync_all()).while_doing(doing)?;
        fs::rename(&fresh, &self.0).while_doing(doing)
    }

    /// Has it say that a daemon lives now. It is no loss if that fails.
    pub fn touch(&self) {
        drop(File::options().write(true).open(&self.0).and_then(|file| file.set_modified(SystemTime::now())));
    }
}

/// What has berth start something that nobody asks for. It has to hold still when nobody else acts on the instance any more.
#[derive(Clone, Copy, Debug)]
pub enum Unasked {
    /// It was wished up when the machine went down. When a daemon of that boot last lived.
    Reboot(Option<Timestamp>),
    /// It was adopted and has ended unasked.
    Ended,
}

impl Control {
    /// The same as [`Control::carry_out`] of a start that nobody asks for: not done where it is not due any more, or as somebody else.
    pub fn carry_out_unasked(&self, caller: &Caller, order: &Order, unasked: Unasked, progress: Progress<'_>) -> Outcome {
        self.attempt(caller, order, Some(unasked), progress).unwrap_or_else(|error| outcome_of(&error))
    }

    /// That nobody had it end, or started it, meanwhile. For who has the instance's lock.
    pub(super) fn require_due(&self, unasked: Option<Unasked>, declared: &Declared) -> Result<()> {
        let is_due = match unasked {
            None => true,
            Some(Unasked::Reboot(seen)) => self.supervisor.was_ended_by_reboot(declared, seen),
            Some(Unasked::Ended) => self.supervisor.has_adopted_ended(declared),
        };
        if is_due { Ok(()) } else { Err(Error::new(Kind::Busy, "not started. Somebody else has acted on it meanwhile")) }
    }

    /// That it is started as who it was started as before: the account may have been deleted and made anew, or the configuration may name
    /// another one. A person may want that; berth by itself does not.
    pub(super) fn require_same_account(&self, unasked: Option<Unasked>, declared: &Declared) -> Result<()> {
        match self.supervisor.ran_as(declared).filter(|was| unasked.is_some() && *was != declared.uid) {
            None => Ok(()),
            Some(was) => Err(another_account(declared, was)),
        }
    }

    /// Those that were wished up when the machine went down and do not run, lowest port first. `seen`: when a daemon of that boot last lived.
    pub fn restorable(&self, seen: Option<Timestamp>) -> Vec<InstanceId> {
        let snapshot = self.eyes.look();
        let rows = snapshot.rows.iter().filter(|row| !row.state.is_up() && row.state != State::Unknown);
        let wished = rows.filter(|row| row.declared.as_ref().is_some_and(|declared| self.supervisor.was_ended_by_reboot(declared, seen)));
        let mut all: Vec<(bool, Option<u16>, InstanceId)> = wished.map(|row| (row.port.is_none(), row.port, row.id.clone())).collect();
        all.sort();
        all.into_iter().map(|(.., id)| id).collect()
    }

    /// Whether one of them is that still when its turn comes: it may have been stopped, or started, meanwhile.
    pub fn is_restorable(&self, id: &InstanceId, seen: Option<Timestamp>) -> bool {
        self.supervisor.forget(id);
        let snapshot = self.eyes.look_again(id);
        let row = snapshot.row(id).filter(|row| !row.state.is_up() && row.state != State::Unknown);
        row.and_then(|row| row.declared.as_ref()).is_some_and(|declared| self.supervisor.was_ended_by_reboot(declared, seen))
    }
}

fn another_account(declared: &Declared, was: Uid) -> Error {
    let account = declared.account.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    let told = format!("not started. It ran as uid {was} before, and would run as uid {}{account} now", declared.uid);
    Error::new(Kind::NotPermitted, told).hint(format!("berth start {}    has it run as that", declared.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_tells_the_boot_and_the_last_sign_of_life() {
        let directory = tempfile::tempdir().unwrap();
        let mark = BootMark::below(&directory.path().join("state"));
        assert_eq!(mark.read(), None);
        mark.touch();
        assert_eq!(mark.read(), None, "a sign of life alone says no boot");
        mark.write("one").unwrap();
        let (boot, first) = mark.read().unwrap();
        assert!(boot == "one" && first.is_some());
        mark.touch();
        let (boot, second) = mark.read().unwrap();
        assert!(boot == "one" && second >= first);
    }
}
