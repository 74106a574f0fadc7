//! A signal to a verified process: pidfd first, then start time and uid, then the signal.
//!
//! It must never signal a bare pid: the pid may have become another process between the look and the signal (THREATS A2).

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::domain::{ProcessKey, Uid};

/// Long enough for a line of /proc/PID/stat: 52 numbers of at most 20 digits and a name.
const LINE: usize = 1280;

/// What decides whether a process is the one that is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessFacts {
    /// Which process.
    pub key: ProcessKey,
    /// Its parent's pid.
    pub parent: i32,
    /// The state letter; `Z` is dead.
    pub state: char,
}

/// Reads /proc/PID/stat once.
///
/// # Errors
/// When there is no such process or it may not be seen.
pub fn process_facts(pid: i32) -> io::Result<ProcessFacts> {
    let file = fs::File::open(format!("/proc/{pid}/stat"))?;
    let mut line = [0; LINE];
    // The kernel gives the whole line at once where there is room for it.
    let length = rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut line))?;
    line.get(..length).and_then(facts_in).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The four fields of a line of proc_pid_stat(5). Ending a tree reads that of every process of the host: the other 48 are passed over.
pub(super) fn facts_in(line: &[u8]) -> Option<ProcessFacts> {
    let pid = std::str::from_utf8(line.split(|byte| *byte == b' ').next()?).ok()?.parse().ok()?;
    // The name in the parentheses is the process's own choice, and may have some itself.
    let closing = line.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(line.get(closing + 2..)?).ok()?;
    let mut fields = rest.split(' ');
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let start_time = fields.nth(17)?.parse().ok()?;
    Some(ProcessFacts { key: ProcessKey { pid, start_time }, parent, state })
}

/// The real uid of a process, from /proc/PID/status: the directory's owner is root for what is not dumpable.
fn real_uid(pid: i32) -> io::Result<Uid> {
    let text = fs::read(format!("/proc/{pid}/status"))?;
    uid_in(&text).ok_or_else(|| io::Error::other("no Uid line in status"))
}

/// Reads proc_pid_status(5). A line end in the process's name is written as `\\n` there, so no line is of its own making.
pub(super) fn uid_in(status: &[u8]) -> Option<Uid> {
    let text = String::from_utf8_lossy(status);
    let line = text.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().next()?.parse().ok().map(Uid)
}

/// Whether the very process still runs (a zombie does not). What cannot be looked at is not taken for ended.
pub fn is_alive(key: ProcessKey) -> bool {
    state_of(key).is_some()
}

/// The state letter of the very process while it runs, `?` where it is there and cannot be looked at; `None` when it has ended.
pub fn state_of(key: ProcessKey) -> Option<char> {
    match process_facts(key.pid) {
        Ok(facts) => (facts.key == key && !matches!(facts.state, 'Z' | 'X')).then_some(facts.state),
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH)) => None,
        // No descriptor left, no memory. Signal 0 needs neither, kill(2); it harms nobody.
        Err(_) => (key.pid > 0
            && !matches!(nix::sys::signal::kill(nix::unistd::Pid::from_raw(key.pid), None), Err(nix::errno::Errno::ESRCH)))
        .then_some('?'),
    }
}

/// Opens a pidfd of the process, checked after opening: same start time, and the uid where one is demanded.
///
/// # Errors
/// ESRCH when it is another process by now, EPERM when it is another user's.
pub fn open_verified(key: ProcessKey, uid: Option<Uid>) -> io::Result<OwnedFd> {
    // -1 is everyone, 0 the own group, 1 init: none of them is an instance (rustix refuses negative pids by a panic).
    let pid = Some(key.pid).filter(|pid| *pid > 1).and_then(Pid::from_raw).ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
    let descriptor = pidfd_open(pid, PidfdFlags::empty())?;
    if process_facts(key.pid)?.key != key {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    if let Some(uid) = uid
        && real_uid(key.pid)? != uid
    {
        return Err(io::Error::from_raw_os_error(libc::EPERM));
    }
    Ok(descriptor)
}

/// Sends a signal with a value through a pidfd, pidfd_send_signal(2).
///
/// # Errors
/// As the kernel says: ESRCH when it is gone, EPERM when it is another's.
pub fn send(descriptor: &OwnedFd, signal: i32, value: i32) -> io::Result<()> {
    // SAFETY: siginfo_t is plain data; the kernel reads si_signo, si_code, si_pid, si_uid and si_value of it for SI_QUEUE.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    info.si_signo = signal;
    info.si_code = libc::SI_QUEUE;
    // The layout behind si_code is a union: pid, uid and value of the _rt member, at byte 16 (sigaction(2), asm-generic/siginfo.h).
    // SAFETY: siginfo_t has 128 bytes; offsets 16, 20 and 24 lie inside and are aligned for their types.
    unsafe {
        let base = (&raw mut info).cast::<u8>();
        base.add(16).cast::<libc::pid_t>().write(libc::getpid());
        base.add(20).cast::<libc::uid_t>().write(libc::getuid());
        base.add(24).cast::<libc::c_int>().write(value);
    }
    // SAFETY: a plain system call; the descriptor is open and `info` lives until it returns.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, descriptor.as_raw_fd(), signal, &raw const info, 0) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use procfs::FromRead;
    use procfs::process::Stat;

    use super::*;

    #[test]
    fn the_line_is_read_as_procfs_reads_it() {
        for name in ["x", "a b", "x) Z 1", ")", "((", "1 (y"] {
            let line = format!(
                "12 ({name}) S 7 1 1 0 -1 0 0 0 0 0 5 6 0 0 20 0 1 0 4711 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
            );
            let theirs = Stat::from_read(line.as_bytes()).unwrap();
            let ours = facts_in(line.as_bytes()).unwrap();
            assert_eq!((ours.key.pid, ours.key.start_time), (theirs.pid, theirs.starttime), "{name}");
            assert_eq!((ours.parent, ours.state), (theirs.ppid, theirs.state), "{name}");
        }
        for broken in ["", "12", "12 (x", "12 (x)", "12 (x) S", "12 (x) S 7 1", "x (x) S 7 1 1 0 -1 0 0 0 0 0 5 6 0 0 20 0 1 0 4711 0"] {
            assert_eq!(facts_in(broken.as_bytes()), None, "{broken}");
        }
        let own = std::process::id().cast_signed();
        let theirs = procfs::process::Process::myself().unwrap().stat().unwrap();
        assert_eq!(process_facts(own).unwrap().key, ProcessKey { pid: theirs.pid, start_time: theirs.starttime });
    }

    #[test]
    fn another_start_time_is_another_process() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let key = process_facts(i32::try_from(child.id()).unwrap()).unwrap().key;
        let other = ProcessKey { start_time: key.start_time + 1, ..key };
        assert_eq!(open_verified(other, None).unwrap_err().raw_os_error(), Some(libc::ESRCH));
        assert!(is_alive(key) && !is_alive(other));
        let foreign = Uid(nix::unistd::getuid().as_raw() + 1);
        assert_eq!(open_verified(key, Some(foreign)).unwrap_err().raw_os_error(), Some(libc::EPERM));
        let descriptor = open_verified(key, None).unwrap();
        send(&descriptor, libc::SIGTERM, 0).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGTERM));
        assert!(!is_alive(key));
    }

    #[test]
    fn everyone_and_init_are_never_signalled() {
        for pid in [-1, 0, 1] {
            assert!(open_verified(ProcessKey { pid, start_time: 0 }, None).is_err(), "{pid}");
        }
    }
}
