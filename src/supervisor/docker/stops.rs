//! Which runs of containers were asked to end by way of berth: their engine tells how a run ended, not that somebody wanted it.
//!
//! It must never be an authority on whether a container runs. Where it cannot be kept nothing else fails.

use std::collections::HashSet;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::facts::{Facts, is_id};

/// A file that has grown beyond this is begun anew: it holds the newest half.
const MOST: usize = 64 * 1024;

/// A file with a container and the beginning of its run in each line.
pub struct Stops {
    file: PathBuf,
    /// Those of this process: a thread that acts as a user cannot read berth's own files.
    own: Mutex<HashSet<String>>,
}

impl Stops {
    /// The one below berth's state.
    pub fn below(state: &Path) -> Self {
        Self { file: state.join("container-stops"), own: Mutex::default() }
    }

    /// Whether the end of this run was asked for.
    pub fn have(&self, id: &str, started_at: Option<Timestamp>) -> bool {
        let Some(wanted) = line(id, started_at) else { return false };
        let is_own = self.own.lock().unwrap_or_else(PoisonError::into_inner).contains(&wanted);
        is_own || std::fs::read_to_string(&self.file).is_ok_and(|text| text.lines().any(|line| line == wanted))
    }

    /// Keeps that it was.
    pub fn keep(&self, facts: &Facts) {
        let Some(line) = line(&facts.id, facts.started_at) else { return };
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        // What cannot be kept is an end that looks like a failure later; nothing else hangs on it.
        let _ = self.append(&line);
        own.insert(line);
    }

    fn append(&self, line: &str) -> std::io::Result<()> {
        if let Some(directory) = self.file.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        let known = std::fs::read_to_string(&self.file).unwrap_or_default();
        let is_full = known.len() > MOST;
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.create(true).write(true).append(!is_full).truncate(is_full).mode(0o600).open(&self.file)?;
        if is_full {
            let newest = known.lines().skip(known.lines().count() / 2);
            newest.chain([line]).try_for_each(|line| writeln!(file, "{line}"))
        } else {
            writeln!(file, "{line}")
        }
    }
}

fn line(id: &str, started_at: Option<Timestamp>) -> Option<String> {
    started_at.filter(|_| is_id(id)).map(|at| format!("{id} {at}"))
}

#[cfg(test)]
mod tests {
    use super::super::facts::tests::container;
    use super::*;

    #[test]
    fn a_run_whose_end_was_asked_for_is_known_and_the_next_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let stops = Stops::below(&directory.path().join("state"));
        let at = |second| Timestamp::from_second(second).ok();
        let run = Facts { started_at: at(1), ..container("a", "running") };
        assert!(!stops.have(&run.id, run.started_at));
        stops.keep(&run);
        let stops = Stops::below(&directory.path().join("state"));
        assert!(stops.have(&run.id, at(1)) && !stops.have(&run.id, at(2)) && !stops.have(&run.id, None));
    }

    #[test]
    fn it_does_not_grow_without_end_and_keeps_the_newest() {
        let directory = tempfile::tempdir().unwrap();
        let stops = Stops::below(directory.path());
        let run = |second| Facts { started_at: Timestamp::from_second(second).ok(), ..container("a", "running") };
        let most = i64::try_from(2 * MOST / 80).unwrap();
        (1..=most).for_each(|second| stops.keep(&run(second)));
        assert!(std::fs::metadata(&stops.file).unwrap().len() < 2 * MOST as u64);
        assert!(Stops::below(directory.path()).have(&run(most).id, run(most).started_at));
    }
}
