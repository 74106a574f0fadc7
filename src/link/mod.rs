//! The one door for presenters: watch, submit, tail. The console, the command line and the daemon come in here and nowhere else.
//!
//! It must never present: it hands out snapshots, outcomes and log lines, all of them plain facts.

pub mod dial;
pub mod local;
pub mod many;
pub mod remote;
mod shared;
mod ssh;
pub mod wire;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use crate::config::Strategy;
use crate::domain::{
    Caller, Diagnosis, InstanceId, LogLine, LogView, Order, Outcome, Proposal, Shown, Snapshot, Standing, Task, Trail, Verb,
};
use crate::error::{Error, Result};

pub use crate::control::Stamp as EventsStamp;
pub use crate::domain::Asked;
pub use local::adding::Adding;
pub use local::removing::Removing;
pub use shared::Shared;
pub use ssh::leave;

/// Whose a connection over loopback is.
pub use crate::sample::connected;

/// That no other daemon acts on this host, as long as it is kept.
pub use crate::supervisor::process::InstanceLock as Alone;

pub use crate::logs::{Ask, At, Find, Goal, MOST_KEPT, Page, Pattern, Query as LogQuery, Reel, Sought, Store as LogStore, Want};

/// The lines of a log, oldest first, read while they are taken.
pub type LogLines = Box<dyn Iterator<Item = Result<LogLine>> + Send>;

/// What a presenter may ask. `local::Local` answers from an engine in this process, `remote::Remote` from a daemon's.
pub trait Door: Send + Sync {
    /// Who is asking, and as what.
    fn caller(&self) -> Caller;

    /// The snapshots, newest only: a slow presenter skips some and queues none.
    fn watch(&self) -> watch::Receiver<Arc<Snapshot>>;

    /// Whose engine this shows, where a presenter is to say so.
    fn standing(&self) -> Option<watch::Receiver<Standing>> {
        None
    }

    /// Why the caller cannot have this done to this instance now, in one sentence; `None` when it can be asked.
    fn why_not(&self, verb: Verb, id: &InstanceId) -> Option<Shown>;

    /// Has an order carried out in the background. How far it is stands in [`Snapshot::underway`], the end included.
    fn submit(&self, order: Order);

    /// Carries an order out and waits for its end; `progress` is told each step in words.
    fn carry_out(&self, order: Order, progress: &mut dyn FnMut(&Shown)) -> Outcome;

    /// What an order would do, in words, where that can be told, and the order that does exactly this: where a port was to be chosen, it names
    /// the port. Nothing is done. May take a while.
    fn foresee(&self, order: &Order) -> (Order, Outcome);

    /// What a strategy would give to everybody who is known; nobody is moved. May take a while.
    ///
    /// # Errors
    /// When the registry may not or cannot be read.
    fn propose(&self, strategy: Strategy) -> Result<Proposal>;

    /// What would be done to the fleet, its steps as hints; nothing is done. May take a while.
    fn foresee_task(&self, task: &Task) -> Outcome;

    /// Does something to the fleet and waits for its end; `progress` is told each step in words.
    fn carry_out_task(&self, task: &Task, reason: Option<String>, progress: &mut dyn FnMut(&Shown)) -> Outcome;

    /// How many connections there are to where an instance listens. May take a while where there are many on the host.
    ///
    /// # Errors
    /// When no such instance is known, or the kernel does not tell.
    fn clients(&self, id: &InstanceId) -> Result<u64>;

    /// Why an instance does not work: its files are looked at with the rights of its account, its port, its log and what it answered last.
    /// Changes nothing. May take a while.
    ///
    /// # Errors
    /// When there is no such instance.
    fn diagnose(&self, id: &InstanceId) -> Result<Diagnosis>;

    /// The last `count` actions that the audit trail holds, oldest first. May have to wait for whoever writes it.
    ///
    /// # Errors
    /// When the caller may not read it, or it cannot be read.
    fn trail(&self, count: usize) -> Result<Trail>;

    /// Follows an instance's log from its last lines on.
    ///
    /// # Errors
    /// When the caller may not read it or no such instance is known.
    fn tail(&self, id: &InstanceId) -> Result<Arc<dyn Tail>>;

    /// What an instance's log holds of what is asked for, read once.
    ///
    /// # Errors
    /// As [`Door::tail`]; where this is not asked of a door.
    fn history(&self, id: &InstanceId, query: &LogQuery) -> Result<LogLines> {
        let _ = query;
        Err(Error::failed(format!("{id}: its log is not asked for here")))
    }

    /// A directory of the caller's own, for what cannot be brought to a clipboard; `None` where there is none.
    fn copies(&self) -> Option<PathBuf> {
        None
    }
    /// Follows one log, or several as one, for a screen: with what is older, sifted and searched.
    ///
    /// # Errors
    /// As [`Door::tail`], when one of them may not be read.
    fn reel(&self, ids: &[InstanceId]) -> Result<Reel>;
}

/// A followed log. Following ends when it is dropped.
pub trait Tail: Send + Sync {
    /// The last `count` kept lines that end with line `up_to` (`None`: the newest). Never blocks on the file.
    fn lines(&self, up_to: Option<u64>, count: usize) -> LogView;

    /// Rises with each change, so that a presenter redraws only then.
    fn version(&self) -> watch::Receiver<u64>;
}
