//! Goes ahead into mounts that may hang: a process of its own, which can be left behind.
//!
//! Who waits for a dead mount sleeps where SIGKILL reaches it, but not who waits behind somebody that does (d_alloc_parallel in
//! fs/dcache.c), nor who waits for an answer that is being worked at (request_wait_answer in fs/fuse/dev.c): a thread that sleeps there
//! keeps its whole process from ending. So where the kernel's list shows such a mount, a scout asks first for what is to be looked at. It
//! must never allocate (it is forked from a process with threads, fork(2)), never write, and never be waited for beyond a deadline.

use std::collections::HashMap;
use std::ffi::{CString, c_int};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Identity;
use super::acting::take_on;
use super::mounts::mounts;
use super::rests::Rests;

/// How long an answer stands for what is asked of the same mount after it.
const HOLDS: Duration = Duration::from_secs(1);

/// How many mounts below a tree are asked, where a look goes through all of it.
const MOST_BELOW: usize = 16;

/// The scouts, and what they are needed for.
#[derive(Debug, Default)]
pub(super) struct Scouts {
    /// The kernel's list, and whether it was opened: without it nobody is sent.
    list: Option<Option<File>>,
    /// Where what may hang is mounted, and whether a program answers there: for one name, and perhaps not for the next one.
    mounts: Vec<(PathBuf, bool)>,
    /// What answered, and when.
    answered: HashMap<PathBuf, Instant>,
    /// Those who have not come back, and in whose tree.
    out: Vec<(i32, u32)>,
    /// Whose file systems are asked seldom.
    pub(super) rests: Rests,
}

/// Why nobody may go into a tree now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unclear {
    /// A scout has not come back in time.
    Silent,
    /// It took long, and is left alone for a while.
    Slow,
}

impl Scouts {
    /// Those of a host where a program answers below this directory, as if the kernel's list said so.
    #[cfg(test)]
    pub(super) fn with_program_at(place: &Path) -> Self {
        Self { list: Some(None), mounts: vec![(place.to_owned(), true)], ..Self::default() }
    }

    /// Whether a scout is still out in this user's tree.
    pub(super) fn is_out(&mut self, uid: u32) -> bool {
        // SAFETY: a plain look at children of this process that nobody else waits for.
        self.out.retain(|(pid, _)| unsafe { libc::waitpid(*pid, std::ptr::null_mut(), libc::WNOHANG) } == 0);
        self.out.iter().any(|(_, whose)| *whose == uid)
    }

    /// Whether a path lies on a file system that is answered for from elsewhere, by the list that was read last.
    pub(super) fn is_elsewhere(&self, root: &Path, beneath: &Path) -> bool {
        !self.mounts.is_empty() && self.lies_elsewhere(&root.join(beneath))
    }

    fn lies_elsewhere(&self, path: &Path) -> bool {
        self.mounts.iter().any(|(mount, _)| path.starts_with(mount))
    }

    /// Whether a thread may go as this user beneath this root, and through all that lies there, by the list that was read last. A scout
    /// may take as long as `patience`.
    pub(super) fn ask(
        &mut self,
        who: &Identity,
        root: &Path,
        beneath: &Path,
        goes_through: bool,
        patience: Duration,
    ) -> Result<(), Unclear> {
        if self.mounts.is_empty() {
            return Ok(());
        }
        let path = root.join(beneath);
        let mut ways: Vec<PathBuf> = Vec::new();
        if self.lies_elsewhere(&path) {
            ways.push(path.clone());
        }
        if goes_through {
            let below = self.mounts.iter().map(|(mount, _)| mount).filter(|mount| mount.starts_with(&path) && **mount != path);
            ways.extend(below.take(MOST_BELOW).cloned());
        }
        self.answered.retain(|_, at| at.elapsed() < HOLDS);
        for way in ways {
            if self.rests.is_resting(who.uid().0, Instant::now()) {
                return Err(Unclear::Slow);
            }
            let place = self.place(&way);
            if self.answered.contains_key(&place) {
                continue;
            }
            let (beneath, begun) = (way.strip_prefix(root).unwrap_or(&way).to_owned(), Instant::now());
            let is_back = self.send(who, root, &beneath, patience);
            self.rests.took(who.uid().0, Instant::now(), begun.elapsed());
            if !is_back {
                return Err(Unclear::Silent);
            }
            self.answered.insert(place, Instant::now());
        }
        Ok(())
    }

    /// What an answer about a path stands for: a server for all that it has, a program for one directory.
    fn place(&self, way: &Path) -> PathBuf {
        let inside = |path: &Path| {
            self.mounts.iter().filter(|(mount, _)| path.starts_with(mount)).max_by_key(|(mount, _)| mount.as_os_str().len()).cloned()
        };
        match inside(way) {
            Some((mount, false)) => mount,
            _ => way.parent().filter(|parent| inside(parent).is_some()).unwrap_or(way).to_owned(),
        }
    }

    /// Reads the list of mounts if it is another than before: proc_pid_mountinfo(5) tells by POLLERR and POLLPRI. Once for all errands that go
    /// together: a thousand files are looked at in few of them.
    pub(super) fn read_list(&mut self) {
        let is_first = self.list.is_none();
        let Some(list) = self.list.get_or_insert_with(|| File::open("/proc/self/mountinfo").ok()) else { return };
        let mut watched = [PollFd::new(list, PollFlags::PRI)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        if !is_first && poll(&mut watched, Some(&now)).is_ok_and(|changed| changed == 0) {
            return;
        }
        let mut text = Vec::new();
        if list.seek(SeekFrom::Start(0)).and_then(|_| list.read_to_end(&mut text)).is_ok() {
            self.mounts = mounts(&text);
        }
    }

    /// Sends one. True when it came back, whatever it found.
    fn send(&mut self, who: &Identity, root: &Path, beneath: &Path, patience: Duration) -> bool {
        let beneath = if beneath.as_os_str().is_empty() { Path::new(".") } else { beneath };
        let text = |path: &Path| CString::new(path.as_os_str().as_bytes());
        let (Ok(root), Ok(beneath)) = (text(root), text(beneath)) else { return true };
        let who = nix::unistd::geteuid().is_root().then_some(who).filter(|who| who.uid().0 != 0);
        // SAFETY: the child makes system calls only, with what was made ready before, and never returns.
        let pid = match unsafe { libc::fork() } {
            // SAFETY: this is the child.
            0 => unsafe { go(who, &root, &beneath) },
            pid if pid > 0 => pid,
            // Without a process nobody can go ahead.
            _ => return true,
        };
        if has_ended(pid, patience) {
            // SAFETY: collects the child that has just ended.
            unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
            return true;
        }
        self.out.push((pid, errand_uid(who)));
        false
    }
}

fn errand_uid(who: Option<&Identity>) -> u32 {
    who.map_or_else(|| nix::unistd::geteuid().as_raw(), |who| who.uid().0)
}

/// Waits for a child's end. A pidfd becomes readable then, pidfd_open(2).
fn has_ended(pid: i32, patience: Duration) -> bool {
    // SAFETY: a plain system call about a child that nobody else waits for; the descriptor is new.
    let raw = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let Ok(raw) = c_int::try_from(raw) else { return true };
    if raw < 0 {
        return true;
    }
    // SAFETY: the kernel has just made it.
    let descriptor = unsafe { OwnedFd::from_raw_fd(raw) };
    let until = Instant::now() + patience;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let mut watched = libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let milliseconds = c_int::try_from(left.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: one descriptor that lives for the call.
        match unsafe { libc::poll(&raw mut watched, 1, milliseconds) } {
            0 if left.is_zero() => return false,
            ready if ready > 0 => return true,
            _ => {}
        }
    }
}

/// The scout's whole life.
///
/// # Safety
/// Only in a child that was just forked: it takes every descriptor away and ends the process.
unsafe fn go(who: Option<&Identity>, root: &CString, beneath: &CString) -> ! {
    // SAFETY: system calls on this process alone; the texts live for as long as it does.
    unsafe {
        // Whoever reads what berth writes must not wait for the scout to end too.
        libc::syscall(libc::SYS_close_range, 0, u32::MAX, 0);
        libc::setsid();
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        libc::prctl(libc::PR_SET_NAME, c"berth-scout".as_ptr());
        let top = libc::open(root.as_ptr(), libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC);
        if top < 0 || (who.is_some() && take_on(who).is_err()) {
            libc::_exit(0);
        }
        let open = |flags: c_int| {
            let mut how: libc::open_how = std::mem::zeroed();
            how.flags = u64::from((flags | libc::O_NOFOLLOW | libc::O_CLOEXEC).cast_unsigned());
            how.resolve = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_SYMLINKS | libc::RESOLVE_NO_MAGICLINKS;
            let size = std::mem::size_of::<libc::open_how>();
            c_int::try_from(libc::syscall(libc::SYS_openat2, top, beneath.as_ptr(), &raw const how, size)).unwrap_or(-1)
        };
        let found = open(libc::O_PATH);
        let mut facts: libc::stat = std::mem::zeroed();
        if found >= 0 && libc::fstatat(found, c"".as_ptr(), &raw mut facts, libc::AT_EMPTY_PATH) == 0 {
            let mut room: [u8; 256] = [0; 256];
            match facts.st_mode & libc::S_IFMT {
                libc::S_IFREG => {
                    let file = open(libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY);
                    libc::pread(file, room.as_mut_ptr().cast(), 1, 0);
                }
                libc::S_IFDIR => {
                    let directory = open(libc::O_RDONLY | libc::O_DIRECTORY);
                    libc::syscall(libc::SYS_getdents64, directory, room.as_mut_ptr(), room.len());
                }
                _ => {}
            }
        }
        libc::_exit(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Gid, Uid};

    fn own() -> Identity {
        Identity::with_groups(Uid(nix::unistd::geteuid().as_raw()), Gid(nix::unistd::getegid().as_raw()), &[])
    }

    #[test]
    fn a_server_answers_for_all_that_it_has_and_a_program_for_one_directory() {
        let mounts = [("/srv/a b", false), ("/home/amy/far", true), ("/w", true)];
        let mounts = mounts.map(|(place, is_program)| (PathBuf::from(place), is_program)).to_vec();
        let scouts = Scouts { mounts, ..Scouts::default() };
        let places = ["/srv/a b/c/d", "/home/amy/far/logs/x", "/home/amy/far", "/w/x"].map(|way| scouts.place(Path::new(way)));
        assert_eq!(places, ["/srv/a b", "/home/amy/far/logs", "/home/amy/far", "/w"].map(PathBuf::from));
    }

    #[test]
    fn a_scout_comes_back_from_whatever_it_finds() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("file"), "x").unwrap();
        std::os::unix::fs::symlink("/etc", place.path().join("link")).unwrap();
        let mut scouts = Scouts::default();
        for beneath in ["", "file", "absent/er", "link/passwd", "link", "../x"] {
            assert!(scouts.send(&own(), place.path(), Path::new(beneath), Duration::from_secs(60)), "{beneath}");
        }
        assert!(scouts.send(&own(), Path::new("/not/there"), Path::new("x"), Duration::from_secs(60)));
        assert!(scouts.out.is_empty() && !scouts.is_out(own().uid().0));
    }

    #[test]
    fn who_does_not_come_back_is_out_until_it_does() {
        // SAFETY: the child waits for a signal and does nothing else.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            // SAFETY: as above.
            unsafe {
                libc::pause();
                libc::_exit(0);
            }
        }
        let mut scouts = Scouts { out: vec![(pid, 7)], ..Scouts::default() };
        assert!(!has_ended(pid, Duration::from_millis(20)));
        assert!(scouts.is_out(7) && !scouts.is_out(8));
        // SAFETY: the child of this test.
        unsafe { libc::kill(pid, libc::SIGKILL) };
        assert!(has_ended(pid, Duration::from_secs(60)));
        assert!(!scouts.is_out(7));
    }
}
