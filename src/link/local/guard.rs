//! That this engine only looks while a daemon acts on this host: never do two act, DESIGN invariant 9.
//!
//! It must never take the daemon's lock, not even for a moment: a daemon that starts then would find it taken.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::Local;
use crate::domain::{Outcome, Shown, Standing};
use crate::error::Kind;
use crate::link::remote;
use crate::supervisor::process::held;

/// For how long an answer is believed: of a thousand chosen rows each asks.
const BELIEVED: Duration = Duration::from_millis(300);

/// Whether this engine gives way, and what was found last.
#[derive(Default)]
pub(super) struct Guard {
    standing: OnceLock<watch::Sender<Standing>>,
    last: Mutex<Option<(Instant, Option<Shown>)>>,
    by_lock_alone: AtomicBool,
}

impl Guard {
    /// On a console the reason and the way out come first: a line of 80 columns ends soon after them.
    fn told(&self, who: &str) -> String {
        if self.by_lock_alone.load(Ordering::Relaxed) {
            format!("{who}, acts on this host; it does not answer where it is asked")
        } else {
            format!("the daemon acts, this one looks; leave --embedded off. It is {who}")
        }
    }
}

impl Local {
    /// From here on it acts only while no daemon does; `why` says why it did not go to the daemon, where one was found.
    pub fn give_way(&self, why: Option<Shown>) {
        let standing = why.map_or(Standing::Own, Standing::Looking);
        drop(self.guard.standing.set(watch::channel(standing).0));
        self.elsewhere();
    }

    /// From here on it acts only while no daemon of this state does: for who has been at the daemon's socket already.
    pub fn give_way_to_lock(&self) {
        self.guard.by_lock_alone.store(true, Ordering::Relaxed);
        self.give_way(None);
    }

    /// How it stands, where it gives way.
    pub(super) fn standing_now(&self) -> Option<watch::Receiver<Standing>> {
        self.guard.standing.get().map(watch::Sender::subscribe)
    }

    /// Why nothing is done from here now: a daemon acts on this host.
    pub(super) fn elsewhere(&self) -> Option<Shown> {
        let standing = self.guard.standing.get()?;
        let mut last = self.guard.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, found)) = last.as_ref()
            && at.elapsed() < BELIEVED
        {
            return found.clone();
        }
        let found = self.daemon().map(|who| Shown::new(&self.guard.told(&who)));
        standing.send_if_modified(|standing| {
            let new = match (&found, &*standing) {
                (Some(_), Standing::Looking(_)) => return false,
                (Some(why), _) => Standing::Looking(why.clone()),
                (None, _) => Standing::Own,
            };
            let is_new = *standing != new;
            *standing = new;
            is_new
        });
        *last = Some((Instant::now(), found.clone()));
        found
    }

    /// Which daemon there is: by its lock, or where that is another account's, by its socket.
    fn daemon(&self) -> Option<String> {
        let by_lock = self.daemon_by_lock();
        if by_lock.is_some() || self.guard.by_lock_alone.load(Ordering::Relaxed) {
            return by_lock;
        }
        let is_there = match remote::connect(&self.config.daemon.socket) {
            Ok(_) => true,
            // It is there, and has no time just now.
            Err(error) => error.kind() == Kind::Timeout,
        };
        is_there.then(|| "the daemon".to_owned())
    }

    /// The daemon that has this state, whether it answers or not.
    pub fn daemon_by_lock(&self) -> Option<String> {
        let held = File::open(self.state.join("locks/daemon")).ok().and_then(|file| held(&file))?;
        Some(format!("the daemon, {}", held.words))
    }

    /// What comes of an order that is not carried out from here.
    pub fn turned_away(&self, done: &str) -> Option<Outcome> {
        let why = self.elsewhere()?;
        let sentence = Shown::new(&format!("not {done}. {why}"));
        let is_command = self.guard.by_lock_alone.load(Ordering::Relaxed);
        let hint = if is_command { "[daemon] socket    says where it is asked" } else { "berth    without --embedded asks the daemon" };
        let hints = vec![Shown::from(hint)];
        Some(Outcome { exit_code: Kind::Busy.exit_code(), sentence, hints, log_lines: Vec::new() })
    }
}
