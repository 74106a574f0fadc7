//! Where container engines listen, and whether one runs there: asked of the kernel, before anything is connected to.
//!
//! It must never touch a socket's file, nor take a socket for an engine that only systemd holds: connecting would start the engine.

use std::fs;
use std::io;
use std::path::PathBuf;

pub use crate::supervisor::knock::owner;
pub use crate::supervisor::listening::Place;
use crate::supervisor::listening::{listening, plain};

/// Where the engines of the host listen. `/var/run` is `/run`, hier(7).
const OF_HOST: [&str; 2] = ["/run/docker.sock", "/run/podman/podman.sock"];

/// Below which each user's own lie, and where: `/run/user/UID/...`.
const OF_USERS: &str = "/run/user/";
const BELOW: [&str; 2] = ["docker.sock", "podman/podman.sock"];

/// Engines that serve their API by themselves, by the name of their process. Only to find them sooner: any process counts that holds the
/// socket and is no systemd.
const ENGINES: [&str; 2] = ["dockerd", "podman"];

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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::domain::Uid;

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
}
