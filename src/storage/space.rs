//! The file systems that instances write on: how much room there is, and how fast it goes.
//!
//! It must never ask a file system by itself: whoever looks at a log brings its room along.

use std::collections::HashMap;
use std::time::Duration;

use super::measure::Room;
use super::mounts::{Mount, Mounts};
use super::trend::Trend;
use crate::domain::{FileSystem, Shown};

/// How far apart readings of the room must be for a rate. Together they span a few minutes: what a build writes in seconds is no trend.
const APART: Duration = Duration::from_secs(60);

/// How long the list of mounts is believed when a mount is not in it, and when it is: ids are given again.
const MOUNTS_LAST: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(60)];

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Spaces {
    mounts: Mounts,
    read_at: Option<Duration>,
    known: HashMap<u64, Space>,
}

#[derive(Debug)]
struct Space {
    facts: FileSystem,
    trend: Trend,
}

impl Spaces {
    /// Takes over what was seen of the room behind a path, and tells the device that it is known by.
    pub fn learn(&mut self, room: Room, at: Duration) -> u64 {
        let (device, mounted_on, kind) = match self.mount(room.mount, at) {
            Some(mount) => (mount.device, mount.mounted_on.clone(), mount.kind.clone()),
            None => (room.device, Shown::new(""), Shown::new("")),
        };
        let space = self.known.entry(device).or_insert_with(|| Space {
            facts: FileSystem { device, mounted_on: mounted_on.clone(), kind: kind.clone(), total: 0, taken: 0, free: 0, filling: None },
            trend: Trend::new(APART),
        });
        // Of several mounts of one file system the shortest path is the one that people know.
        if space.facts.mounted_on.is_empty()
            || (!mounted_on.is_empty() && mounted_on.as_str().len() < space.facts.mounted_on.as_str().len())
        {
            (space.facts.mounted_on, space.facts.kind) = (mounted_on, kind);
        }
        if space.facts.total != room.total {
            space.trend.clear();
        }
        (space.facts.total, space.facts.taken, space.facts.free) = (room.total, room.taken, room.free);
        // What grows is what is taken.
        space.trend.add(at, room.total.saturating_sub(room.free));
        space.facts.filling = space.trend.rate();
        device
    }

    /// The type of the file system behind a mount; empty where that is not known.
    pub fn kind(&mut self, mount: u64, at: Duration) -> Shown {
        self.mount(mount, at).map_or_else(|| Shown::new(""), |mount| mount.kind.clone())
    }

    fn mount(&mut self, id: u64, at: Duration) -> Option<&Mount> {
        let last = MOUNTS_LAST[usize::from(self.mounts.get(id).is_some())];
        if self.read_at.is_none_or(|read| at.saturating_sub(read) >= last) {
            self.mounts = Mounts::read();
            self.read_at = Some(at);
        }
        self.mounts.get(id)
    }

    /// Those on which somebody writes, the fullest first.
    pub fn facts(&mut self, used: impl Fn(u64) -> bool) -> Vec<FileSystem> {
        self.known.retain(|device, _| used(*device));
        let mut facts: Vec<FileSystem> = self.known.values().map(|space| space.facts.clone()).collect();
        facts.sort_by(|one, two| two.used().total_cmp(&one.used()).then_with(|| one.device.cmp(&two.device)));
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(free: u64) -> Room {
        Room { mount: 0, device: 7, total: 10_000, taken: 10_000 - free, free }
    }

    #[test]
    fn room_that_goes_has_a_rate_after_a_minute() {
        let mut spaces = Spaces::default();
        assert_eq!(spaces.learn(room(9000), Duration::from_secs(100)), 7);
        spaces.learn(room(8800), Duration::from_secs(130));
        assert_eq!(spaces.facts(|_| true)[0].filling, None);
        spaces.learn(room(8400), Duration::from_secs(160));
        let facts = spaces.facts(|_| true);
        assert_eq!((facts[0].filling, facts[0].free), (Some(10.0), 8400));
        assert_eq!(facts[0].lasts(), Some(Duration::from_secs(840)));
        assert!(spaces.facts(|_| false).is_empty() && spaces.facts(|_| true).is_empty());
    }

    #[test]
    fn a_mount_is_named_by_the_kernels_list() {
        let directory = std::fs::File::open("/proc").unwrap();
        let room = super::super::measure::room(std::os::fd::AsFd::as_fd(&directory)).unwrap();
        let mut spaces = Spaces::default();
        spaces.learn(room, Duration::ZERO);
        if room.mount != 0 {
            assert_eq!(spaces.facts(|_| true)[0].kind.as_str(), "proc");
            assert_eq!(spaces.kind(room.mount, Duration::ZERO).as_str(), "proc");
        }
    }
}
