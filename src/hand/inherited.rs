//! What the caller's shell left open: nothing of it reaches what is executed from here.
//!
//! It must never close anything: the standard streams are the caller's, and whoever is executed gets what it needs by name.

/// Marks every descriptor beyond the standard streams to be closed by an exec. A keeper lives for months: a pipe that the caller had left
/// open would stay open as long, and whoever waits for its end (a script, ssh) would wait for the server's.
pub fn pass_nothing_on() {
    // SAFETY: close_range(2) with this flag closes nothing, it sets a flag on descriptors. A kernel before 5.11 refuses it, and all is as before.
    unsafe {
        libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
    }
}
