//! Asks the kernel to run a thread soon after it wakes: a key is answered at once on a host that is busy.
//!
//! It must never raise a priority: the thread gets no more of the processor than others, only in shorter turns, and what it starts gets
//! none of this.

use std::time::Duration;

/// How long a turn is. A thread that asks for shorter ones than who runs goes first when it wakes, since Linux 6.12; its default is
/// about 3 ms, which two busy neighbours make 6 of before a key is even read.
const TURN: Duration = Duration::from_micros(300);

/// What is started from here on is as everything else, sched(7).
const RESET_ON_FORK: u64 = 1;

/// For the calling thread. Where the kernel does not know of it, everything stays as it is.
pub fn be() {
    if let Some(attributes) = of_this_thread().filter(|attributes| attributes.sched_policy == u32::try_from(libc::SCHED_OTHER).unwrap_or(0))
    {
        let runtime = u64::try_from(TURN.as_nanos()).unwrap_or(0);
        let wanted = libc::sched_attr { sched_runtime: runtime, sched_flags: RESET_ON_FORK, ..attributes };
        // SAFETY: the structure is initialised, says its own size, and lives until the call returns; 0 is the calling thread.
        let _ = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const wanted, 0) };
    }
}

/// How the calling thread is scheduled.
fn of_this_thread() -> Option<libc::sched_attr> {
    let size = u32::try_from(size_of::<libc::sched_attr>()).ok()?;
    let mut attributes = libc::sched_attr {
        size,
        sched_policy: 0,
        sched_flags: 0,
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: 0,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the kernel writes no more than the size that it is given, into a structure that lives until the call returns.
    let result = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0) };
    (result == 0).then_some(libc::sched_attr { size, ..attributes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_turns_change_and_only_of_this_thread() {
        let facts = || of_this_thread().map(|attributes| (attributes.sched_policy, attributes.sched_nice, attributes.sched_runtime));
        std::thread::spawn(move || {
            let before = facts().unwrap();
            be();
            let after = facts().unwrap();
            assert_eq!((after.0, after.1), (before.0, before.1));
            // Older kernels know no turns and tell 0.
            assert!(after.2 == before.2 || u128::from(after.2) == TURN.as_nanos(), "{after:?}");
            assert_eq!(std::thread::spawn(move || facts().unwrap()).join().unwrap(), before);
        })
        .join()
        .unwrap();
    }
}
