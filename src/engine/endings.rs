//! How adopted processes ended: the kernel tells it through a pidfd to whoever held one, once the process has been reaped.
//!
//! It must never invent a status: what the kernel does not tell stays unknown.

use std::collections::HashMap;
use std::os::fd::{AsRawFd, OwnedFd};

use jiff::Timestamp;
use nix::errno::Errno;

use crate::domain::{Claim, ExitStatus, InstanceId, LastExit};

/// `PIDFD_INFO_EXIT` of linux/pidfd.h: the kernel fills in `exit_code`; since Linux 6.15, and only after the process was reaped.
const INFO_EXIT: u64 = 1 << 3;

/// How many looks a status may take: a parent that never reaps its child keeps it from everybody.
const PATIENCE: u32 = 600;

/// `struct pidfd_info`, its first published version (64 bytes).
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    mask: u64,
    cgroup: u64,
    pid: u32,
    tgid: u32,
    parent: u32,
    /// ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid.
    ids: [u32; 8],
    exit_code: i32,
}

/// `PIDFD_GET_INFO`: `_IOWR(0xFF, 11, struct pidfd_info)`, ioctl_pidfd(2).
const PIDFD_GET_INFO: libc::Ioctl = (3 << 30) | ((size_of::<PidfdInfo>() as libc::Ioctl) << 16) | (0xFF << 8) | 11;

/// What a pidfd tells of its process's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// So it ended.
    Ended(ExitStatus),
    /// It was not reaped yet.
    NotYet,
    /// This kernel does not tell.
    Never,
}

fn info(descriptor: &OwnedFd) -> nix::Result<PidfdInfo> {
    let mut info = PidfdInfo { mask: INFO_EXIT, ..PidfdInfo::default() };
    // SAFETY: the request carries the size of the structure, which lives for the call; the kernel writes no more than that.
    let result = unsafe { libc::ioctl(descriptor.as_raw_fd(), PIDFD_GET_INFO, &raw mut info) };
    Errno::result(result).map(|_| info)
}

/// Asks the kernel.
fn ask(descriptor: &OwnedFd) -> Told {
    // Reaped between the kernel's own two looks, at the status and at the process (`pidfd_info` in fs/pidfs.c), it seems to have kept
    // nothing: the second time it has.
    let asked = info(descriptor).or_else(|refusal| if refusal == Errno::ESRCH { info(descriptor) } else { Err(refusal) });
    // ESRCH: gone, and this kernel keeps nothing for whoever held the pidfd. Anything else: it does not know the request.
    let Ok(info) = asked else { return Told::Never };
    if info.mask & INFO_EXIT == 0 {
        return Told::NotYet;
    }
    Told::Ended(match info.exit_code & 0x7f {
        0 => ExitStatus::Code((info.exit_code >> 8) & 0xff),
        signal => ExitStatus::Signal(signal),
    })
}

/// The ends of processes that no keeper was the parent of.
#[derive(Debug, Default)]
pub struct Endings {
    known: HashMap<InstanceId, LastExit>,
    awaited: Vec<(InstanceId, OwnedFd, u32)>,
    /// Whether something has ended, or how is known, since the last look.
    news: bool,
}

impl Endings {
    /// An instance's process has ended; the kernel may tell how.
    pub fn ended(&mut self, id: &InstanceId, descriptor: OwnedFd, at: Timestamp) {
        self.awaited.retain(|(other, ..)| other != id);
        self.known.insert(id.clone(), LastExit { status: ExitStatus::Unknown, at, over_memory: None });
        self.awaited.push((id.clone(), descriptor, 0));
        self.look();
        self.news = true;
    }

    /// Asks again where nothing was told yet. True when anything is known that was not at the last look.
    pub fn look(&mut self) -> bool {
        let mut told = std::mem::take(&mut self.news);
        let known = &mut self.known;
        self.awaited.retain_mut(|(id, descriptor, looks)| match ask(descriptor) {
            Told::Ended(status) => {
                if let Some(exit) = known.get_mut(id) {
                    exit.status = status;
                }
                told = true;
                false
            }
            Told::NotYet => {
                *looks += 1;
                *looks < PATIENCE
            }
            Told::Never => false,
        });
        told
    }

    /// Completes the claims of what no keeper knows.
    pub fn complete(&self, claims: &mut [Claim]) {
        if self.known.is_empty() {
            return;
        }
        for claim in claims {
            if let Some(exit) = self.known.get(&claim.id).filter(|exit| claim.exit.is_none_or(|recorded| recorded.at < exit.at)) {
                // So is what a supervisor outside of berth says of it.
                if claim.service.is_some() && claim.exit.is_some() {
                    continue;
                }
                // What a keeper recorded of this very end is as good, and it may still write it.
                if claim.keeper.is_none() || exit.status != ExitStatus::Unknown {
                    claim.exit = Some(*exit);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use rustix::process::{Pid, PidfdFlags, pidfd_open};

    use super::*;

    fn id() -> InstanceId {
        InstanceId::of_owner("alice").unwrap()
    }

    /// How a child ends, as its pidfd tells it after it was reaped; `None` on a kernel that does not tell.
    fn end_of(script: &str) -> Option<ExitStatus> {
        let mut child = Command::new("sh").args(["-c", script]).spawn().unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        let descriptor = pidfd_open(pid, PidfdFlags::empty()).unwrap();
        let mut endings = Endings::default();
        endings.ended(&id(), descriptor, Timestamp::UNIX_EPOCH);
        assert_eq!(endings.known[&id()].status, ExitStatus::Unknown, "it runs, or was not reaped");
        child.wait().unwrap();
        let begun = Instant::now();
        while !endings.awaited.is_empty() {
            endings.look();
            assert!(begun.elapsed() < Duration::from_secs(10), "neither told nor given up");
        }
        Some(endings.known[&id()].status).filter(|status| *status != ExitStatus::Unknown)
    }

    #[test]
    fn a_code_and_a_signal_are_told_by_kernels_that_tell() {
        let release = nix::sys::utsname::uname().unwrap().release().to_string_lossy().into_owned();
        let mut numbers = release.split(['.', '-']).map(|number| number.parse::<u32>().unwrap_or(0));
        let tells = (numbers.next(), numbers.next()) >= (Some(6), Some(15));
        let told = (end_of("sleep 0.2; exit 7"), end_of("sleep 0.2; kill -SEGV $$"));
        let expected = (Some(ExitStatus::Code(7)), Some(ExitStatus::Signal(libc::SIGSEGV)));
        assert_eq!(told, if tells { expected } else { (None, None) }, "Linux {release}");
    }

    #[test]
    fn what_was_recorded_later_counts() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let told = LastExit { status: ExitStatus::Code(7), at: at(10), over_memory: None };
        let endings = Endings { known: HashMap::from([(id(), told)]), awaited: Vec::new(), news: false };
        for (recorded, expected) in
            [(None, told), (Some(5), told), (Some(20), LastExit { status: ExitStatus::Code(1), at: at(20), over_memory: None })]
        {
            let exit = recorded.map(|second| LastExit { status: ExitStatus::Code(1), at: at(second), over_memory: None });
            let mut claims = [Claim { exit, ..Claim::nothing(id(), false) }];
            endings.complete(&mut claims);
            assert_eq!(claims[0].exit, Some(expected));
        }
    }
}
