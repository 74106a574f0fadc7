//! The descriptors of one process: which of the sockets that are looked for it has.
//!
//! It must never take a descriptor that may not be read for one that is no socket.

use std::collections::HashSet;
use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use super::proc::{Proc, each_number};

/// The descriptors that are tried by their numbers before any are listed: behind the standard ones, as far as they are given without a
/// gap. To list them costs as much as to read each, and most servers have their listener among the first.
const TRIED: std::ops::Range<i32> = 3..32;

/// What was seen of a process's descriptors.
#[derive(Default)]
pub(super) struct Seen {
    /// Those of the wanted sockets that it has, with a descriptor of each.
    pub(super) sockets: Vec<(u32, i32)>,
    /// It has more descriptors than were looked at.
    pub(super) cut_short: bool,
    /// Why not all of them could be looked at.
    pub(super) failure: Option<io::Error>,
}

/// The wanted sockets among the first descriptors of a process. What goes wrong here is told when they are listed.
pub(super) fn first_sockets(proc: &Proc, pid: i32, wanted: &HashSet<u32>) -> Vec<(u32, i32)> {
    let targets = TRIED.map_while(|descriptor| Some((proc.link(pid, descriptor, inode_of).ok()?, descriptor)));
    targets.filter_map(|(inode, descriptor)| inode.filter(|inode| wanted.contains(inode)).map(|inode| (inode, descriptor))).collect()
}

/// The wanted sockets among as many of its descriptors as `limit` allows.
pub(super) fn sockets(proc: &Proc, pid: i32, limit: usize, wanted: &HashSet<u32>) -> Seen {
    let mut seen = Seen::default();
    let directory = match proc.open(pid, "fd") {
        Ok(directory) => directory,
        Err(error) => return Seen { failure: Some(error), ..seen },
    };
    let mut count = 0;
    let mut buffer = [MaybeUninit::uninit(); 8192];
    let listed = each_number(&directory, &mut buffer, |descriptor, name, _| {
        count += 1;
        if count > limit {
            seen.cut_short = true;
            return false;
        }
        match socket_inode(&directory, name) {
            Ok(inode) => seen.sockets.extend(inode.filter(|inode| wanted.contains(inode)).map(|inode| (inode, descriptor))),
            Err(error) => {
                // The directory may be read, what is in it not: without the right to trace, none of it may.
                let is_closed_meanwhile = error.raw_os_error() == Some(libc::ENOENT);
                seen.failure = seen.failure.take().or(Some(error).filter(|_| !is_closed_meanwhile));
                return is_closed_meanwhile;
            }
        }
        true
    });
    seen.failure = listed.err().or(seen.failure.take());
    seen
}

fn socket_inode(directory: &OwnedFd, name: &CStr) -> io::Result<Option<u32>> {
    let mut buffer = [MaybeUninit::uninit(); 64];
    let (target, _) = rustix::fs::readlinkat_raw(directory, name, &mut buffer[..])?;
    Ok(inode_of(target))
}

/// `socket:[123]` as 123. What is longer than the buffer is a path, and a path begins with a slash: it is no socket.
pub(super) fn inode_of(target: &[u8]) -> Option<u32> {
    let digits = target.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sockets_have_an_inode() {
        let cases: [(&[u8], Option<u32>); 6] = [
            (b"socket:[123]", Some(123)),
            (b"pipe:[123]", None),
            (b"socket:[]", None),
            (b"socket:[12", None),
            (b"/tmp/socket:[123]", None),
            (b"socket:[99999999999]", None),
        ];
        for (target, expected) in cases {
            assert_eq!(inode_of(target), expected);
        }
    }
}
