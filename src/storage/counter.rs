//! The thread that counts, and the one count that a command makes which is over in a moment.
//!
//! It must never be waited for: whoever judges takes what hangs on the board.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::files::{self, Found, Sought};
use super::ledger::{Account, Ledger};
use super::schedule::{Count, NEXT_PIECE, pick, rest};
use super::walk::{Step, Walk};
use super::{Board, measure, place, reading_of};
use crate::domain::{InstanceId, Reading, Shown, Snapshot};
use crate::hand::Reader;

/// How many entries of a workspace are counted in one go: about a millisecond.
const PIECE: u64 = 500;

/// How often the thread asks which instances there are, and hangs up what it has.
const ROUND: Duration = Duration::from_secs(2);

/// How often it hangs it up once everything was counted: to put a thousand instances together is most of this thread's work then.
const SETTLED_ROUND: Duration = Duration::from_secs(6);

/// The least rest between two counts.
const LEAST_REST: Duration = Duration::from_millis(5);

/// Starts counting for as long as the process lives. `snapshots` gives the newest one; it must not wait.
///
/// # Errors
/// When no thread can be had.
pub fn start(board: Arc<Board>, snapshots: impl Fn() -> Arc<Snapshot> + Send + 'static) -> io::Result<()> {
    let reader = Reader::start()?;
    let work = move || {
        crate::failpoint::pass("berth-storage");
        let mut counter = Counter { reader, ledger: Ledger::default(), begun: Instant::now() };
        let (mut next_round, mut next_put) = (Duration::ZERO, Duration::ZERO);
        let mut dirty = false;
        loop {
            let now = counter.now();
            if now >= next_round {
                if dirty && (now >= next_put || !counter.ledger.is_complete()) {
                    board.put(counter.ledger.storage(now, Timestamp::now()));
                    (dirty, next_put) = (false, now + SETTLED_ROUND);
                }
                counter.ledger.learn(&snapshots(), now);
                next_round = now + ROUND;
            }
            let pause = match pick(counter.ledger.dues.iter(), now) {
                Some((index, count)) => {
                    let begun = Instant::now();
                    counter.count(index, count);
                    dirty = true;
                    rest(begun.elapsed(), !counter.ledger.is_complete())
                }
                None => {
                    let next = counter.ledger.dues.iter().flatten().map(|due| due.at).min().unwrap_or(Duration::MAX);
                    next.min(next_round).saturating_sub(now)
                }
            };
            std::thread::sleep(pause.clamp(LEAST_REST, ROUND));
        }
    };
    std::thread::Builder::new().name("berth-storage".to_owned()).stack_size(192 * 1024).spawn(work).map(drop)
}

/// What a command wants counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// What processes have open, too.
    pub open_files: bool,
    /// The whole workspace of this instance, too.
    pub workspace_of: Option<&'a InstanceId>,
}

/// Counts once, for no longer than `patience`, and says on the board what was not counted.
///
/// # Errors
/// When no thread can be had.
pub fn count_once(board: &Board, snapshot: &Snapshot, wanted: Wanted<'_>, patience: Duration) -> io::Result<()> {
    let mut counter = Counter { reader: Reader::start()?, ledger: Ledger::default(), begun: Instant::now() };
    counter.ledger.learn(snapshot, Duration::ZERO);
    let in_time = |counter: &Counter| counter.now() < patience;
    let mut left = 0;
    // The instance that is asked for comes first: it has the most to count.
    if let Some(index) = counter.ledger.accounts.iter().position(|account| Some(&account.declared.id) == wanted.workspace_of) {
        counter.count(index, Count::Log);
        counter.count(index, Count::Workspace);
        while counter.ledger.accounts[index].walk.is_some() && in_time(&counter) {
            counter.count(index, Count::Workspace);
        }
    }
    for index in 0..counter.ledger.accounts.len() {
        if !in_time(&counter) {
            left = counter.ledger.accounts.len() - index;
            break;
        }
        if counter.ledger.accounts[index].log == Reading::Unasked {
            counter.count(index, Count::Log);
        }
        if wanted.open_files {
            counter.count(index, Count::Files);
        }
    }
    let mut storage = counter.ledger.storage(counter.now(), Timestamp::now());
    if left > 0 {
        storage.notices.push(Shown::new(&format!("the logs of {left} instances were not counted within {} ms", patience.as_millis())));
    }
    board.put(storage);
    Ok(())
}

struct Counter {
    reader: Arc<Reader>,
    ledger: Ledger,
    begun: Instant,
}

impl Counter {
    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    fn count(&mut self, index: usize, count: Count) {
        match count {
            Count::Log => self.log(index),
            Count::Files => self.files(index),
            Count::Workspace => self.workspace(index),
        }
    }

    fn log(&mut self, index: usize) {
        let Some(account) = self.ledger.accounts.get(index) else { return };
        let (root, beneath) = place(&account.declared, &account.declared.log);
        let seen = if account.declared.log.as_os_str().is_empty() {
            // Its supervisor keeps it.
            Reading::Gone
        } else {
            let seen = self.reader.look(&account.who, &root, &beneath.clone(), move |root| measure::log(root, &beneath));
            seen.map_or_else(|error| reading_of(&error), Reading::Known)
        };
        let now = self.now();
        self.ledger.log_seen(index, seen, now, Timestamp::now());
    }

    fn files(&mut self, index: usize) {
        let Some(account) = self.ledger.accounts.get(index) else { return };
        let found = if account.row.processes.is_empty() {
            Found::default()
        } else {
            let sought = sought(account);
            // With the account's own eyes: to stat what somebody has open may wait for a dead mount, and that is theirs.
            self.reader
                .look(&account.who, Path::new("/proc"), Path::new(""), move |proc| Ok(files::look(proc, &sought)))
                .unwrap_or_default()
        };
        let now = self.now();
        self.ledger.files_found(index, found, now);
    }

    fn workspace(&mut self, index: usize) {
        let Some(account) = self.ledger.accounts.get_mut(index) else { return };
        let Some(workspace) = &account.declared.workspace else {
            let now = self.begun.elapsed();
            self.ledger.workspace_counted(index, Reading::Gone, now);
            return;
        };
        let (root, beneath) = place(&account.declared, workspace);
        let walk = account.walk.take().unwrap_or_else(|| Box::new(Walk::new(&beneath)));
        let step = self.reader.look(&account.who, &root, &beneath, move |root| walk.step(root, PIECE));
        let now = self.begun.elapsed();
        match step {
            Ok(Step::More(walk)) => {
                account.walk = Some(walk);
                self.ledger.dues[index][2].at = now + NEXT_PIECE;
                self.ledger.dues[index][2].every = NEXT_PIECE;
            }
            Ok(Step::Done(bytes, room)) => self.ledger.workspace_counted(index, Reading::Known((bytes, room)), now),
            Err(error) => self.ledger.workspace_counted(index, reading_of(&error), now),
        }
    }
}

fn sought(account: &Account) -> Sought {
    let log = account.log.known().and_then(|seen| seen.file);
    Sought {
        processes: account.row.processes.iter().map(|process| (process.key, process.name.clone())).collect(),
        log: log.map(|(device, inode, _)| (files::name_of(&account.declared.log), device, inode)),
    }
}

#[cfg(test)]
#[path = "counter_tests.rs"]
mod tests;
