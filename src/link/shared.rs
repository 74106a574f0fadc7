//! The door of a daemon: asked by many at once, it answers each as whom the kernel says that it is.
//!
//! It must never answer without a caller, nor show one what is not for that one's eyes.

use std::fs::File;
use std::io;
use std::sync::Arc;

use tokio::sync::watch;

use super::{Adding, Alone, Door, Tail};
use crate::domain::{Added, Caller, Event, EventQuery, Finding, InstanceId, Order, Outcome, Row, Shown, Snapshot, Trail, Uid, Verb};
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

    /// Puts down that a change of the fleet was refused: what, of whom, why it was wanted, why not.
    fn record_refused(&self, caller: &Caller, verb: &str, id: &InstanceId, reason: Option<String>, outcome: &Outcome);

    /// The newest events that are asked for, actions among them, oldest first, as somebody may see them.
    ///
    /// # Errors
    /// When they cannot be read.
    fn events(&self, caller: &Caller, query: &EventQuery) -> Result<Vec<Event>>;

    /// Rises when there are new ones.
    fn events_version(&self) -> watch::Receiver<u64>;

    /// What of a picture somebody may see, its rows apart.
    fn head(&self, caller: &Caller, snapshot: &Snapshot) -> Snapshot;

    /// As whom somebody's orders are carried out.
    fn acting(&self, caller: &Caller) -> Caller;

    /// What owners may have done to their own.
    fn owners_may(&self) -> Vec<Verb>;

    /// What a row's supervisor cannot do, and why.
    fn unable(&self, row: &Row) -> Vec<(Verb, Shown)>;

    /// Why somebody cannot have this done; `None` when it can be asked.
    fn why_not(&self, caller: &Caller, verb: Verb, row: &Row) -> Option<Shown>;

    /// Has an order carried out for somebody in the background; `ended` is called at its end, also where it was not even begun.
    fn submit(&self, caller: &Caller, order: Order, ended: Box<dyn FnOnce() + Send>);

    /// The door as this caller: what goes through it is authorised and recorded as that one's. What a caller sees of others is not
    /// decided there: that is for whoever asks.
    fn door(&self, caller: &Caller) -> Arc<dyn Door>;

    /// Which instances this is about, as a number: [`Config::about`](crate::config::Config::about).
    fn about(&self) -> u64;

    /// Adds instances for an admin, or says what would be done; `progress` is told each step in words. Of several none is started.
    fn add(&self, caller: &Caller, all: &[Adding], progress: &mut dyn FnMut(&Shown)) -> Vec<Added>;

    /// The last deeds, as somebody may see them: all for an admin, the own for anybody else.
    ///
    /// # Errors
    /// When they cannot be read.
    fn trail(&self, caller: &Caller, count: usize) -> Result<Trail>;

    /// Opens an instance's log for somebody, or with a suffix what it was rotated to.
    ///
    /// # Errors
    /// When that one may not read it; inside, what open(2) says.
    fn open_log(&self, caller: &Caller, id: &InstanceId, suffix: Option<&str>) -> Result<io::Result<File>>;

    /// Sees to what the daemon before left, and to what a reboot ended: beside everybody, and from now on.
    ///
    /// # Errors
    /// When there is no thread to be had.
    fn go_on(&self) -> Result<()>;

    /// Lets go what nobody has asked for in a while.
    fn sweep(&self);

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
