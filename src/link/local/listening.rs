//! What servers announce on the network: heard where the administrator configured it, or somebody asks.
//!
//! It must never have the network asked otherwise.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::Local;
use crate::config::Source;
use crate::domain::{Announcements, SERVICE_TYPES, Shown, Snapshot};
use crate::error::{Context, Error, Result};
use crate::nearby;

/// How long a command listens that is about something else: the first question is asked at once, and answered within a moment.
const BESIDE: Duration = Duration::from_millis(1500);

impl Local {
    /// Listens for so long to what is announced of these types, or of the usual ones and those that are configured, and looks; with what is
    /// to be known of that.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn discover(&self, kinds: &[String], patience: Duration) -> Result<(Arc<Snapshot>, Vec<Shown>)> {
        let mut all: Vec<String> = kinds.to_vec();
        if kinds.is_empty() {
            all.extend(SERVICE_TYPES.map(str::to_owned));
            all.extend(self.configured());
        }
        all.sort_unstable();
        all.dedup();
        let listening = nearby::once(all, patience).while_doing(|| "cannot listen to what is announced".to_owned())?;
        self.control.look();
        let heard = listening.join().map_err(|_| Error::failed("nobody listens to what is announced: the thread that does ended"))?;
        self.nearby.put(heard);
        let notices = self.nearby.newest().notices.clone();
        Ok((self.keep(self.control.look()), notices))
    }

    /// Begins to listen now and then, if that is configured.
    pub(super) fn go_on_listening(&self) -> Result<()> {
        let kinds = self.configured();
        if kinds.is_empty() {
            return Ok(());
        }
        nearby::start(Arc::clone(&self.nearby), kinds).while_doing(|| "cannot start listening to what is announced".to_owned())
    }

    /// Listens once beside something else, if that is configured. Where no thread can be had nothing is heard, and nothing is told.
    pub(super) fn listen_if_configured(&self) -> Option<JoinHandle<Announcements>> {
        let kinds = self.configured();
        if kinds.is_empty() { None } else { nearby::once(kinds, BESIDE).ok() }
    }

    /// Waits for what was heard and hangs it up. What panicked has said so.
    pub(super) fn put_up(&self, listening: Option<JoinHandle<Announcements>>) {
        if let Some(Ok(heard)) = listening.map(JoinHandle::join) {
            self.nearby.put(heard);
        }
    }

    fn configured(&self) -> Vec<String> {
        let kinds = self.config.discover.iter().filter_map(|entry| match &entry.source {
            Source::Mdns(kind) => Some(kind.clone()),
            _ => None,
        });
        kinds.collect()
    }
}
