//! The listening sockets that are known: when each was first seen, who holds it, and which of them still want an answer.
//!
//! Pure bookkeeping. It must never ask the kernel itself: `netlink` and `holders` do.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::netlink::RawListener;
use crate::domain::{Holder, Listener, ProcessKey, Reading, Shown};

/// A process's descriptor that is the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    /// Which process.
    pub(super) key: ProcessKey,
    /// Which of its descriptors.
    pub(super) descriptor: i32,
}

/// After how long an unanswered question is asked again: soon at first (a socket on its way from one process to another),
/// then ever more rarely, because each search goes through all processes.
fn pause(attempts: u32) -> Duration {
    Duration::from_millis(100 << attempts.min(10)).min(Duration::from_secs(60))
}

struct Known {
    raw: RawListener,
    /// When berth saw it first. The kernel does not tell since when a socket listens.
    since: Timestamp,
    /// It was there before berth: its holder's start is then nearer to the truth than berth's coming.
    was_there: bool,
    holds: Reading<Vec<Hold>>,
    /// `None` until it was asked for; then the group that the socket was made in, if it has a name.
    group: Option<Option<Shown>>,
    attempts: u32,
    next: Duration,
}

impl Known {
    fn holds(&self) -> impl Iterator<Item = (RawListener, Hold)> {
        self.holds.as_ref().known().into_iter().flatten().map(|&hold| (self.raw, hold))
    }
}

/// All of them, by the socket's cookie.
#[derive(Default)]
pub(super) struct Listeners {
    last: Vec<RawListener>,
    known: HashMap<u64, Known>,
    /// Those without a holder, whether anybody wants to know or not; made when it is asked for.
    unheld: Option<Vec<u64>>,
    shown: Option<Arc<[Listener]>>,
    /// Rises when something of it changes that is shown.
    version: u64,
    /// A first dump was taken.
    begun: bool,
    cursor: usize,
}

impl Listeners {
    /// Whether a dump is the last one again.
    pub(super) fn is_same(&self, dump: &[RawListener]) -> bool {
        self.last == dump
    }

    /// Whether a known socket is missing in a dump.
    pub(super) fn misses_any(&self, dump: &[RawListener]) -> bool {
        let there: HashSet<u64> = dump.iter().map(|raw| raw.cookie).collect();
        self.last.iter().any(|raw| !there.contains(&raw.cookie))
    }

    /// The last dump.
    pub(super) fn last(&self) -> &[RawListener] {
        &self.last
    }

    /// Whether a socket of this cookie is known.
    pub(super) fn knows(&self, cookie: u64) -> bool {
        self.known.contains_key(&cookie)
    }

    /// Takes over a dump; true when a socket came, went or changed.
    pub(super) fn take(&mut self, dump: &mut Vec<RawListener>, wall: Timestamp) -> bool {
        let was_there = !std::mem::replace(&mut self.begun, true);
        if self.is_same(dump) {
            return false;
        }
        // A dump is made in pieces: a socket that comes in between can shift another into two of them.
        let mut there = HashSet::with_capacity(dump.len());
        dump.retain(|raw| there.insert(raw.cookie));
        let before = self.known.len();
        self.known.retain(|cookie, _| there.contains(cookie));
        let mut changed = self.known.len() != before;
        for &raw in &*dump {
            let known = self.known.entry(raw.cookie).or_insert_with(|| {
                changed = true;
                Known { raw, since: wall, was_there, holds: Reading::Unasked, group: None, attempts: 0, next: Duration::ZERO }
            });
            if known.raw != raw {
                // fchown(2) gives a socket another uid; everything else stays as it is.
                known.raw = raw;
                changed = true;
            }
        }
        std::mem::swap(&mut self.last, dump);
        if changed {
            self.note_change();
        }
        changed
    }

    /// Those without a holder that are of interest and due.
    pub(super) fn due(&mut self, is_of_interest: impl Fn(u16) -> bool, now: Duration) -> Vec<RawListener> {
        let (last, known) = (&self.last, &self.known);
        let is_unheld = |raw: &&RawListener| known.get(&raw.cookie).is_some_and(|known| !matches!(known.holds, Reading::Known(_)));
        let unheld = self.unheld.get_or_insert_with(|| last.iter().filter(is_unheld).map(|raw| raw.cookie).collect());
        let unheld = unheld.iter().filter_map(|cookie| known.get(cookie));
        unheld.filter(|known| known.next <= now && is_of_interest(known.raw.endpoint.port)).map(|known| known.raw).collect()
    }

    /// Takes the answer to what was due; true when it is another one than before.
    pub(super) fn answer(&mut self, cookie: u64, holds: Reading<Vec<Hold>>, now: Duration) -> bool {
        let Some(known) = self.known.get_mut(&cookie) else {
            return false;
        };
        let is_held = matches!(&holds, Reading::Known(holds) if !holds.is_empty());
        known.next = now.saturating_add(pause(known.attempts));
        known.attempts = if is_held { 0 } else { known.attempts.saturating_add(1) };
        let changed = known.holds != holds;
        known.holds = holds;
        if changed {
            self.note_change();
        }
        changed
    }

    /// The cookies of those whose holder was looked for in vain, and whose group was not asked for yet.
    pub(super) fn ungrouped(&self) -> Vec<u64> {
        let is_nameless = |known: &&Known| known.group.is_none() && matches!(known.holds, Reading::Denied | Reading::Gone);
        self.known.values().filter(is_nameless).map(|known| known.raw.cookie).collect()
    }

    /// Takes over the group that a socket was made in.
    pub(super) fn set_group(&mut self, cookie: u64, group: Option<Shown>) {
        if let Some(known) = self.known.get_mut(&cookie) {
            known.group = Some(group);
            self.note_change();
        }
    }

    /// Adds a holder to those that are known.
    pub(super) fn add(&mut self, cookie: u64, hold: Hold) -> bool {
        let Some(Known { holds: Reading::Known(holds), .. }) = self.known.get_mut(&cookie) else {
            return false;
        };
        if holds.iter().any(|known| known.key == hold.key) {
            return false;
        }
        holds.push(hold);
        self.note_change();
        true
    }

    /// Takes a holder away from one socket, or, without a cookie, from all; true when it held any.
    pub(super) fn lose(&mut self, key: ProcessKey, cookie: Option<u64>) -> bool {
        let mut changed = false;
        for (_, known) in self.known.iter_mut().filter(|(known, _)| cookie.is_none_or(|cookie| cookie == **known)) {
            let Reading::Known(holds) = &mut known.holds else {
                continue;
            };
            let before = holds.len();
            holds.retain(|hold| hold.key != key);
            changed |= holds.len() != before;
            if holds.is_empty() {
                // The socket lives on: somebody else has it, and is looked for at once.
                (known.holds, known.attempts, known.next) = (Reading::Unasked, 0, Duration::ZERO);
            }
        }
        if changed {
            self.note_change();
        }
        changed
    }

    /// The pids of the processes that hold sockets.
    pub(super) fn holding_pids(&self) -> HashSet<i32> {
        self.holds().map(|(_, hold)| hold.key.pid).collect()
    }

    /// The sockets that a pid holds: cookies and inodes.
    pub(super) fn held_by(&self, pid: i32) -> Vec<(RawListener, Hold)> {
        self.holds().filter(|(_, hold)| hold.key.pid == pid).collect()
    }

    fn holds(&self) -> impl Iterator<Item = (RawListener, Hold)> {
        self.known.values().flat_map(Known::holds)
    }

    /// The next part of all holds, to be checked; everything comes round once in `rounds` calls.
    pub(super) fn next_to_check(&mut self, rounds: usize) -> Vec<(RawListener, Hold)> {
        let count = self.last.len().div_ceil(rounds.max(1));
        let start = if self.cursor < self.last.len() { self.cursor } else { 0 };
        self.cursor = start + count;
        let part = self.last.iter().skip(start).take(count).filter_map(|raw| self.known.get(&raw.cookie));
        part.flat_map(Known::holds).collect()
    }

    /// Has the list made anew: something that it shows of a holder changed.
    pub(super) fn note_change(&mut self) {
        (self.shown, self.unheld) = (None, None);
        self.version += 1;
    }

    /// Rises when something of it changes that is shown.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// The list as it is handed out: the same one as long as nothing changed.
    pub(super) fn shown(&mut self, describe: impl Fn(ProcessKey) -> Option<Holder>) -> Arc<[Listener]> {
        if let Some(shown) = &self.shown {
            return Arc::clone(shown);
        }
        let listeners = self.last.iter().filter_map(|raw| self.known.get(&raw.cookie)).map(|known| {
            let holders: Reading<Arc<[Holder]>> =
                known.holds.as_ref().map(|holds| holds.iter().filter_map(|hold| describe(hold.key)).collect());
            let started = holders.as_ref().known().and_then(|holders| holders.iter().map(|holder| holder.started_at).min());
            Listener {
                endpoint: known.raw.endpoint,
                uid: crate::domain::Uid(known.raw.uid),
                inode: u64::from(known.raw.inode),
                holders,
                group: known.group.clone().flatten().filter(|_| !matches!(known.holds, Reading::Known(_))),
                since: started.filter(|started| known.was_there && *started < known.since).unwrap_or(known.since),
            }
        });
        let shown: Arc<[Listener]> = listeners.collect();
        self.shown = Some(Arc::clone(&shown));
        shown
    }
}

#[cfg(test)]
#[path = "listeners_tests.rs"]
mod tests;
