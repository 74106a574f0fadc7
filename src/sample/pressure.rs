//! How long work waits for processor, memory and disks: /proc/pressure, one file a look in turn, by descriptors that stay open.
//!
//! It must never take a kernel that does not offer it for one without pressure.

use std::io;
use std::os::fd::OwnedFd;

use super::proc::Proc;
use crate::domain::{Averages, Pressure, Pressures, Reading};

/// The files, in the order of their turns. The kernel averages anew every two seconds, so that a turn every three loses nothing.
const FILES: [&str; 3] = ["pressure/cpu", "pressure/memory", "pressure/io"];

/// Both lines of a file are about half as long.
const LONGEST: usize = 256;

/// What is kept between the turns.
#[derive(Debug, Default)]
pub(super) struct PressureFiles {
    files: [Option<OwnedFd>; FILES.len()],
    turn: usize,
    reading: Pressures,
}

impl PressureFiles {
    /// What was read last.
    pub(super) fn reading(&self) -> Pressures {
        self.reading
    }

    /// Reads the one whose turn it is.
    pub(super) fn refresh(&mut self, proc: &Proc) {
        let turn = self.turn;
        self.turn = (turn + 1) % FILES.len();
        let (Some(name), Some(file)) = (FILES.get(turn), self.files.get_mut(turn)) else { return };
        let known = match turn {
            0 => &mut self.reading.cpu,
            1 => &mut self.reading.memory,
            _ => &mut self.reading.io,
        };
        // What is not offered now never is, as long as the host runs.
        if *known == Reading::Gone {
            return;
        }
        *known = match read(proc, name, file) {
            // The kernel tells a `full` of processors for old programs' sake only, and it is always 0 (psi_show in kernel/sched/psi.c).
            Ok(pressure) => Reading::Known(Pressure { full: pressure.full.filter(|_| turn > 0), ..pressure }),
            Err(error) => absent(&error),
        };
    }
}

/// Why there is none. Switched off at boot (`psi=0`) opening says EOPNOTSUPP.
fn absent(error: &io::Error) -> Reading<Pressure> {
    match error.raw_os_error() {
        Some(libc::EOPNOTSUPP) => Reading::Gone,
        _ => Reading::from_error(error).unwrap_or(Reading::Unasked),
    }
}

fn read(proc: &Proc, name: &str, file: &mut Option<OwnedFd>) -> io::Result<Pressure> {
    let file = match file {
        Some(file) => file,
        None => file.insert(proc.open_global(name)?),
    };
    let mut buffer = [0u8; LONGEST];
    let length = rustix::io::retry_on_intr(|| rustix::io::pread(&*file, &mut buffer, 0))?;
    let text = buffer.get(..length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
    parse(text).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

/// `some avg10=1.25 avg60=1.53 avg300=1.06 total=2166807964`, and the same of `full` where there is that.
pub(super) fn parse(text: &str) -> Option<Pressure> {
    let averages = |word: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(word))?;
        let value = |name: &str| line.split(' ').find_map(|field| field.strip_prefix(name))?.parse().ok();
        Some(Averages { ten: value("avg10=")?, sixty: value("avg60=")? })
    };
    Some(Pressure { some: averages("some ")?, full: averages("full ") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const SOME: &str = "some avg10=1.25 avg60=0.80 avg300=1.06 total=2166807964\n";

    #[test]
    fn the_kernels_lines_are_read() {
        let some = Averages { ten: 1.25, sixty: 0.8 };
        let full = Averages { ten: 99.5, sixty: 0.0 };
        let both = format!("{SOME}full avg10=99.50 avg60=0.00 avg300=0.91 total=174102646\n");
        let cases = [
            (SOME, Some(Pressure { some, full: None })),
            (both.as_str(), Some(Pressure { some, full: Some(full) })),
            ("some avg10=1.25\n", None),
            ("nonsense", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn each_has_its_turn_and_what_is_not_offered_is_gone() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("pressure")).unwrap();
        let both = format!("{SOME}full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
        fs::write(root.path().join("pressure/cpu"), &both).unwrap();
        fs::write(root.path().join("pressure/io"), &both).unwrap();
        let proc = Proc::open_at(root.path()).unwrap();
        let mut files = PressureFiles::default();
        assert_eq!(files.reading(), Pressures::default());
        files.refresh(&proc);
        assert!(matches!(files.reading().cpu, Reading::Known(Pressure { full: None, .. })), "{:?}", files.reading());
        assert_eq!(files.reading().io, Reading::Unasked);
        files.refresh(&proc);
        files.refresh(&proc);
        assert_eq!(files.reading().memory, Reading::Gone);
        assert!(matches!(files.reading().io, Reading::Known(Pressure { full: Some(_), .. })));
        // A file that stays open shows what stands in it now.
        fs::write(root.path().join("pressure/cpu"), SOME.replace("1.25", "7.50")).unwrap();
        files.refresh(&proc);
        assert_eq!(files.reading().cpu.known().map(|pressure| pressure.some.ten), Some(7.5));
    }

    #[test]
    fn a_kernel_that_was_told_not_to_offer_it_does_not_offer_it() {
        let of = |code| absent(&io::Error::from_raw_os_error(code));
        assert_eq!(of(libc::EOPNOTSUPP), Reading::Gone);
        assert_eq!(of(libc::ENOENT), Reading::Gone);
        assert_eq!(of(libc::EACCES), Reading::Denied);
        assert_eq!(of(libc::EIO), Reading::Unasked);
    }
}
