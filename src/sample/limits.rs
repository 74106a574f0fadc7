//! How many descriptors this process may have open.
//!
//! It must never leave the raised limit to a child: programs that use select(2) break on descriptors above 1,023.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Kept free for everything that is not sampling: sockets, logs, the database, starting and stopping.
const RESERVED: u64 = 256;

/// So many descriptors have room in the kernel's table from the beginning: a thousand instances, looked at with two pairs of eyes.
const ROOM: u64 = 8192;

/// Raises the soft limit on open files to the hard one and gives back the old soft limit, which children are to be given.
/// To be called before [`super::Sampler::new`], which divides what there is, and before there are threads: see [`make_room`].
pub fn raise_nofile() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return 1024; // the kernel's own default, where not even this may be asked
    };
    if soft < hard {
        // Where it is refused (a seccomp filter), the sampler keeps fewer descriptors: nothing else to do about it.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
    make_room(getrlimit(Resource::RLIMIT_NOFILE).map_or(soft, |(soft, _)| soft).min(ROOM));
    soft
}

/// Has the kernel make the table of descriptors this large at once. Where threads share it, each later growth waits until no processor can
/// be reading the old one (`synchronize_rcu` in `expand_fdtable`, fs/file.c), and nobody can open anything meanwhile: of a first look at a
/// thousand instances that was 40 ms of 110. Where it is refused, the table grows as it is needed.
fn make_room(descriptors: u64) {
    let highest = i32::try_from(descriptors.saturating_sub(1)).unwrap_or(0);
    if let Ok(file) = std::fs::File::open("/") {
        drop(rustix::io::fcntl_dupfd_cloexec(&file, highest));
    }
}

/// How many processes may have three descriptors kept open each.
pub(super) fn keepable_processes() -> usize {
    let soft = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    share(soft)
}

/// Half of a small limit and all but the reserve of a large one. Those who act have eyes of their own, which keep as many; and for the end
/// of each server the engine holds a pidfd. Without these two counted, 5,000 instances used up 20,000 descriptors, and no file could be read.
fn share(soft: u64) -> usize {
    let for_sampling = soft.saturating_sub(RESERVED).max(soft / 2);
    usize::try_from(for_sampling / (3 + 3 + 1)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_left_for_everything_else() {
        for (soft, expected) in [(0, 0), (32, 2), (1024, 109), (20_000, 2820), (u64::MAX, (usize::MAX - 256) / 7)] {
            assert_eq!(share(soft), expected, "{soft}");
        }
    }

    #[test]
    fn raising_reaches_the_hard_limit_and_tells_the_old_one() {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!(raise_nofile(), soft);
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (hard, hard));
        setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let size: u64 = status.lines().find_map(|line| line.strip_prefix("FDSize:")).unwrap().trim().parse().unwrap();
        assert!(size >= hard.min(ROOM), "{size}");
    }
}
