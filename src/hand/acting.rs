//! The file-system identity that one thread acts with.
//!
//! It must never change another thread's: the kernel keeps credentials by thread, the C library pretends that it does not.

use std::io;

use super::Identity;

/// Whose file-system identity the thread has.
pub(super) enum Acting {
    Own,
    User(Identity),
    /// A change failed half-way.
    Unknown,
}

impl Acting {
    /// Takes on a user's identity, or berth's own, unless that is taken on already.
    pub(super) fn become_one(&mut self, who: Option<&Identity>) -> io::Result<()> {
        match (&*self, who) {
            (Self::Own, None) => return Ok(()),
            (Self::User(known), Some(who)) if known == who => return Ok(()),
            _ => {}
        }
        *self = Self::Unknown;
        take_on(who)?;
        *self = who.map_or(Self::Own, |who| Self::User(who.clone()));
        Ok(())
    }
}

/// Gives this thread a user's file-system identity for good: one that has nothing to do but for him.
///
/// # Errors
/// When the kernel refuses: the thread must then do nothing for him.
pub fn act_as(who: &Identity) -> io::Result<()> {
    take_on(Some(who))
}

/// Gives this thread, and only this one, a user's file-system identity; `None` is berth's own. Makes system calls and nothing else.
///
/// The raw system calls are used on purpose: glibc's setgroups changes every thread of the process (nptl(7)).
/// Leaving fsuid 0 drops the file-system capabilities with it (capabilities(7)).
pub(super) fn take_on(who: Option<&Identity>) -> io::Result<()> {
    let own_group = if who.is_none() { [nix::unistd::getegid().as_raw()] } else { [0] };
    let (uid, gid, groups) = who.map_or((0, own_group[0], &own_group[..]), |who| (who.uid().0, who.gid().0, who.groups()));
    // Back to fsuid 0 first: changing groups needs CAP_SETGID only, but the order must be the same both ways.
    // SAFETY: plain system calls on this thread's own credentials; `groups` lives until setgroups returns.
    unsafe {
        if libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        libc::syscall(libc::SYS_setfsgid, gid);
        libc::syscall(libc::SYS_setfsuid, uid);
        // They report no errors: setting an impossible id tells the one in force, setfsuid(2).
        if libc::syscall(libc::SYS_setfsuid, -1) != i64::from(uid) || libc::syscall(libc::SYS_setfsgid, -1) != i64::from(gid) {
            return Err(io::Error::from_raw_os_error(libc::EPERM));
        }
    }
    Ok(())
}
