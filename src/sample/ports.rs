//! One look at the ports: the dump, what came and went since the last, and who holds what came.
//!
//! It must never read a process that is not new to it: that is what `processes` does, ten times more rarely.

use std::time::Duration;

use jiff::Timestamp;

use super::holders::{self, Found, Outcome};
use super::listeners::Hold;
use super::netlink::{DumpError, Netlink, RawListener};
use super::{Sampler, Watched, clock};
use crate::domain::{Reading, Shown, Uid};

/// How many dumps in a row may fail before what the last one said counts as unknown: one second of them.
const FAILURES_BORNE: u32 = 10;

/// The dumps of one sampler, and whether they succeed.
#[derive(Default)]
pub(super) struct Dumps {
    netlink: Option<Netlink>,
    fresh: Vec<RawListener>,
    again: Vec<RawListener>,
    refused: Option<Shown>,
    failures: u32,
    has_succeeded: bool,
    filter: Filter,
}

/// Whether the kernel leaves out what is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Filter {
    /// It has not been told what is known, or that has changed.
    #[default]
    Stale,
    /// It leaves out the last dump.
    Set,
    /// It does not take a filter.
    Refused,
}

impl Dumps {
    /// Whether listeners are known.
    pub(super) fn state(&self) -> Reading<()> {
        match (&self.refused, self.has_succeeded) {
            (Some(_), _) => Reading::Denied,
            (None, true) => Reading::Known(()),
            (None, false) => Reading::Unasked,
        }
    }

    /// Why they are not.
    pub(super) fn refused(&self) -> Option<&Shown> {
        self.refused.as_ref()
    }

    /// Fills `fresh`. `Ok(None)`: it did not work this time, and what was known stands.
    fn dump(&mut self) -> Option<()> {
        match self.try_dump() {
            Ok(()) => {
                (self.refused, self.failures, self.has_succeeded) = (None, 0, true);
                Some(())
            }
            Err(DumpError::Refused(error)) => {
                self.netlink = None;
                self.refused = Some(Shown::new(&format!("the kernel does not tell listening sockets: {error}")));
                None
            }
            Err(DumpError::Disturbed(error)) => {
                // A socket in an unknown state is not asked again: the rest of an answer may be in it.
                self.netlink = None;
                self.failures = self.failures.saturating_add(1);
                if self.failures > FAILURES_BORNE {
                    self.refused = Some(Shown::new(&format!("the kernel did not tell listening sockets: {error}")));
                }
                None
            }
        }
    }

    /// Fills `again` with what listens and was not in the last dump. `None`: that cannot be told in this way.
    fn newcomers(&mut self, last: &[RawListener]) -> Option<()> {
        let netlink = self.netlink.as_mut().filter(|_| self.filter != Filter::Refused)?;
        if self.filter == Filter::Stale {
            netlink.pass_over(last);
            self.filter = Filter::Set;
        }
        match netlink.newcomers(&mut self.again) {
            Ok(()) => Some(()),
            Err(error) => {
                // Whether it is the filter or the socket, a whole dump will show.
                self.netlink = None;
                self.filter = if matches!(error, DumpError::Refused(_)) { Filter::Refused } else { Filter::Stale };
                None
            }
        }
    }

    fn try_dump(&mut self) -> Result<(), DumpError> {
        let netlink = match &mut self.netlink {
            Some(netlink) => netlink,
            none => {
                if self.filter == Filter::Set {
                    self.filter = Filter::Stale;
                }
                none.insert(Netlink::open()?)
            }
        };
        netlink.dump(&mut self.fresh)
    }

    /// A dump is made in pieces of a few hundred sockets, and one that ends between two pieces can hide its neighbour. What is
    /// missing is therefore asked for a second time, and only believed to be gone when it is missing in both.
    fn confirm(&mut self) -> Option<()> {
        std::mem::swap(&mut self.fresh, &mut self.again);
        self.dump()?;
        unite(&mut self.fresh, &self.again);
        Some(())
    }
}

fn unite(dump: &mut Vec<RawListener>, before: &[RawListener]) {
    let there: std::collections::HashSet<u64> = dump.iter().map(|raw| raw.cookie).collect();
    dump.extend(before.iter().filter(|raw| !there.contains(&raw.cookie)));
}

impl Sampler {
    /// Reads the listening sockets of both families and looks for the holders of new ones. True when a listener came or went,
    /// or its holders became known or others.
    pub fn ports(&mut self, watched: &Watched) -> bool {
        let was = self.dumps.state();
        let dumped = self.dumps.dump().and_then(|()| {
            let misses = !self.listeners.is_same(&self.dumps.fresh) && self.listeners.misses_any(&self.dumps.fresh);
            if misses { self.dumps.confirm() } else { Some(()) }
        });
        let mut changed = self.dumps.state() != was;
        if dumped.is_some() && !self.listeners.is_same(&self.dumps.fresh) {
            if self.dumps.filter == Filter::Set {
                self.dumps.filter = Filter::Stale;
            }
            changed |= self.listeners.take(&mut self.dumps.fresh, Timestamp::now());
        }
        changed | self.find_holders(watched)
    }

    /// Looks whether a socket listens that the last look did not find, and only then at all of them. What stopped listening, or listens
    /// at the very place of what did, the next whole look finds. True as [`Sampler::ports`].
    pub fn newcomers(&mut self, watched: &Watched) -> bool {
        if self.dumps.newcomers(self.listeners.last()).is_none() || self.dumps.again.iter().any(|raw| !self.listeners.knows(raw.cookie)) {
            return self.ports(watched);
        }
        self.find_holders(watched)
    }

    fn find_holders(&mut self, watched: &Watched) -> bool {
        let present = clock::now().boot;
        let range = self.range;
        let due = self.listeners.due(|port| range.contains(port) || watched.ports.contains(&port), present);
        if due.is_empty() {
            return false;
        }
        // Its holder may have come since the last listing. What is listed here is not lost for `processes`: it is told there.
        let listed = self.list_processes();
        let sockets: Vec<(u32, Uid)> = due.iter().map(|raw| (raw.inode, Uid(raw.uid))).collect();
        let holding = self.listeners.holding_pids();
        let is_watched = |pid| self.members.contains(&pid);
        let mut outcome = holders::search(&self.proc, &self.table, is_watched, |pid| holding.contains(&pid), &sockets);
        outcome.incomplete |= listed.is_err();
        let mut changed = false;
        for raw in due {
            changed |= self.take_answer(raw, &outcome, present);
        }
        changed
    }

    fn take_answer(&mut self, raw: RawListener, outcome: &Outcome, present: Duration) -> bool {
        let found = outcome.found.get(&raw.inode).map(Vec::as_slice).unwrap_or_default();
        let holds: Vec<Hold> = found.iter().filter_map(|&found| self.hold(found, raw.inode)).collect();
        let answer = if !holds.is_empty() {
            Reading::Known(holds)
        } else if !found.is_empty() || outcome.incomplete {
            // It was there a moment ago, or not everybody was asked: nothing that could be said is true.
            Reading::Unasked
        } else if outcome.denied || !self.sample.sees_all {
            Reading::Denied
        } else {
            Reading::Gone
        };
        self.listeners.answer(raw.cookie, answer, present)
    }

    /// Keeps a process that was found to hold a socket, provided it still does: the pid may have been given to another one
    /// between the search and the keeping.
    pub(super) fn hold(&mut self, found: Found, inode: u32) -> Option<Hold> {
        let key = self.kept.keep(&self.proc, &self.clock, found.pid).ok()?;
        let still = holders::still_holds(&self.proc, found, inode).unwrap_or(false);
        still.then_some(Hold { key, descriptor: found.descriptor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Endpoint;
    use std::net::{IpAddr, Ipv4Addr};

    #[test]
    fn what_one_of_two_dumps_has_is_there() {
        let raw = |cookie| RawListener { cookie, endpoint: Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 80), uid: 0, inode: 1 };
        let mut dump = vec![raw(1), raw(3)];
        unite(&mut dump, &[raw(1), raw(2)]);
        assert_eq!(dump.iter().map(|raw| raw.cookie).collect::<Vec<_>>(), [1, 3, 2]);
    }

    #[test]
    fn nothing_is_known_before_the_first_dump() {
        assert_eq!(Dumps::default().state(), Reading::Unasked);
        let mut dumps = Dumps::default();
        assert!(dumps.dump().is_some());
        assert_eq!(dumps.state(), Reading::Known(()));
        dumps.refused = Some(Shown::new("no"));
        assert_eq!(dumps.state(), Reading::Denied);
    }
}
