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
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Identity;
use super::acting::take_on;

/// File systems whose answers come from elsewhere: over a network, or from a program.
const FROM_ELSEWHERE: [&str; 16] = [
    "fuse",
    "nfs",
    "cifs",
    "smb",
    "9p",
    "ceph",
    "afs",
    "lustre",
    "gpfs",
    "beegfs",
    "glusterfs",
    "orangefs",
    "ocfs2",
    "gfs2",
    "autofs",
    "virtiofs",
];

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
}

impl Scouts {
    /// Whether a scout is still out in this user's tree.
    pub(super) fn is_out(&mut self, uid: u32) -> bool {
        // SAFETY: a plain look at children of this process that nobody else waits for.
        self.out.retain(|(pid, _)| unsafe { libc::waitpid(*pid, std::ptr::null_mut(), libc::WNOHANG) } == 0);
        self.out.iter().any(|(_, whose)| *whose == uid)
    }

    /// Whether a thread may go as this user beneath this root, and through all that lies there, by the list that was read last. False when
    /// a scout has not come back from there within `patience`.
    pub(super) fn is_clear(&mut self, who: &Identity, root: &Path, beneath: &Path, goes_through: bool, patience: Duration) -> bool {
        if self.mounts.is_empty() {
            return true;
        }
        let path = root.join(beneath);
        let mut ways: Vec<PathBuf> = Vec::new();
        if self.mounts.iter().any(|(mount, _)| path.starts_with(mount)) {
            ways.push(path.clone());
        }
        if goes_through {
            let below = self.mounts.iter().map(|(mount, _)| mount).filter(|mount| mount.starts_with(&path) && **mount != path);
            ways.extend(below.take(MOST_BELOW).cloned());
        }
        self.answered.retain(|_, at| at.elapsed() < HOLDS);
        for way in ways {
            let place = self.place(&way);
            if self.answered.contains_key(&place) {
                continue;
            }
            let beneath = way.strip_prefix(root).unwrap_or(&way).to_owned();
            if !self.send(who, root, &beneath, patience) {
                return false;
            }
            self.answered.insert(place, Instant::now());
        }
        true
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
            0 => unsafe { ask(who, &root, &beneath) },
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
unsafe fn ask(who: Option<&Identity>, root: &CString, beneath: &CString) -> ! {
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

/// Where file systems are mounted that may hang.
pub(super) fn mounts(text: &[u8]) -> Vec<(PathBuf, bool)> {
    text.split(|byte| *byte == b'\n').filter_map(mount).collect()
}

/// One line: "36 35 98:0 /root /mnt2 rw,noatime master:1 - nfs4 host:/export rw".
fn mount(line: &[u8]) -> Option<(PathBuf, bool)> {
    let mut fields = line.split(|byte| *byte == b' ').skip(4);
    let place = fields.next()?;
    // Between the options and the dash lies any number of optional fields.
    let kind = std::str::from_utf8(fields.skip_while(|field| *field != b"-").nth(1)?).ok()?;
    let is_slow = FROM_ELSEWHERE.iter().any(|name| kind.starts_with(name));
    is_slow.then(|| (PathBuf::from(std::ffi::OsString::from_vec(unescaped(place))), kind.starts_with("fuse")))
}

/// The kernel writes blank, tab, newline and backslash as three octal digits.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut at = 0;
    while let Some(first) = field.get(at) {
        let digits = field.get(at + 1..at + 4).filter(|digits| *first == b'\\' && digits.iter().all(|digit| (b'0'..=b'7').contains(digit)));
        let value = digits.map(|digits| digits.iter().fold(0u32, |value, digit| value * 8 + u32::from(digit - b'0')));
        match value.and_then(|value| u8::try_from(value).ok()) {
            Some(byte) => {
                bytes.push(byte);
                at += 4;
            }
            None => {
                bytes.push(*first);
                at += 1;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Gid, Uid};

    fn own() -> Identity {
        Identity::with_groups(Uid(nix::unistd::geteuid().as_raw()), Gid(nix::unistd::getegid().as_raw()), &[])
    }

    #[test]
    fn what_answers_from_elsewhere_is_known_by_its_type() {
        let text = b"36 35 98:0 / /data rw - ext4 /dev/root rw\n40 36 0:52 / /srv/a\\040b rw shared:1 master:2 - nfs4 host:/x rw\n\
            41 36 0:53 / /home/amy/far rw - fuse.sshfs amy@x: rw\n42 36 0:54 / /proc rw - proc proc rw\n43 36 0:55\n\
            44 36 0:56 / /w rw - fuse w rw\n45 36 0:57 / /a\\1 rw - autofs a rw\n46 36 0:58 / /z rw -\n";
        let expected = [("/srv/a b", false), ("/home/amy/far", true), ("/w", true), ("/a\\1", false)];
        assert_eq!(mounts(text), expected.map(|(place, is_program)| (PathBuf::from(place), is_program)));
        let scouts = Scouts { mounts: mounts(text), ..Scouts::default() };
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
