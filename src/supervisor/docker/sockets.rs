//! Where container engines listen, and whether one runs there: asked of the kernel, before anything is connected to.
//!
//! It must never touch a socket's file, nor take a socket for an engine that only systemd holds: connecting would start the engine.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_SOCK_DIAG};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;

use crate::domain::Uid;

/// Where the engines of the host listen. `/var/run` is `/run`, hier(7).
const OF_HOST: [&str; 2] = ["/run/docker.sock", "/run/podman/podman.sock"];

/// Below which each user's own lie, and where: `/run/user/UID/...`.
const OF_USERS: &str = "/run/user/";
const BELOW: [&str; 2] = ["docker.sock", "podman/podman.sock"];

/// Engines that serve their API by themselves, by the name of their process. Only to find them sooner: any process counts that holds the
/// socket and is no systemd.
const ENGINES: [&str; 2] = ["dockerd", "podman"];

/// The kernel fills at most 32 KiB a message (netlink_dump in af_netlink.c), and only when it was shown that much room.
const BUFFER: usize = 64 * 1024;

/// linux/sock_diag.h and linux/unix_diag.h.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST_DUMP: u16 = 0x1 | 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const HEADER: usize = 16;
const MESSAGE: usize = 16;
const STATE_LISTEN: u32 = 1 << 10;
const SHOW_NAME_FILE_UID: u32 = 0x1 | 0x2 | 0x40;
const NAME: u16 = 0;
const FILE: u16 = 1;
const UID: u16 = 7;

/// A unix socket that somebody listens on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// What it was bound to.
    pub path: PathBuf,
    /// Whose it is.
    pub uid: Uid,
    /// The socket's own inode, by which processes name it.
    pub socket: u32,
    /// The inode of its file.
    pub file: u32,
}

/// Those of the sockets that are an engine's by where they lie: the host's, its users', and `further` ones.
///
/// # Errors
/// When the kernel does not tell.
pub fn places(further: &[PathBuf]) -> io::Result<Vec<Place>> {
    let mut places: Vec<Place> = listening()?.into_iter().filter(|place| is_engines(place, further)).collect();
    places.sort_by(|one, two| one.path.cmp(&two.path));
    places.dedup_by(|one, two| one.path == two.path);
    Ok(places)
}

fn is_engines(place: &Place, further: &[PathBuf]) -> bool {
    if further.iter().any(|path| plain(path) == place.path) {
        return true;
    }
    let Some(path) = place.path.to_str() else { return false };
    if OF_HOST.contains(&path) {
        // Whatever another account calls so is not the host's.
        return place.uid.is_root();
    }
    let Some((uid, below)) = path.strip_prefix(OF_USERS).and_then(|rest| rest.split_once('/')) else { return false };
    BELOW.contains(&below) && uid.parse() == Ok(place.uid.0)
}

/// The same path without the old name of `/run`.
fn plain(path: &Path) -> PathBuf {
    path.strip_prefix("/var/run").map_or_else(|_| path.to_owned(), |rest| Path::new("/run").join(rest))
}

/// Every unix socket of this network namespace that somebody listens on and that has a file.
fn listening() -> io::Result<Vec<Place>> {
    let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::new(1, 0))?;
    socket.send(&request(), 0)?;
    let (mut buffer, mut places) = (vec![0u8; BUFFER], Vec::new());
    loop {
        let length = socket.recv(&mut &mut buffer[..], 0)?;
        let Some(mut left) = buffer.get(..length) else { return Err(io::ErrorKind::InvalidData.into()) };
        while left.len() >= HEADER {
            let total = word(left, 0).and_then(|total| usize::try_from(total).ok()).unwrap_or_default();
            let Some(message) = left.get(..total).filter(|_| total >= HEADER) else { return Err(io::ErrorKind::InvalidData.into()) };
            match half(message, 4) {
                Some(NLMSG_DONE) => return Ok(places),
                Some(NLMSG_ERROR) => {
                    let code = word(message, HEADER).map_or(0, |code| -code.cast_signed());
                    return Err(io::Error::from_raw_os_error(code));
                }
                Some(SOCK_DIAG_BY_FAMILY) => places.extend(place(&message[HEADER..])),
                _ => {}
            }
            left = left.get(total.next_multiple_of(4)..).unwrap_or_default();
        }
    }
}

/// A dump of what listens, with its name, its file and whose it is: `struct unix_diag_req`.
fn request() -> Vec<u8> {
    let mut request = Vec::with_capacity(HEADER + 24);
    request.extend(40u32.to_ne_bytes());
    request.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request.extend(NLM_F_REQUEST_DUMP.to_ne_bytes());
    request.extend([0; 8]);
    request.extend([1, 0, 0, 0]);
    request.extend(STATE_LISTEN.to_ne_bytes());
    request.extend(0u32.to_ne_bytes());
    request.extend(SHOW_NAME_FILE_UID.to_ne_bytes());
    request.extend([0; 8]);
    request
}

/// One answer: `struct unix_diag_msg` and its attributes. Nothing where it has no file.
fn place(message: &[u8]) -> Option<Place> {
    let socket = word(message, 4)?;
    let (mut path, mut file, mut uid) = (None, None, None);
    let mut left = message.get(MESSAGE..)?;
    while let (Some(length), Some(kind)) = (half(left, 0), half(left, 2)) {
        let value = left.get(4..usize::from(length))?;
        match kind {
            NAME if value.first() == Some(&b'/') => {
                let name = value.split(|byte| *byte == 0).next().unwrap_or_default();
                path = Some(plain(Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name))));
            }
            FILE => file = word(value, 0),
            UID => uid = word(value, 0),
            _ => {}
        }
        left = left.get(usize::from(length).next_multiple_of(4)..).unwrap_or_default();
    }
    Some(Place { path: path?, uid: Uid(uid?), socket, file: file? })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_ne_bytes)
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).and_then(|two| two.try_into().ok()).map(u16::from_ne_bytes)
}

/// The process that serves a socket; `None` where only systemd holds it, for whoever connects first. `thoroughly` every process is looked
/// at, else only those that are called like an engine.
pub fn served_by(place: &Place, thoroughly: bool) -> Option<i32> {
    let wanted = format!("socket:[{}]", place.socket);
    let own = std::process::id().cast_signed();
    let pids: Vec<i32> = fs::read_dir("/proc").ok()?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    let (mut others, mut hidden) = (Vec::new(), None);
    for pid in pids.into_iter().filter(|pid| *pid > 1 && *pid != own) {
        let Ok(name) = fs::read_to_string(format!("/proc/{pid}/comm")) else { continue };
        match name.trim_end() {
            // The host's and every user's own.
            "systemd" => {}
            name if ENGINES.contains(&name) => match holds(pid, &wanted) {
                Ok(true) => return Some(pid),
                Ok(false) => {}
                // An engine of that name which may not be looked at: it is as likely as not.
                Err(_) => hidden = Some(pid).filter(|_| owner(pid) == Some(place.uid)).or(hidden),
            },
            _ => others.push(pid),
        }
    }
    hidden.or_else(|| others.into_iter().filter(|_| thoroughly).find(|pid| holds(*pid, &wanted).unwrap_or_default()))
}

fn holds(pid: i32, wanted: &str) -> io::Result<bool> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd"))?;
    let is_it =
        |entry: io::Result<fs::DirEntry>| entry.is_ok_and(|entry| fs::read_link(entry.path()).is_ok_and(|to| to.as_os_str() == wanted));
    Ok(entries.into_iter().any(is_it))
}

/// The account that a process belongs to.
pub fn owner(pid: i32) -> Option<Uid> {
    let facts = fs::metadata(format!("/proc/{pid}")).ok()?;
    Some(Uid(std::os::unix::fs::MetadataExt::uid(&facts)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn at(path: &str, uid: u32) -> Place {
        Place { path: path.into(), uid: Uid(uid), socket: 1, file: 1 }
    }

    #[test]
    fn an_engines_socket_lies_where_engines_listen_and_is_whose_it_has_to_be() {
        let further = [PathBuf::from("/var/run/mine.sock")];
        for (path, uid, is_one) in [
            ("/run/docker.sock", 0, true),
            ("/run/docker.sock", 1001, false),
            ("/run/podman/podman.sock", 0, true),
            ("/run/user/1001/docker.sock", 1001, true),
            ("/run/user/1001/podman/podman.sock", 1001, true),
            ("/run/user/1001/podman/podman.sock", 1002, false),
            ("/run/user/1001/other.sock", 1001, false),
            ("/run/user/x/docker.sock", 1001, false),
            ("/run/mine.sock", 1001, true),
            ("/run/snapd.socket", 0, false),
        ] {
            assert_eq!(is_engines(&at(path, uid), &further), is_one, "{path} of {uid}");
        }
    }

    #[test]
    fn the_kernel_tells_which_socket_is_listened_on_and_who_serves_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().canonicalize().unwrap().join("api.sock");
        assert!(places(std::slice::from_ref(&path)).unwrap().is_empty());
        let _listener = UnixListener::bind(&path).unwrap();
        let found = places(std::slice::from_ref(&path)).unwrap();
        let [place] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((&place.path, place.uid.0), (&path, nix::unistd::geteuid().as_raw()));
        assert_eq!(u64::from(place.file), fs::metadata(&path).unwrap().ino() & u64::from(u32::MAX));
        // berth itself serves nothing.
        let child = std::process::Command::new("sleep").arg("0").status();
        assert!(child.is_ok() && owner(std::process::id().cast_signed()) == Some(place.uid));
    }

    #[test]
    fn answers_that_are_none_are_passed_over() {
        for bytes in [&[][..], &[0; 3], &[0; 16], &[1, 10, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0, 0, b'/']] {
            assert_eq!(place(bytes), None);
        }
    }
}
