//! How memory is had from the kernel and given back to it.
//!
//! It must never do more than advise: everything works the same without.

/// All threads take their memory from one place. Each would have one of its own otherwise, which grows page by page, a system call each,
/// and of which what the first scan of a large host leaves behind is never given back: a quarter of the whole (mallopt(3)).
pub fn share() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it only sets a number, and threads that have their own place already keep it.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Gives back what nobody uses any more (malloc_trim(3)). It takes some milliseconds.
pub(super) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it touches only what is not in use.
    unsafe {
        libc::malloc_trim(0);
    }
}
