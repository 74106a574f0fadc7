//! Freezing a tree of processes for a moment, and never longer: SIGSTOP to each, verified by pidfd, and a guard that wakes them.
//!
//! It must never leave anything stopped: a guard, a child forked beforehand, sends SIGCONT when the keeper dies or takes too long,
//! whatever it died of. Only who kills both at once, SIGKILL to each within the same moment, leaves a tree stopped.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use crate::hand::{open_verified, send};

use super::tree::below;

/// How long the tree may take to stop: a write that is in the disk's queue ends first.
const STOPPING: Duration = Duration::from_millis(300);

/// How long a guard lets a tree be frozen, in milliseconds. The keeper gives up long before.
const GUARD_LASTS: i32 = 3000;

/// How often new children are looked for: a process may fork until it is stopped.
const ROUNDS: usize = 8;

/// The largest tree that is frozen.
const MOST: usize = 512;

/// A frozen tree; it goes on when this is dropped.
#[derive(Debug)]
pub(super) struct Frozen {
    stopped: Vec<OwnedFd>,
    guards: Vec<Guard>,
    since: Instant,
}

/// A child that wakes what was stopped when its parent cannot.
#[derive(Debug)]
struct Guard {
    pid: i32,
    line: OwnedFd,
}

impl Frozen {
    /// How long it has been frozen.
    pub fn lasts(&self) -> Duration {
        self.since.elapsed()
    }

    /// The guards' pids: where this process itself is the top, they are among its children.
    pub fn guards(&self) -> Vec<i32> {
        self.guards.iter().map(|guard| guard.pid).collect()
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for descriptor in &self.stopped {
            drop(send(descriptor, libc::SIGCONT, 0));
        }
        for guard in &self.guards {
            guard.dismiss();
        }
    }
}

/// Freezes everything below `top`. What was stopped before by somebody else stays as it is, now and afterwards.
///
/// # Errors
/// When something of it cannot be stopped, in time or at all; nothing is left stopped then.
pub(super) fn freeze(top: i32) -> io::Result<Frozen> {
    let mut frozen = Frozen { stopped: Vec::new(), guards: Vec::new(), since: Instant::now() };
    let mut known: HashSet<i32> = HashSet::new();
    let mut quiet_rounds = 0;
    for _ in 0..ROUNDS {
        let mut fresh = Vec::new();
        for (key, state) in below(top) {
            let is_guard = frozen.guards.iter().any(|guard| guard.pid == key.pid);
            if is_guard || !known.insert(key.pid) || state == 'T' {
                continue;
            }
            match open_verified(key, None) {
                Ok(descriptor) => fresh.push(descriptor),
                // It has ended since it was listed.
                Err(error) if matches!(error.raw_os_error(), Some(libc::ESRCH | libc::ENOENT)) => {}
                Err(error) => return Err(error),
            }
        }
        if fresh.is_empty() {
            wait_until_stopped(&known)?;
            quiet_rounds += 1;
            // A list that was read while something ended may lack an entry, and two in a row do not lack the same.
            if quiet_rounds == 2 {
                return Ok(frozen);
            }
            continue;
        }
        quiet_rounds = 0;
        if known.len() > MOST {
            return Err(io::Error::other(format!("it is more than {MOST} processes")));
        }
        frozen.guards.push(Guard::post(&fresh)?);
        for descriptor in fresh {
            let sent = send(&descriptor, libc::SIGSTOP, 0);
            frozen.stopped.push(descriptor);
            match sent {
                Err(error) if error.raw_os_error() != Some(libc::ESRCH) => return Err(error),
                _ => {}
            }
        }
        // A fork that was under way is over when everything has stopped.
        wait_until_stopped(&known)?;
    }
    Err(io::Error::other("it forks faster than it can be stopped"))
}

/// Waits until every thread has stopped: the signal is sent at once, but obeyed only on the way out of a system call.
fn wait_until_stopped(pids: &HashSet<i32>) -> io::Result<()> {
    let until = Instant::now() + STOPPING;
    for pid in pids {
        while !is_stopped(*pid) {
            if Instant::now() >= until {
                return Err(io::Error::new(io::ErrorKind::TimedOut, format!("pid {pid} does not stop")));
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    }
    Ok(())
}

/// Whether no thread of a process runs (proc_pid_task(5)). Gone is as good.
fn is_stopped(pid: i32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return true };
    threads.flatten().all(|thread| match fs::read(thread.path().join("stat")) {
        // The state follows the name, which stands in brackets and may hold any.
        Ok(stat) => {
            stat.iter().rposition(|byte| *byte == b')').is_some_and(|at| matches!(stat.get(at + 2), Some(b'T' | b't' | b'Z' | b'X')))
        }
        Err(_) => true,
    })
}

impl Guard {
    /// Forks a guard over these processes.
    fn post(over: &[OwnedFd]) -> io::Result<Self> {
        let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let over: Vec<RawFd> = over.iter().map(AsRawFd::as_raw_fd).collect();
        let ends = [read.as_raw_fd(), write.as_raw_fd()];
        // SAFETY: the child calls nothing but system calls that are safe after a fork of a process with threads (signal-safety(7)).
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            // SAFETY: as above; the descriptors are the child's own copies.
            0 => unsafe { watch(ends, &over) },
            pid => Ok(Self { pid, line: write }),
        }
    }

    /// Sends it home. It must not be waited for where it may have been collected already: then nobody is there.
    fn dismiss(&self) {
        let _ = rustix::io::write(&self.line, b".");
        // SAFETY: plain system call; the status is not asked for.
        while unsafe { libc::waitpid(self.pid, std::ptr::null_mut(), 0) } < 0
            && io::Error::last_os_error().raw_os_error() == Some(libc::EINTR)
        {}
    }
}

/// The guard's life: until it is sent home, its parent is gone, or it has taken too long.
///
/// # Safety
/// Only in a freshly forked child.
unsafe fn watch([read, write]: [RawFd; 2], over: &[RawFd]) -> ! {
    // SAFETY: system calls on own descriptors and stack; no allocation, no lock.
    unsafe {
        // Its own copy of the other end would keep the line open when the parent dies.
        libc::close(write);
        let mut waiting = libc::pollfd { fd: read, events: libc::POLLIN, revents: 0 };
        while libc::poll(&raw mut waiting, 1, GUARD_LASTS) < 0 && *libc::__errno_location() == libc::EINTR {}
        let mut byte = 0u8;
        // Not to be waited for: when the time is up there is nothing to read.
        let dismissed = waiting.revents & libc::POLLIN != 0 && libc::read(read, (&raw mut byte).cast(), 1) == 1;
        if !dismissed {
            for descriptor in over {
                libc::syscall(libc::SYS_pidfd_send_signal, *descriptor, libc::SIGCONT, std::ptr::null::<libc::siginfo_t>(), 0);
            }
        }
        libc::_exit(0)
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;
    use crate::hand::descendants;

    /// A shell with two sleepers below it.
    fn tree() -> (Child, Vec<i32>) {
        let top = Command::new("sh").args(["-c", "sleep 60 & sleep 60 & wait"]).spawn().unwrap();
        let pid = top.id().cast_signed();
        let below = || -> Vec<i32> { descendants(&[pid]).iter().map(|facts| facts.key.pid).collect() };
        wait_for("both sleep", || below().len() == 2);
        (top, below())
    }

    fn end((mut top, below): (Child, Vec<i32>)) {
        for pid in below {
            // SAFETY: children of this test's own shell, which has not collected them.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
        top.wait().unwrap();
    }

    fn wait_for(what: &str, holds: impl Fn() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_tree_is_frozen_and_goes_on() {
        let tree = tree();
        let frozen = freeze(tree.0.id().cast_signed()).unwrap();
        assert!(tree.1.iter().all(|pid| is_stopped(*pid)));
        drop(frozen);
        wait_for("they go on", || tree.1.iter().all(|pid| !is_stopped(*pid)));
        end(tree);
    }

    #[test]
    fn what_somebody_else_stopped_stays_stopped() {
        let tree = tree();
        // SAFETY: a child of this test's own shell.
        unsafe { libc::kill(tree.1[0], libc::SIGSTOP) };
        wait_for("it stops", || is_stopped(tree.1[0]));
        drop(freeze(tree.0.id().cast_signed()).unwrap());
        wait_for("the other goes on", || !is_stopped(tree.1[1]));
        assert!(is_stopped(tree.1[0]));
        end(tree);
    }

    #[test]
    fn who_freezes_and_is_killed_leaves_nothing_stopped() {
        let tree = tree();
        let top = tree.0.id().cast_signed();
        // SAFETY: the child freezes, which allocates: glibc makes its allocator usable in a forked child. It ends by SIGKILL.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            let frozen = freeze(top);
            // SAFETY: the end of this child, with everything frozen.
            unsafe {
                if frozen.is_ok() {
                    libc::kill(libc::getpid(), libc::SIGKILL);
                }
                libc::_exit(1)
            }
        }
        let mut status = 0;
        // SAFETY: this test's own child.
        assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
        assert!(libc::WIFSIGNALED(status), "{status}");
        wait_for("the guard wakes them", || tree.1.iter().all(|pid| !is_stopped(*pid)));
        end(tree);
    }

    #[test]
    fn a_keeper_that_hangs_is_not_waited_for() {
        let tree = tree();
        let frozen = freeze(tree.0.id().cast_signed()).unwrap();
        wait_for("the guard wakes them", || tree.1.iter().all(|pid| !is_stopped(*pid)));
        assert!(frozen.lasts() >= Duration::from_millis(GUARD_LASTS.unsigned_abs().into()) / 2);
        drop(frozen);
        end(tree);
    }
}
