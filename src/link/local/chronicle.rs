//! What happened, asked for at the door; and whether this process is one that keeps it.
//!
//! It must never give somebody more of an event than that one may see.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use super::Local;
use super::caller::account_of;
use crate::chronicle::{self, Chronicle};
use crate::control::{Stamp, event_for};
use crate::domain::{Caller, Event, EventQuery, Shown, Snapshot, Uid};
use crate::engine::host_name;
use crate::error::Result;

/// Whether events are kept here, and that they are.
#[derive(Debug, Default)]
pub(super) struct Chronicles {
    is_daemon: AtomicBool,
    /// It is a trial, of which nothing is to remain.
    is_trial: AtomicBool,
    running: OnceLock<Chronicle>,
}

impl Local {
    /// This is the host's daemon, which keeps the events whatever its account.
    pub(super) fn is_daemon(&self) {
        self.chronicle.is_daemon.store(true, Ordering::Relaxed);
    }

    /// What happens here is kept nowhere.
    pub fn is_trial(&self) {
        self.chronicle.is_trial.store(true, Ordering::Relaxed);
    }

    /// Begins to keep the events, where this process does: the daemon, or the engine of root's console, which may change things.
    pub(super) fn keep_events(&self, snapshots: &watch::Receiver<Arc<Snapshot>>) -> Result<()> {
        let is_roots = self.caller.uid.is_root() && !self.caller.read_only;
        if self.chronicle.is_trial.load(Ordering::Relaxed) {
            return Ok(());
        }
        if (is_roots || self.chronicle.is_daemon.load(Ordering::Relaxed)) && self.chronicle.running.get().is_none() {
            let chronicle =
                chronicle::start(&self.control, &self.config, self.state.clone(), snapshots.clone(), (&host_name(), &self.notified))?;
            drop(self.chronicle.running.set(chronicle));
        }
        Ok(())
    }

    /// The newest events that are asked for, actions among them, oldest first.
    ///
    /// # Errors
    /// When this process may not or cannot read them.
    pub fn events(&self, query: &EventQuery) -> Result<Vec<Event>> {
        let mut names: HashMap<Uid, Shown> = HashMap::new();
        self.control.events(query, |uid| names.entry(uid).or_insert_with(|| account_of(uid)).clone())
    }

    /// Which state the events are in; another one means that there is something new.
    pub fn events_stamp(&self) -> Option<Stamp> {
        self.control.events_stamp()
    }

    /// The same, as somebody may see them. Whose an action's instance is the newest picture tells.
    pub(super) fn events_for(&self, caller: &Caller, query: &EventQuery) -> Result<Vec<Event>> {
        let snapshot = self.newest();
        let uid = |event: &Event| event.id.as_ref().and_then(|id| snapshot.row(id)).map(|row| row.uid);
        let all = self.events(query)?.into_iter().map(|event| match event.deed {
            Some(_) => Event { uid: uid(&event), ..event },
            None => event,
        });
        Ok(all.filter_map(|event| event_for(caller, &event)).collect())
    }

    /// Rises when there are new events; never where none are kept here.
    pub(super) fn version_of_events(&self) -> watch::Receiver<u64> {
        match self.chronicle.running.get() {
            Some(chronicle) => chronicle.version.clone(),
            None => watch::channel(0).1,
        }
    }
}
