//! The file that preferences are kept in: found, read at the start, written by renaming whenever they changed.
//!
//! It must never keep the console waiting, never end it, and never write as root where somebody else could have laid the path.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use nix::unistd::{Uid, User, geteuid};
use rustix::fs::OFlags;
use tokio::sync::mpsc::Sender;

use super::Preferences;
use crate::domain::Shown;
use crate::tui::event::Event;

/// The file's name.
const NAME: &str = "console.toml";

/// More is not what berth wrote.
const LARGEST: u64 = 64 * 1024;

/// How long the last change may take to be written when the console is left.
const PARTING: Duration = Duration::from_millis(300);

/// The place of the file, and who writes it.
pub struct Store {
    file: Option<PathBuf>,
    writer: Option<Writer>,
}

/// The way to the thread that writes.
struct Writer {
    /// The newest, until the thread takes them. A disk that hangs is owed one choice, not all that were made meanwhile.
    newest: Arc<Mutex<Option<Preferences>>>,
    /// Tells that there are some.
    call: mpsc::SyncSender<()>,
    /// Ends with the thread.
    ended: mpsc::Receiver<()>,
}

impl Store {
    /// The file of the account that berth runs as, below `$XDG_STATE_HOME`, else `~/.local/state`. Without either nothing is kept.
    pub fn find() -> Self {
        let home = |uid| User::from_uid(uid).ok().flatten().map(|user| user.dir);
        Self::at(folder(|name| std::env::var_os(name), geteuid(), home).map(|folder| folder.join(NAME)))
    }

    /// This file; `None` keeps nothing.
    pub fn at(file: Option<PathBuf>) -> Self {
        Self { file, writer: None }
    }

    /// What was kept, and a sentence when it could not be read. A damaged file is set aside.
    pub fn read(&self) -> (Preferences, Option<Shown>) {
        let Some(file) = &self.file else { return (Preferences::default(), None) };
        let said = |sentence: &str| Some(Shown::new(sentence));
        let text = match read(file) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return (Preferences::default(), None),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return (Preferences::default(), said(&set_aside(file, &error.to_string())));
            }
            Err(error) => return (Preferences::default(), said(&format!("{NAME} is not read: {error}"))),
        };
        match Preferences::parse(&text) {
            Ok(preferences) => (preferences, None),
            Err(wrong) => (Preferences::default(), said(&set_aside(file, &wrong))),
        }
    }

    /// Has preferences written by a thread of its own; only the newest count. What fails is told as an event.
    pub fn keep(&mut self, preferences: Preferences, events: &Sender<Event>) {
        let Some(file) = &self.file else { return };
        let writer = self.writer.get_or_insert_with(|| {
            let newest = Arc::default();
            let (call, called) = mpsc::sync_channel(1);
            let (done, ended) = mpsc::channel();
            let (file, events, taken) = (file.clone(), events.clone(), Arc::clone(&newest));
            let job = move || {
                crate::failpoint::pass("preferences");
                work(&file, &taken, &called, &events);
                // Nobody waits unless the console is being left.
                let _ = done.send(());
            };
            // Without a thread the call finds nobody, and nothing is kept.
            drop(std::thread::Builder::new().name("preferences".to_owned()).stack_size(128 * 1024).spawn(job));
            Writer { newest, call, ended }
        });
        *writer.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(preferences);
        // Full: it has been called and has not looked yet.
        let _ = writer.call.try_send(());
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Some(Writer { call, ended, .. }) = self.writer.take() {
            drop(call);
            let _ = ended.recv_timeout(PARTING);
        }
    }
}

/// Writes what comes, until nothing can come any more.
fn work(file: &Path, newest: &Mutex<Option<Preferences>>, called: &mpsc::Receiver<()>, events: &Sender<Event>) {
    let mut told = false;
    while called.recv().is_ok() {
        let Some(newest) = newest.lock().unwrap_or_else(PoisonError::into_inner).take() else { continue };
        if let Err(error) = write(file, &newest.text())
            && !std::mem::replace(&mut told, true)
        {
            let sentence = format!("what you chose is not kept: {error}: {}", file.display());
            // When the loop has ended there is nobody to tell.
            let _ = events.blocking_send(Event::Unkept(Shown::new(&sentence)));
        }
    }
}

/// The folder of the file. Root's must not be where somebody else could lay links: sudo may leave it the caller's variables, and
/// then root's own home directory counts.
fn folder(variable: impl Fn(&str) -> Option<OsString>, caller: Uid, home: impl Fn(Uid) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let named = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?.join("berth");
    if !caller.is_root() || is_roots(&named) {
        return Some(named);
    }
    home(caller).map(|home| home.join(".local/state/berth")).filter(|path| is_roots(path))
}

/// Whether every directory on the way, as far as there are any, is root's and cannot be changed by others.
fn is_roots(path: &Path) -> bool {
    let Some(real) = path.ancestors().find_map(|path| fs::canonicalize(path).ok()) else { return false };
    real.ancestors().all(|path| {
        // In a sticky directory, /tmp, others cannot take away what is root's.
        fs::metadata(path).is_ok_and(|facts| facts.uid() == 0 && (facts.mode() & 0o022 == 0 || facts.mode() & 0o1000 != 0))
    })
}

/// Reads the file if it is one of the caller's own. `InvalidData` for what was not written by berth.
fn read(file: &Path) -> io::Result<String> {
    // O_NONBLOCK: a FIFO must not hold the console up.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    let opened = OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(file)?;
    let facts = opened.metadata()?;
    if !facts.is_file() || facts.uid() != geteuid().as_raw() {
        return Err(io::Error::other("it is not a file of one's own"));
    }
    let mut bytes = Vec::new();
    opened.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::new(ErrorKind::InvalidData, "it is too large"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8"))
}

/// Gives a damaged file another name, so that it can be looked at and does not come back. Says so.
fn set_aside(file: &Path, wrong: &str) -> String {
    let mut name = file.file_name().map(OsStr::to_owned).unwrap_or_default();
    name.push(".damaged");
    match fs::rename(file, file.with_file_name(&name)) {
        // The last line may be short: the new name comes first.
        Ok(()) => format!("damaged preferences set aside as {}: {wrong}", name.to_string_lossy()),
        Err(error) => format!("damaged preferences: {wrong}; they cannot be set aside: {error}"),
    }
}

/// Writes beside the file and renames, so that there is always a whole one.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let beside = file.with_file_name(format!(".{NAME}.{}", std::process::id()));
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let made: io::Result<File> = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside);
    let written = made.and_then(|mut file| file.write_all(text.as_bytes())).and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        // What is half written must not stay; the first error is the one that counts.
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::present::columns::Column;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn liked() -> Preferences {
        Preferences { sort: Column::Memory, grouped: true, ..Preferences::default() }
    }

    #[test]
    fn what_is_kept_is_there_the_next_time_and_nobody_elses_to_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state/berth/console.toml");
        let (events, _told) = tokio::sync::mpsc::channel(4);
        let mut store = Store::at(Some(file.clone()));
        assert_eq!(store.read(), (Preferences::default(), None));
        store.keep(Preferences::default(), &events);
        store.keep(liked(), &events);
        drop(store);
        assert_eq!(Store::at(Some(file.clone())).read(), (liked(), None));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "nothing stays beside it");
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(NAME);
        for damage in [&b"columns = ["[..], b"grouped = 7", b"\xff\xfe", &vec![b'#'; 70_000]] {
            fs::write(&file, damage).unwrap();
            let (preferences, said) = Store::at(Some(file.clone())).read();
            assert_eq!(preferences, Preferences::default());
            assert!(said.unwrap().as_str().starts_with("damaged preferences set aside as console.toml.damaged: "));
            assert_eq!(fs::read(folder.path().join("console.toml.damaged")).unwrap(), damage);
            assert_eq!(Store::at(Some(file.clone())).read().1, None, "once");
        }
    }

    #[test]
    fn what_is_no_file_is_left_alone_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(NAME);
        let fifo = || nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let link = || symlink("/etc/hostname", &file).unwrap();
        let inner = || fs::create_dir(&file).unwrap();
        for make in [&fifo as &dyn Fn(), &link, &inner] {
            make();
            let (preferences, said) = Store::at(Some(file.clone())).read();
            assert_eq!(preferences, Preferences::default());
            assert!(said.is_some() && fs::symlink_metadata(&file).is_ok());
            let _ = fs::remove_file(&file).or_else(|_| fs::remove_dir(&file));
        }
    }

    #[test]
    fn what_cannot_be_written_is_told_once_and_nothing_is_left_lying() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("file");
        fs::write(&blocked, "").unwrap();
        let (events, mut told) = tokio::sync::mpsc::channel(4);
        let mut store = Store::at(Some(blocked.join(NAME)));
        store.keep(liked(), &events);
        assert!(matches!(told.blocking_recv(), Some(Event::Unkept(text)) if text.as_str().starts_with("what you chose is not kept")));
        store.keep(liked(), &events);
        drop((store, events));
        assert!(told.blocking_recv().is_none());
    }

    #[test]
    fn the_folder_is_the_accounts_own() {
        let none = |_: Uid| None;
        let with = |pairs: &'static [(&str, &str)]| {
            move |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(*value))
        };
        let user = Uid::from_raw(1001);
        let state = &[("XDG_STATE_HOME", "/x/state"), ("HOME", "/h")];
        assert_eq!(folder(with(state), user, none).unwrap(), Path::new("/x/state/berth"));
        let relative = &[("XDG_STATE_HOME", "x"), ("HOME", "/h")];
        assert_eq!(folder(with(relative), user, none).unwrap(), Path::new("/h/.local/state/berth"));
        assert_eq!(folder(with(&[]), user, none), None);
    }

    #[test]
    fn root_writes_only_where_the_way_is_roots() {
        let open = tempfile::tempdir().unwrap();
        fs::set_permissions(open.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let state = open.path().as_os_str().to_owned();
        let variable = |name: &str| (name == "XDG_STATE_HOME").then(|| state.clone());
        assert!(!is_roots(&open.path().join("berth")));
        assert_eq!(folder(variable, Uid::from_raw(0), |_| None), None);
        let fallen_back = folder(variable, Uid::from_raw(0), |_| Some(PathBuf::from("/nowhere-at-all")));
        let expected = is_roots(Path::new("/")).then(|| PathBuf::from("/nowhere-at-all/.local/state/berth"));
        assert_eq!(fallen_back, expected);
    }
}
