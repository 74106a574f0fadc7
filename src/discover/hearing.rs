//! Scanning by what the kernel tells: looks only at what has changed, at the rest seldom, and where nothing is told once a second.
//!
//! It must never look at more than a bounded number of files in one scan: the thread that scans also sees ports and deaths.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::Part;
use crate::hand::Way;

use super::search::{Search, Tools};
use super::tree::{is_an_example, own};
use super::watch::{Meant, Spot, Watcher};

/// How soon the next scan follows when there was more to do than fits into one.
const NEXT: Duration = Duration::from_millis(20);

/// How many entries are looked at in one scan because something was told.
const MOST_TOLD: usize = 64;

/// How many entries are asked to tell their changes in one scan.
const MOST_ASKED: usize = 64;

/// How many entries are looked at in one pulse because it is time.
const MOST_OVERDUE: usize = 200;

/// How rarely an overrun queue makes everything be looked at.
const OVERRUN: Duration = Duration::from_secs(5);

/// What listening needs to know from scan to scan.
pub struct Hearing {
    /// Why nothing is told, where nothing is.
    watcher: Result<Watcher, String>,
    /// How often roots, accounts and programs are looked at, and what is polled.
    pulse: Duration,
    has_begun: bool,
    next_pulse: Instant,
    next_overrun: Instant,
    was_overrun: bool,
    has_more: bool,
    /// Behind whom the next pulse goes on.
    cursor: Option<(usize, Arc<str>)>,
}

impl Hearing {
    /// Listening that has not begun. Without a watcher everything is polled.
    pub fn new(watcher: io::Result<Watcher>, pulse: Duration) -> Self {
        let now = Instant::now();
        let watcher = watcher.map_err(|error| refused(&error));
        Self { watcher, pulse, has_begun: false, next_pulse: now, next_overrun: now, was_overrun: false, has_more: false, cursor: None }
    }

    /// Readable when something was told.
    pub fn events(&self) -> Option<Arc<OwnedFd>> {
        self.watcher.as_ref().ok().map(|watcher| Arc::clone(watcher.events()))
    }

    /// When there is something to do, should nothing be told before.
    pub fn next(&self, searches: &[Search], now: Instant) -> Instant {
        if self.has_more {
            return now + NEXT;
        }
        let paces = searches.iter().flat_map(|search| search.entries.values().map(|entry| &entry.pace).chain([&search.root_pace]));
        let due = paces.filter_map(|pace| if pace.wants_hearing(now) { Some(now + NEXT) } else { pace.due() });
        due.min().map_or(self.next_pulse, |due| due.min(self.next_pulse))
    }

    /// Does what is due. True when something was found to have changed.
    pub fn scan(&mut self, searches: &mut [Search], tools: &mut Tools<'_>, now: Instant) -> bool {
        if !self.has_begun {
            // The first picture does not wait for watches.
            self.has_begun = true;
            self.has_more = true;
            self.next_pulse = now + self.pulse;
            for search in searches {
                search.look_through(tools, now);
                search.root = root_of(search, tools);
            }
            return true;
        }
        self.hear(searches, now);
        let mut changed = false;
        if now >= self.next_pulse {
            self.next_pulse = now + self.pulse;
            changed |= self.beat(searches, tools, now);
        }
        for search in searches.iter_mut().filter(|search| search.root_pace.is_due(now)) {
            changed |= self.list(search, tools, now);
        }
        let asked = self.ask(searches, tools, now);
        let mut looks = 0;
        for search in searches.iter_mut() {
            let due: Vec<Arc<str>> = search
                .entries
                .iter()
                .filter(|(_, entry)| entry.pace.is_due(now))
                .map(|(name, _)| Arc::clone(name))
                .take(MOST_TOLD - looks)
                .collect();
            looks += due.len();
            let _ahead = search.look_ahead(tools, due.iter().map(|name| &**name));
            for name in &due {
                changed |= search.look_at(tools, name, now);
            }
        }
        self.has_more = asked >= MOST_ASKED || looks >= MOST_TOLD;
        for search in searches.iter_mut() {
            changed |= self.complain(search);
        }
        changed
    }

    /// Whether one scan was not enough.
    #[cfg(test)]
    pub fn has_more_to_do(&self) -> bool {
        self.has_more
    }

    /// How many directories are watched.
    #[cfg(test)]
    pub fn watches(&self) -> usize {
        self.watcher.as_ref().map_or(0, Watcher::count)
    }

    /// Reads what was told and notes whom it is about.
    pub fn hear(&mut self, searches: &mut [Search], now: Instant) {
        let Ok(watcher) = &mut self.watcher else { return };
        let drained = watcher.drain(|spot, name| note(searches, spot, name, now));
        if let Some(noisy) = drained.noisy {
            for spot in watcher.end(noisy) {
                let Some(search) = searches.get_mut(spot.search) else { continue };
                match spot.entry {
                    Some(entry) => search.expect(&entry, now).mute(now),
                    None => search.root_pace.mute(now),
                }
            }
        }
        self.was_overrun |= drained.overflow;
        if self.was_overrun && now >= self.next_overrun {
            self.was_overrun = false;
            self.next_overrun = now + OVERRUN;
            for search in searches {
                search.root_pace.hurry(now);
                search.entries.values_mut().for_each(|entry| entry.pace.hurry(now));
            }
        }
    }

    /// Once a second: is each root the same directory, have accounts or programs changed, and whose time has come.
    fn beat(&mut self, searches: &mut [Search], tools: &mut Tools<'_>, now: Instant) -> bool {
        let accounts = tools.accounts.refresh(now);
        let programs = tools.programs.refresh(tools.reader, now);
        for search in searches.iter_mut() {
            if accounts || programs {
                search.entries.values_mut().for_each(|entry| entry.pace.hurry(now));
            }
            // What is mounted over a directory, or moved with all that is above it, tells nothing.
            let root = root_of(search, tools);
            if root != search.root {
                search.root = root;
                search.root_pace.listen_anew();
                search.root_pace.hurry(now);
                for entry in search.entries.values_mut() {
                    entry.pace.listen_anew();
                    entry.pace.hurry(now);
                }
            }
            if search.root_pace.is_overdue(now) {
                search.root_pace.hurry(now);
            }
        }
        let mut changed = false;
        let overdue = self.overdue(searches, now);
        for same in overdue.chunk_by(|(one, _), (two, _)| one == two) {
            let Some(search) = same.first().and_then(|(index, _)| searches.get_mut(*index)) else { continue };
            let _ahead = search.look_ahead(tools, same.iter().map(|(_, name)| &**name));
            for (_, name) in same {
                changed |= search.look_at(tools, name, now);
            }
        }
        changed
    }

    /// Those whose time has come, at most [`MOST_OVERDUE`], going on behind the last one of the pulse before.
    fn overdue(&mut self, searches: &[Search], now: Instant) -> Vec<(usize, Arc<str>)> {
        let all = searches.iter().enumerate().flat_map(|(index, search)| {
            let overdue = search.entries.iter().filter(move |(_, entry)| entry.pace.is_overdue(now));
            overdue.map(move |(name, _)| (index, name))
        });
        let is_behind = |(index, name): &(usize, &Arc<str>)| match &self.cursor {
            Some((last, cursor)) => (*index, &***name) > (*last, &**cursor),
            None => true,
        };
        let behind = all.clone().filter(|one| is_behind(one));
        let before = all.filter(|one| !is_behind(one));
        let overdue: Vec<(usize, Arc<str>)> =
            behind.chain(before).take(MOST_OVERDUE).map(|(index, name)| (index, Arc::clone(name))).collect();
        self.cursor = overdue.last().cloned();
        overdue
    }

    /// Lists a root. Who is no more there needs no watches.
    fn list(&mut self, search: &mut Search, tools: &mut Tools<'_>, now: Instant) -> bool {
        let index = search.index;
        let watcher = &mut self.watcher;
        search.look_at_root(tools, now, |name, watches| {
            if let Ok(watcher) = watcher {
                watcher.release_all(index, Some(name), watches);
            }
        })
    }

    /// Asks for what is not told yet, a part of it. Returns how many were asked for.
    fn ask(&mut self, searches: &mut [Search], tools: &mut Tools<'_>, now: Instant) -> usize {
        let mut asked = 0;
        for search in searches.iter_mut() {
            if search.root_pace.wants_hearing(now) {
                self.ask_root(search, tools, now);
            }
            let names: Vec<Arc<str>> = search
                .entries
                .iter()
                .filter(|(_, entry)| entry.pace.wants_hearing(now))
                .map(|(name, _)| Arc::clone(name))
                .take(MOST_ASKED - asked)
                .collect();
            asked += names.len();
            for name in names {
                self.ask_entry(search, tools, &name, now);
            }
        }
        asked
    }

    fn ask_root(&mut self, search: &mut Search, tools: &Tools<'_>, now: Instant) {
        let before = std::mem::take(&mut search.root_watches);
        let told = match &mut self.watcher {
            Err(why) => Err(why.clone()),
            Ok(watcher) => {
                let way = tools.reader.watch(&own(), search.pattern.root(), Path::new(""), watcher.events());
                let verdict = verdict(&way);
                let way = way.unwrap_or_default().watches.into_iter().map(|(_, watch)| (Meant::Part(0), watch)).collect();
                search.root_watches = watcher.take(search.index, None, way, &before);
                verdict
            }
        };
        if told.is_ok() && search.root_watches.is_empty() {
            // Made anew it may have the same inode: any root that is there is another one than none.
            search.root = None;
        }
        search.root_pace.heard(now, told.is_ok());
        search.root_complaint = told.err();
    }

    fn ask_entry(&mut self, search: &mut Search, tools: &Tools<'_>, name: &Arc<str>, now: Instant) {
        let root = search.pattern.root();
        let mut watches = Vec::new();
        let mut is_missing = false;
        let told = match (&mut self.watcher, search.ways(name)) {
            (Err(why), _) => Err(why.clone()),
            (Ok(watcher), Some((ways, Some(who)))) => {
                let mut told = Ok(());
                for way in ways {
                    let way = tools.reader.watch(who, root, way, watcher.events());
                    told = told.and(verdict(&way));
                    // The root's names are the pattern's first part.
                    watches.extend(way.unwrap_or_default().watches.into_iter().map(|(depth, watch)| (Meant::Part(depth + 1), watch)));
                }
                for (root, beneath) in search.further(name) {
                    let way = tools.reader.watch(who, &root, beneath.parent().unwrap_or(Path::new("")), watcher.events());
                    told = told.and(verdict(&way));
                    // Where the administrator's part is not there nothing tells when it comes; the row says what is missing.
                    is_missing |= way.is_err();
                    let names: Vec<OsString> = beneath.iter().map(OsStr::to_owned).collect();
                    let is_in_root = names.len() == 1;
                    for (depth, watch) in way.unwrap_or_default().watches {
                        let next = if is_in_root { depth } else { depth + 1 };
                        watches.extend(names.get(next).map(|name| (Meant::Name(name.clone()), watch)));
                    }
                }
                told
            }
            (Ok(_), _) => Ok(()),
        };
        // Entries that are files lie in the root itself.
        let told = if search.pattern.parts().len() == 1 { search.root_complaint.clone().map_or(Ok(()), Err) } else { told };
        let Some(entry) = search.entries.get_mut(name) else { return };
        if let Ok(watcher) = &mut self.watcher {
            entry.watches = watcher.take(search.index, Some(name), watches, &entry.watches);
        }
        entry.pace.heard(now, told.is_ok() && !is_missing);
        entry.complaint = told.err();
    }

    /// Says once for each root what is polled there, and why. True when that has changed.
    fn complain(&self, search: &mut Search) -> bool {
        let polled = search.entries.values().filter(|entry| entry.complaint.is_some()).count();
        let why = search.root_complaint.as_ref().or_else(|| search.entries.values().find_map(|entry| entry.complaint.as_ref()));
        let complaint = why.map(|why| {
            let seconds = polled.div_ceil(MOST_OVERDUE).max(1);
            let often = if seconds == 1 { "every second".to_owned() } else { format!("every {seconds} s") };
            format!("changes below it are looked for {often}: {why}")
        });
        let changed = complaint != search.complaint;
        search.complaint = complaint;
        changed
    }
}

/// Notes what was told: the entry is looked at, and listened to anew when a directory on its way is another.
fn note(searches: &mut [Search], spot: &Spot, name: Option<&OsStr>, now: Instant) {
    let Some(search) = searches.get_mut(spot.search) else { return };
    let parts = search.pattern.parts();
    let (is_meant, is_last) = match (&spot.meant, name) {
        // No name is the directory itself.
        (_, None) => (true, false),
        (Meant::Name(meant), Some(name)) => (meant == name, false),
        (Meant::Part(index), Some(name)) => {
            let fits = |part: &Part| match (part, name.to_str()) {
                (Part::Literal(text), name) => name == Some(text),
                (part, Some(name)) => part.capture(name).is_some(),
                // A name that is no text is told by a listing.
                (Part::Star { .. }, None) => true,
            };
            (parts.get(*index).is_some_and(fits), index + 1 == parts.len())
        }
    };
    if !is_meant {
        return;
    }
    if spot.entry.is_none() && is_last && name.and_then(OsStr::to_str).is_some_and(is_an_example) {
        // What a file lacks is judged by the example beside it.
        search.entries.values_mut().for_each(|entry| entry.pace.told(now));
        return;
    }
    let name = name.and_then(OsStr::to_str);
    let pace = match (&spot.entry, name) {
        (Some(entry), _) => match search.entries.get_mut(entry) {
            Some(entry) => &mut entry.pace,
            None => return,
        },
        (None, Some(name)) => search.expect(name, now),
        (None, None) => &mut search.root_pace,
    };
    pace.told(now);
    if !is_last || name.is_none() {
        pace.listen_anew();
    }
}

/// Whether changes are told of everything on a way, or why not.
fn verdict(way: &io::Result<Way>) -> Result<(), String> {
    match way {
        Ok(Way { refused: Some(error), .. }) => Err(refused(error)),
        Ok(way) if way.is_remote => Err("its file system is changed by other hosts without a word".to_owned()),
        Ok(_) => Ok(()),
        // A root that is not there is looked for with every pulse.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR)) => Ok(()),
        Err(error) => Err(refused(error)),
    }
}

/// Why the kernel tells nothing, and the way out.
fn refused(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::ENOSPC) => "the limit of inotify watches is reached; raise fs.inotify.max_user_watches".to_owned(),
        Some(libc::EMFILE) => "the limit of inotify instances is reached; raise fs.inotify.max_user_instances".to_owned(),
        Some(libc::EACCES) => "a directory may not be listed by this caller".to_owned(),
        _ => format!("changes cannot be asked for: {error}"),
    }
}

/// Which directory the root is now.
fn root_of(search: &Search, tools: &Tools<'_>) -> Option<(u64, u64)> {
    tools.reader.stat(&own(), search.pattern.root(), Path::new("")).ok().map(|facts| (facts.device, facts.inode))
}
