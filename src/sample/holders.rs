//! Which processes hold a socket: the search through /proc/PID/fd, where it is likely to be found soon.
//!
//! This is the dearest thing that sampling does (two microseconds a descriptor), so it must never be done for a socket whose
//! holder is known, and never go on when everything has been found.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::io;
use std::time::{Duration, Instant};

use super::descriptors::{Seen, first_sockets, inode_of, sockets};
use super::halves::in_two;
use super::proc::Proc;
use super::table::Table;
use super::tree::Children;
use crate::domain::Uid;

/// How long one search may take. What was not found by then is looked for again later.
const PATIENCE: Duration = Duration::from_millis(300);

/// How many descriptors of a process are looked at in the first round: a server opens its listener early, and descriptors
/// are told in ascending order; a process with ten thousand connections is not to hold up all others.
const FIRST_ROUND: usize = 256;

/// From how many sockets on processes are looked at by so many at a time.
const MANY: usize = 256;

/// A descriptor of a process that is the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Whose.
    pub(super) pid: i32,
    /// Which of its descriptors.
    pub(super) descriptor: i32,
}

/// What a search brought.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// By inode; an inode that nobody was seen to hold is not in it.
    pub(super) found: HashMap<u32, Vec<Found>>,
    /// Whether there were processes whose descriptors may not be read.
    pub(super) denied: bool,
    /// Whether processes were left out for want of time or of descriptors.
    pub(super) incomplete: bool,
}

/// Looks for whoever holds these sockets. `is_watched`: the processes of the instances; `is_holder`: those that are known to hold
/// other sockets.
pub(super) fn search(
    proc: &Proc,
    table: &Table,
    is_watched: impl Fn(i32) -> bool,
    is_holder: impl Fn(i32) -> bool,
    sockets: &[(u32, Uid)],
) -> Outcome {
    let uids: HashSet<Uid> = sockets.iter().map(|&(_, uid)| uid).collect();
    let everybody = table.iter().map(|(pid, entry)| Candidate {
        pid,
        start_time: entry.start_time,
        is_watched: is_watched(pid),
        is_owner: uids.contains(&entry.uid),
        is_holder: is_holder(pid),
    });
    let order = order(everybody.collect());
    let mut search = Search::new(proc, sockets.iter().map(|&(inode, _)| inode));
    search.run(&order);
    search.visit_relatives(table);
    search.outcome
}

/// Looks at one process only.
pub(super) fn look_at(proc: &Proc, pid: i32, inodes: impl Iterator<Item = u32>) -> Outcome {
    let mut search = Search::new(proc, inodes);
    search.scan(pid, usize::MAX);
    search.outcome
}

/// Whether a descriptor is still this socket; `None` when it may not be known.
pub(super) fn still_holds(proc: &Proc, found: Found, inode: u32) -> Option<bool> {
    match proc.link(found.pid, found.descriptor, inode_of) {
        Ok(found) => Some(found == Some(inode)),
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH)) => Some(false),
        Err(_) => None,
    }
}

#[derive(Clone, Copy)]
struct Candidate {
    pid: i32,
    start_time: u64,
    is_watched: bool,
    is_owner: bool,
    is_holder: bool,
}

/// A socket's uid is its maker's: who has that uid goes first, and among them who is not known to listen already: a server
/// opens one listener. Then the instances' own processes before all others, and what is new before what is old. The rest is
/// asked last: a server may have been root when it opened the socket.
fn order(mut candidates: Vec<Candidate>) -> Vec<i32> {
    candidates.sort_by_key(|candidate| {
        let newest_first = Reverse((candidate.start_time, candidate.pid));
        (!candidate.is_owner, candidate.is_holder, !candidate.is_watched, newest_first)
    });
    candidates.into_iter().map(|candidate| candidate.pid).collect()
}

struct Search<'proc> {
    proc: &'proc Proc,
    missing: HashSet<u32>,
    wanted: HashSet<u32>,
    scanned: HashSet<i32>,
    holding: HashSet<i32>,
    outcome: Outcome,
    deadline: Instant,
}

impl<'proc> Search<'proc> {
    fn new(proc: &'proc Proc, inodes: impl Iterator<Item = u32>) -> Self {
        let wanted: HashSet<u32> = inodes.collect();
        Self {
            proc,
            missing: wanted.clone(),
            wanted,
            scanned: HashSet::new(),
            holding: HashSet::new(),
            outcome: Outcome::default(),
            deadline: Instant::now() + PATIENCE,
        }
    }

    fn run(&mut self, order: &[i32]) {
        self.look_at(order, first_sockets, Self::note_sockets);
        let mut cut_short = Vec::new();
        let list = |proc: &Proc, pid, wanted: &HashSet<u32>| sockets(proc, pid, FIRST_ROUND, wanted);
        self.look_at(order, list, |search, pid, seen| {
            if search.take(pid, seen) == Scan::CutShort {
                cut_short.push(pid);
            }
        });
        for pid in cut_short {
            if self.is_over() {
                return;
            }
            self.scan(pid, usize::MAX);
        }
    }

    /// Looks at one process after the other, as long as something is missing.
    fn look_at<S: Send>(
        &mut self,
        order: &[i32],
        look: impl Fn(&Proc, i32, &HashSet<u32>) -> S + Sync,
        mut take: impl FnMut(&mut Self, i32, S),
    ) {
        let mut rest = order;
        while !rest.is_empty() {
            if self.is_over() {
                return;
            }
            // Many sockets are spread over many processes; a few may be those of the next one.
            let (part, behind) = rest.split_at(if self.missing.len() < MANY { 1 } else { MANY.min(rest.len()) });
            let seen = in_two(&mut part.to_vec(), |pid| look(self.proc, *pid, &self.wanted));
            for (&pid, seen) in part.iter().zip(seen) {
                take(self, pid, seen);
            }
            rest = behind;
        }
    }

    fn is_over(&mut self) -> bool {
        if self.missing.is_empty() {
            return true;
        }
        let is_late = Instant::now() >= self.deadline;
        self.outcome.incomplete |= is_late;
        is_late
    }

    /// A socket that was inherited is held by relatives: parents upwards while they hold it, and the children of all of them.
    fn visit_relatives(&mut self, table: &Table) {
        if self.holding.is_empty() {
            return;
        }
        let children = Children::of(table);
        let mut waiting: Vec<i32> = self.holding.iter().copied().collect();
        let mut visited = HashSet::new();
        while let Some(pid) = waiting.pop() {
            if !visited.insert(pid) {
                continue;
            }
            let parent = table.get(pid).map(|entry| entry.parent).filter(|&parent| parent > 1);
            for relative in children.of_process(pid).chain(parent) {
                if Instant::now() >= self.deadline {
                    self.outcome.incomplete = true;
                    return;
                }
                if !self.scanned.contains(&relative) {
                    self.scan(relative, FIRST_ROUND);
                }
                if self.holding.contains(&relative) {
                    waiting.push(relative);
                }
            }
        }
    }

    /// Looks at the descriptors of one process.
    fn scan(&mut self, pid: i32, limit: usize) -> Scan {
        let seen = sockets(self.proc, pid, limit, &self.wanted);
        self.take(pid, seen)
    }

    /// Takes over what was seen of one process.
    fn take(&mut self, pid: i32, seen: Seen) -> Scan {
        self.scanned.insert(pid);
        self.note_sockets(pid, seen.sockets);
        match seen.failure {
            Some(error) => self.note(pid, &error),
            None if seen.cut_short => Scan::CutShort,
            None => Scan::Done,
        }
    }

    /// Takes note of the wanted sockets that a process has, each with a descriptor of it.
    fn note_sockets(&mut self, pid: i32, sockets: Vec<(u32, i32)>) {
        for (inode, descriptor) in sockets {
            let holders = self.outcome.found.entry(inode).or_default();
            if !holders.iter().any(|found| found.pid == pid) {
                holders.push(Found { pid, descriptor });
            }
            self.missing.remove(&inode);
            self.holding.insert(pid);
        }
    }

    fn note(&mut self, pid: i32, error: &io::Error) -> Scan {
        match error.raw_os_error() {
            // The links of a process that has just ended are refused, too (proc_fd_access_allowed in fs/proc/base.c).
            Some(libc::EACCES | libc::EPERM) => self.outcome.denied |= self.proc.identity(pid).is_ok(),
            Some(libc::ENOENT | libc::ESRCH) => {}
            _ => self.outcome.incomplete = true,
        }
        Scan::Done
    }
}

#[derive(PartialEq, Eq)]
enum Scan {
    Done,
    CutShort,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patience::until;
    use std::net::TcpListener;
    use std::os::fd::AsRawFd;
    use std::path::Path;

    #[test]
    fn the_likeliest_are_asked_first() {
        let candidate = |pid, start_time, is_watched, is_owner, is_holder| Candidate { pid, start_time, is_watched, is_owner, is_holder };
        let candidates = vec![
            candidate(1, 0, false, false, false),
            candidate(2, 5, true, false, false),
            candidate(3, 5, true, true, true),
            candidate(4, 5, false, true, false),
            candidate(5, 5, true, true, false),
            candidate(6, 9, true, true, false),
        ];
        assert_eq!(order(candidates), [6, 5, 4, 3, 2, 1]);
    }

    fn searched(inode: u32, watched: bool) -> Outcome {
        let mut proc = Proc::open_at(Path::new("/proc")).unwrap();
        let mut table = Table::new(&proc);
        table.refresh(&mut proc).unwrap();
        complete(|| search(&proc, &table, |_| watched, |_| false, &[(inode, Uid(nix::unistd::geteuid().as_raw()))]))
    }

    /// A search for which a busy machine left the time.
    fn complete(search: impl Fn() -> Outcome) -> Outcome {
        until(|| Some(search()).filter(|outcome| !outcome.incomplete)).unwrap()
    }

    #[test]
    fn this_process_is_found_and_checked_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let inode = u32::try_from(rustix::fs::fstat(&listener).unwrap().st_ino).unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        for watched in [true, false] {
            let outcome = searched(inode, watched);
            let found = outcome.found.get(&inode).unwrap().iter().find(|found| found.pid == own).unwrap();
            assert_eq!(found.descriptor, listener.as_raw_fd());
        }
        let found = Found { pid: own, descriptor: listener.as_raw_fd() };
        let proc = Proc::open_at(Path::new("/proc")).unwrap();
        assert_eq!(still_holds(&proc, found, inode), Some(true));
        assert_eq!(still_holds(&proc, Found { descriptor: 1_000_000, ..found }, inode), Some(false));
        assert_eq!(still_holds(&proc, found, inode ^ 1), Some(false));
        assert!(look_at(&proc, own, [inode].into_iter()).found.contains_key(&inode));
    }

    #[test]
    fn a_socket_behind_a_gap_is_found_too() {
        // The first descriptors are tried without listing them, and only as far as there is no gap.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let far = rustix::io::fcntl_dupfd_cloexec(&listener, 900).unwrap();
        let inode = u32::try_from(rustix::fs::fstat(&listener).unwrap().st_ino).unwrap();
        drop(listener);
        let own = i32::try_from(std::process::id()).unwrap();
        let outcome = searched(inode, false);
        assert!(outcome.found[&inode].iter().any(|found| (found.pid, found.descriptor) == (own, far.as_raw_fd())));
    }

    #[test]
    fn a_child_that_inherited_the_socket_is_found_too() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        rustix::io::fcntl_setfd(&listener, rustix::io::FdFlags::empty()).unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        rustix::io::fcntl_setfd(&listener, rustix::io::FdFlags::CLOEXEC).unwrap();
        let inode = u32::try_from(rustix::fs::fstat(&listener).unwrap().st_ino).unwrap();
        let pids: HashSet<i32> = searched(inode, true).found[&inode].iter().map(|found| found.pid).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        for expected in [std::process::id(), child.id()] {
            assert!(pids.contains(&i32::try_from(expected).unwrap()), "{pids:?}");
        }
    }

    #[test]
    fn many_sockets_are_found_at_once_and_beside_one_that_nobody_holds() {
        let listeners: Vec<TcpListener> = (0..MANY).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let inode = |listener: &TcpListener| u32::try_from(rustix::fs::fstat(listener).unwrap().st_ino).unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        let uid = Uid(nix::unistd::geteuid().as_raw());
        let mut proc = Proc::open_at(Path::new("/proc")).unwrap();
        let mut table = Table::new(&proc);
        table.refresh(&mut proc).unwrap();
        let sockets: Vec<(u32, Uid)> = listeners.iter().map(inode).chain([u32::MAX]).map(|inode| (inode, uid)).collect();
        let found_all = |outcome: &Outcome| listeners.iter().all(|listener| outcome.found.contains_key(&inode(listener)));
        // The one that nobody holds is looked for everywhere, for as long as a search may take: a busy machine has no time for the others.
        let outcome = until(|| Some(search(&proc, &table, |_| true, |_| false, &sockets)).filter(found_all)).unwrap();
        for listener in &listeners {
            let found = Found { pid: own, descriptor: listener.as_raw_fd() };
            assert!(outcome.found[&inode(listener)].contains(&found));
        }
        assert!(!outcome.found.contains_key(&u32::MAX));
    }

    #[test]
    fn nobody_holds_what_does_not_exist() {
        assert!(searched(u32::MAX, false).found.is_empty());
    }
}
