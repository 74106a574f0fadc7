//! What a new instance needs, made: directories, and one file that is whole or not there.
//!
//! Everything is its user's own and closed to others from the moment it exists, and what is there already stays as it is. It must never
//! follow a link below the administrator's part, nor give away what it has made as somebody else.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, ResolveFlags, fstat, fsync, linkat, mkdirat, open, openat, openat2, renameat_with,
    statat, unlinkat,
};
use rustix::process::umask;
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use serde::{Deserialize, Serialize};

use super::acting::take_on;
use super::note::{Note, note};
use super::replace::content_digest;
use super::{Identity, become_user};
use crate::domain::Spot;

/// The longest file that is made, bytes: with its job it has to fit into one message.
pub const LONGEST: usize = 24 * 1024;

/// A place in a message, as [`Spot`] has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Below {
    /// The administrator's part.
    root: PathBuf,
    /// The rest.
    beneath: PathBuf,
}

impl From<&Spot> for Below {
    fn from(spot: &Spot) -> Self {
        Self { root: spot.root.clone(), beneath: spot.beneath.clone() }
    }
}

impl Below {
    /// Both parts together.
    pub(super) fn path(&self) -> PathBuf {
        self.root.join(&self.beneath)
    }

    /// Whether it lies in the administrator's part itself.
    pub(super) fn is_top(&self) -> bool {
        self.beneath.components().count() == 1
    }

    /// Whether the administrator's part is root's own.
    pub(super) fn is_in_roots_own(&self) -> bool {
        let root = open(&self.root, OFlags::CLOEXEC | OFlags::DIRECTORY | OFlags::PATH, Mode::empty());
        root.and_then(fstat).is_ok_and(|facts| facts.st_uid == 0)
    }

    /// Its components, or why they are none to be made.
    fn names(&self) -> io::Result<Vec<&OsStr>> {
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
        if !self.beneath.components().all(plain) {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        Ok(self.beneath.iter().collect())
    }
}

/// What is to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Making {
    /// Directories, with all that lie between them and the administrator's part.
    pub directories: Vec<Below>,
    /// A file, and what is to stand in it.
    pub file: Option<(Below, String)>,
    /// What is written down beside it, if that can be: nothing else hangs on it.
    pub note: Option<Note>,
}

/// What went wrong at which path.
pub(super) type Failed = (io::Error, PathBuf);

/// Makes it. This process is berth's own still, and is the user's afterwards.
pub(super) fn make(who: &Identity, making: &Making) -> Result<(), Failed> {
    let is_root = nix::unistd::geteuid().is_root();
    let places = || making.directories.iter().chain(making.file.iter().map(|(place, _)| place));
    umask(Mode::from_raw_mode(0o022));
    for place in places() {
        administrators(&place.root, is_root).map_err(|error| (error, place.root.clone()))?;
    }
    umask(Mode::from_raw_mode(0o077));
    if is_root && who.uid().0 != 0 {
        found(who, making)?;
    }
    become_user(who).map_err(|error| (error, PathBuf::new()))?;
    for place in places() {
        let is_file = making.file.as_ref().is_some_and(|(file, _)| file == place);
        directories(place, is_file).map_err(|error| (error, place.path()))?;
    }
    if let Some((place, text)) = &making.file {
        user_file(place, text).map_err(|error| (error, place.path()))?;
    }
    if let Some(what) = &making.note {
        drop(note(who, what));
    }
    Ok(())
}

/// The administrator's own directories, root's and open to all, made only where nobody else may write.
fn administrators(path: &Path, is_root: bool) -> io::Result<()> {
    let flags = OFlags::CLOEXEC | OFlags::DIRECTORY | OFlags::PATH;
    match open(path, flags, Mode::empty()) {
        Err(rustix::io::Errno::NOENT) => {}
        other => return other.map(drop).map_err(io::Error::from),
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(io::Error::from_raw_os_error(libc::ENOENT)) };
    administrators(parent, is_root)?;
    let parent = open(parent, flags, Mode::empty())?;
    let facts = fstat(&parent)?;
    if is_root && (facts.st_uid != 0 || facts.st_mode & 0o022 != 0) {
        return Err(io::Error::from_raw_os_error(libc::EPERM));
    }
    there(mkdirat(&parent, name, Mode::from_raw_mode(0o755)))
}

/// What lies in a directory of root's is made with the user's identity and root's right to write there: it is never anybody else's.
fn found(who: &Identity, making: &Making) -> Result<(), Failed> {
    as_user_in_roots_own(who).map_err(|error| (error, PathBuf::new()))?;
    for place in &making.directories {
        in_roots_own(place, |root, names| match names.first() {
            Some(first) => there(mkdirat(root, *first, Mode::from_raw_mode(0o700))),
            None => Ok(()),
        })
        .map_err(|error| (error, place.path()))?;
    }
    if let Some((place, text)) = &making.file {
        in_roots_own(place, |root, names| match names {
            [name] => put(root, name, text),
            [first, ..] => there(mkdirat(root, *first, Mode::from_raw_mode(0o700))),
            [] => Ok(()),
        })
        .map_err(|error| (error, place.path()))?;
    }
    Ok(())
}

/// Takes the user's identity on for files, and keeps root's right to write wherever it likes: for directories that are root's own alone.
///
/// Leaving fsuid 0 takes the file-system capabilities away, capabilities(7).
pub(super) fn as_user_in_roots_own(who: &Identity) -> io::Result<()> {
    take_on(Some(who))?;
    let mut sets = capabilities(None)?;
    sets.effective |= CapabilitySet::DAC_OVERRIDE & sets.permitted;
    Ok(set_capabilities(None, sets)?)
}

/// Does something in the administrator's part where that is root's own. In anybody else's nothing is done with rights of root's.
fn in_roots_own(place: &Below, work: impl FnOnce(BorrowedFd<'_>, &[&OsStr]) -> io::Result<()>) -> io::Result<()> {
    let names = place.names()?;
    let root = open(&place.root, OFlags::CLOEXEC | OFlags::DIRECTORY | OFlags::RDONLY, Mode::empty())?;
    if fstat(&root)?.st_uid == 0 { work(root.as_fd(), &names) } else { Ok(()) }
}

/// What is there already is as good.
fn there(made: rustix::io::Result<()>) -> io::Result<()> {
    match made {
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn resolve() -> ResolveFlags {
    ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS
}

/// The directories of a place, the last name left out where that is a file's.
fn directories(place: &Below, is_file: bool) -> io::Result<()> {
    let mut names = place.names()?;
    if is_file {
        names.pop();
    }
    let flags = OFlags::CLOEXEC | OFlags::DIRECTORY | OFlags::PATH;
    let mut directory = open(&place.root, flags, Mode::empty())?;
    for name in names {
        directory = match openat2(&directory, name, flags, Mode::empty(), resolve()) {
            Err(rustix::io::Errno::NOENT) => {
                there(mkdirat(&directory, name, Mode::from_raw_mode(0o700)))?;
                openat2(&directory, name, flags, Mode::empty(), resolve())?
            }
            other => other?,
        };
    }
    Ok(())
}

/// The directory in which a place's last name stands, and that name.
pub(super) fn parent(place: &Below) -> io::Result<(OwnedFd, &OsStr)> {
    place.names()?;
    let name = place.beneath.file_name().ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
    let root = open(&place.root, OFlags::CLOEXEC | OFlags::DIRECTORY | OFlags::PATH, Mode::empty())?;
    let parent = place.beneath.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((openat2(&root, parent, OFlags::CLOEXEC | OFlags::DIRECTORY | OFlags::RDONLY, Mode::empty(), resolve())?, name))
}

/// The file, where it was not made before the user's identity was taken on for good.
fn user_file(place: &Below, text: &str) -> io::Result<()> {
    let (directory, name) = parent(place)?;
    if place.is_top() && is_ours(directory.as_fd(), name, text)? {
        return Ok(());
    }
    put(directory.as_fd(), name, text)
}

/// Whether a file holds exactly this.
fn is_ours(directory: BorrowedFd<'_>, name: &OsStr, text: &str) -> io::Result<bool> {
    let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    match openat2(directory, name, flags, Mode::empty(), resolve()) {
        Ok(file) if FileType::from_raw_mode(fstat(&file)?.st_mode) == FileType::RegularFile => {
            Ok(digest_of(file)? == content_digest(text.as_bytes()))
        }
        Ok(_) => Ok(false),
        Err(rustix::io::Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn digest_of(file: OwnedFd) -> io::Result<u64> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(File::from(file), LONGEST as u64 + 1), &mut bytes)?;
    Ok(content_digest(&bytes))
}

/// Puts a file there under its name when it is whole; what is there already is not touched.
fn put(directory: BorrowedFd<'_>, name: &OsStr, text: &str) -> io::Result<()> {
    let mode = Mode::from_raw_mode(0o600);
    if statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
        return Err(io::Error::from_raw_os_error(libc::EEXIST));
    }
    match openat(directory, ".", OFlags::CLOEXEC | OFlags::WRONLY | OFlags::TMPFILE, mode) {
        Ok(made) => {
            let made = filled(made, text)?;
            // The file has no name yet; its descriptor is the way to it, open(2) "O_TMPFILE".
            let way = format!("/proc/self/fd/{}", made.as_raw_fd());
            linkat(CWD, way, directory, name, AtFlags::SYMLINK_FOLLOW)?;
        }
        // A file system that knows no files without a name.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR | rustix::io::Errno::NOENT | rustix::io::Errno::INVAL) => {
            named(directory, name, text)?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(fsync(directory)?)
}

/// The same by way of a name of berth's own, which is no configuration's: it ends in `~`.
fn named(directory: BorrowedFd<'_>, name: &OsStr, text: &str) -> io::Result<()> {
    let mut new = OsString::from(".berth-new-");
    new.push(name);
    new.push("~");
    let _ = unlinkat(directory, &new, AtFlags::empty());
    let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    let made = openat(directory, &new, flags, Mode::from_raw_mode(0o600))?;
    let placed = filled(made, text).and_then(|_| Ok(renameat_with(directory, &new, directory, name, RenameFlags::NOREPLACE)?));
    if placed.is_err() {
        let _ = unlinkat(directory, &new, AtFlags::empty());
    }
    placed
}

fn filled(made: OwnedFd, text: &str) -> io::Result<File> {
    let mut file = File::from(made);
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(file)
}

#[cfg(test)]
#[path = "make_tests.rs"]
mod tests;
