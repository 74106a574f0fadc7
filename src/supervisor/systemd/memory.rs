//! The units that berth has acted on: systemd forgets a template's instance that is not enabled as soon as it is stopped, and what was
//! stopped here is to be found here, and started again.
//!
//! It must never be an authority: systemd says whether there is such a unit. Where it cannot be kept nothing else fails.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::name::{fits, is_instance};
use crate::domain::Uid;

/// Longer than any file of names gets; the rest of a larger one is not read.
const MOST: usize = 256 * 1024;

/// A file with a name in each line.
pub struct Memory {
    file: PathBuf,
    writing: Mutex<()>,
}

impl Memory {
    /// The one below berth's state.
    pub fn below(state: &Path) -> Self {
        Self { file: state.join("units"), writing: Mutex::default() }
    }

    /// The one of a user's own manager.
    pub fn of_user(state: &Path, uid: Uid) -> Self {
        Self { file: state.join(format!("units.{uid}")), writing: Mutex::default() }
    }

    /// Those of them that are looked for.
    pub fn names(&self, patterns: &[String]) -> BTreeSet<String> {
        let text = std::fs::read(&self.file).unwrap_or_default();
        let text = String::from_utf8_lossy(text.get(..MOST).unwrap_or(&text)).into_owned();
        let is_wanted = |name: &&str| is_instance(name) && patterns.iter().any(|pattern| fits(pattern, name));
        text.lines().filter(is_wanted).map(str::to_owned).collect()
    }

    /// Keeps one more.
    pub fn keep(&self, name: &str) {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.names(&[name.to_owned()]).contains(name) {
            return;
        }
        let directory = self.file.parent().unwrap_or(Path::new("/"));
        // Without it the unit is not found again where systemd forgets it, and that is all.
        let _ = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
        let file = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&self.file);
        let _ = file.and_then(|mut file| file.write_all(format!("{name}\n").as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_once_is_found_where_it_is_looked_for() {
        let directory = tempfile::tempdir().unwrap();
        let memory = Memory::below(&directory.path().join("state"));
        let patterns = ["mcp@*.service".to_owned()];
        assert!(memory.names(&patterns).is_empty());
        for name in ["mcp@a.service", "mcp@a.service", "mcp@b.service", "other@c.service"] {
            memory.keep(name);
        }
        assert_eq!(memory.names(&patterns).into_iter().collect::<Vec<_>>(), ["mcp@a.service", "mcp@b.service"]);
        assert_eq!(std::fs::read_to_string(directory.path().join("state/units")).unwrap().lines().count(), 3);
    }
}
