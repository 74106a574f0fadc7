//! What is known of each instance so far, and the facts that follow from it.
//!
//! It must never carry numbers of an instance over to another that took its name: a new declaration begins anew.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::files::Found;
use super::measure::{LogSeen, Room};
use super::schedule::{Due, FILES_CHANGED, FILES_SAME, LOG_OFTEN, LOG_SELDOM, WORKSPACE};
use super::space::Spaces;
use super::trend::Trend;
use super::walk::Walk;
use crate::domain::{Declared, DiskUse, InstanceId, OpenDatabase, ProcessKey, Reading, Row, Shown, Snapshot, Storage};
use crate::hand::Identity;

/// How far apart readings of a log must be for a rate.
const APART: Duration = Duration::from_secs(10);

/// In fleets up to this size every log is looked at often.
const SMALL: usize = 32;

/// A log that grows by this many bytes a second is looked at often, in a fleet of any size.
const MUCH: f64 = 4096.0;

/// How long numbers that stay the same keep their time.
const SAME_FOR: Duration = Duration::from_secs(60);

/// What is known of one instance.
pub(super) struct Account {
    /// The row that it was last seen as.
    pub row: Arc<Row>,
    /// Its declaration.
    pub declared: Arc<Declared>,
    /// Whose eyes look: made once, because groups are asked of the name service.
    pub who: Identity,
    /// The log.
    pub log: Reading<LogSeen>,
    /// What its processes have open, and whose that is.
    pub found: Option<Found>,
    /// A walk in the middle of its way.
    pub walk: Option<Box<Walk>>,
    workspace: Reading<u64>,
    devices: [Option<u64>; 2],
    log_file: Trend,
    both: [Trend; 2],
    long_since: Option<Timestamp>,
    open_files: (Vec<ProcessKey>, u64),
    told: Option<Arc<DiskUse>>,
}

/// All instances.
#[derive(Default)]
pub(super) struct Ledger {
    /// By their place in the roster.
    pub accounts: Vec<Account>,
    /// When the counts of each are due, in the same order and in that of `Count::ALL`.
    pub dues: Vec<[Due; 3]>,
    spaces: Spaces,
}

impl Account {
    fn new(row: &Arc<Row>, declared: &Arc<Declared>) -> Self {
        let account = declared.account.as_ref().map(|name| name.as_str());
        Self {
            row: Arc::clone(row),
            declared: Arc::clone(declared),
            who: Identity::of(declared.uid, declared.gid, account),
            log: Reading::Unasked,
            found: None,
            walk: None,
            workspace: if declared.workspace.is_some() { Reading::Unasked } else { Reading::Gone },
            devices: [None; 2],
            log_file: Trend::new(APART),
            both: [Trend::new(APART), Trend::new(APART)],
            long_since: None,
            open_files: (Vec::new(), 0),
            told: None,
        }
    }

    /// Its processes, and how many files they have open in all.
    fn processes(&self) -> (Vec<ProcessKey>, u64) {
        let keys = self.row.processes.iter().map(|process| process.key).collect();
        (keys, self.row.processes.iter().filter_map(|process| process.open_files.known()).sum())
    }

    /// The sum of what is known of both growths.
    fn growth(&self) -> Option<f64> {
        self.both.iter().filter_map(Trend::rate).reduce(|one, other| one + other)
    }

    fn is_busy(&self) -> bool {
        self.log_file.rate().is_some_and(|rate| rate.abs() >= MUCH)
    }

    /// Why the log cannot be cut, as far as was seen.
    fn uncuttable(&self) -> Option<Shown> {
        if let Some((key, name)) = self.found.as_ref().and_then(|found| found.overwriter.as_ref()) {
            return Some(Shown::new(&format!("{key} ({name}) does not append to it: cut short, it would have a hole")));
        }
        let blocked = self.log.known().is_some_and(|seen| seen.is_blocked);
        blocked.then(|| Shown::new(&format!("{}.1 is no plain file", self.declared.log.display())))
    }

    /// The facts of it. Numbers that did not change stay the same object for a while, so that nobody draws them again.
    fn told(&mut self, now: Timestamp) -> Option<Arc<DiskUse>> {
        if matches!((self.log, self.workspace), (Reading::Unasked, Reading::Unasked | Reading::Gone)) {
            return None;
        }
        let seen = self.log.known();
        let mut devices: Vec<u64> = self.devices.into_iter().flatten().collect();
        devices.dedup();
        let file = match self.log {
            Reading::Known(seen) => seen.file.map_or(Reading::Gone, |(.., length)| Reading::Known(length)),
            other => other.map(|_| 0),
        };
        let fresh = DiskUse {
            log_bytes: self.log.map(|seen| seen.on_disk),
            log_file_bytes: file,
            workspace_bytes: self.workspace,
            growth: self.growth(),
            log_growth: self.log_file.rate(),
            rotated: seen.map_or(0, |seen| seen.rotated),
            rotated_at: seen.and_then(|seen| seen.rotated_at),
            long_since: self.long_since,
            uncuttable: self.uncuttable(),
            devices,
            counted_at: now,
        };
        if let Some(told) = &self.told {
            let is_same = DiskUse { counted_at: told.counted_at, ..fresh.clone() } == **told;
            if is_same && now.duration_since(told.counted_at).unsigned_abs() < SAME_FOR {
                return self.told.clone();
            }
        }
        self.told = Some(Arc::new(fresh));
        self.told.clone()
    }
}

impl Ledger {
    /// Takes over which instances there are and what they run.
    pub fn learn(&mut self, snapshot: &Snapshot, now: Duration) {
        let rows: Vec<(&Arc<Row>, &Arc<Declared>)> =
            snapshot.rows.iter().filter_map(|row| row.declared.as_ref().map(|declared| (row, declared))).collect();
        let same_order = rows.len() == self.accounts.len()
            && rows.iter().zip(&self.accounts).all(|((_, declared), account)| declared.id == account.declared.id);
        if !same_order {
            self.rebuild(&rows, now);
        }
        for (index, (row, declared)) in rows.into_iter().enumerate() {
            let account = &mut self.accounts[index];
            if Arc::ptr_eq(&account.row, row) {
                continue;
            }
            account.row = Arc::clone(row);
            if !Arc::ptr_eq(&account.declared, declared) && account.declared != *declared {
                *account = Account::new(row, declared);
                self.dues[index] = dues(index, now);
            } else if account.found.is_some() && self.dues[index][1].every == FILES_SAME && account.processes() != account.open_files {
                let read = self.dues[index][1].at.saturating_sub(FILES_SAME);
                self.dues[index][1] = Due { at: read + FILES_CHANGED, every: FILES_CHANGED };
            }
        }
    }

    fn rebuild(&mut self, rows: &[(&Arc<Row>, &Arc<Declared>)], now: Duration) {
        let mut known: HashMap<InstanceId, (Account, [Due; 3])> = self
            .accounts
            .drain(..)
            .zip(self.dues.drain(..))
            .map(|(account, dues)| (account.declared.id.clone(), (account, dues)))
            .collect();
        for (index, (row, declared)) in rows.iter().enumerate() {
            let (account, due) = known.remove(&declared.id).unwrap_or_else(|| (Account::new(row, declared), dues(index, now)));
            self.accounts.push(account);
            self.dues.push(due);
        }
    }

    /// Whether everything was counted once, the workspaces aside.
    pub fn is_complete(&self) -> bool {
        self.accounts.iter().all(|account| account.log != Reading::Unasked && account.found.is_some())
    }

    /// Takes over what was seen of a log.
    pub fn log_seen(&mut self, index: usize, seen: Reading<LogSeen>, now: Duration, wall: Timestamp) {
        let is_small = self.accounts.len() <= SMALL;
        let Some(account) = self.accounts.get_mut(index) else { return };
        account.log = seen;
        if let Reading::Known(seen) = seen {
            account.devices[0] = Some(self.spaces.learn(seen.room, now));
            let length = seen.file.map_or(0, |(.., length)| length);
            // A log that was cut short begins anew.
            if length == 0 {
                account.log_file.clear();
            }
            account.log_file.add(now, length);
            account.both[0].add(now, seen.on_disk);
            let is_long = account.declared.log_max.is_some_and(|most| length > most.saturating_add(most / 10));
            account.long_since = if is_long { account.long_since.or(Some(wall)) } else { None };
        }
        let every = if is_small || account.is_busy() { LOG_OFTEN } else { LOG_SELDOM };
        self.dues[index][0] = Due { at: now + every, every };
    }

    /// Takes over what processes have open.
    pub fn files_found(&mut self, index: usize, found: Found, now: Duration) {
        let Some(account) = self.accounts.get_mut(index) else { return };
        account.found = Some(found);
        account.open_files = account.processes();
        self.dues[index][1] = Due { at: now + FILES_SAME, every: FILES_SAME };
    }

    /// Takes over the size of a workspace.
    pub fn workspace_counted(&mut self, index: usize, counted: Reading<(u64, Room)>, now: Duration) {
        let Some(account) = self.accounts.get_mut(index) else { return };
        account.workspace = counted.map(|(bytes, _)| bytes);
        if let Reading::Known((bytes, room)) = counted {
            account.devices[1] = Some(self.spaces.learn(room, now));
            account.both[1].add(now, bytes);
        }
        self.dues[index][2] = Due { at: now + WORKSPACE, every: WORKSPACE };
    }

    /// Everything as facts.
    pub fn storage(&mut self, now: Duration, wall: Timestamp) -> Storage {
        let uses: HashMap<InstanceId, Arc<DiskUse>> =
            self.accounts.iter_mut().filter_map(|account| Some((account.declared.id.clone(), account.told(wall)?))).collect();
        let file_systems = self.spaces.facts(|device| uses.values().any(|one| one.devices.contains(&device)));
        Storage { uses, file_systems, databases: self.databases(now), notices: Vec::new() }
    }

    /// Who has which database open, by the files themselves and not by their names.
    fn databases(&mut self, now: Duration) -> Vec<OpenDatabase> {
        let mut open: HashMap<(u64, u64), (OpenDatabase, u64)> = HashMap::new();
        for account in &self.accounts {
            for database in account.found.iter().flat_map(|found| &found.databases) {
                let (known, _) = open.entry(database.file).or_insert_with(|| {
                    (OpenDatabase { path: database.path.clone(), kind: Shown::new(""), holders: Vec::new() }, database.mount)
                });
                known.holders.push((account.declared.id.clone(), database.holder));
            }
        }
        let mut databases: Vec<OpenDatabase> = Vec::with_capacity(open.len());
        for (mut database, mount) in open.into_values() {
            database.kind = self.spaces.kind(mount, now);
            database.holders.sort();
            databases.push(database);
        }
        databases.sort_by(|one, two| one.path.as_str().cmp(two.path.as_str()));
        databases
    }
}

/// What is due of an instance that is new: at once, workspaces one after the other.
fn dues(index: usize, now: Duration) -> [Due; 3] {
    let later = now + Duration::from_secs(5) + Duration::from_millis(index as u64 * 20);
    [Due { at: now, every: LOG_OFTEN }, Due { at: now, every: FILES_CHANGED }, Due { at: later, every: WORKSPACE }]
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
