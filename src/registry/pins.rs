//! The certificates that instances are known by, kept as soon as they are seen: a line each in a file of berth's own.
//!
//! It must never take another certificate for one that is known by itself, write where only is looked, or be silently empty: a file that cannot
//! be read is told, kept as it is, and nobody is known by anything until it is mended.

mod unread;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::domain::{Fingerprint, InstanceId, Pin, Shown};
use crate::error::{Context, Result};

use unread::Unread;

/// The file, below berth's state.
const FILE: &str = "certificates";

/// Its first line: another one is another berth's.
const HEAD: &str = "berth certificates 1";

/// The most that are kept; a line has some 150 bytes.
const MOST: usize = 10_000;

/// The most of one instance: who moves from port to port must not take the room of others.
const MOST_OF_ONE: usize = 8;

/// How long after a write that failed it is tried again.
const AGAIN: Duration = Duration::from_secs(30);

/// Longer than any such file gets; a larger one is none.
const LONGEST: u64 = 4 * 1024 * 1024;

/// How long another writer is waited for: he writes one small file.
const PATIENCE: Duration = Duration::from_secs(2);

type Known = BTreeMap<(InstanceId, u16), Pin>;

/// They, shared by all who look in this process.
#[derive(Clone, Debug, Default)]
pub struct Pins(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Where berth's state lies; `None` where nothing is kept.
    directory: Option<PathBuf>,
    state: Mutex<State>,
    serial: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    known: Known,
    /// Those of them that are not written down.
    seen: Known,
    /// Which file that was read from: inode, change in seconds and nanoseconds.
    stamp: Option<(u64, i64, i64)>,
    /// Why nothing is known from the file.
    damage: Option<Shown>,
    /// Why something could not be kept.
    unkept: Option<Shown>,
    /// When the last write failed; `None` where the last one went well.
    failed: Option<Instant>,
    /// When each was asked for last: numbers that rise.
    used: BTreeMap<(InstanceId, u16), u64>,
    uses: u64,
}

impl Pins {
    /// Those below berth's state.
    pub fn below(state: &Path) -> Self {
        let pins = Self(Arc::new(Shared { directory: Some(state.to_owned()), ..Shared::default() }));
        pins.load();
        pins
    }

    /// The one that an instance is known by at a port. From here on that is `shown`, where there was none; the second says that it is new, and
    /// is to be kept by whoever may write. `None` while the file is damaged, and where there are too many.
    pub fn of(&self, id: &InstanceId, port: u16, shown: Fingerprint, now: Timestamp) -> Option<(Pin, bool)> {
        let mut state = self.state();
        if state.damage.is_some() {
            return None;
        }
        let key = (id.clone(), port);
        let State { known, used, uses, .. } = &mut *state;
        *uses += 1;
        used.insert(key.clone(), *uses);
        if let Some(pin) = known.get(&key) {
            return Some((*pin, false));
        }
        make_room(known, used, &key);
        used.retain(|key, _| known.contains_key(key));
        used.insert(key.clone(), *uses);
        if state.known.len() >= MOST {
            state.unkept = Some(Shown::new(&format!("more than {MOST} certificates are known; no more are taken")));
            return None;
        }
        let pin = Pin { print: shown, since: now };
        let State { known, seen, .. } = &mut *state;
        seen.retain(|key, _| known.contains_key(key));
        state.known.insert(key.clone(), pin);
        state.seen.insert(key, pin);
        Some((pin, true))
    }

    /// Whether it is known by any there.
    pub fn has(&self, id: &InstanceId, port: u16) -> bool {
        self.state().known.contains_key(&(id.clone(), port))
    }

    /// Writes down what [`Pins::of`] took, if nobody else wrote down another one meanwhile. What cannot be written now is tried again by
    /// [`Pins::keep_again`].
    pub fn keep(&self, id: &InstanceId, port: u16, pin: Pin) {
        let key = (id.clone(), port);
        let used = self.state().used.clone();
        let kept = self.change(|known| add(known, &used, &key, pin));
        let mut state = self.state();
        if kept.is_ok() {
            state.seen.remove(&key);
        }
        state.failed = kept.is_err().then(Instant::now);
        state.unkept = kept.err().map(|error| Shown::new(&error.chain()));
    }

    /// Writes down what could not be written a while ago. Nothing where nothing failed.
    pub fn keep_again(&self) {
        self.keep_again_after(AGAIN);
    }

    fn keep_again_after(&self, pause: Duration) {
        let (seen, used) = {
            let mut state = self.state();
            if state.failed.is_none_or(|at| at.elapsed() < pause) {
                return;
            }
            state.failed = Some(Instant::now());
            (state.seen.clone(), state.used.clone())
        };
        let kept = self.change(|known| seen.iter().for_each(|(key, pin)| add(known, &used, key, *pin)));
        let mut state = self.state();
        match kept {
            Ok(()) => {
                state.seen.retain(|key, _| !seen.contains_key(key));
                (state.failed, state.unkept) = (None, None);
            }
            Err(error) => state.unkept = Some(Shown::new(&error.chain())),
        }
    }

    /// From now on the instance is known by this certificate at the port.
    ///
    /// # Errors
    /// When that cannot be kept: nothing is changed then.
    pub fn trust(&self, id: &InstanceId, port: u16, print: Fingerprint) -> Result<()> {
        let pin = Pin { print, since: Timestamp::now() };
        self.change(|known| {
            let kept = known.entry((id.clone(), port)).or_insert(pin);
            // Who is known by it already is so since then.
            if kept.print != print {
                *kept = pin;
            }
        })
    }

    /// Forgets an instance that is no more: who is called so next is another one.
    ///
    /// # Errors
    /// When that cannot be kept.
    pub fn forget(&self, id: &InstanceId) -> Result<()> {
        if !self.state().known.keys().any(|(known, _)| known == id) {
            return Ok(());
        }
        self.state().seen.retain(|(one, _), _| one != id);
        self.change(|known| known.retain(|(one, _), _| one != id))
    }

    /// Takes over what others wrote. One call of the kernel where nobody did.
    pub fn refresh(&self) {
        let Some(path) = self.path() else { return };
        if self.state().stamp != stamp(&path) {
            self.load();
        }
    }

    fn load(&self) {
        let Some(path) = self.path() else { return };
        let stamp = stamp(&path);
        let read = read(&path);
        let mut state = self.state();
        state.stamp = stamp;
        match read {
            Ok(mut known) => {
                state.damage = None;
                // What only this process has seen so far stays known to it.
                for (key, pin) in std::mem::take(&mut state.seen) {
                    known.entry(key.clone()).or_insert(pin);
                    state.seen.insert(key, pin);
                }
                state.known = known;
            }
            Err(why) => {
                state.known.clear();
                state.damage = Some(Shown::new(&why.words(&path)));
            }
        }
        drop(state);
        self.0.serial.fetch_add(1, Ordering::Relaxed);
    }

    /// Another number whenever somebody may be known by another certificate than before.
    pub fn serial(&self) -> u64 {
        self.0.serial.load(Ordering::Relaxed)
    }

    /// What has to be said of the file.
    pub fn notice(&self) -> Option<Shown> {
        let state = self.state();
        state.damage.clone().or_else(|| state.unkept.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self) -> Option<PathBuf> {
        self.0.directory.as_ref().map(|directory| directory.join(FILE))
    }

    /// Changes the file as it is now, whole or not at all, and takes that over.
    fn change(&self, change: impl FnOnce(&mut Known)) -> Result<()> {
        let Some(directory) = &self.0.directory else {
            change(&mut self.state().known);
            self.0.serial.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        };
        let path = directory.join(FILE);
        let doing = || format!("cannot write {}", path.display());
        DirBuilder::new().recursive(true).mode(0o700).create(directory).while_doing(doing)?;
        let _alone = alone(directory).while_doing(doing)?;
        let mut known = read(&path).map_err(|why| why.in_the_way(&path))?;
        change(&mut known);
        write(directory, &path, &known).while_doing(doing)?;
        let mut state = self.state();
        let State { seen, .. } = &mut *state;
        seen.retain(|key, pin| known.get(key).is_none_or(|known| known == pin));
        for (key, pin) in seen.iter() {
            known.entry(key.clone()).or_insert(*pin);
        }
        (state.stamp, state.damage, state.known) = (stamp(&path), None, known);
        drop(state);
        self.0.serial.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Adds one that is seen for the first time.
fn add(known: &mut Known, used: &BTreeMap<(InstanceId, u16), u64>, key: &(InstanceId, u16), pin: Pin) {
    if !known.contains_key(key) {
        make_room(known, used, key);
        known.insert(key.clone(), pin);
    }
}

/// Forgets what an instance used longest ago, where it has too many for one more.
fn make_room(known: &mut Known, used: &BTreeMap<(InstanceId, u16), u64>, key: &(InstanceId, u16)) {
    loop {
        let its = known.range((key.0.clone(), 0)..=(key.0.clone(), u16::MAX));
        let (count, oldest) = its.fold((0, None), |(count, oldest), (one, pin)| {
            let age = (used.get(one).copied().unwrap_or(0), pin.since);
            let oldest = match oldest {
                Some((other, other_age)) if other_age <= age => Some((other, other_age)),
                _ => Some((one, age)),
            };
            (count + 1, oldest)
        });
        let Some(oldest) = oldest.filter(|_| count >= MOST_OF_ONE).map(|(one, _)| one.clone()) else { return };
        known.remove(&oldest);
    }
}

/// One writer at a time, of all processes.
fn alone(directory: &Path) -> io::Result<File> {
    let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(directory.join("certificates.lock"))?;
    let begun = Instant::now();
    loop {
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(lock),
            Err(Errno::WOULDBLOCK) if begun.elapsed() > PATIENCE => return Err(io::ErrorKind::ResourceBusy.into()),
            Err(Errno::WOULDBLOCK) => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(error.into()),
        }
    }
}

fn stamp(path: &Path) -> Option<(u64, i64, i64)> {
    fs::symlink_metadata(path).ok().map(|facts| (facts.ino(), facts.ctime(), facts.ctime_nsec()))
}

/// What the file says; nothing where there is none.
fn read(path: &Path) -> std::result::Result<Known, Unread> {
    let facts = match fs::symlink_metadata(path) {
        Ok(facts) => facts,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Known::new()),
        Err(error) => return Err(error.into()),
    };
    if !facts.is_file() || facts.len() > LONGEST {
        return Err(Unread::Damaged("it is no such file".to_owned()));
    }
    of_text(&fs::read_to_string(path)?).map_err(Unread::Damaged)
}

fn of_text(text: &str) -> std::result::Result<Known, String> {
    let Some(body) = text.strip_prefix(HEAD).and_then(|rest| rest.strip_prefix('\n')) else {
        return Err(format!("its first line is not \"{HEAD}\""));
    };
    // The last line says how many there are: a file that was cut off does not.
    let mut known = Known::new();
    let mut lines = body.lines().enumerate();
    let end = loop {
        let Some((number, line)) = lines.next() else { return Err("its end is missing".to_owned()) };
        match line.strip_prefix("end ") {
            Some(count) => break count.parse().ok(),
            None => {
                let (key, pin) = of_line(line).ok_or_else(|| format!("line {} is none of its lines", number + 2))?;
                known.insert(key, pin);
            }
        }
    };
    if end != Some(known.len()) || lines.next().is_some() || !text.ends_with('\n') {
        return Err("its end is another one's".to_owned());
    }
    Ok(known)
}

fn of_line(line: &str) -> Option<((InstanceId, u16), Pin)> {
    let mut parts = line.split('\t');
    let (id, port, print, since) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let pin = Pin { print: Fingerprint::parse(print)?, since: since.parse().ok()? };
    let key = (InstanceId::parse(id).ok()?, port.parse().ok()?);
    parts.next().is_none().then_some((key, pin))
}

fn to_text(known: &Known) -> String {
    let mut text = format!("{HEAD}\n");
    for ((id, port), pin) in known {
        text.push_str(&format!("{id}\t{port}\t{}\t{}\n", pin.print, pin.since));
    }
    text.push_str(&format!("end {}\n", known.len()));
    text
}

/// Beside it first, on the disk, then in its place in one step.
fn write(directory: &Path, path: &Path, known: &Known) -> io::Result<()> {
    let new = directory.join("certificates.new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(to_text(known).as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
#[path = "pins_tests.rs"]
mod tests;
