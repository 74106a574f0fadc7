//! The door to a daemon: its sockets, opened as its own user, with whoever listens there verified before a word is said.
//!
//! It must never connect as anybody else, follow a link in the user's part of the path, or wait for a backlog to empty.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::find::{God, Place, god};
use super::jlist::Call;
use crate::domain::{ProcessKey, Shown};
use crate::hand::{Identity, Reader};
use crate::supervisor::knock::knock;

/// It.
#[derive(Clone)]
pub struct Door {
    /// Whose, and where.
    pub place: Place,
    /// The account's name, or its uid.
    pub account: Shown,
    reader: Arc<Reader>,
    who: Identity,
    /// The administrator's part of its home, and the rest, which is the user's.
    root: PathBuf,
    beneath: PathBuf,
}

impl Door {
    /// Of this daemon. The account is looked up.
    pub fn of(place: &Place, god: &God, reader: &Arc<Reader>) -> Self {
        let account = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(place.uid.0)).ok().flatten();
        let name = account.as_ref().map(|account| account.name.clone());
        let who = Identity::of(place.uid, god.gid, name.as_deref());
        let own = account.as_ref().map(|account| account.dir.clone()).filter(|home| home.parent().is_some());
        let parts = own.and_then(|own| place.home.strip_prefix(&own).ok().map(|rest| (own.clone(), rest.to_owned())));
        let (root, beneath) = parts.unwrap_or_else(|| ("/".into(), place.home.strip_prefix("/").unwrap_or(&place.home).to_owned()));
        let account = Shown::new(&name.unwrap_or_else(|| place.uid.to_string()));
        Self { place: place.clone(), account, reader: Arc::clone(reader), who, root, beneath }
    }

    /// How its program is asked.
    pub fn program(&self, daemon: ProcessKey) -> Call {
        let node = std::fs::read_link(format!("/proc/{}/exe", daemon.pid)).ok();
        let beside = node.as_deref().and_then(Path::parent).map(Path::to_owned);
        Call { who: self.who.clone(), home: self.place.home.clone(), beside }
    }

    /// Connects to one of its sockets, without blocking from then on, and gives whoever listens there.
    ///
    /// # Errors
    /// The kernel's; `PermissionDenied` where somebody else listens there than the account's own PM2.
    pub fn knock(&self, name: &str) -> io::Result<(UnixStream, God)> {
        let (stream, pid) = knock(&self.reader, &self.who, &self.root, &self.beneath.join(name))?;
        let stranger = || io::Error::new(io::ErrorKind::PermissionDenied, format!("pid {pid}, which is no PM2, listens on it"));
        god(pid).filter(|god| god.uid == self.place.uid).map(|god| (stream, god)).ok_or_else(stranger)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::domain::{Gid, Uid};

    fn door(home: &Path) -> Door {
        let uid = Uid(nix::unistd::geteuid().as_raw());
        let god = God { key: ProcessKey { pid: 1, start_time: 1 }, uid, gid: Gid(0), title: String::new(), is_stopped: false };
        Door::of(&Place { uid, home: home.to_owned() }, &god, &Reader::start().unwrap())
    }

    #[test]
    fn who_calls_himself_nothing_of_the_kind_is_not_spoken_to() {
        let home = tempfile::tempdir().unwrap();
        let _listener = UnixListener::bind(home.path().join("rpc.sock")).unwrap();
        let refused = door(home.path()).knock("rpc.sock").unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        assert!(refused.to_string().contains("which is no PM2"), "{refused}");
    }

    #[test]
    fn links_files_and_nothing_are_no_sockets() {
        let home = tempfile::tempdir().unwrap();
        let _listener = UnixListener::bind(home.path().join("real")).unwrap();
        std::os::unix::fs::symlink(home.path().join("real"), home.path().join("rpc.sock")).unwrap();
        std::fs::write(home.path().join("pub.sock"), "x").unwrap();
        let door = door(home.path());
        assert_eq!(door.knock("rpc.sock").unwrap_err().kind(), io::ErrorKind::InvalidInput, "a link is none");
        assert_eq!(door.knock("pub.sock").unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(door.knock("none").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
