//! Fuzzing doors: what /proc and the kernel's netlink say. A process chooses its own name and arguments; the rest is the kernel's, but of
//! kernels that nobody has seen yet, and in containers of what somebody mounted over it.
//!
//! It must never ask this kernel: the bytes are given.

use std::io::{self, Read};

use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6};
use procfs::FromRead;

use super::netlink::{Progress, RawListener, read_datagram};
use super::{diag, hidden, newcomers, pressure, proc_net, process, stat};
use crate::domain::Shown;
use crate::domain::cgroup::{Hierarchies, group_of};

/// stat, cmdline, cgroup, mountinfo and pressure. Of stat, procfs has to say the same where both understand it.
/// Tells start time, parent and state, to be compared with what the hand reads.
pub fn proc_files(data: &[u8]) -> Option<(u64, i32, char)> {
    let is_of_the_kernel = data.iter().rposition(|byte| *byte == b')').is_some_and(|end| {
        let rest = data.get(end + 1..).unwrap_or_default();
        rest.iter().all(|byte| matches!(byte, b' ' | b'-' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z'))
    });
    // procfs panics where a name's end is the line's, where a name is no text, and where none begins behind a pid: it is only asked about
    // what was understood and could be the kernel's.
    let has_pid = std::str::from_utf8(data).is_ok_and(|text| {
        let rest = text.trim_start_matches(|character: char| character.is_ascii_digit());
        rest.len() < text.len() && rest.starts_with(" (")
    });
    if let Some(ours) = stat::parse(data).filter(|_| is_of_the_kernel && has_pid)
        && let Ok(theirs) = procfs::process::Stat::from_read(data)
    {
        assert_eq!(String::from_utf8_lossy(ours.name), theirs.comm);
        assert_eq!((char::from(ours.state), ours.parent), (theirs.state, theirs.ppid));
        assert_eq!((ours.cpu_ticks, ours.start_time), (theirs.utime.saturating_add(theirs.stime), theirs.starttime));
        assert_eq!((ours.tasks, ours.resident_pages), (theirs.num_threads.unsigned_abs(), theirs.rss));
    }
    let name = data.get(..data.len().min(15)).unwrap_or_default();
    let command = process::joined(data.to_vec(), name);
    crate::domain::fuzz::is_fit_to_be_seen(command.as_str());
    assert!(!command.is_empty());
    process::cgroup_of(data).iter().map(Shown::as_str).for_each(crate::domain::fuzz::is_fit_to_be_seen);
    hidden::hiding(data);
    let text = String::from_utf8_lossy(data);
    let hierarchies = Hierarchies::parse(&text);
    let groups = [None, Some("memory"), Some("cpu"), Some("pids")].map(|controller| group_of(&text, controller));
    for (hierarchy, group) in hierarchies.all().iter().flat_map(|hierarchy| groups.iter().flatten().map(move |group| (hierarchy, group))) {
        // However a group is called, its directory lies below the mount.
        assert!(hierarchy.directory(group).is_none_or(|path| path.starts_with(&hierarchy.point) && !path.ends_with("..")));
    }
    if let Some(pressure) = pressure::parse(&text) {
        assert!(text.contains("some ") && (pressure.full.is_none() || text.contains("full ")));
    }
    let stat = stat::parse(data).filter(|_| is_of_the_kernel)?;
    Some((stat.start_time, stat.parent, char::from(stat.state)))
}

/// Gives a few bytes at a time, as read(2) may.
struct Drip<'a>(&'a [u8], usize);

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (now, rest) = self.0.split_at(self.1.min(self.0.len()).min(buffer.len()));
        buffer[..now.len()].copy_from_slice(now);
        self.0 = rest;
        Ok(now.len())
    }
}

/// /proc/net/tcp: in pieces of any size it is the same file, no line brings more than one socket, and the filter made of them is whole.
pub fn proc_net(data: &[u8]) {
    let Some((size, text)) = data.split_first() else { return };
    let read = |size: usize| {
        let mut listeners = Vec::new();
        let result = proc_net::read(Drip(text, size), &mut listeners).map_err(|error| error.kind());
        (listeners, result)
    };
    let (mut listeners, result) = read(usize::MAX);
    assert_eq!(read(usize::from(*size).max(1)), (listeners.clone(), result));
    assert!(listeners.len() < text.split(|byte| *byte == b'\n').count());
    let places: Vec<_> = listeners.iter().map(|raw| (raw.endpoint.address, raw.endpoint.port)).collect();
    proc_net::infer_v6only(&mut listeners);
    assert!(listeners.iter().map(|raw| (raw.endpoint.address, raw.endpoint.port)).eq(places));
    is_whole(&listeners);
}

/// A datagram of sock_diag: whatever it says of its own lengths, only what lies in it is read, and no more messages than fit.
pub fn netlink(data: &[u8]) {
    const SEQUENCE: u32 = 1;
    let (mut progress, mut listeners, mut told) = (Progress::default(), Vec::new(), 0);
    let result = read_datagram(data, SEQUENCE, &mut progress, &mut |payload: &[u8]| {
        told += 1;
        let inside = data.as_ptr_range();
        assert!(payload.is_empty() || inside.start <= payload.as_ptr() && payload.as_ptr_range().end <= inside.end);
        let (listener, socket, group) = (diag::read_listener(payload), diag::read_socket(payload), diag::read_group(payload));
        if let Some(listener) = listener {
            assert_eq!(
                socket.map(|socket| (socket.endpoint, socket.uid, socket.inode)),
                Some((listener.endpoint, listener.uid, listener.inode))
            );
            listeners.push(listener);
        }
        assert!(group.is_none_or(|(cookie, group)| group > 1 && listener.is_some_and(|listener| listener.cookie == cookie)));
    });
    assert!(told * 16 <= data.len());
    assert!(result.is_ok() || told * 16 < data.len().max(1));
    is_whole(&listeners);
}

/// A request with a filter says its own length, and that of the filter.
fn is_whole(known: &[RawListener]) {
    for (family, is_v6) in [(AF_INET, false), (AF_INET6, true)] {
        let plain = diag::listening(family);
        let filtered = newcomers::filtered(&plain, known, is_v6);
        let says = filtered.first_chunk().map_or(0, |length| u32::from_ne_bytes(*length));
        assert_eq!(usize::try_from(says).ok(), Some(filtered.len()));
        let attribute = filtered.get(plain.len()..).and_then(|rest| rest.first_chunk()).map(|length| u16::from_ne_bytes(*length));
        assert!(attribute.is_none_or(|length| usize::from(length) == filtered.len() - plain.len()));
        assert_eq!(attribute.is_none(), !known.iter().any(|raw| raw.endpoint.address.is_ipv6() == is_v6));
    }
}
