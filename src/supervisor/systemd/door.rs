//! Where a manager is reached: the system's over the bus, a user's own at its private socket, as that user.
//!
//! It must never start one: a socket that nobody listens on is left alone.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use zbus::Connection;
use zbus::connection::Builder;

use super::bus::Fault;
use super::wire;
use crate::domain::{Gid, ProcessKey, Uid};
use crate::hand::{Identity, Reader, process_facts};
use crate::supervisor::knock::{knock, owner};
use crate::supervisor::listening::Place as Socket;

/// Below which every user's own lie: `/run/user/UID/...`.
const OF_USERS: &str = "/run/user";

/// Where a user's manager listens there; it takes nobody but its user and root.
const PRIVATE: &str = "systemd/private";

/// What a user's manager may say of its units' control groups is that they are below this.
fn groups_of(uid: Uid) -> String {
    format!("/user.slice/user-{uid}.slice/user@{uid}.service/")
}

/// The way to a manager.
#[derive(Clone)]
pub enum Way {
    /// The system's, at this address of a bus.
    Bus(String),
    /// A user's own.
    Door(Door),
}

/// The private socket of a user's manager.
#[derive(Clone)]
pub struct Door {
    /// Whose.
    pub uid: Uid,
    who: Identity,
    reader: Arc<Reader>,
    /// Below which it lies.
    root: PathBuf,
}

/// Whose manager listens on a socket, by its path and by whose the kernel says that it is.
pub fn manager_of(socket: &Socket) -> Option<Uid> {
    let (uid, below) = socket.path.to_str()?.strip_prefix(OF_USERS)?.strip_prefix('/')?.split_once('/')?;
    // Root's own is as good as the system's: it is asked by nobody else.
    (below == PRIVATE && uid.parse() == Ok(socket.uid.0)).then_some(socket.uid)
}

impl Door {
    /// Of this account.
    pub fn of(uid: Uid, gid: Gid, account: Option<&str>, reader: &Arc<Reader>) -> Self {
        Self { uid, who: Identity::of(uid, gid, account), reader: Arc::clone(reader), root: OF_USERS.into() }
    }

    /// The same below another directory.
    #[cfg(test)]
    pub fn below(self, root: &std::path::Path) -> Self {
        Self { root: root.to_owned(), ..self }
    }

    async fn open(&self) -> Result<tokio::net::UnixStream, Fault> {
        let door = self.clone();
        let opening = move || {
            crate::failpoint::pass("berth-user-units");
            let beneath = PathBuf::from(door.uid.to_string()).join(PRIVATE);
            knock(&door.reader, &door.who, &door.root, &beneath)
        };
        let opened = tokio::task::spawn_blocking(opening).await.map_err(|_| Fault::Lost("its socket could not be opened".into()))?;
        let (stream, pid) = opened.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused => Fault::Lost("it does not run".into()),
            _ => Fault::Lost(error.to_string()),
        })?;
        // It takes everything and answers nothing: nobody waits to find that out.
        if process_facts(pid).is_ok_and(|facts| matches!(facts.state, 'T' | 't')) {
            return Err(Fault::Lost("it is stopped".into()));
        }
        tokio::net::UnixStream::from_std(stream).map_err(|error| Fault::Lost(error.to_string()))
    }
}

impl Way {
    /// Whose own it is; nothing where it is the system's.
    pub fn user(&self) -> Option<Uid> {
        match self {
            Self::Bus(_) => None,
            Self::Door(door) => Some(door.uid),
        }
    }

    /// A connection.
    pub async fn connect(&self, deadline: Duration) -> Result<Connection, Fault> {
        let (connecting, silent) = match self {
            Self::Bus(address) => (
                tokio::time::timeout(deadline, Builder::address(address.as_str())?.method_timeout(deadline).build()).await,
                "the message bus",
            ),
            Self::Door(door) => {
                let stream = door.open().await?;
                (tokio::time::timeout(deadline, wire::over(stream, deadline)).await, "it")
            }
        };
        Ok(connecting.map_err(|_| Fault::Lost(format!("{silent} does not answer")))??)
    }

    /// The process that has this pid, where it can be one of this manager's.
    pub fn process(&self, pid: i32) -> Option<ProcessKey> {
        let is_its = self.user().is_none_or(|uid| owner(pid) == Some(uid));
        process_facts(pid).ok().filter(|_| is_its).map(|facts| facts.key)
    }
}

/// Whether a control group can be one of this user's manager.
pub fn is_group_of(uid: Uid, group: &str) -> bool {
    group.starts_with(&groups_of(uid)) && group.split('/').all(|part| part != "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_listens_where_its_own_user_listens() {
        let of = |path: &str, uid: u32| manager_of(&Socket { path: path.into(), uid: Uid(uid), socket: 1, file: 1 });
        assert_eq!(of("/run/user/1001/systemd/private", 1001), Some(Uid(1001)));
        for (path, uid) in [
            ("/run/user/1001/systemd/private", 1002),
            ("/run/user/1001/systemd/private/x", 1001),
            ("/run/user/1001/systemd/notify", 1001),
            ("/run/user/x/systemd/private", 1001),
            ("/run/users/1001/systemd/private", 1001),
            ("/run/systemd/private", 0),
            ("/tmp/run/user/1001/systemd/private", 1001),
        ] {
            assert_eq!(of(path, uid), None, "{path} of {uid}");
        }
    }

    #[test]
    fn nobody_elses_processes_and_groups_are_believed() {
        let own = std::process::id().cast_signed();
        assert!(Way::Bus(String::new()).process(own).is_some());
        let door = Door::of(Uid(54_321), Gid(54_321), None, &Reader::start().unwrap());
        assert_eq!(Way::Door(door).process(own), None);
        assert!(is_group_of(Uid(7), "/user.slice/user-7.slice/user@7.service/app.slice/mcp.service"));
        for group in
            ["/system.slice/ssh.service", "/user.slice/user-7.slice/user@7.service/../x", "/user.slice/user-8.slice/user@8.service/x"]
        {
            assert!(!is_group_of(Uid(7), group), "{group}");
        }
    }
}
