//! That this engine only looks while a daemon acts on this host: never do two act, DESIGN invariant 9.
//!
//! It must never take the daemon's lock, not even for a moment: a daemon that starts then would find it taken.

use std::fs::File;
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
}

impl Local {
    /// From here on it acts only while no daemon does; `why` says why it did not go to the daemon, where one was found.
    pub fn give_way(&self, why: Option<Shown>) {
        let standing = why.map_or(Standing::Own, Standing::Looking);
        drop(self.guard.standing.set(watch::channel(standing).0));
        self.elsewhere();
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
        let found = self.daemon().map(|who| Shown::new(&format!("{who} acts on this host; this console only looks")));
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
        let by_lock = File::open(self.state.join("locks/daemon")).ok().and_then(|file| held(&file));
        if let Some(held) = by_lock {
            return Some(format!("the daemon, {},", held.words));
        }
        let is_there = match remote::connect(&self.config.daemon.socket) {
            Ok(_) => true,
            // It is there, and has no time just now.
            Err(error) => error.kind() == Kind::Timeout,
        };
        is_there.then(|| "the daemon".to_owned())
    }

    /// What comes of an order that is not carried out from here.
    pub(super) fn turned_away(&self, done: &str) -> Option<Outcome> {
        let why = self.elsewhere()?;
        let sentence = Shown::new(&format!("not {done}. {why}"));
        let hints = vec![Shown::from("berth    without --embedded asks the daemon")];
        Some(Outcome { exit_code: Kind::Busy.exit_code(), sentence, hints, log_lines: Vec::new() })
    }
}
