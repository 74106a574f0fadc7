//! The unix socket: made safely, taken over from the service manager, or kept over a reload.
//!
//! It must never take a socket away from a daemon that lives, nor make one where others could put something else in its place.

use std::fs::{self, DirBuilder, Permissions};
use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, SocketType, sockopt};

use crate::config::check_place;
use crate::domain::{Shown, Uid};
use crate::error::{Context, Error, Kind, Result};

/// The first descriptor that a service manager hands over, sd_listen_fds(3).
const FIRST: RawFd = 3;

/// A socket that is listened on.
#[derive(Debug)]
pub struct Place {
    /// The socket.
    pub listener: UnixListener,
    /// The file that this daemon made and takes away again: its path, device and inode. `None` where it is the service manager's.
    made: Option<(PathBuf, u64, u64)>,
}

/// Listens at `path`, or on what the service manager, or this daemon before it was executed anew, hands over.
///
/// # Errors
/// Of kind `Busy` when another daemon answers there; when the place is not safe or no socket can be made.
pub fn open(path: &Path, handed: Option<OwnedFd>) -> Result<Place> {
    let listener = match handed {
        Some(handed) => listening(handed)?,
        None => return make(path),
    };
    // Begun anew, what lies there is this daemon's still; what the service manager made is not.
    let made = if std::env::var_os("LISTEN_FDS").is_none() { identity(path) } else { None };
    Ok(Place { listener, made })
}

/// What the service manager hands over to this very process; of several only the first is taken.
///
/// # Errors
/// When it is said to be there and is not.
pub fn handed_over() -> Result<Option<OwnedFd>> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    if number("LISTEN_PID") != Some(std::process::id()) || number("LISTEN_FDS").is_none_or(|count| count == 0) {
        return Ok(None);
    }
    // SAFETY: fcntl(2) on a number is asked before anything is believed of it.
    if unsafe { libc::fcntl(FIRST, libc::F_GETFD) } < 0 {
        return Err(Error::failed("the service manager said that it hands a socket over, and there is none"));
    }
    // SAFETY: it is open, and by sd_listen_fds(3) it is this process's: nothing else in it uses it.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(FIRST) }))
}

/// A descriptor that is a listening unix stream socket.
fn listening(handed: OwnedFd) -> Result<UnixListener> {
    let is_one = sockopt::socket_domain(handed.as_fd()) == Ok(AddressFamily::UNIX)
        && sockopt::socket_type(handed.as_fd()) == Ok(SocketType::STREAM)
        && sockopt::socket_acceptconn(handed.as_fd()) == Ok(true);
    if !is_one {
        return Err(Error::new(Kind::Usage, "what was handed over is no listening unix socket").hint("ListenStream= in the socket unit"));
    }
    Ok(UnixListener::from(handed))
}

fn make(path: &Path) -> Result<Place> {
    let told = Shown::new(&path.to_string_lossy());
    let doing = || format!("cannot listen at {told}");
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Error::new(Kind::Usage, format!("{told} is no place for a socket")));
    };
    if !folder.exists() {
        DirBuilder::new().recursive(true).mode(0o755).create(folder).while_doing(doing)?;
        // Whatever the umask is: everybody is to come in and nobody else to change it.
        fs::set_permissions(folder, Permissions::from_mode(0o755)).while_doing(doing)?;
    }
    check_place(folder, Uid(nix::unistd::geteuid().as_raw()), "who may change it could answer in berth's place")?;
    make_room(path)?;
    // Made under another name and moved: whoever finds it finds it with its mode, and takes the place of a dead one at once.
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}", std::process::id()));
    let beside = folder.join(beside);
    let _ = fs::remove_file(&beside);
    let listener = UnixListener::bind(&beside).while_doing(doing)?;
    let moved = fs::set_permissions(&beside, Permissions::from_mode(0o666)).and_then(|()| fs::rename(&beside, path));
    if moved.is_err() {
        let _ = fs::remove_file(&beside);
    }
    moved.while_doing(doing)?;
    Ok(Place { listener, made: identity(path) })
}

/// Whether what lies there may be replaced: nothing, or the socket of a daemon that is dead.
fn make_room(path: &Path) -> Result<()> {
    let told = Shown::new(&path.to_string_lossy());
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::failed(format!("cannot listen at {told}")).because(error)),
        Ok(facts) if !facts.file_type().is_socket() => {
            Err(Error::new(Kind::Usage, format!("{told} is there and no socket")).hint("[daemon] socket names another place"))
        }
        Ok(_) => match UnixStream::connect(path) {
            // ECONNREFUSED, unix(7): nobody listens on it any more.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            _ => Err(Error::new(Kind::Busy, format!("not served. Somebody answers at {told} already")).hint("berth ls")),
        },
    }
}

fn identity(path: &Path) -> Option<(PathBuf, u64, u64)> {
    fs::symlink_metadata(path).ok().map(|facts| (path.to_owned(), facts.dev(), facts.ino()))
}

impl Place {
    /// Takes the file away, if it is the one that was made.
    pub fn remove(&self) {
        if let Some((path, ..)) = self.made.as_ref().filter(|made| identity(&made.0).as_ref() == Some(made)) {
            let _ = fs::remove_file(path);
        }
    }

    /// Has the socket stay open over an exec; its number.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn keep_open(&self) -> Result<RawFd> {
        rustix::io::fcntl_setfd(self.listener.as_fd(), rustix::io::FdFlags::empty()).while_doing(|| "cannot keep the socket".to_owned())?;
        Ok(self.listener.as_raw_fd())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safe() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        directory
    }

    #[test]
    fn everybody_may_come_in_and_a_dead_ones_place_is_taken() {
        let directory = safe();
        let path = directory.path().join("run/berth.sock");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let place = open(&path, None).unwrap();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o666, 0o755));
        let error = open(&path, None).unwrap_err();
        assert_eq!(error.kind(), Kind::Busy, "{}", error.chain());
        // Dead without having taken its socket away.
        drop(place);
        let place = open(&path, None).unwrap();
        assert!(UnixStream::connect(&path).is_ok());
        place.remove();
        assert!(!path.exists());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 0, "nothing is left beside it");
    }

    #[test]
    fn what_is_another_s_is_left_alone() {
        let directory = safe();
        let path = directory.path().join("berth.sock");
        fs::write(&path, "a file").unwrap();
        assert_eq!(open(&path, None).unwrap_err().kind(), Kind::Usage);
        assert_eq!(fs::read_to_string(&path).unwrap(), "a file");
        fs::remove_file(&path).unwrap();
        let first = open(&path, None).unwrap();
        fs::remove_file(&path).unwrap();
        let second = open(&path, None).unwrap();
        first.remove();
        assert!(UnixStream::connect(&path).is_ok(), "it is the second one's by now");
        second.remove();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).unwrap();
        assert_eq!(open(&path, None).unwrap_err().kind(), Kind::Usage, "others could replace it");
    }

    #[test]
    fn only_a_listening_socket_is_taken_over() {
        let directory = safe();
        let listener = UnixListener::bind(directory.path().join("x")).unwrap();
        assert!(open(&directory.path().join("y"), Some(listener.into())).is_ok());
        let (one, _other) = UnixStream::pair().unwrap();
        assert_eq!(open(&directory.path().join("y"), Some(one.into())).unwrap_err().kind(), Kind::Usage);
        let file = fs::File::open(directory.path()).unwrap();
        assert!(open(&directory.path().join("y"), Some(file.into())).is_err());
    }
}
