//! What all connections share: the newest picture, what each caller sees of it, who may come in, how many orders are under way.
//!
//! It must never make a picture twice for one caller, nor keep those of who has gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};

use super::gate::Gate;
use crate::domain::{Caller, Role, Snapshot, Uid};
use crate::error::{Context, Error, Kind, Result};
use crate::link::Shared;

/// How long an account may take to be looked up, and any other question.
pub const ANSWERED: Duration = Duration::from_secs(10);

/// How many orders may be under way at once.
pub const ORDERS: usize = 64;

/// How many of one account.
const EACH: usize = 8;

/// How many callers' pictures are kept.
const VIEWS: usize = 64;

/// A picture as one caller sees it.
struct View {
    of: Arc<Snapshot>,
    seen: Arc<Snapshot>,
}

/// The parts.
pub struct Hub {
    /// The engine.
    pub shared: Arc<dyn Shared>,
    /// Who is connected.
    pub gate: Gate,
    /// Places for orders.
    pub orders: Arc<Semaphore>,
    /// Since when it serves.
    pub since: Instant,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    views: Mutex<HashMap<(Uid, bool, bool), View>>,
    acting: Mutex<HashMap<Uid, usize>>,
}

/// One of an account's places for orders.
pub struct Turn {
    hub: Arc<Hub>,
    uid: Uid,
}

impl Hub {
    /// On an engine and its pictures.
    pub fn new(shared: Arc<dyn Shared>, snapshots: watch::Receiver<Arc<Snapshot>>) -> Self {
        let (views, acting, orders) = (Mutex::default(), Mutex::default(), Arc::new(Semaphore::new(ORDERS)));
        Self { shared, gate: Gate::default(), orders, since: Instant::now(), snapshots, views, acting }
    }

    /// The pictures, newest only.
    pub fn pictures(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// The newest picture.
    pub fn newest(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone()
    }

    /// How old the newest picture is, on the boot clock.
    pub fn age(&self) -> Duration {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let now = Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0));
        now.saturating_sub(self.newest().taken.boot)
    }

    /// The newest picture as somebody sees it.
    pub fn seen_by(&self, caller: &Caller) -> Arc<Snapshot> {
        let newest = self.newest();
        if caller.role == Role::Admin {
            return newest;
        }
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (caller.uid, caller.role == Role::Viewer, caller.read_only);
        if let Some(view) = views.get(&key).filter(|view| Arc::ptr_eq(&view.of, &newest)) {
            return Arc::clone(&view.seen);
        }
        if views.len() >= VIEWS {
            views.clear();
        }
        let seen = self.shared.seen_by(caller, &newest);
        views.insert(key, View { of: newest, seen: Arc::clone(&seen) });
        seen
    }

    /// Who has a uid, looked up beside the connections.
    ///
    /// # Errors
    /// Of kind `Timeout` when that cannot be told in time.
    pub async fn caller(self: &Arc<Self>, uid: Uid) -> Result<Caller> {
        let hub = Arc::clone(self);
        within(ANSWERED, move || Ok(hub.shared.caller(uid))).await
    }

    /// A place for an order of this account.
    ///
    /// # Errors
    /// Of kind `Busy` when it has enough of them under way.
    pub fn turn(self: &Arc<Self>, uid: Uid) -> Result<Turn> {
        let mut acting = self.acting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = acting.entry(uid).or_default();
        if !uid.is_root() && *count >= EACH {
            return Err(Error::new(Kind::Busy, format!("{EACH} orders of yours are on their way already")).hint("try again in a moment"));
        }
        *count += 1;
        Ok(Turn { hub: Arc::clone(self), uid })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut acting = self.hub.acting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = acting.get_mut(&self.uid) {
            *count -= 1;
            if *count == 0 {
                acting.remove(&self.uid);
            }
        }
    }
}

/// Does what may take a while beside the connections, and waits for it so long.
///
/// # Errors
/// Of kind `Timeout` when it is not over by then; it goes on.
pub async fn within<T: Send + 'static>(deadline: Duration, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let over = || Error::new(Kind::Timeout, format!("this is not over after {} s; it goes on", deadline.as_secs()));
    let done = tokio::time::timeout(deadline, tokio::task::spawn_blocking(work)).await.map_err(|_| over())?;
    done.while_doing(|| "it could not be carried out".to_owned())?
}
