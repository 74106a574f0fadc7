//! The managers of users that run: found by what the kernel says of their sockets, each listened to in a task of its own.
//!
//! It must never start one, look oftener than it has to, or have one wait for another: one thread serves them all, and blocks for none.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::unistd::{User, geteuid};
use tokio::sync::{mpsc, watch};

use super::door::{Door, Way, manager_of};
use super::memory::Memory;
use super::state::State;
use super::watch::{Place, Watch};
use crate::domain::{Declared, Gid, Shown, Uid};
use crate::error::{Context, Result};
use crate::hand::Reader;
use crate::supervisor::listening::listening;
use crate::supervisor::newest::Ears;

/// How often it is looked which managers run: one question to the kernel.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long the first answers of all of them together are waited for: whoever takes longer is seen when it answers.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many managers are listened to, and how many units of each are looked at.
const MOST: usize = 256;
const UNITS: usize = 256;

/// How many threads open sockets at once.
const OPENING: usize = 2;

/// What is run on their thread.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A user's manager.
pub struct Manager {
    /// Whose.
    pub uid: Uid,
    /// The account's name.
    pub account: String,
    /// Who talks to it.
    pub watch: Watch,
    /// The socket that it listens on now.
    there: watch::Sender<Option<u32>>,
}

/// What is known of them.
#[derive(Default)]
struct Known {
    all: Vec<Arc<Manager>>,
    /// Rises when there are others.
    generation: u64,
    looked: Option<Instant>,
    works: Option<mpsc::UnboundedSender<Work>>,
    /// Why they are not listened to.
    fault: Option<Shown>,
}

/// All of them.
pub struct Users {
    patterns: Arc<[String]>,
    state: PathBuf,
    reader: Arc<Reader>,
    ears: Ears,
    known: Mutex<Known>,
}

impl Users {
    /// None yet.
    pub fn new(patterns: &Arc<[String]>, state: PathBuf, reader: &Arc<Reader>, ears: &Ears) -> Self {
        Self { patterns: Arc::clone(patterns), state, reader: Arc::clone(reader), ears: Arc::clone(ears), known: Mutex::default() }
    }

    /// Looks which managers run by now.
    pub fn look(&self) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if known.looked.is_some_and(|looked| now.duration_since(looked) < LOOK_EVERY) {
            return;
        }
        known.looked = Some(now);
        // Where the kernel does not tell, those that are known are still listened to.
        let Ok(sockets) = listening() else { return };
        let own = Uid(geteuid().as_raw());
        let mut found: Vec<(Uid, u32)> = sockets.iter().filter_map(|socket| Some((manager_of(socket)?, socket.socket))).collect();
        found.retain(|(uid, _)| own.is_root() || *uid == own);
        found.sort_unstable();
        found.dedup_by_key(|(uid, _)| *uid);
        for manager in &known.all {
            let socket = found.iter().find(|(uid, _)| *uid == manager.uid).map(|(_, socket)| *socket);
            // Only who listens anew is knocked at.
            manager.there.send_if_modified(|there| std::mem::replace(there, socket) != socket);
        }
        found.retain(|(uid, _)| known.all.iter().all(|manager| manager.uid != *uid));
        for (uid, socket) in found {
            if let Err(error) = self.begin(&mut known, uid, socket) {
                known.fault = Some(Shown::new(&error.chain()));
            }
        }
    }

    /// Listens to one; not to one of an account that there is none of.
    fn begin(&self, known: &mut Known, uid: Uid, socket: u32) -> Result<()> {
        let Some(user) = User::from_uid(uid.0.into()).ok().flatten() else { return Ok(()) };
        if known.all.len() >= MOST {
            // Whoever has gone makes room.
            let Some(gone) = known.all.iter().position(|manager| manager.there.borrow().is_none()) else { return Ok(()) };
            known.all.remove(gone);
        }
        let works = match known.works.clone() {
            Some(works) => works,
            None => known.works.insert(serve()?).clone(),
        };
        let (there, listens) = watch::channel(Some(socket));
        let way = Way::Door(Door::of(uid, Gid(user.gid.as_raw()), Some(&user.name), &self.reader));
        let place = Place { way, patterns: Arc::clone(&self.patterns), most: UNITS, there: Some(listens), deadline: DEADLINE };
        let (watch, work) = Watch::and_work(place, Memory::of_user(&self.state, uid), Arc::clone(&self.ears));
        // Where the thread has failed the watch has ended with it, and that is told.
        let _ = works.send(Box::pin(work));
        known.all.push(Arc::new(Manager { uid, account: user.name, watch, there }));
        known.all.sort_by_key(|manager| manager.uid);
        known.generation += 1;
        Ok(())
    }

    /// Those that are listened to, each with what is known of its units; the first time their first answers are waited for.
    pub fn first_states(&self) -> Vec<(Arc<Manager>, Arc<State>)> {
        let all = self.known.lock().unwrap_or_else(PoisonError::into_inner).all.clone();
        let begun = Instant::now();
        let state = |manager: Arc<Manager>| {
            let state = manager.watch.first_state(PATIENCE.saturating_sub(begun.elapsed()));
            (manager, state)
        };
        all.into_iter().map(state).collect()
    }

    /// A number that is another whenever anything of them is.
    pub fn serial(&self) -> (u64, u64) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        (known.generation, known.all.iter().map(|manager| manager.watch.state().serial).sum())
    }

    /// The manager that has an instance's unit.
    pub fn manager_of(&self, declared: &Declared) -> Option<Arc<Manager>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.all.binary_search_by_key(&declared.uid, |manager| manager.uid).ok().and_then(|index| known.all.get(index).cloned())
    }

    /// What is to be known beside their units.
    pub fn notice(&self) -> Option<Shown> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.fault.is_some() {
            return known.fault.clone();
        }
        if known.all.iter().any(|manager| manager.watch.has_ended()) {
            return Some(Shown::new("a user's systemd is not listened to any more: the thread that does has failed"));
        }
        known.all.iter().filter(|manager| manager.there.borrow().is_some()).find_map(|manager| {
            let state = manager.watch.state();
            // Of known units each row says it.
            let (_, why) = state.lost.as_ref().filter(|_| state.units.is_empty())?;
            let whose = super::claims::called(Some(&manager.account));
            Some(Shown::new(&format!("which units {whose} has is not known: it cannot be asked ({why})")))
        })
    }
}

/// Begins the thread on which all of them are listened to; it ends with what is given.
fn serve() -> Result<mpsc::UnboundedSender<Work>> {
    let doing = || "cannot listen to users' systemds".to_owned();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_io().enable_time().max_blocking_threads(OPENING).build().while_doing(doing)?;
    // A manager each, and no more than there may be of those.
    let (works, mut receiver) = mpsc::unbounded_channel::<Work>();
    let run = move || {
        crate::failpoint::pass("berth-user-units");
        runtime.block_on(async move {
            while let Some(work) = receiver.recv().await {
                tokio::spawn(work);
            }
        });
    };
    let thread = std::thread::Builder::new().name("berth-user-units".to_owned()).stack_size(1024 * 1024);
    thread.spawn(run).while_doing(doing)?;
    Ok(works)
}

#[cfg(test)]
#[path = "users_tests.rs"]
mod tests;
