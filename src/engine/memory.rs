//! How memory is had from the kernel and given back to it.
//!
//! It must never do more than advise: everything works the same without.

/// All threads take their memory from one place. Each would have one of its own otherwise, which grows page by page, a system call each,
/// and of which what the first scan of a large host leaves behind is never given back: a quarter of the whole (mallopt(3)). It is for what
/// lives long, before it has threads: those of a single look would wait for each other.
pub fn share() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it only sets a number, and threads that have their own place already keep it.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Gives back what nobody uses any more. It takes some milliseconds, in which nobody else gets memory.
pub(super) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim(3) touches only what is not in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Lets go of the pages of code: what only starting up, a dialogue or a search needed is most of them. What is used again is in the page
/// cache, and comes back by sixteen pages a fault. Nobody writes to these pages, so nothing is lost with them (MADV_DONTNEED, madvise(2));
/// read-only data is left alone, since what was relocated in it is in no file.
pub(super) fn give_back_code() {
    for (start, length) in code(&std::fs::read_to_string("/proc/self/maps").unwrap_or_default()) {
        // SAFETY: the range is a mapping of this process that is backed by a file and was never written to: its next use reads the same.
        unsafe {
            libc::madvise(std::ptr::with_exposed_provenance_mut(start), length, libc::MADV_DONTNEED);
        }
    }
}

/// Where code of files is mapped, and how long each mapping is, from /proc/PID/maps (proc_pid_maps(5)).
fn code(maps: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    maps.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (first, last) = words.next()?.split_once('-')?;
        // Offset, device and inode stand between the rights and the path.
        let is_code = words.next()? == "r-xp" && words.nth(3).is_some_and(|path| path.starts_with('/'));
        let (first, last) = (usize::from_str_radix(first, 16).ok()?, usize::from_str_radix(last, 16).ok()?);
        is_code.then(|| (first, last.saturating_sub(first)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_files_is_let_go() {
        let maps = "55b5e89ee000-55b5e8bc7000 r--p 00000000 fe:00 5315344    /usr/bin/berth\n\
                    55b5e8bc7000-55b5e8bc9000 r-xp 001d8000 fe:00 5315344    /usr/bin/berth\n\
                    55b5e94a2000-55b5e94e4000 r--p 00ab2000 fe:00 5315344    /usr/bin/berth\n\
                    55b600b29000-55b60172f000 rw-p 00000000 00:00 0          [heap]\n\
                    7fea00000000-7fea00001000 r-xp 00000000 00:00 0\n\
                    7fea01324000-7fea01325000 r-xs 00028000 fe:00 1203       /usr/lib/libc.so.6\n\
                    7ffc8a5e2000-7ffc8a5e4000 r-xp 00000000 00:00 0          [vdso]\n\
                    nonsense\n";
        assert_eq!(code(maps).collect::<Vec<_>>(), [(0x55b5_e8bc_7000, 0x2000)]);
    }

    #[test]
    fn what_was_let_go_still_runs() {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(code(&maps).next().is_some());
        (0..3).for_each(|_| (give_back(), give_back_code()).0);
        assert_eq!(format!("{:?}", code("a-b r-xp 0 0 0 /x").collect::<Vec<_>>()), "[(10, 1)]");
    }
}
