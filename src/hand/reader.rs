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
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Statx, StatxFlags, fstat, openat2, statx};

use super::Identity;
use super::acting::Acting;
use super::watching::{self, Way};

/// How long one look into a user's tree may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the administrator's part of a path, once opened, stands for itself: a thousand files below it are looked at in less.
const ROOT_HOLDS: Duration = Duration::from_millis(50);

/// How long most files are that are read whole, bytes.
const ROOM: usize = 1024;

/// How many threads may hang in dead mounts before reading is given up. One user's dead mount costs one of them.
const MOST_STUCK: usize = 32;

/// What is told of a file without opening it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileFacts {
    /// The device, major and minor joined.
    pub device: u64,
    /// The inode.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// Last change of the content, nanoseconds since the epoch.
    pub modified_ns: i128,
    /// Last change of the file or its place, nanoseconds since the epoch: nobody can set it back.
    pub changed_ns: i128,
    /// The owner.
    pub uid: u32,
    /// The permission bits.
    pub mode: u32,
    /// How many names it has.
    pub links: u32,
    /// Whether it is a regular file.
    pub is_regular: bool,
    /// Whether it is a directory.
    pub is_directory: bool,
}

/// A look of the caller's own making, with the administrator's part of the path open.
type Look = Box<dyn FnOnce(BorrowedFd<'_>) -> io::Result<Box<dyn Any + Send>> + Send>;

enum Wanted {
    Open,
    List,
    Facts,
    Ahead,
    Followed,
    Watch(Arc<OwnedFd>),
    Look(Look),
}

enum Got {
    File(File),
    Entries(Vec<(OsString, bool)>),
    Facts(FileFacts),
    Ahead(FileFacts, File),
    Way(Way),
    Seen(Box<dyn Any + Send>),
}

struct Request {
    who: Identity,
    root: PathBuf,
    beneath: PathBuf,
    wanted: Wanted,
    answer: SyncSender<io::Result<Got>>,
}

/// The door to the reading thread.
pub struct Reader {
    line: Mutex<Line>,
    ahead: Mutex<Option<Ahead>>,
}

/// A file that was opened when it was asked what it is.
struct Ahead {
    who: Identity,
    root: PathBuf,
    beneath: PathBuf,
    file: File,
    opened: Instant,
}

struct Line {
    requests: Sender<Request>,
    /// The users in whose trees a thread hangs. A thread that comes back takes its user out.
    stuck: Arc<Mutex<HashSet<u32>>>,
}

impl Reader {
    /// Starts the thread.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start() -> io::Result<Arc<Self>> {
        let stuck = Arc::default();
        let requests = start_thread(&stuck)?;
        Ok(Arc::new(Self { line: Mutex::new(Line { requests, stuck }), ahead: Mutex::default() }))
    }

    /// Opens a regular file for reading. It must belong to the user or to root.
    ///
    /// # Errors
    /// The kernel's; `ELOOP` for a link in the way, `InvalidInput` for what is not a regular file, `PermissionDenied` for another
    /// user's file, `TimedOut` when the file system does not answer.
    pub fn open(&self, who: &Identity, root: &Path, beneath: &Path) -> io::Result<File> {
        let ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner).take();
        let is_same =
            |ahead: &Ahead| ahead.who == *who && ahead.root == root && ahead.beneath == beneath && ahead.opened.elapsed() < ROOT_HOLDS;
        if let Some(ahead) = ahead.filter(is_same) {
            return Ok(ahead.file);
        }
        match self.ask(who, root, beneath, Wanted::Open)? {
            Got::File(file) => Ok(file),
            _ => Err(io::Error::other("wrong answer")),
        }
    }

    /// Reads a regular file whole.
    ///
    /// # Errors
    /// As [`Reader::open`]; `FileTooLarge` when it has more than `cap` bytes.
    pub fn read(&self, who: &Identity, root: &Path, beneath: &Path, cap: usize) -> io::Result<Vec<u8>> {
        let file = self.open(who, root, beneath)?;
        // Without room from the start a small file is read in four pieces.
        let mut bytes = Vec::with_capacity(cap.min(ROOM));
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
        match self.ask(who, root, beneath, Wanted::Ahead)? {
            Got::Ahead(facts, file) => {
                let ahead = Ahead { who: who.clone(), root: root.to_owned(), beneath: beneath.to_owned(), file, opened: Instant::now() };
                *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
                Ok(facts)
            }
            Got::Facts(facts) => Ok(facts),
            _ => Err(io::Error::other("wrong answer")),
        }
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

    /// Looks several things up in one go, with the user's file-system identity. `look` must only read, and never follow a link below
    /// the root that it is given.
    ///
    /// # Errors
    /// What `look` returns; `TimedOut` when the file system does not answer: `look` is lost then.
    pub fn look<T: Send + 'static>(
        &self,
        who: &Identity,
        root: &Path,
        look: impl FnOnce(BorrowedFd<'_>) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let boxed: Look = Box::new(|root| look(root).map(|seen| -> Box<dyn Any + Send> { Box::new(seen) }));
        match self.ask(who, root, Path::new(""), Wanted::Look(boxed))? {
            Got::Seen(seen) => seen.downcast().map(|seen| *seen).map_err(|_| io::Error::other("wrong answer")),
            _ => Err(io::Error::other("wrong answer")),
        }
    }

    fn ask(&self, who: &Identity, root: &Path, beneath: &Path, wanted: Wanted) -> io::Result<Got> {
        let (answer, answered) = sync_channel(1);
        let request = Request { who: who.clone(), root: root.to_owned(), beneath: beneath.to_owned(), wanted, answer };
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let stuck = line.stuck.lock().unwrap_or_else(PoisonError::into_inner);
            if stuck.contains(&who.uid().0) || stuck.len() >= MOST_STUCK {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "an earlier look at this user's file system has not come back"));
            }
        }
        line.requests.send(request).map_err(|_| io::Error::other("the reading thread is gone"))?;
        match answered.recv_timeout(PATIENCE) {
            Ok(result) => result,
            Err(_) => {
                // The thread hangs in the kernel and cannot be ended; another takes its place.
                line.stuck.lock().unwrap_or_else(PoisonError::into_inner).insert(who.uid().0);
                line.requests = start_thread(&line.stuck)?;
                Err(io::Error::new(io::ErrorKind::TimedOut, "the file system did not answer within 2 s"))
            }
        }
    }
}

fn start_thread(stuck: &Arc<Mutex<HashSet<u32>>>) -> io::Result<Sender<Request>> {
    let (sender, receiver) = channel();
    let stuck = Arc::clone(stuck);
    std::thread::Builder::new().name("berth-reader".to_owned()).stack_size(128 * 1024).spawn(move || serve(&receiver, &stuck))?;
    Ok(sender)
}

fn serve(requests: &Receiver<Request>, stuck: &Mutex<HashSet<u32>>) {
    let is_root = nix::unistd::geteuid().is_root();
    let mut acting = Acting::Own;
    let mut kept: Option<(PathBuf, OwnedFd, Instant)> = None;
    let mut served = None;
    for mut request in requests {
        let result = (|| {
            kept = kept.take().filter(|(path, _, opened)| *path == request.root && opened.elapsed() < ROOT_HOLDS);
            let root = match &kept {
                Some((_, root, _)) => root,
                None => {
                    // The administrator's part is resolved with berth's own rights.
                    if is_root {
                        acting.become_one(None)?;
                    }
                    let root = rustix::fs::open(&request.root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
                    &kept.insert((request.root.clone(), root, Instant::now())).1
                }
            };
            if is_root {
                acting.become_one((request.who.uid().0 != 0).then_some(&request.who))?;
            }
            match std::mem::replace(&mut request.wanted, Wanted::Facts) {
                Wanted::Look(see) => see(root.as_fd()).map(Got::Seen),
                wanted => look(root, &request, &wanted),
            }
        })();
        drop(request.answer.send(result));
        served = Some(request.who.uid().0);
    }
    // The line ends only when this thread was given up for its last look, and that look has come back now.
    if let Some(uid) = served {
        stuck.lock().unwrap_or_else(PoisonError::into_inner).remove(&uid);
    }
}

fn look(root: &OwnedFd, request: &Request, wanted: &Wanted) -> io::Result<Got> {
    // An empty path and `.` both mean the root itself.
    let beneath = if request.beneath.as_os_str().is_empty() { Path::new(".") } else { &request.beneath };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let common = OFlags::CLOEXEC | OFlags::NOFOLLOW;
    match wanted {
        // Called where it is taken out of the request: it can be called once only.
        Wanted::Look(_) => Err(io::Error::from_raw_os_error(libc::EINVAL)),
        Wanted::Watch(events) => Ok(Got::Way(watching::watch(root.try_clone()?, &request.beneath, events)?)),
        Wanted::Followed => {
            let flags = OFlags::CLOEXEC | OFlags::PATH;
            let descriptor = openat2(root, beneath, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS)?;
            let facts = statx(&descriptor, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
            Ok(Got::Facts(facts_of(&facts)))
        }
        Wanted::Ahead => match look(root, request, &Wanted::Open) {
            Ok(Got::File(file)) => {
                let facts = statx(&file, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
                Ok(Got::Ahead(facts_of(&facts), file))
            }
            _ => look(root, request, &Wanted::Facts),
        },
        Wanted::Facts => {
            let descriptor = openat2(root, beneath, common | OFlags::PATH, Mode::empty(), resolve)?;
            let facts = statx(&descriptor, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
            Ok(Got::Facts(facts_of(&facts)))
        }
        Wanted::List => {
            let flags = common | OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK;
            let descriptor = openat2(root, beneath, flags, Mode::empty(), resolve)?;
            let mut entries = Vec::new();
            for entry in Dir::read_from(&descriptor)? {
                let entry = entry?;
                let name = entry.file_name().to_bytes();
                if name != b"." && name != b".." {
                    let name = std::ffi::OsStr::from_bytes(name).to_owned();
                    entries.push((name, entry.file_type() == FileType::Directory));
                }
            }
            Ok(Got::Entries(entries))
        }
        Wanted::Open => {
            // A FIFO or a device must neither block nor become the terminal (THREATS A12).
            let flags = common | OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
            let descriptor = openat2(root, beneath, flags, Mode::empty(), resolve)?;
            let facts = fstat(&descriptor)?;
            if FileType::from_raw_mode(facts.st_mode) != FileType::RegularFile {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
            }
            if facts.st_uid != 0 && facts.st_uid != request.who.uid().0 {
                let sentence = format!("it belongs to uid {}, neither the instance's account nor root", facts.st_uid);
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, sentence));
            }
            Ok(Got::File(File::from(descriptor)))
        }
    }
}

fn facts_of(facts: &Statx) -> FileFacts {
    let kind = FileType::from_raw_mode(facts.stx_mode.into());
    FileFacts {
        device: (u64::from(facts.stx_dev_major) << 32) | u64::from(facts.stx_dev_minor),
        inode: facts.stx_ino,
        size: facts.stx_size,
        modified_ns: i128::from(facts.stx_mtime.tv_sec) * 1_000_000_000 + i128::from(facts.stx_mtime.tv_nsec),
        changed_ns: i128::from(facts.stx_ctime.tv_sec) * 1_000_000_000 + i128::from(facts.stx_ctime.tv_nsec),
        uid: facts.stx_uid,
        mode: u32::from(facts.stx_mode) & 0o7777,
        links: facts.stx_nlink,
        is_regular: kind == FileType::RegularFile,
        is_directory: kind == FileType::Directory,
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
