//! In which boot a daemon saw last to what was wished up, and who waits for that still.
//!
//! It must never be half of one boot and half of another: it is replaced as a whole.

use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;

use crate::domain::InstanceId;
use crate::error::{Context, Result};

/// The file: the boot in which it was last seen to everything, and, as the time of its last change, when a daemon of that boot last lived.
/// Lines may follow: when a daemon of the boot before last lived, and who was not known to be wished up or down yet.
#[derive(Clone, Debug)]
pub struct BootMark(PathBuf);

/// What it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    /// The boot.
    pub boot: String,
    /// When a daemon last lived in it.
    pub seen: Option<Timestamp>,
    /// Who waits.
    pub waits: Waits,
}

/// Those of whom it was not known yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// When a daemon last lived in the boot before.
    pub seen: Option<Timestamp>,
    /// Who.
    pub ids: Vec<InstanceId>,
}

/// The word before the time.
const SEEN: &str = "seen ";

impl BootMark {
    /// In a state directory.
    pub fn below(state: &Path) -> Self {
        Self(state.join("boot"))
    }

    /// What it says; nothing where there was never a daemon.
    pub fn read(&self) -> Option<Marked> {
        let text = fs::read_to_string(&self.0).ok()?;
        let mut lines = text.trim().lines();
        let boot = lines.next().unwrap_or_default().to_owned();
        let seen = fs::metadata(&self.0).and_then(|facts| facts.modified()).ok().and_then(|at| at.try_into().ok());
        let mut waits = Waits::default();
        for line in lines {
            match line.strip_prefix(SEEN) {
                Some(at) => waits.seen = at.parse().ok(),
                None => waits.ids.extend(InstanceId::parse(line).ok()),
            }
        }
        Some(Marked { boot, seen, waits })
    }

    /// Has it say this boot, and who waits in it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, boot: &str, waits: &Waits) -> Result<()> {
        let doing = || format!("cannot write {}", self.0.display());
        let mut text = boot.to_owned();
        if !waits.ids.is_empty() {
            text.extend(waits.seen.map(|at| format!("\n{SEEN}{at}")));
            text.extend(waits.ids.iter().map(|id| format!("\n{id}")));
        }
        let fresh = self.0.with_extension("new");
        if let Some(state) = self.0.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(state).while_doing(doing)?;
        }
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh).while_doing(doing)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).while_doing(doing)?;
        fs::rename(&fresh, &self.0).while_doing(doing)
    }

    /// Has it say that a daemon lives now. It is no loss if that fails.
    pub fn touch(&self) {
        drop(File::options().write(true).open(&self.0).and_then(|file| file.set_modified(SystemTime::now())));
    }
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
        mark.write("one", &Waits::default()).unwrap();
        let first = mark.read().unwrap();
        assert!(first.boot == "one" && first.seen.is_some() && first.waits == Waits::default());
        mark.touch();
        let second = mark.read().unwrap();
        assert!(second.boot == "one" && second.seen >= first.seen);
    }

    #[test]
    fn who_waits_is_read_back_with_the_time_by_which_it_is_decided() {
        let directory = tempfile::tempdir().unwrap();
        let mark = BootMark::below(directory.path());
        let ids = ["amy", "bob/tools"].iter().map(|id| InstanceId::parse(id).unwrap()).collect();
        for seen in [None, Timestamp::from_second(1_700_000_000).ok()] {
            let waits = Waits { seen, ids: Vec::clone(&ids) };
            mark.write("two", &waits).unwrap();
            let read = mark.read().unwrap();
            assert_eq!((read.boot.as_str(), read.waits), ("two", waits));
        }
    }
}
