//! Reading inside users' trees: one dedicated thread that takes on the user's file-system identity for each open.
//!
//! It must never write, follow a link below the administrator's part of a path, or wait longer than its deadline: a thousand
//! forks do not fit in a first frame, and a dead mount must cost a thread, not the console.

use std::any::Any;
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};

use super::Identity;
use super::acting::Acting;
use super::ahead::{Ahead, Shelf};
use super::errand::{Errand, FileFacts, Got, Look, Wanted, look};
use super::rests::SLOW;
use super::scout::{Scouts, Unclear};
use super::watching::Way;

/// How long one look into a user's tree may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the administrator's part of a path, once opened, stands for itself: a thousand files below it are looked at in less.
const ROOT_HOLDS: Duration = Duration::from_millis(50);

/// How long most files are that are read whole, bytes.
const ROOM: usize = 1024;

/// How many threads may hang in dead mounts before reading is given up. One user's dead mount costs one of them.
const MOST_STUCK: usize = 32;

struct Request {
    /// Each with whether what it asks is answered from elsewhere: there its user may make it as slow as it likes.
    errands: Vec<(Errand, bool)>,
    /// How many are done: the next one is it that a thread hangs in.
    done: Arc<AtomicUsize>,
    answer: SyncSender<Vec<Brought>>,
}

/// What an errand brought, and how long it took if it was slow.
type Brought = (io::Result<Got>, Option<Duration>);

/// Why nothing is brought from a tree.
fn unclear(why: Unclear) -> io::Error {
    let sentence = match why {
        Unclear::Silent => "the file system did not answer within 2 s",
        Unclear::Slow => "the file system answers slowly, and is asked seldom",
    };
    io::Error::new(io::ErrorKind::TimedOut, sentence)
}

/// The door to the reading thread.
pub struct Reader {
    line: Mutex<Line>,
    ahead: Mutex<Shelf>,
}

/// A path that somebody is about to ask for: as whom, the administrator's part of it, and the rest.
pub type Foreseen = (Identity, PathBuf, PathBuf);

/// What was seen ahead, and since when that holds.
pub struct SeenAhead {
    since: Instant,
    seen: Vec<(Foreseen, Ahead)>,
}

/// Holds what was looked at ahead; what was not asked for meanwhile is let go of with it.
pub struct LookedAhead<'a>(&'a Reader);

impl Drop for LookedAhead<'_> {
    fn drop(&mut self) {
        self.0.shelf().clear();
    }
}

struct Line {
    requests: Sender<Request>,
    /// The users in whose trees a thread hangs. A thread that comes back takes its user out.
    stuck: Arc<Mutex<HashSet<u32>>>,
    /// Those who go ahead into mounts that may hang.
    scouts: Scouts,
}

impl Line {
    /// Whether nobody hangs in this user's tree, and there are threads left to hang.
    fn is_open(&mut self, uid: u32) -> bool {
        let is_out = self.scouts.is_out(uid);
        let stuck = self.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        !is_out && !stuck.contains(&uid) && stuck.len() < MOST_STUCK
    }
}

impl Reader {
    /// Starts the thread.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start() -> io::Result<Arc<Self>> {
        let stuck = Arc::default();
        let requests = start_thread(&stuck)?;
        Ok(Arc::new(Self { line: Mutex::new(Line { requests, stuck, scouts: Scouts::default() }), ahead: Mutex::default() }))
    }

    /// Opens a regular file for reading. It must belong to the user or to root.
    ///
    /// # Errors
    /// The kernel's; `ELOOP` for a link in the way, `InvalidInput` for what is not a regular file, `PermissionDenied` for another
    /// user's file, `TimedOut` when the file system does not answer.
    pub fn open(&self, who: &Identity, root: &Path, beneath: &Path) -> io::Result<File> {
        self.opened(who, root, beneath).map(|(file, _)| file)
    }

    /// The same, and how long it was where that is known.
    fn opened(&self, who: &Identity, root: &Path, beneath: &Path) -> io::Result<(File, Option<u64>)> {
        match self.shelf().take(who, root, beneath) {
            Some(Ahead::File(facts, file)) => return Ok((file, Some(facts.size))),
            Some(Ahead::Nothing(error)) => return Err(error),
            Some(Ahead::Other(_)) | None => {}
        }
        match self.ask(who, root, beneath, Wanted::Open)? {
            Got::File(file) => Ok((file, None)),
            _ => Err(io::Error::other("wrong answer")),
        }
    }

    /// Reads a regular file whole.
    ///
    /// # Errors
    /// As [`Reader::open`]; `FileTooLarge` when it has more than `cap` bytes.
    pub fn read(&self, who: &Identity, root: &Path, beneath: &Path, cap: usize) -> io::Result<Vec<u8>> {
        let (mut file, size) = self.opened(who, root, beneath)?;
        // Without room from the start a small file is read in four pieces.
        let mut bytes = Vec::with_capacity(cap.min(ROOM));
        // One that is as long as it was is whole with one piece: of ten thousand that saves as many ways into the kernel.
        if let Some(size) = size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0 && *size < cap.min(ROOM)) {
            bytes.resize(size + 1, 0);
            let length = file.read(&mut bytes)?;
            bytes.truncate(length);
            if length == size {
                return Ok(bytes);
            }
        }
        file.take(cap as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > cap {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {cap} bytes")));
        }
        Ok(bytes)
    }

    /// Lists a directory: names, and whether each is a directory.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn list(&self, who: &Identity, root: &Path, beneath: &Path) -> io::Result<Vec<(OsString, bool)>> {
        match self.ask(who, root, beneath, Wanted::List)? {
            Got::Entries(entries) => Ok(entries),
            _ => Err(io::Error::other("wrong answer")),
        }
    }

    /// What a path is, links not followed.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn stat(&self, who: &Identity, root: &Path, beneath: &Path) -> io::Result<FileFacts> {
        match self.ask(who, root, beneath, Wanted::Facts)? {
            Got::Facts(facts) => Ok(facts),
            _ => Err(io::Error::other("wrong answer")),
        }
    }

    /// The same of a path that is likely to be opened next: where that can be done it is done at once, and what [`Reader::open`] gives for
    /// it then is the very file that this is about. A thousand files cost a thousand ways to the reading thread less.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn stat_ahead(&self, who: &Identity, root: &Path, beneath: &Path) -> io::Result<FileFacts> {
        if let Some(facts) = self.shelf().facts(who, root, beneath) {
            return Ok(facts);
        }
        let ahead = self.shelf().take(who, root, beneath);
        let ahead = match ahead {
            Some(ahead) => ahead,
            None => Ahead::of(self.ask(who, root, beneath, Wanted::Ahead))?,
        };
        match ahead {
            Ahead::File(facts, file) => {
                self.shelf().put((who.clone(), root.to_owned(), beneath.to_owned()), Ahead::File(facts, file), Instant::now());
                Ok(facts)
            }
            Ahead::Other(facts) => Ok(facts),
            Ahead::Nothing(error) => Err(error),
        }
    }

    /// Looks at paths that are about to be asked for, all in one way to the reading thread: what [`Reader::stat_ahead`] and
    /// [`Reader::open`] then say of them, within a moment's time, was found here. Few at a time: their files are open meanwhile. What
    /// cannot be told here is asked for then as ever.
    pub fn look_ahead(&self, paths: Vec<Foreseen>) -> LookedAhead<'_> {
        self.lay_out(self.see_ahead(paths))
    }

    /// The first half of that, which takes its time: it may be done on a thread beside.
    pub fn see_ahead(&self, mut paths: Vec<Foreseen>) -> SeenAhead {
        let errand = |(who, root, beneath): &Foreseen| Errand {
            who: who.clone(),
            root: root.clone(),
            beneath: beneath.clone(),
            wanted: Wanted::Ahead,
        };
        {
            let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
            line.scouts.read_list();
            paths.retain(|path| line.is_open(path.0.uid().0) && line.scouts.ask(&path.0, &path.1, &path.2, false, PATIENCE).is_ok());
        }
        let errands: Vec<Errand> = paths.iter().map(errand).collect();
        let seen = if errands.is_empty() { Vec::new() } else { self.ask_all(errands).unwrap_or_default() };
        let seen = paths.into_iter().zip(seen).filter_map(|(path, seen)| Some((path, Ahead::of(seen).ok()?))).collect();
        SeenAhead { since: Instant::now(), seen }
    }

    /// The second half: from here on what was seen is what there is, as long as a moment has not passed since it was looked for.
    pub fn lay_out(&self, seen: SeenAhead) -> LookedAhead<'_> {
        let mut shelf = self.shelf();
        for (path, ahead) in seen.seen {
            shelf.put(path, ahead, seen.since);
        }
        drop(shelf);
        LookedAhead(self)
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a path is, links followed as far as the user may follow them: for programs, whose names often are links.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn stat_followed(&self, who: &Identity, path: &Path) -> io::Result<FileFacts> {
        let beneath = path.strip_prefix("/").unwrap_or(path);
        match self.ask(who, Path::new("/"), beneath, Wanted::Followed)? {
            Got::Facts(facts) => Ok(facts),
            _ => Err(io::Error::other("wrong answer")),
        }
    }

    /// Has `events` tell of changes in every directory of `beneath`, or in the root itself where it is empty.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn watch(&self, who: &Identity, root: &Path, beneath: &Path, events: &Arc<OwnedFd>) -> io::Result<Way> {
        match self.ask(who, root, beneath, Wanted::Watch(Arc::clone(events)))? {
            Got::Way(way) => Ok(way),
            _ => Err(io::Error::other("wrong answer")),
        }
    }

    /// Looks several things up in one go, with the user's file-system identity. `look` must only read, never follow a link below
    /// the root that it is given, and go nowhere but to `beneath` and what lies there.
    ///
    /// # Errors
    /// What `look` returns; `TimedOut` when the file system does not answer: `look` is lost then.
    pub fn look<T: Send + 'static>(
        &self,
        who: &Identity,
        root: &Path,
        beneath: &Path,
        look: impl FnOnce(BorrowedFd<'_>) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let boxed: Look = Box::new(|root| look(root).map(|seen| -> Box<dyn Any + Send> { Box::new(seen) }));
        match self.ask(who, root, beneath, Wanted::Look(boxed))? {
            Got::Seen(seen) => seen.downcast().map(|seen| *seen).map_err(|_| io::Error::other("wrong answer")),
            _ => Err(io::Error::other("wrong answer")),
        }
    }

    fn ask(&self, who: &Identity, root: &Path, beneath: &Path, wanted: Wanted) -> io::Result<Got> {
        let errand = Errand { who: who.clone(), root: root.to_owned(), beneath: beneath.to_owned(), wanted };
        self.ask_all(vec![errand])?.pop().unwrap_or_else(|| Err(io::Error::other("no answer")))
    }

    /// Has errands run, and gives what each brought. An error is that of them all.
    fn ask_all(&self, errands: Vec<Errand>) -> io::Result<Vec<io::Result<Got>>> {
        let (answer, answered) = sync_channel(1);
        let done = Arc::new(AtomicUsize::new(0));
        let users: Vec<u32> = errands.iter().map(|errand| errand.who.uid().0).collect();
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if users.iter().any(|user| !line.is_open(*user)) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "an earlier look at this user's file system has not come back"));
        }
        line.scouts.read_list();
        for Errand { who, root, beneath, wanted } in &errands {
            let goes_through = matches!(wanted, Wanted::Look(_) | Wanted::Watch(_));
            line.scouts.ask(who, root, beneath, goes_through, PATIENCE).map_err(unclear)?;
        }
        let from_elsewhere = |errand: Errand| {
            let is_elsewhere = line.scouts.is_elsewhere(&errand.root, &errand.beneath);
            (errand, is_elsewhere)
        };
        let errands = errands.into_iter().map(from_elsewhere).collect();
        let request = Request { errands, done: Arc::clone(&done), answer };
        line.requests.send(request).map_err(|_| io::Error::other("the reading thread is gone"))?;
        let mut before = 0;
        loop {
            if let Ok(brought) = answered.recv_timeout(PATIENCE) {
                let now = Instant::now();
                let each = brought.into_iter().zip(&users).map(|((result, slow), user)| {
                    line.scouts.rests.took(*user, now, slow.unwrap_or_default());
                    result
                });
                return Ok(each.collect());
            }
            // Many errands may take long together; each for itself may not.
            let now = done.load(Ordering::Relaxed);
            if now == before {
                break;
            }
            before = now;
        }
        // The thread hangs in the kernel and cannot be ended; another takes its place.
        line.stuck.lock().unwrap_or_else(PoisonError::into_inner).extend(users.get(before));
        line.requests = start_thread(&line.stuck)?;
        Err(unclear(Unclear::Silent))
    }
}

fn start_thread(stuck: &Arc<Mutex<HashSet<u32>>>) -> io::Result<Sender<Request>> {
    let (sender, receiver) = channel();
    let stuck = Arc::clone(stuck);
    std::thread::Builder::new().name("berth-reader".to_owned()).stack_size(128 * 1024).spawn(move || serve(&receiver, &stuck))?;
    Ok(sender)
}

fn serve(requests: &Receiver<Request>, stuck: &Mutex<HashSet<u32>>) {
    crate::failpoint::pass("berth-reader");
    let is_root = nix::unistd::geteuid().is_root();
    let mut acting = Acting::Own;
    let mut kept: Option<(PathBuf, OwnedFd, Instant)> = None;
    let mut served = None;
    for request in requests {
        let mut run = |mut errand: Errand| {
            served = Some(errand.who.uid().0);
            kept = kept.take().filter(|(path, _, opened)| *path == errand.root && opened.elapsed() < ROOT_HOLDS);
            let root = match &kept {
                Some((_, root, _)) => root,
                None => {
                    // The administrator's part is resolved with berth's own rights.
                    if is_root {
                        acting.become_one(None)?;
                    }
                    let root = rustix::fs::open(&errand.root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
                    &kept.insert((errand.root.clone(), root, Instant::now())).1
                }
            };
            if is_root {
                acting.become_one((errand.who.uid().0 != 0).then_some(&errand.who))?;
            }
            match std::mem::replace(&mut errand.wanted, Wanted::Facts) {
                Wanted::Look(see) => see(root.as_fd()).map(Got::Seen),
                wanted => look(root, &errand, &wanted),
            }
        };
        let mut brought: Vec<Brought> = Vec::with_capacity(request.errands.len());
        let mut slow: Vec<u32> = Vec::new();
        for (errand, is_elsewhere) in request.errands {
            let user = errand.who.uid().0;
            brought.push(if is_elsewhere && slow.contains(&user) {
                (Err(unclear(Unclear::Slow)), None)
            } else if is_elsewhere {
                let begun = Instant::now();
                let result = run(errand);
                let took = Some(begun.elapsed()).filter(|took| *took >= SLOW);
                slow.extend(took.map(|_| user));
                (result, took)
            } else {
                (run(errand), None)
            });
            request.done.fetch_add(1, Ordering::Relaxed);
        }
        drop(request.answer.send(brought));
    }
    // The line ends only when this thread was given up for its last look, and that look has come back now.
    if let Some(uid) = served {
        stuck.lock().unwrap_or_else(PoisonError::into_inner).remove(&uid);
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
