//! The signals that a keeper waits for, and how long it waits.
//!
//! It must never let a signal end the keeper: what it waits for is blocked, and everything below it is asked about each.

use std::time::Instant;

use nix::sys::signal::{SigSet, Signal};

pub fn blocked_signals() -> SigSet {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        signals.add(signal);
    }
    signals
}

/// The next signal and the value that came with it; 0 when none did. `None` when there was none until then.
pub fn wait_for_signal(signals: &SigSet, until: Option<Instant>) -> Option<(i32, i32)> {
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    let timeout = left.map(|left| libc::timespec {
        tv_sec: libc::time_t::try_from(left.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: left.subsec_nanos().into(),
    });
    // SAFETY: siginfo_t and timespec are plain data and live for the call; si_value is read only after SI_QUEUE has said that it is set.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // Without a time it waits for ever, as sigwaitinfo(2).
        let signal = libc::sigtimedwait(signals.as_ref(), &raw mut info, timeout);
        if signal < 0 {
            return None;
        }
        let value = if info.si_code == libc::SI_QUEUE { info.si_value().sival_ptr as usize } else { 0 };
        Some((signal, i32::try_from(value & 0x7fff_ffff).unwrap_or(0)))
    }
}
