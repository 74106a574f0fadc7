//! Reads the PID files of instances, a few at a time, and keeps those that do not name their instance.
//!
//! It must never do anything by what they say: they are read for telling that the scripts that believe them are misled.

use std::collections::HashMap;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::domain::{Declared, InstanceId, Named, PidFile, PidFiles, ProcessKey, Reading, Row, Shown, Snapshot, Uid};
use crate::hand::{Foreseen, Identity, Reader, process_facts};
use crate::supervisor::process::identity_of;

/// The longest text that is read. A pid has seven digits.
const LONGEST: u64 = 32;

/// How old an instance must be: whoever starts it writes the file a moment later. A little more than `judge` demands, because here the wall
/// clock is asked.
const SETTLES: Duration = Duration::from_secs(3);

/// How many files are read in one look because their instances began or ended: a thousand are known four seconds after berth came.
const MOST_NEW: usize = 250;

/// How many are read once more: nobody tells that a script wrote one, and a thousand are gone through in two minutes.
const AGAIN: usize = 10;

/// How far above an instance's process the named one may be: npm above node above the server.
const ABOVE: usize = 8;

/// What was read of one file.
struct Seen {
    who: Identity,
    main: Option<ProcessKey>,
}

/// As whom a file is read at first. Which further groups an account is in takes its name service a search, and who owns a file needs none
/// of them to read it.
fn plain(declared: &Declared) -> Identity {
    Identity::with_groups(declared.uid, declared.gid, &[])
}

/// The files, as they were read last.
pub struct PidFileWatch {
    reader: Arc<Reader>,
    seen: HashMap<InstanceId, Seen>,
    wrong: PidFiles,
    next: usize,
}

impl PidFileWatch {
    /// A watch that has read nothing yet.
    pub fn new(reader: Arc<Reader>) -> Self {
        Self { reader, seen: HashMap::new(), wrong: PidFiles::new(), next: 0 }
    }

    /// Those that do not name their instance.
    pub fn wrong(&self) -> &PidFiles {
        &self.wrong
    }

    /// Reads some: of what began or ended since its file was read, and a few others. True when the result changed. `now` is on the boot clock.
    pub fn look(&mut self, snapshot: &Snapshot, now: Duration) -> bool {
        let rows: Vec<(&Arc<Row>, &Arc<Declared>)> = declared(snapshot).collect();
        if self.seen.len() > rows.len() {
            let left = |id: &InstanceId| rows.iter().any(|(row, _)| row.id == *id);
            self.seen.retain(|id, _| left(id));
            self.wrong.retain(|id, _| left(id));
        }
        let mut changed = false;
        let mut due: Vec<usize> = (0..rows.len()).filter(|index| self.is_due(rows[*index].0, snapshot)).take(MOST_NEW).collect();
        for _ in 0..AGAIN.min(rows.len()) {
            self.next = (self.next + 1) % rows.len();
            let row = rows[self.next].0;
            if self.seen.contains_key(&row.id) && is_settled(row, snapshot) && !due.contains(&self.next) {
                due.push(self.next);
            }
        }
        let reader = Arc::clone(&self.reader);
        let _ahead = reader.look_ahead(due.iter().map(|index| self.place(rows[*index].1)).collect());
        for index in due {
            changed |= self.read(rows[index].0, rows[index].1, now);
        }
        changed
    }

    /// Where a file is, and as whom it is read.
    fn place(&self, declared: &Declared) -> Foreseen {
        let (root, beneath) = place(declared);
        (self.reading_as(declared), root.to_owned(), beneath.to_owned())
    }

    fn reading_as(&self, declared: &Declared) -> Identity {
        let seen = self.seen.get(&declared.id).filter(|seen| (seen.who.uid(), seen.who.gid()) == (declared.uid, declared.gid));
        seen.map_or_else(|| plain(declared), |seen| seen.who.clone())
    }

    /// Reads them all, once.
    pub fn look_through(&mut self, snapshot: &Snapshot, now: Duration) {
        for (row, declared) in declared(snapshot) {
            self.read(row, declared, now);
        }
    }

    fn is_due(&self, row: &Row, snapshot: &Snapshot) -> bool {
        let main = match row.main {
            Reading::Known(main) => Some(main),
            Reading::Gone => None,
            Reading::Denied | Reading::Unasked => return false,
        };
        self.seen.get(&row.id).is_none_or(|seen| seen.main != main) && is_settled(row, snapshot)
    }

    fn read(&mut self, row: &Row, declared: &Declared, now: Duration) -> bool {
        let mut who = self.reading_as(declared);
        let mut text = text_of(&self.reader, &who, declared);
        if text.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied) && who == plain(declared) {
            who = identity_of(declared);
            text = text_of(&self.reader, &who, declared);
        }
        self.seen.insert(row.id.clone(), Seen { who, main: row.main.known() });
        let names = text.ok().and_then(|text| names(&text, row));
        let before = self.wrong.remove(&row.id);
        let Some(names) = names else { return before.is_some() };
        let is_same = before.is_some_and(|before| before.names == names);
        let path = Shown::from_bytes(declared.pid_file.as_os_str().as_encoded_bytes());
        self.wrong.insert(row.id.clone(), PidFile { path, names, read_at: now });
        !is_same
    }
}

fn declared(snapshot: &Snapshot) -> impl Iterator<Item = (&Arc<Row>, &Arc<Declared>)> {
    snapshot.rows.iter().filter_map(|row| Some((row, row.declared.as_ref()?)))
}

/// Whether whoever started it has had the time to write the file.
fn is_settled(row: &Row, snapshot: &Snapshot) -> bool {
    let age = |started| snapshot.taken.wall.duration_since(started).unsigned_abs();
    row.main.known().is_none() || row.started_at.is_some_and(|started| age(started) >= SETTLES)
}

/// Where a file is: the administrator's part of the path, and the rest.
fn place(declared: &Declared) -> (&Path, &Path) {
    let path = &declared.pid_file;
    match path.strip_prefix(&declared.config_root) {
        Ok(beneath) => (&declared.config_root, beneath),
        Err(_) => (Path::new("/"), path.strip_prefix("/").unwrap_or(path)),
    }
}

/// The file's text, as much as a pid may have and one byte more.
fn text_of(reader: &Reader, who: &Identity, declared: &Declared) -> io::Result<Vec<u8>> {
    let (root, beneath) = place(declared);
    let mut text = Vec::new();
    reader.open(who, root, beneath)?.take(LONGEST + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// What a text names that is not the instance of the row; `None` when it is, or when that is not to be seen.
fn names(text: &[u8], row: &Row) -> Option<Named> {
    let pid = match Named::pid_in(text) {
        None => return Some(Named::Nothing),
        Some(None) => return Some(Named::NoPid),
        Some(Some(pid)) => pid,
    };
    let own = row.processes.iter().map(|process| process.key).chain(row.main.known()).chain(row.keeper);
    if own.into_iter().any(|key| key.pid == pid) {
        return None;
    }
    match process_facts(pid) {
        Ok(facts) if matches!(facts.state, 'Z' | 'X') => Some(Named::Dead(pid)),
        Ok(facts) => {
            let uid = std::fs::metadata(format!("/proc/{pid}")).ok()?.uid();
            let is_above = uid == row.uid.0 && row.main.known().is_some_and(|main| is_above(pid, main.pid));
            let name = std::fs::read(format!("/proc/{pid}/comm")).ok()?;
            (!is_above).then(|| Named::Other { key: facts.key, name: Shown::from_bytes(name.trim_ascii_end()), uid: Uid(uid) })
        }
        // hidepid hides the living too; a pidfd can be had of them all the same.
        Err(_) => match pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()) {
            Err(rustix::io::Errno::SRCH) => Some(Named::Dead(pid)),
            _ => None,
        },
    }
}

/// Whether a process is an ancestor of another.
fn is_above(ancestor: i32, pid: i32) -> bool {
    let parents = std::iter::successors(Some(pid), |pid| process_facts(*pid).ok().map(|facts| facts.parent).filter(|parent| *parent > 1));
    parents.skip(1).take(ABOVE).any(|parent| parent == ancestor)
}
