//! One look at one path below the administrator's part, by whoever the thread is at the moment.
//!
//! It must never write, nor follow a link below the part that it is given.

use std::any::Any;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Statx, StatxFlags, openat2, statx};

use super::Identity;
use super::watching::{self, Way};

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
pub(super) type Look = Box<dyn FnOnce(BorrowedFd<'_>) -> io::Result<Box<dyn Any + Send>> + Send>;

/// What is to be done there.
pub(super) enum Wanted {
    Open,
    List,
    Facts,
    Ahead,
    Followed,
    Watch(Arc<OwnedFd>),
    Look(Look),
}

/// What came of it.
pub(super) enum Got {
    File(File),
    Entries(Vec<(OsString, bool)>),
    Facts(FileFacts),
    Ahead(FileFacts, File),
    Way(Way),
    Seen(Box<dyn Any + Send>),
}

/// One look at one path.
pub(super) struct Errand {
    /// As whom.
    pub(super) who: Identity,
    /// The administrator's part of the path.
    pub(super) root: PathBuf,
    /// The rest.
    pub(super) beneath: PathBuf,
    /// What to do.
    pub(super) wanted: Wanted,
}

/// Looks. The thread has the identity of the errand.
pub(super) fn look(root: &OwnedFd, errand: &Errand, wanted: &Wanted) -> io::Result<Got> {
    // An empty path and `.` both mean the root itself.
    let beneath = if errand.beneath.as_os_str().is_empty() { Path::new(".") } else { &errand.beneath };
    let resolve = beneath_only();
    let common = OFlags::CLOEXEC | OFlags::NOFOLLOW;
    match wanted {
        // Called where it is taken out of the request: it can be called once only.
        Wanted::Look(_) => Err(io::Error::from_raw_os_error(libc::EINVAL)),
        Wanted::Watch(events) => Ok(Got::Way(watching::watch(root.try_clone()?, &errand.beneath, events)?)),
        Wanted::Followed => {
            let flags = OFlags::CLOEXEC | OFlags::PATH;
            let descriptor = openat2(root, beneath, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS)?;
            let facts = statx(&descriptor, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
            Ok(Got::Facts(facts_of(&facts)))
        }
        Wanted::Ahead => match open_file(root, errand) {
            Ok((file, facts)) => Ok(Got::Ahead(facts_of(&facts), file)),
            Err(_) => look(root, errand, &Wanted::Facts),
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
        Wanted::Open => open_file(root, errand).map(|(file, _)| Got::File(file)),
    }
}

/// Opens a regular file that is the user's or root's.
fn open_file(root: &OwnedFd, errand: &Errand) -> io::Result<(File, Statx)> {
    let beneath = if errand.beneath.as_os_str().is_empty() { Path::new(".") } else { &errand.beneath };
    // A FIFO or a device must neither block nor become the terminal (THREATS A12).
    let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let descriptor = openat2(root, beneath, flags, Mode::empty(), beneath_only())?;
    let facts = statx(&descriptor, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
    if FileType::from_raw_mode(facts.stx_mode.into()) != FileType::RegularFile {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    if facts.stx_uid != 0 && facts.stx_uid != errand.who.uid().0 {
        let sentence = format!("it belongs to uid {}, neither the instance's account nor root", facts.stx_uid);
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, sentence));
    }
    Ok((File::from(descriptor), facts))
}

/// No link below the administrator's part, and no way up.
fn beneath_only() -> ResolveFlags {
    ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS
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
