//! The files of the records, in berth's own state directory: begun anew with each start, appended to, read.
//!
//! It must never leave half a record where a whole one was, and never write into a user's tree.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::domain::InstanceId;
use crate::error::{Context, Result};

use super::record::{Event, Record};

/// Which file a record is, and how much of it there is: a keeper only appends, and a new record is a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edition {
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

/// Where the records are.
#[derive(Clone, Debug)]
pub struct Records {
    directory: PathBuf,
}

impl Records {
    /// The records below a state directory.
    pub fn below(state: &Path) -> Self {
        Self { directory: state.join("instances") }
    }

    /// The directory, whose modification time changes with every new record.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn path(&self, id: &InstanceId) -> PathBuf {
        self.directory.join(Self::name(id))
    }

    /// The names of the files that there are; none where there is no directory.
    ///
    /// # Errors
    /// When the directory may not be read.
    pub fn names(&self) -> std::io::Result<HashSet<OsString>> {
        match fs::read_dir(&self.directory) {
            Ok(entries) => entries.map(|entry| entry.map(|entry| entry.file_name())).collect(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(HashSet::new()),
            Err(error) => Err(error),
        }
    }

    /// The name of an instance's file.
    pub fn name(id: &InstanceId) -> OsString {
        format!("{}.jsonl", id.file_stem()).into()
    }

    /// Reads one record; empty when there is none.
    ///
    /// # Errors
    /// When the directory or the file may not be read.
    pub fn read(&self, id: &InstanceId, this_boot: &str) -> std::io::Result<Option<Record>> {
        match fs::read(self.path(id)) {
            // A byte that is no text costs its line, not the record.
            Ok(text) => Ok(Some(Record::parse(&String::from_utf8_lossy(&text), this_boot))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Which edition of a record lies there; `None` when there is none.
    ///
    /// # Errors
    /// When the directory may not be looked into.
    pub fn edition(&self, id: &InstanceId) -> std::io::Result<Option<Edition>> {
        match fs::metadata(self.path(id)) {
            Ok(facts) => Ok(Some(Edition { inode: facts.ino(), bytes: facts.len(), changed: (facts.ctime(), facts.ctime_nsec()) })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Begins a new record in place of the old one and gives the file that the keeper appends to.
    ///
    /// # Errors
    /// When the state directory cannot be written: nothing may be started then.
    pub fn begin(&self, id: &InstanceId, first: &Event) -> Result<File> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)
            .while_doing(|| format!("cannot make the state directory {}", self.directory.display()))?;
        let path = self.path(id);
        let fresh = path.with_extension("jsonl.new");
        let doing = || format!("cannot write the record {}", path.display());
        if let Err(error) = fs::remove_file(&fresh)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(error).while_doing(doing);
        }
        let mut file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&fresh).while_doing(doing)?;
        append(&mut file, first).while_doing(doing)?;
        file.sync_all().while_doing(doing)?;
        fs::rename(&fresh, &path).while_doing(doing)?;
        Ok(file)
    }

    /// Adds an event to an instance's record, if it has one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&self, id: &InstanceId, event: &Event) -> Result<()> {
        let path = self.path(id);
        let doing = || format!("cannot write the record {}", path.display());
        match OpenOptions::new().append(true).open(&path) {
            Ok(mut file) => {
                append(&mut file, event).while_doing(doing)?;
                // Whoever else looks is to see it, though nothing runs any more whose end would tell them. It is no loss if that fails.
                drop(File::open(&self.directory).and_then(|directory| directory.set_modified(SystemTime::now())));
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error).while_doing(doing),
        }
    }
}

/// Appends one event as one line, in one write: two writers' lines never mix (O_APPEND, write(2)).
///
/// # Errors
/// When it cannot be written.
pub fn append(file: &mut File, event: &Event) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    file.write_all(&line)
}
