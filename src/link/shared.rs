//! The door of a daemon: asked by many at once, it answers each as whom the kernel says that it is.
//!
//! It must never answer without a caller, nor show one what is not for that one's eyes.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Alone, Tail};
use crate::domain::{Caller, Event, EventQuery, Finding, InstanceId, Order, Outcome, Snapshot, Uid};
use crate::error::Result;

/// What a daemon may ask. Everything but [`Shared::watch`] and [`Shared::seen_by`] may take a while.
pub trait Shared: Send + Sync {
    /// Who has this uid, and as what.
    fn caller(&self, uid: Uid) -> Caller;

    /// The snapshots, newest only.
    ///
    /// # Errors
    /// When there is no engine and none can be started.
    fn watch(&self) -> Result<watch::Receiver<Arc<Snapshot>>>;

    /// What of a picture somebody may see.
    fn seen_by(&self, caller: &Caller, snapshot: &Arc<Snapshot>) -> Arc<Snapshot>;

    /// What of a picture's findings somebody may see.
    fn findings(&self, caller: &Caller, snapshot: &Snapshot) -> Vec<Finding>;

    /// Whether somebody may see all of what runs under an account, logs and files apart.
    fn sees_all_of(&self, caller: &Caller, uid: Uid) -> bool;

    /// Carries an order out for somebody and waits for its end. That it was refused is recorded as well.
    fn carry_out(&self, caller: &Caller, order: Order) -> Outcome;

    /// The newest events that are asked for, actions among them, oldest first, as somebody may see them.
    ///
    /// # Errors
    /// When they cannot be read.
    fn events(&self, caller: &Caller, query: &EventQuery) -> Result<Vec<Event>>;

    /// Rises when there are new ones.
    fn events_version(&self) -> watch::Receiver<u64>;

    /// Follows an instance's log for somebody.
    ///
    /// # Errors
    /// When that one may not read it or no such instance is known.
    fn tail(&self, caller: &Caller, id: &InstanceId) -> Result<Arc<dyn Tail>>;

    /// Has no other daemon act from the same state.
    ///
    /// # Errors
    /// Of kind `Busy` when there is one, with its pid.
    fn alone(&self) -> Result<Alone>;
}
