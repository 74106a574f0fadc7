//! Becoming a user for good: uid, gid and groups, without a way back.
//!
//! It must never go on half changed: whoever calls it ends the process when it fails.

use std::ffi::CString;
use std::io;

use nix::unistd::{Gid as NixGid, Uid as NixUid, geteuid, getgrouplist, setgroups, setresgid, setresuid};
use serde::{Deserialize, Serialize};

use crate::domain::{Gid, Uid};

/// A user as the kernel knows one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

impl Identity {
    /// The identity of an account. Its groups are looked up here, in the engine: a hand asks no name service.
    /// An account without a name has its primary group only.
    pub fn of(uid: Uid, gid: Gid, account: Option<&str>) -> Self {
        let listed = account
            .and_then(|name| CString::new(name).ok())
            .and_then(|name| getgrouplist(&name, NixGid::from_raw(gid.0)).ok())
            .unwrap_or_else(|| vec![NixGid::from_raw(gid.0)]);
        Self { uid: uid.0, gid: gid.0, groups: listed.into_iter().map(NixGid::as_raw).collect() }
    }

    /// The identity of an account whose further groups are known.
    pub fn with_groups(uid: Uid, gid: Gid, further: &[u32]) -> Self {
        let groups = std::iter::once(gid.0).chain(further.iter().copied().filter(|group| *group != gid.0)).collect();
        Self { uid: uid.0, gid: gid.0, groups }
    }

    /// The user id.
    pub fn uid(&self) -> Uid {
        Uid(self.uid)
    }

    /// The primary group.
    pub fn gid(&self) -> Gid {
        Gid(self.gid)
    }

    /// All groups, the primary one included.
    pub fn groups(&self) -> &[u32] {
        &self.groups
    }

    /// Whether this process is that user already and can be no other.
    pub fn is_self(&self) -> bool {
        let own = geteuid().as_raw();
        own != 0 && own == self.uid
    }
}

/// Turns this process into the user, for good. Only for a process of one thread.
///
/// The order is setgroups, gid, uid (setuid first would take away the right to the rest; credentials(7)). Leaving uid 0 clears
/// every capability and makes the process undumpable, so that the user can neither trace it nor read its descriptors.
///
/// # Errors
/// When the kernel refuses, or when the change could be undone: the process must then end.
pub fn become_user(who: &Identity) -> io::Result<()> {
    let own = geteuid().as_raw();
    if own != 0 {
        if own == who.uid {
            return no_new_privileges();
        }
        return Err(io::Error::from_raw_os_error(libc::EPERM));
    }
    let groups: Vec<NixGid> = who.groups.iter().copied().map(NixGid::from_raw).collect();
    setgroups(&groups)?;
    let gid = NixGid::from_raw(who.gid);
    setresgid(gid, gid, gid)?;
    let uid = NixUid::from_raw(who.uid);
    setresuid(uid, uid, uid)?;
    if who.uid != 0 && setresuid(NixUid::from_raw(0), NixUid::from_raw(0), NixUid::from_raw(0)).is_ok() {
        return Err(io::Error::other("root's rights could be taken back"));
    }
    no_new_privileges()
}

/// PR_SET_NO_NEW_PRIVS and PR_SET_DUMPABLE 0, prctl(2): no set-uid program helps the user out, nobody traces this process.
fn no_new_privileges() -> io::Result<()> {
    nix::sys::prctl::set_no_new_privs()?;
    nix::sys::prctl::set_dumpable(false)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_has_its_primary_group() {
        let who = Identity::of(Uid(12_345), Gid(54_321), None);
        assert_eq!(who.groups(), [54_321]);
        assert_eq!((who.uid(), who.gid()), (Uid(12_345), Gid(54_321)));
    }

    #[test]
    fn root_belongs_to_its_group() {
        assert!(Identity::of(Uid(0), Gid(0), Some("root")).groups().contains(&0));
    }
}
