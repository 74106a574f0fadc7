//! What all connections share: the newest picture, what each caller sees of it, who may come in, how many orders are under way.
//!
//! It must never make a picture twice for one caller, nor keep those of who has gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};

use super::console::Feed;
use super::gate::Gate;
use super::picture::Picture;
use super::rate::Rate;
use super::spent::Spent;
use super::who::BELIEVED;
use crate::domain::{Caller, Role, Snapshot, Uid};
use crate::error::{Context, Error, Kind, Result};
use crate::link::Shared;

/// How long an account may take to be looked up, and any other question.
pub const ANSWERED: Duration = Duration::from_secs(10);

/// How many orders may be under way at once.
pub const ORDERS: usize = 64;

/// How many of any such work one account may have at once.
const EACH: usize = 8;

/// How many connections whose account is not known yet may be looked up, and how many at once.
const NEWCOMERS: usize = 64;
const LOOKUPS: usize = 8;

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
    /// How often each asks.
    pub rate: Rate,
    /// Places for connections whose account is not known yet.
    pub newcomers: Semaphore,
    /// Places for looking one up.
    pub lookups: Semaphore,
    /// How long what was looked up about an account is believed.
    pub believed: Duration,
    /// The picture as consoles read along with it.
    pub feed: Feed,
    /// Since when it serves.
    pub since: Instant,
    /// The CPU time of each instance.
    pub spent: Spent,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    views: Mutex<HashMap<(Uid, bool, bool), View>>,
    streamed: Mutex<Option<Arc<Picture>>>,
    busy: Mutex<HashMap<(Work, Uid), usize>>,
}

/// What takes a thread for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    /// An order.
    Order,
    /// Something that is asked and takes a while: a diagnosis, what an order would do.
    Question,
    /// A log or the events, read or followed.
    Log,
}

impl Work {
    /// How much of it there may be of all but root, so that there is room that is root's alone: a log that is followed has a thread of its
    /// own, the others take one of those that there are.
    fn others(self) -> usize {
        match self {
            Self::Order => ORDERS / 4 * 3,
            Self::Question => 24,
            Self::Log => 128,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Order => "orders are on their way",
            Self::Question => "questions are being answered",
            Self::Log => "logs are open",
        }
    }
}

/// One of an account's places for such work.
pub struct Turn {
    hub: Arc<Hub>,
    key: (Work, Uid),
}

impl Hub {
    /// On an engine and its pictures.
    pub fn new(shared: Arc<dyn Shared>, snapshots: watch::Receiver<Arc<Snapshot>>) -> Self {
        let (views, streamed, busy) = (Mutex::default(), Mutex::default(), Mutex::default());
        let (gate, orders) = (Gate::default(), Arc::new(Semaphore::new(ORDERS)));
        let (feed, spent, since) = (Feed::default(), Spent::default(), Instant::now());
        let (rate, newcomers, lookups, believed) = (Rate::default(), Semaphore::new(NEWCOMERS), Semaphore::new(LOOKUPS), BELIEVED);
        Self { shared, gate, orders, rate, newcomers, lookups, believed, feed, since, spent, snapshots, views, streamed, busy }
    }

    /// The pictures, newest only.
    pub fn pictures(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Waits for the first picture, for so long as anything may take.
    pub async fn looked(&self) {
        let mut pictures = self.pictures();
        drop(tokio::time::timeout(ANSWERED, pictures.wait_for(|picture| picture.sequence > 0)).await);
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

    /// The newest picture as it is streamed: made once for all who read along.
    pub fn picture(&self) -> Arc<Picture> {
        let newest = self.newest();
        let mut streamed = self.streamed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(picture) = streamed.as_ref().filter(|picture| Arc::ptr_eq(&picture.of, &newest)) {
            return Arc::clone(picture);
        }
        let picture = Arc::new(Picture::of(&*self.shared, &newest, streamed.as_deref()));
        *streamed = Some(Arc::clone(&picture));
        picture
    }

    /// A place for one more of this account.
    ///
    /// # Errors
    /// Of kind `Busy` when it has enough of them.
    pub fn turn(self: &Arc<Self>, uid: Uid, work: Work) -> Result<Turn> {
        let full = |most: usize, whose: &str| {
            Error::new(Kind::Busy, format!("{most} {} {whose} already", work.words())).hint("try again in a moment")
        };
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let own = busy.get(&(work, uid)).copied().unwrap_or(0);
        let most = if uid.is_root() { ORDERS } else { EACH };
        if own >= most {
            return Err(full(most, "for you"));
        }
        let others: usize = busy.iter().filter(|((other, uid), _)| *other == work && !uid.is_root()).map(|(_, count)| count).sum();
        if !uid.is_root() && others >= work.others() {
            return Err(full(work.others(), "for others"));
        }
        busy.insert((work, uid), own + 1);
        Ok(Turn { hub: Arc::clone(self), key: (work, uid) })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut busy = self.hub.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = busy.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                busy.remove(&self.key);
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
    let working = tokio::task::spawn_blocking(move || {
        crate::failpoint::pass("daemon-work");
        work()
    });
    let done = tokio::time::timeout(deadline, working).await.map_err(|_| over())?;
    done.while_doing(|| "it could not be carried out".to_owned())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::fake::Plain;
    use crate::present::fleet;

    #[test]
    fn nobody_takes_all_turns_nor_do_all_others_together() {
        let hub = Arc::new(Hub::new(Arc::new(Plain::default()), watch::channel(Arc::new(fleet::fleet())).1));
        let many = |uid, work, count| (0..count).filter_map(|_| hub.turn(Uid(uid), work).ok()).collect::<Vec<_>>();
        for work in [Work::Order, Work::Question, Work::Log] {
            let own = many(1001, work, 100);
            assert_eq!(own.len(), EACH, "{work:?}");
            let others: Vec<_> = (2000..2100).flat_map(|uid| many(uid, work, 100)).collect();
            assert_eq!(own.len() + others.len(), work.others(), "{work:?}");
            assert_eq!(hub.turn(Uid(3000), work).err().map(|error| error.kind()), Some(Kind::Busy));
            assert!(hub.turn(Uid::ROOT, work).is_ok(), "there is room for root: {work:?}");
            drop((own, others));
            assert!(hub.turn(Uid(3000), work).is_ok());
        }
        assert!(hub.busy.lock().unwrap().is_empty());
    }
}
