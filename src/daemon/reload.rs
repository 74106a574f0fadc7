//! Beginning anew with another configuration: the same process executes the same program, with the socket kept open, so that nobody who
//! connects meanwhile is turned away and nothing of the old configuration is left in any thread.
//!
//! It must never be done before the new configuration was found to be right.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::socket::Place;
use crate::error::Error;

/// What is handed on: `PID:DESCRIPTOR:CHILD,CHILD`. Believed only by the process that it names.
const VARIABLE: &str = "BERTH_SERVE_KEPT";

/// What the process had before it was executed anew.
#[derive(Debug)]
pub struct Kept {
    /// Its socket.
    pub listener: OwnedFd,
    /// Its children, which end by themselves and are to be waited for.
    pub children: Vec<i32>,
}

impl Kept {
    /// What was handed on to this process, if it is one that began anew.
    pub fn of_process() -> Option<Self> {
        let (descriptor, children) = read(&std::env::var(VARIABLE).ok()?, std::process::id())?;
        // SAFETY: fcntl(2) on a number is asked before anything is believed of it.
        if unsafe { libc::fcntl(descriptor, libc::F_GETFD) } < 0 {
            return None;
        }
        // SAFETY: it is open, this very process left it open for this, and nothing else in it uses it.
        Some(Self { listener: unsafe { OwnedFd::from_raw_fd(descriptor) }, children })
    }
}

fn read(text: &str, own: u32) -> Option<(RawFd, Vec<i32>)> {
    let mut parts = text.split(':');
    let (pid, descriptor, children) = (parts.next()?, parts.next()?, parts.next()?);
    if pid.parse() != Ok(own) {
        return None;
    }
    let descriptor = descriptor.parse().ok().filter(|number| *number > 2)?;
    Some((descriptor, children.split(',').filter_map(|child| child.parse().ok()).collect()))
}

/// Executes the program anew; comes back only when that fails.
pub fn begin_anew(place: &Place) -> Error {
    let descriptor = match place.keep_open() {
        Ok(descriptor) => descriptor,
        Err(error) => return error,
    };
    // A second SIGHUP must not end it before it listens to signals again: what is ignored stays so over an exec, and nothing else does.
    // SAFETY: SIG_IGN runs no code.
    let _ = unsafe { signal(Signal::SIGHUP, SigHandler::SigIgn) };
    let children: Vec<String> = children().iter().map(ToString::to_string).collect();
    let mut words = std::env::args_os();
    let name = words.next().unwrap_or_else(|| "berth".into());
    let mut command = Command::new("/proc/self/exe");
    command.arg0(name).args(words).env(VARIABLE, format!("{}:{descriptor}:{}", std::process::id(), children.join(",")));
    Error::failed("cannot begin anew").because(command.exec())
}

/// This process's children: the zygote of the configuration that goes, which ends when its line closes.
fn children() -> Vec<i32> {
    let own = std::process::id().to_string();
    let is_own = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // After the name, which may hold anything: state, parent.
        stat.rsplit_once(')').and_then(|(_, rest)| rest.split_ascii_whitespace().nth(1)).is_some_and(|parent| parent == own)
    };
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_own).collect()
}

/// Has those that have ended disappear.
pub fn reap(children: &mut Vec<i32>) {
    children.retain(|child| matches!(waitpid(Pid::from_raw(*child), Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_process_that_is_named_believes_it() {
        assert_eq!(read("7:4:11,12", 7), Some((4, vec![11, 12])));
        assert_eq!(read("7:4:", 7), Some((4, vec![])));
        for text in ["8:4:", "7:1:", "7:x:", "7", "", "7:4"] {
            assert_eq!(read(text, 7), None, "{text}");
        }
    }

    #[test]
    #[allow(clippy::zombie_processes, reason = "it is waited for by what is tested")]
    fn children_are_found_and_waited_for() {
        let child = Command::new("true").spawn().unwrap();
        let pid = child.id().cast_signed();
        assert!(children().contains(&pid));
        let mut left = vec![pid];
        assert!(crate::patience::until_so(|| {
            reap(&mut left);
            left.is_empty()
        }));
    }
}
