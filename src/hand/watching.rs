//! Watching directories on the way to a user's file, inotify(7), with that user's rights.
//!
//! It must never follow a link below the administrator's part, and never tell more than that something has a new name, new content
//! or new rights: what it is, is looked at by the reader.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Component, Path};

use rustix::fs::{Mode, OFlags, ResolveFlags, fstatfs, inotify, openat2};

/// What came of watching the directories on a way.
#[derive(Debug, Default)]
pub struct Way {
    /// The watch of each directory, by how many directories lie between it and the root.
    pub watches: Vec<(usize, i32)>,
    /// Why a directory that is there cannot be watched: the limit of watches (ENOSPC), or it may be passed but not read (EACCES).
    pub refused: Option<io::Error>,
    /// A directory lies on a file system that others change behind this kernel's back.
    pub is_remote: bool,
}

/// What is told: names that come and go, content that was written, rights that change; the directory's own end.
///
/// No IN_MODIFY and no IN_OPEN: they come with every write to a log that lies beside a configuration.
fn mask() -> inotify::WatchFlags {
    use inotify::WatchFlags as Flags;
    Flags::CREATE
        | Flags::DELETE
        | Flags::MOVED_FROM
        | Flags::MOVED_TO
        | Flags::CLOSE_WRITE
        | Flags::ATTRIB
        | Flags::DELETE_SELF
        | Flags::MOVE_SELF
        | Flags::ONLYDIR
        | Flags::EXCL_UNLINK
}

/// Watches every directory of `beneath`, or the root itself where it is empty. A directory that is not there ends the way without
/// an error: the one above tells when it comes.
///
/// # Errors
/// When a directory may not be passed, or is none.
pub(super) fn watch(root: OwnedFd, beneath: &Path, events: &impl AsFd) -> io::Result<Way> {
    let mut way = Way::default();
    let mut here = root;
    if beneath.as_os_str().is_empty() {
        one(&here, 0, events, &mut way)?;
        return Ok(way);
    }
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    for (depth, component) in beneath.components().enumerate() {
        let Component::Normal(name) = component else { return Err(io::Error::from_raw_os_error(libc::EINVAL)) };
        here = match openat2(&here, name, flags, Mode::empty(), resolve) {
            Ok(next) => next,
            // Not there, a link, no directory, closed to this user: whatever it becomes, the directory above tells.
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR | rustix::io::Errno::LOOP | rustix::io::Errno::ACCESS) => break,
            Err(error) => return Err(error.into()),
        };
        one(&here, depth, events, &mut way)?;
    }
    Ok(way)
}

fn one(directory: &OwnedFd, depth: usize, events: &impl AsFd, way: &mut Way) -> io::Result<()> {
    way.is_remote |= is_remote(fstatfs(directory)?.f_type as u64);
    // By its descriptor, so that it is the directory that was checked: /proc/self/fd, proc_pid_fd(5).
    match inotify::add_watch(events, format!("/proc/self/fd/{}", directory.as_raw_fd()), mask()) {
        Ok(watch) => way.watches.push((depth, watch)),
        // Who may not even pass it reaches nothing in it: when that changes, the directory above tells.
        Err(rustix::io::Errno::ACCESS) if !may_pass(directory) => {}
        Err(error) => drop(way.refused.get_or_insert_with(|| error.into())),
    }
    Ok(())
}

/// Whether names in a directory may be looked up: resolving `.` in it takes that right, path_resolution(7).
fn may_pass(directory: &OwnedFd) -> bool {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat2(directory, c".", flags, Mode::empty(), ResolveFlags::BENEATH).is_ok()
}

/// Whether files of this kind of file system (statfs(2), `f_type`) are changed by other hosts or programs without this kernel knowing.
fn is_remote(kind: u64) -> bool {
    const NFS: u64 = 0x6969;
    const SMB: u64 = 0x517b;
    const CIFS: u64 = 0xff53_4d42;
    const SMB2: u64 = 0xfe53_4d42;
    const FUSE: u64 = 0x6573_5546;
    const PLAN9: u64 = 0x0102_1997;
    const AFS: u64 = 0x5346_414f;
    const CODA: u64 = 0x7375_7245;
    const CEPH: u64 = 0x00c3_6400;
    const LUSTRE: u64 = 0x0bd0_0bd0;
    const GPFS: u64 = 0x4750_4653;
    const OCFS2: u64 = 0x7461_636f;
    const GFS2: u64 = 0x0116_1970;
    const VBOX: u64 = 0x786f_4256;
    // Some architectures keep f_type in a signed word: only its lower half says anything.
    let kind = kind & 0xffff_ffff;
    [NFS, SMB, CIFS, SMB2, FUSE, PLAN9, AFS, CODA, CEPH, LUSTRE, GPFS, OCFS2, GFS2, VBOX].contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events() -> OwnedFd {
        inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK).unwrap()
    }

    fn root(path: &Path) -> OwnedFd {
        rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap()
    }

    #[test]
    fn every_directory_on_the_way_is_watched_as_far_as_it_goes() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(tree.path().join("abe/config")).unwrap();
        std::os::unix::fs::symlink("/etc", tree.path().join("lou")).unwrap();
        let events = events();
        let depths = |path: &str| {
            let way = watch(root(tree.path()), Path::new(path), &events).unwrap();
            assert!(way.refused.is_none() && !way.is_remote);
            way.watches.into_iter().map(|(depth, _)| depth).collect::<Vec<_>>()
        };
        assert_eq!(depths(""), [0]);
        assert_eq!(depths("abe/config"), [0, 1]);
        assert_eq!(depths("abe/none/config"), [0]);
        assert_eq!(depths("nobody/config"), [] as [usize; 0]);
        // A link is not followed out of the tree.
        assert_eq!(depths("lou"), [] as [usize; 0]);
        assert!(watch(root(tree.path()), Path::new("../x"), &events).is_err());
    }

    #[test]
    fn the_same_directory_has_the_same_watch() {
        let tree = tempfile::tempdir().unwrap();
        let events = events();
        let of = || watch(root(tree.path()), Path::new(""), &events).unwrap().watches;
        assert_eq!(of(), of());
    }

    #[test]
    fn network_file_systems_are_known() {
        // NFS, CIFS, FUSE; ext4, tmpfs, overlay.
        assert!([0x6969, 0xff53_4d42, 0x6573_5546, 0xffff_ffff_ff53_4d42].into_iter().all(is_remote));
        assert!(![0xef53, 0x0102_1994, 0x794c_7630].into_iter().any(is_remote));
    }
}
