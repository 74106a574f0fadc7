//! The kernel's word of changes, inotify(7): which directories are watched, and for whom.
//!
//! It must never look at a file, and never read more of the kernel's queue at once than a bounded number of events: anybody who may
//! write in a watched directory fills it.
//!
//! The `notify` crate is not used: what it asks of the kernel is fixed, with every open and every write in it (a log beside a
//! configuration would wake it without end), it reads until the queue is empty on a thread of its own, and it takes paths, which a
//! user can exchange, where a checked descriptor is at hand.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags};
use rustix::io::Errno;

/// How many events are read in one go.
const MOST: u32 = 2048;

/// For whom a directory is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Which pattern.
    pub search: usize,
    /// Which entry of its root; `None` for the root itself.
    pub entry: Option<Arc<str>>,
    /// Which of its names mean something.
    pub meant: Meant,
}

/// Which names in a directory mean something to whom it is watched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant {
    /// Those that fit this part of the pattern.
    Part(usize),
    /// Just this one, on the way to a further file.
    Name(OsString),
}

/// What came of reading the queue.
#[derive(Debug, Default)]
pub struct Drained {
    /// The kernel threw events away: anything may have changed.
    pub overflow: bool,
    /// The watch that most of a full load came from.
    pub noisy: Option<i32>,
}

/// The watches of one inotify instance.
#[derive(Debug)]
pub struct Watcher {
    events: Arc<OwnedFd>,
    spots: HashMap<i32, Vec<Spot>>,
}

impl Watcher {
    /// A watcher without watches.
    ///
    /// # Errors
    /// `EMFILE` at the user's limit of instances, /proc/sys/fs/inotify/max_user_instances.
    pub fn new() -> io::Result<Self> {
        let events = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        Ok(Self { events: Arc::new(events), spots: HashMap::new() })
    }

    /// Readable when something was told.
    pub fn events(&self) -> &Arc<OwnedFd> {
        &self.events
    }

    /// How many directories are watched.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.spots.len()
    }

    /// Takes over the watches that were set for an entry, and ends those of `before` that are not among them.
    pub fn take(&mut self, search: usize, entry: Option<&Arc<str>>, way: Vec<(Meant, i32)>, before: &[i32]) -> Vec<i32> {
        let mut watches = Vec::with_capacity(way.len());
        for (meant, watch) in &way {
            let spot = Spot { search, entry: entry.cloned(), meant: meant.clone() };
            // A directory is watched for one, as a rule.
            let spots = self.spots.entry(*watch).or_insert_with(|| Vec::with_capacity(1));
            if !spots.contains(&spot) {
                spots.push(spot);
            }
            if !watches.contains(watch) {
                watches.push(*watch);
            }
        }
        for watch in before.iter().filter(|watch| !watches.contains(watch)) {
            self.release(*watch, search, entry);
        }
        watches
    }

    /// Ends an entry's watches.
    pub fn release_all(&mut self, search: usize, entry: Option<&Arc<str>>, watches: &[i32]) {
        for watch in watches {
            self.release(*watch, search, entry);
        }
    }

    fn release(&mut self, watch: i32, search: usize, entry: Option<&Arc<str>>) {
        if let Some(spots) = self.spots.get_mut(&watch) {
            spots.retain(|spot| spot.search != search || spot.entry.as_ref() != entry);
            if spots.is_empty() {
                self.end(watch);
            }
        }
    }

    /// Ends a watch for everybody, and tells for whom it was.
    pub fn end(&mut self, watch: i32) -> Vec<Spot> {
        // EINVAL: the directory is gone, and its watch with it.
        let _ = inotify::remove_watch(&*self.events, watch);
        self.spots.remove(&watch).unwrap_or_default()
    }

    /// Reads what the kernel has told, and says for whom. Without a name the directory itself is another, or none.
    pub fn drain(&mut self, mut each: impl FnMut(&Spot, Option<&OsStr>)) -> Drained {
        let mut drained = Drained::default();
        let mut buffer = [const { MaybeUninit::uninit() }; 16 * 1024];
        let mut reader = inotify::Reader::new(&*self.events, &mut buffer);
        let mut by_watch: HashMap<i32, u32> = HashMap::new();
        let mut count = 0;
        while count < MOST || !reader.is_buffer_empty() {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::INTR) => continue,
                // EAGAIN: nothing more was told.
                Err(_) => return drained,
            };
            count += 1;
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                drained.overflow = true;
                continue;
            }
            *by_watch.entry(event.wd()).or_default() += 1;
            let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
            if event.events().contains(ReadFlags::IGNORED) {
                self.spots.remove(&event.wd()).iter().flatten().for_each(|spot| each(spot, None));
            } else {
                self.spots.get(&event.wd()).into_iter().flatten().for_each(|spot| each(spot, name));
            }
        }
        drained.noisy = by_watch.into_iter().find(|(_, count)| *count > MOST / 4).map(|(watch, _)| watch);
        drained
    }
}
