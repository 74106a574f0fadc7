//! Whether a process that an engine names can be one of its containers: by whose it is, which the kernel tells.
//!
//! It must never take an engine's word for it: a user's own "engine" could name anybody's process.

use std::fs::File;
use std::os::fd::AsRawFd;

use super::sockets::owner;
use crate::domain::{ProcessKey, Uid};
use crate::hand::process_facts;

/// ioctl_ns(2).
const NS_GET_OWNER_UID: libc::Ioctl = 0xb704;

/// The process that has this pid, and its parent, each only where it can be of an engine of this account.
pub fn of(pid: i32, engine: Uid) -> (Option<ProcessKey>, Option<ProcessKey>) {
    let Some(facts) = process_facts(pid).ok().filter(|_| is_of(pid, engine)) else { return (None, None) };
    // What runs below init has lost its parent, and init is nobody's.
    let parent = Some(facts.parent).filter(|parent| *parent > 1 && owner(*parent) == Some(engine));
    (Some(facts.key), parent.and_then(|parent| process_facts(parent).ok()).map(|parent| parent.key))
}

/// Root's engine has processes of every account; a user's has his own, and those in user namespaces that he has made.
fn is_of(pid: i32, engine: Uid) -> bool {
    engine.is_root() || owner(pid) == Some(engine) || maker_of_namespace(pid) == Some(engine)
}

/// Who made the user namespace that a process lives in.
fn maker_of_namespace(pid: i32) -> Option<Uid> {
    let namespace = File::open(format!("/proc/{pid}/ns/user")).ok()?;
    let mut uid: libc::uid_t = libc::uid_t::MAX;
    // SAFETY: the ioctl writes one uid_t through the pointer, which is valid for that.
    let told = unsafe { libc::ioctl(namespace.as_raw_fd(), NS_GET_OWNER_UID, &raw mut uid) };
    (told == 0).then_some(Uid(uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_engine_has_none_of_anothers_processes() {
        let own = std::process::id().cast_signed();
        let uid = owner(own).unwrap();
        assert_eq!(of(own, uid).0, process_facts(own).ok().map(|facts| facts.key));
        assert_eq!(of(own, Uid(54_321)), (None, None));
        assert_eq!(of(i32::MAX, Uid::ROOT), (None, None));
    }
}
