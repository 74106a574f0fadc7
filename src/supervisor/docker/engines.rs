//! The engines of this host that are listened to: found where they run, each with its thread.
//!
//! It must never look oftener than it has to, nor begin a thread for an engine that does not run.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::unistd::{User, geteuid};

use super::facts::Facts;
use super::sockets::{self, Place};
use super::state::State;
use super::stops::Stops;
use super::watch::{Order, Watch};
use crate::domain::{Declared, Gid, Shown, Uid};
use crate::hand::Identity;
use crate::supervisor::Ear;
use crate::supervisor::newest::Ears;
use crate::supervisor::registry::Parts;

/// How often it is looked where engines listen: one question to the kernel.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How often it is looked who holds a socket that only systemd held.
const WAKE_EVERY: Duration = Duration::from_secs(10);

/// How many engines are listened to: a thread each.
const MOST: usize = 256;

/// One engine.
pub struct Engine {
    /// Its thread.
    pub watch: Watch,
    /// The account whose it is, where that is not root.
    pub account: Option<String>,
}

/// What is known of where engines listen.
#[derive(Default)]
struct Known {
    all: Vec<Arc<Engine>>,
    looked: Option<Instant>,
    woken: Option<Instant>,
    /// Sockets that only systemd holds.
    asleep: HashSet<Place>,
    /// Why they are not looked for, or not all of them.
    fault: Option<Shown>,
}

/// All of them.
pub struct Engines {
    order: Order,
    is_asked_for: bool,
    ears: Ears,
    known: Mutex<Known>,
}

impl Engines {
    /// None yet.
    pub fn new(parts: &Parts, deadline: Duration) -> Self {
        let order = Order {
            patterns: parts.containers.names.as_slice().into(),
            further: parts.containers.sockets.iter().cloned().collect::<Arc<[PathBuf]>>(),
            deadline,
            stops: Arc::new(Stops::below(&parts.state)),
        };
        Self { order, is_asked_for: parts.containers.are_asked_for, ears: Ears::default(), known: Mutex::default() }
    }

    /// Which names are looked for.
    pub fn patterns(&self) -> &[String] {
        &self.order.patterns
    }

    /// Which ends were asked for.
    pub fn stops(&self) -> &Stops {
        &self.order.stops
    }

    /// Has somebody told of changes from now on.
    pub fn tell(&self, ear: Ear) {
        self.ears.lock().unwrap_or_else(PoisonError::into_inner).push(ear);
    }

    /// Those that are listened to.
    pub fn all(&self) -> Vec<Arc<Engine>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).all.clone()
    }

    /// Which state each of them is in.
    pub fn serials(&self) -> Vec<u64> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.all.iter().map(|engine| engine.watch.state().serial).collect()
    }

    /// The container that an instance is, in the engine of its kind and account that has one of that name.
    pub fn container_of(&self, declared: &Declared) -> Option<(Arc<Engine>, Arc<State>, Arc<Facts>)> {
        let name = declared.unit.as_ref()?.name.as_str();
        let engines = self.all();
        engines.into_iter().filter(|engine| engine.watch.place().uid == declared.uid).find_map(|engine| {
            let state = engine.watch.state();
            let facts = state.containers.get(name).cloned().filter(|_| state.kind == Some(declared.supervisor))?;
            Some((engine, state, facts))
        })
    }

    /// Looks for engines that were not there before.
    pub fn look(&self) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if known.looked.is_some_and(|looked| now.duration_since(looked) < LOOK_EVERY) {
            return;
        }
        known.looked = Some(now);
        let places = match sockets::places(&self.order.further) {
            Ok(places) => places,
            Err(error) => {
                let told = format!("which container engines run is not known: the kernel does not tell who listens ({error})");
                known.fault = Some(Shown::new(&told)).filter(|_| self.is_asked_for);
                return;
            }
        };
        known.fault = None;
        known.asleep.retain(|place| places.contains(place));
        let wakes = known.woken.is_none_or(|woken| now.duration_since(woken) >= WAKE_EVERY);
        if wakes {
            known.woken = Some(now);
        }
        for place in places {
            let is_new = !known.asleep.contains(&place);
            let is_listened_to = known.all.iter().any(|engine| engine.watch.place().path == place.path);
            if is_listened_to || known.all.len() >= MOST || !(is_new || wakes) {
                continue;
            }
            if sockets::served_by(&place, is_new).is_none() {
                known.asleep.insert(place);
                continue;
            }
            known.asleep.remove(&place);
            match self.begin(place) {
                Ok(Some(engine)) => known.all.push(Arc::new(engine)),
                Ok(None) => {}
                Err(error) => known.fault = Some(Shown::new(&error.chain())),
            }
        }
    }

    /// Listens to one; not to an engine of an account that there is none of.
    fn begin(&self, place: Place) -> crate::error::Result<Option<Engine>> {
        let user = User::from_uid(place.uid.0.into()).ok().flatten();
        let Some(user) = user else { return Ok(None) };
        let own = Uid(geteuid().as_raw());
        let who = (own.is_root() && !place.uid.is_root()).then(|| Identity::of(place.uid, Gid(user.gid.as_raw()), Some(&user.name)));
        let account = (!place.uid.is_root()).then_some(user.name);
        let watch = Watch::start(place, self.order.clone(), who, Arc::clone(&self.ears))?;
        Ok(Some(Engine { watch, account }))
    }

    /// What is to be known beside the containers.
    pub fn notice(&self) -> Option<Shown> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.fault.is_some() {
            return known.fault.clone();
        }
        if known.all.iter().any(|engine| engine.watch.has_ended()) {
            return Some(Shown::new("a container engine is not listened to any more: the thread that does has failed"));
        }
        let silent = known.all.iter().find_map(|engine| {
            let state = engine.watch.state();
            // Of known containers each row says it.
            let (_, why) = state.lost.as_ref().filter(|_| state.containers.is_empty() && self.is_asked_for)?;
            let path = engine.watch.place().path.to_string_lossy().into_owned();
            Some(Shown::new(&format!("which containers there are is not known: the engine at {path} cannot be asked ({why})")))
        });
        let none = || {
            let told = "no container is looked for: no Docker or Podman runs here that listens on a socket";
            (self.is_asked_for && known.all.is_empty() && known.looked.is_some()).then(|| Shown::new(told))
        };
        silent.or_else(none)
    }
}
