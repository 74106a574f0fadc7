//! One look at a followed log: what was added, and what became of the file.
//!
//! It must never lock what a presenter reads, and never take more out of a file in one look than it can keep: the rest is counted.

use std::fs::File;
use std::io;
use std::sync::Arc;

use jiff::Timestamp;

use super::Opener;
use super::followed::{Begin, Followed, ROTATED};
use super::ring::Batch;
use super::siblings;
use super::time::Times;
use crate::domain::Shown;

/// How many looks a path must be empty before that is told: a rotation that creates the new file a moment later is none of that.
const PATIENCE: u32 = 5;

/// What stands where files were rotated away before they could be read.
const GAP: &str = "the log was rotated faster than it could be followed: lines may be missing here";

/// What stands where nothing is left of what was removed.
const REPLACED: &str = "the log was removed and begun anew: lines may be missing here";

/// A log at a path.
pub(super) struct Source {
    opener: Arc<dyn Opener>,
    path: Shown,
    account: Shown,
    keep: usize,
    /// How many lines of what was there before are taken in.
    first: usize,
    open: Option<Followed>,
    times: Times,
    /// Something was said about why there is no log.
    missed: bool,
    /// Looks in a row that found nothing at the path.
    absent: u32,
    /// A rotation is under way: it is worth looking again soon.
    unsettled: bool,
    /// Where it was first looked at.
    begin: Option<Begin>,
}

impl Source {
    /// A log that was not looked at yet.
    pub fn new(opener: Arc<dyn Opener>, path: Shown, account: Shown, keep: usize) -> Self {
        let times = Times::of_host();
        Self {
            opener,
            path,
            account,
            keep: keep.max(1),
            first: keep.max(1),
            open: None,
            times,
            missed: false,
            absent: 0,
            unsettled: false,
            begin: None,
        }
    }

    /// Looks once.
    pub fn look(&mut self) -> Batch {
        self.times.set_now(Timestamp::now());
        let batch = self.look_early();
        if self.absent > 0 && self.open.is_some() {
            self.absent = self.absent.saturating_add(1);
        }
        batch
    }

    /// Of what was there before, no more than so many lines are taken in.
    pub fn beginning_with(self, lines: usize) -> Self {
        Self { first: self.keep.min(lines.max(1)), ..self }
    }

    /// Looks between two looks, because something happened to the file: patience does not get shorter by that.
    pub fn look_early(&mut self) -> Batch {
        let mut batch = Batch::new(self.times.clone());
        self.unsettled = false;
        let result = match self.open.take() {
            None => self.find(&mut batch),
            Some(open) => self.go_on(open, &mut batch),
        };
        if let Err(error) = result {
            self.missed = true;
            batch.notice = Some(self.why(&error));
        }
        batch.open(self.open.as_ref().and_then(Followed::unfinished));
        self.times.clone_from(batch.times());
        batch
    }

    /// The file that is followed.
    pub fn file(&self) -> Option<&File> {
        self.open.as_ref().map(Followed::file)
    }

    /// Whether a rotation was met half-way.
    pub fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    fn find(&mut self, batch: &mut Batch) -> io::Result<()> {
        let mut open = Followed::new(self.opener.open()?)?;
        self.absent = 0;
        // Where there was none, all of it is new; else what was written before anybody looked is not dropped when it is not shown.
        let appeared = std::mem::take(&mut self.missed);
        if appeared {
            batch.mark("the log is there now");
        }
        open.take_in(&*self.opener, if appeared { self.keep } else { self.first }, appeared, batch)?;
        if !open.is_disturbed() {
            self.begin.get_or_insert_with(|| open.begin());
        }
        self.open = Some(open);
        Ok(())
    }

    /// Where it was first looked at; what is older was not taken in.
    pub fn begin(&self) -> Option<&Begin> {
        self.begin.as_ref()
    }

    fn go_on(&mut self, mut open: Followed, batch: &mut Batch) -> io::Result<()> {
        let grew = open.take_in(&*self.opener, self.keep, true, batch)?;
        self.unsettled = open.is_disturbed();
        match self.opener.place() {
            Ok(place) if place != open.place() => return self.change_over(open, grew, batch),
            Ok(_) => self.absent = 0,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.unsettled = self.absent < PATIENCE;
                if self.absent == 0 {
                    self.absent = 1;
                } else if self.absent == PATIENCE {
                    self.absent += 1;
                    batch.mark("the log was removed; what is still written to it is shown");
                }
            }
            // It was given to us once, and what is held open goes on.
            Err(_) => {}
        }
        self.open = Some(open);
        Ok(())
    }

    /// Another file lies at the path.
    fn change_over(&mut self, mut open: Followed, grew: bool, batch: &mut Batch) -> io::Result<()> {
        let mut new = match self.opener.open().and_then(Followed::new) {
            Ok(new) => new,
            Err(_) => {
                (self.open, self.unsettled) = (Some(open), true);
                return Ok(());
            }
        };
        // The writer is told to change over after the files were: until then it writes to the old one.
        if new.place() == open.place() || (grew && new.is_empty()) {
            (self.open, self.unsettled) = (Some(open), true);
            return Ok(());
        }
        self.absent = 0;
        let Ok(Some(between)) = siblings::between(&*self.opener, open.file(), new.place()) else {
            (self.open, self.unsettled) = (Some(open), true);
            return Ok(());
        };
        // Nothing is written to it any more once there is a younger one with something in it.
        open.take_in(&*self.opener, self.keep, true, batch)?;
        if open.is_disturbed() {
            batch.gap(GAP);
        }
        open.finish(batch);
        let is_replaced = between.has_gaps && between.files.is_empty();
        if between.has_gaps && !is_replaced {
            batch.gap(GAP);
        }
        for file in between.files {
            batch.mark(ROTATED);
            let mut file = Followed::new(file)?;
            file.take_in(&*self.opener, self.keep, true, batch)?;
            if file.is_disturbed() {
                batch.gap(GAP);
            }
            file.finish(batch);
        }
        if is_replaced {
            batch.gap(REPLACED)
        } else {
            batch.mark(ROTATED)
        }
        new.take_in(&*self.opener, self.keep, true, batch)?;
        self.open = Some(new);
        Ok(())
    }

    /// Why there is nothing to show.
    fn why(&self, error: &io::Error) -> Shown {
        let path = &self.path;
        let text = match error.raw_os_error() {
            Some(libc::ENOENT) => format!("there is no log yet at {path}"),
            Some(libc::EACCES | libc::EPERM) => format!("{path} may not be read by {}", self.account),
            Some(libc::ELOOP) => format!("{path} leads over a symbolic link, which is not followed"),
            Some(libc::EXDEV) => format!("{path} leads out of the tree that it should be in"),
            _ => match error.kind() {
                io::ErrorKind::NotFound => format!("there is no log yet at {path}"),
                // The opener has its own reason, such as a file that is somebody else's.
                io::ErrorKind::PermissionDenied if error.get_ref().is_some() => format!("{path} may not be read: {error}"),
                io::ErrorKind::PermissionDenied => format!("{path} may not be read by {}", self.account),
                io::ErrorKind::TimedOut => format!("{path} did not open in time"),
                _ => format!("{path} cannot be read: {error}"),
            },
        };
        Shown::new(&text)
    }
}

#[cfg(test)]
mod tests;
