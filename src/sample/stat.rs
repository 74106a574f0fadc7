//! The numbers of /proc/PID/stat that change from tick to tick, taken from the bytes in place.
//!
//! A thousand of these files are read at once in the first look, and as many every second; procfs makes two strings and parses 52
//! fields for each, this takes nine fields and allocates nothing.
//! A test holds the two against each other. It must never find a field by splitting at blanks before the last `)`: the name
//! in the parentheses is the process's own choice and may be `x) Z 1\n` (proc_pid_stat(5), prctl(2) PR_SET_NAME).

/// `PF_FORKNOEXEC` of the kernel's sched.h: forked and has not executed a program of its own yet.
const FORKED_NOT_EXECUTED: u64 = 0x40;

/// `PF_EXITING`: on its way out. Its memory, and with it its command line, is gone before it shows as a zombie.
const EXITING: u64 = 0x4;

/// What is read every tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat<'line> {
    /// The short name, as the process set it.
    pub(super) name: &'line [u8],
    /// The letter of its state.
    pub(super) state: u8,
    /// Its parent's pid.
    pub(super) parent: i32,
    /// User and system time, in ticks.
    pub(super) cpu_ticks: u64,
    /// Its threads.
    pub(super) tasks: u64,
    /// Ticks after boot.
    pub(super) start_time: u64,
    /// Pages in memory.
    pub(super) resident_pages: u64,
    /// Whether it is ending or has ended.
    pub(super) is_ending: bool,
    /// Another value after each execve(2): the stack's start, where it may be seen, and whether it executed at all.
    pub(super) image: u64,
}

/// Reads the line; `None` when it is not one.
pub(super) fn parse(line: &[u8]) -> Option<Stat<'_>> {
    let opening = line.iter().position(|&byte| byte == b'(')?;
    let closing = line.iter().rposition(|&byte| byte == b')')?;
    let name = line.get(opening + 1..closing)?;
    let mut fields = Fields { rest: line.get(closing + 2..)? };
    let state = *fields.next()?.first()?;
    let parent = i32::try_from(fields.number()?).ok()?;
    fields.skip(4)?; // group, session, terminal, its foreground group
    let flags = fields.number()?;
    fields.skip(4)?; // faults
    let cpu_ticks = fields.number()?.saturating_add(fields.number()?);
    fields.skip(4)?; // the children's times, priority, nice
    let tasks = fields.number()?;
    fields.skip(1)?; // interval timer, always 0
    let start_time = fields.number()?;
    fields.skip(1)?; // virtual size
    let resident_pages = fields.number()?;
    fields.skip(3)?; // its limit, start and end of the code
    let stack = fields.number()?;
    let image = stack << 1 | u64::from(flags & FORKED_NOT_EXECUTED != 0);
    let is_ending = flags & EXITING != 0 || matches!(state, b'Z' | b'X');
    Some(Stat { name, state, parent, cpu_ticks, tasks, start_time, resident_pages, is_ending, image })
}

struct Fields<'line> {
    rest: &'line [u8],
}

impl<'line> Fields<'line> {
    fn next(&mut self) -> Option<&'line [u8]> {
        let end = self.rest.iter().position(|byte| matches!(byte, b' ' | b'\n')).unwrap_or(self.rest.len());
        let field = self.rest.get(..end)?;
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        (!field.is_empty()).then_some(field)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        (0..count).try_for_each(|_| self.next().map(|_| ()))
    }

    fn number(&mut self) -> Option<u64> {
        self.next()?.iter().try_fold(0u64, |value, digit| {
            let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
            value.checked_mul(10)?.checked_add(digit)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use procfs::FromRead;
    use proptest::prelude::*;

    /// A line as the kernel prints it, with a name.
    fn line(name: &str) -> String {
        format!(
            "4711 ({name}) S 12 4711 4711 0 -1 4194368 90 0 0 0 31 11 0 0 20 -5 7 0 123456 9999744 2048 18446744073709551615 1 2 \
             140725 0 0 0 0 4096 16386 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
        )
    }

    #[test]
    fn the_fields_are_found_behind_any_name() {
        for name in ["node", "x) Z 1\n", "(((", ")))", ") R 1 2 3", "a b c", "", "tmux: server", "\u{fc}"] {
            let line = line(name);
            let stat = parse(line.as_bytes()).unwrap();
            assert_eq!(stat.name, name.as_bytes());
            assert_eq!((stat.state, stat.parent, stat.cpu_ticks, stat.tasks), (b'S', 12, 42, 7), "{name:?}");
            assert_eq!((stat.start_time, stat.resident_pages, stat.image), (123_456, 2048, 140_725 << 1 | 1), "{name:?}");
        }
    }

    #[test]
    fn procfs_reads_the_same() {
        for name in ["node", "x) Z 1\n", "(((", ") R 1 2 3"] {
            let line = line(name);
            let (ours, theirs) = (parse(line.as_bytes()).unwrap(), procfs::process::Stat::from_read(line.as_bytes()).unwrap());
            assert_eq!((ours.parent, ours.start_time), (theirs.ppid, theirs.starttime));
            assert_eq!((ours.cpu_ticks, ours.resident_pages), (theirs.utime + theirs.stime, theirs.rss));
            assert_eq!((ours.tasks, char::from(ours.state)), (u64::try_from(theirs.num_threads).unwrap(), theirs.state));
            assert_eq!(ours.name, theirs.comm.as_bytes());
        }
    }

    #[test]
    fn an_exec_shows_in_the_image() {
        let before = line("node");
        let after = before.replace("4194368", "4194304");
        assert_ne!(parse(before.as_bytes()).unwrap().image, parse(after.as_bytes()).unwrap().image);
    }

    #[test]
    fn an_ending_shows_before_the_zombie() {
        let living = line("node");
        assert!(!parse(living.as_bytes()).unwrap().is_ending);
        assert!(parse(living.replace("4194368", "4194372").as_bytes()).unwrap().is_ending);
        assert!(parse(living.replace(") S ", ") Z ").as_bytes()).unwrap().is_ending);
    }

    #[test]
    fn what_is_cut_short_is_no_line() {
        let whole = line("x) Z 1\n");
        let needed = whole.find(" 140725").unwrap();
        for end in 0..needed {
            assert_eq!(parse(&whole.as_bytes()[..end]), None, "{end}");
        }
    }

    #[test]
    fn the_own_name_cannot_shift_fields() {
        // A8: the name is set by the thread itself; the thread's own line is in its task directory.
        let (thread, line) = std::thread::spawn(|| {
            nix::sys::prctl::set_name(c"x) Z 1\n").unwrap();
            (nix::unistd::gettid().as_raw(), std::fs::read("/proc/thread-self/stat").unwrap())
        })
        .join()
        .unwrap();
        let stat = parse(&line).unwrap();
        assert_eq!(stat.name, b"x) Z 1\n");
        assert_ne!(stat.state, b'Z');
        assert_eq!(stat.parent, nix::unistd::getppid().as_raw());
        let theirs = procfs::process::Stat::from_read(line.as_slice()).unwrap();
        assert_eq!((theirs.pid, theirs.ppid, theirs.starttime), (thread, stat.parent, stat.start_time));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fail(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn no_name_moves_a_field(name in "[^\\x00]{0,15}") {
            let line = line(&name);
            prop_assert_eq!(parse(line.as_bytes()).map(|stat| (stat.parent, stat.start_time)), Some((12, 123_456)));
        }
    }
}
