//! One look at the ports: the dump, what came and went since the last, and who holds what came.
//!
//! It must never read a process that is not new to it: that is what `processes` does, ten times more rarely.

use std::collections::{HashMap, HashSet};
use std::io;
use std::time::Duration;

use jiff::Timestamp;

use super::files::Files;
use super::holders::{self, Found, Outcome};
use super::listeners::Hold;
use super::netlink::{DumpError, Netlink, RawListener};
use super::proc::Proc;
use super::{Sampler, Watched, clock};
use crate::domain::{Reading, Shown, Uid};

/// How many dumps in a row may fail before what the last one said counts as unknown: one second of them.
const FAILURES_BORNE: u32 = 10;

/// The dumps of one sampler, and whether they succeed.
#[derive(Default)]
pub(super) struct Dumps {
    netlink: Option<Netlink>,
    /// Where netlink is refused.
    files: Option<Files>,
    fresh: Vec<RawListener>,
    again: Vec<RawListener>,
    refused: bool,
    notice: Option<Shown>,
    failures: u32,
    has_succeeded: bool,
    takes_no_filter: bool,
}

impl Dumps {
    /// Whether listeners are known.
    pub(super) fn state(&self) -> Reading<()> {
        match (self.refused, self.has_succeeded) {
            (true, _) => Reading::Denied,
            (false, true) => Reading::Known(()),
            (false, false) => Reading::Unasked,
        }
    }

    /// Why they are not, or why they are read in another way than usual.
    pub(super) fn notice(&self) -> Option<&Shown> {
        self.notice.as_ref()
    }

    /// Fills `fresh`. `None`: it was not its turn or did not work this time, and what was known stands.
    fn dump(&mut self, proc: &Proc) -> Option<()> {
        // Refused once a tick would be refused ten times a second: it is tried again when the files are due.
        if self.files.as_ref().is_some_and(|files| !files.is_due(clock::now().boot)) {
            return None;
        }
        match self.try_dump() {
            Ok(()) => {
                (self.files, self.notice) = (None, None);
                self.succeed();
                Some(())
            }
            Err(DumpError::Refused(error)) => {
                self.netlink = None;
                self.read_files(proc, &error)
            }
            Err(DumpError::Disturbed(error)) => {
                // A socket in an unknown state is not asked again: the rest of an answer may be in it.
                self.netlink = None;
                self.failures = self.failures.saturating_add(1);
                if self.failures > FAILURES_BORNE {
                    self.refused = true;
                    self.notice = Some(Shown::new(&format!("the kernel did not tell listening sockets: {error}")));
                }
                None
            }
        }
    }

    /// Fills `again` with what listens and was not in the last dump. `None`: that cannot be told in this way.
    fn newcomers(&mut self, last: &[RawListener]) -> Option<()> {
        let netlink = self.netlink.as_mut().filter(|_| !self.takes_no_filter)?;
        match netlink.newcomers(last, &mut self.again) {
            Ok(()) => Some(()),
            Err(error) => {
                // Whether it is the filter or the socket, a whole dump will show.
                self.netlink = None;
                self.takes_no_filter = matches!(error, DumpError::Refused(_));
                None
            }
        }
    }

    fn succeed(&mut self) {
        (self.refused, self.failures, self.has_succeeded) = (false, 0, true);
    }

    fn try_dump(&mut self) -> Result<(), DumpError> {
        opened(&mut self.netlink)?.dump(&mut self.fresh)
    }

    fn read_files(&mut self, proc: &Proc, refusal: &io::Error) -> Option<()> {
        let files = self.files.get_or_insert_default();
        let read = files.read(proc, &mut self.fresh);
        let every = files.every();
        self.notice = Some(Shown::new(&match &read {
            Ok(()) => format!("the kernel's socket diagnosis is refused ({refusal}): listening ports are read from /proc/net/tcp, {every}"),
            Err(error) => format!(
                "the kernel tells no listening sockets: its socket diagnosis is refused ({refusal}), and so is /proc/net/tcp ({error})"
            ),
        }));
        self.refused = read.is_err();
        read.ok()?;
        self.succeed();
        Some(())
    }

    /// A dump is made in pieces of a few hundred sockets, and one that ends between two pieces can hide its neighbour. What is
    /// missing is therefore asked for a second time, and only believed to be gone when it is missing in both.
    fn confirm(&mut self, proc: &Proc) -> Option<()> {
        std::mem::swap(&mut self.fresh, &mut self.again);
        match &mut self.files {
            Some(files) => files.read(proc, &mut self.fresh).ok()?,
            None => self.dump(proc)?,
        }
        unite(&mut self.fresh, &self.again);
        Some(())
    }

    /// The numbers of the control groups that listening sockets were made in, by cookie.
    fn groups(&mut self) -> HashMap<u64, u64> {
        if self.files.is_some() {
            return HashMap::new();
        }
        opened(&mut self.netlink).and_then(Netlink::groups).unwrap_or_default()
    }
}

fn opened(netlink: &mut Option<Netlink>) -> Result<&mut Netlink, DumpError> {
    Ok(match netlink {
        Some(netlink) => netlink,
        none => none.insert(Netlink::open()?),
    })
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
        let dumped = self.dumps.dump(&self.proc).and_then(|()| {
            let misses = !self.listeners.is_same(&self.dumps.fresh) && self.listeners.misses_any(&self.dumps.fresh);
            if misses { self.dumps.confirm(&self.proc) } else { Some(()) }
        });
        let mut changed = self.dumps.state() != was;
        if dumped.is_some() && !self.listeners.is_same(&self.dumps.fresh) {
            if let Some(netlink) = &mut self.dumps.netlink {
                netlink.forget_known();
            }
            changed |= self.listeners.take(&mut self.dumps.fresh, Timestamp::now());
        }
        changed | self.find_holders(watched)
    }

    /// Looks whether a socket listens that the last look did not find, and only then at all of them. What stopped listening, or took the
    /// place of what did, the next whole look finds. True as [`Sampler::ports`].
    pub fn newcomers(&mut self, watched: &Watched) -> bool {
        if self.dumps.has_succeeded && !self.stillness.has_moved() {
            return self.find_holders(watched);
        }
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
        let found: HashSet<i32> = outcome.found.values().flatten().map(|found| found.pid).filter(|pid| !self.kept.has(*pid)).collect();
        let found = found.into_iter().map(|pid| (pid, self.table.listed(pid))).collect();
        self.kept.keep_holders(&self.proc, &self.clock, found);
        let mut changed = false;
        for raw in due {
            changed |= self.take_answer(raw, &outcome, present);
        }
        changed | self.find_groups()
    }

    /// Where the holder may not be seen, or is not here, the control group that the socket was made in may still say whose it is.
    fn find_groups(&mut self) -> bool {
        let nameless = self.listeners.ungrouped();
        if nameless.is_empty() {
            return false;
        }
        let numbers = self.dumps.groups();
        self.groups.learn(nameless.iter().filter_map(|cookie| numbers.get(cookie).copied()));
        for cookie in nameless {
            let group = numbers.get(&cookie).and_then(|number| self.groups.name(*number)).cloned();
            self.listeners.set_group(cookie, group);
        }
        true
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
        let key = self.kept.keep(&self.proc, &self.clock, found.pid, self.table.listed(found.pid), true).ok()?;
        // The first time a thousand are found at once. That nobody else got the pid can be told then from what was listed before the
        // search; who has let go of the socket since will be found in the rounds, or has executed another program.
        let was_listed = !self.has_looked && self.table.has(key);
        let still = was_listed || holders::still_holds(&self.proc, found, inode).unwrap_or(false);
        still.then_some(Hold { key, descriptor: found.descriptor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Endpoint;
    use std::net::{IpAddr, Ipv4Addr};
    use std::path::Path;

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
        assert!(dumps.dump(&Proc::open_at(Path::new("/proc")).unwrap()).is_some());
        assert_eq!((dumps.state(), dumps.notice()), (Reading::Known(()), None));
        dumps.refused = true;
        assert_eq!(dumps.state(), Reading::Denied);
    }

    #[test]
    fn where_netlink_is_refused_the_files_are_read_and_it_is_said() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let inode = rustix::fs::fstat(&listener).unwrap().st_ino;
        let proc = Proc::open_at(Path::new("/proc")).unwrap();
        let mut dumps = Dumps::default();
        let refusal = io::Error::from_raw_os_error(libc::EPERM);
        assert!(dumps.read_files(&proc, &refusal).is_some());
        assert!(dumps.fresh.iter().any(|raw| u64::from(raw.inode) == inode));
        assert_eq!(dumps.state(), Reading::Known(()));
        // How often depends on how long it takes here.
        let said = "the kernel's socket diagnosis is refused (Operation not permitted (os error 1)): listening ports are read from \
                    /proc/net/tcp, every ";
        assert!(dumps.notice().unwrap().as_str().starts_with(said), "{:?}", dumps.notice());
        // Not again at once.
        dumps.fresh.clear();
        assert!(dumps.dump(&proc).is_none() && dumps.fresh.is_empty());

        let nothing = tempfile::tempdir().unwrap();
        let mut dumps = Dumps::default();
        assert!(dumps.read_files(&Proc::open_at(nothing.path()).unwrap(), &refusal).is_none());
        assert_eq!(dumps.state(), Reading::Denied);
        assert!(dumps.notice().unwrap().as_str().contains("and so is /proc/net/tcp (No such file"));
    }
}
