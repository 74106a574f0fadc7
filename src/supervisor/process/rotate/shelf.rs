//! The names beside a log: `server.log.1` is the newest rotated one, `server.log.2.gz` and so on are older and made smaller.
//!
//! It must never follow a link, replace what it did not look at, or touch what is not a plain file of the user's own with one name: others
//! may write in the log's directory (THREATS A3, A5).

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, Stat, fstat, openat, renameat_with, statat, unlinkat};

/// The two forms that a rotated log has.
const FORMS: [&str; 2] = ["", ".gz"];

/// What a copy is called until it is whole.
pub(super) const UNFINISHED: &str = ".berth-copy";

/// The directory of a log, and its name in it.
#[derive(Debug)]
pub(super) struct Shelf {
    directory: OwnedFd,
    name: OsString,
}

impl Shelf {
    /// Opens the log's directory.
    ///
    /// # Errors
    /// The kernel's.
    pub fn of(log: &Path) -> io::Result<Self> {
        let (parent, name) = (log.parent().ok_or(io::ErrorKind::InvalidInput)?, log.file_name().ok_or(io::ErrorKind::InvalidInput)?);
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { directory: rustix::fs::open(parent, flags, Mode::empty())?, name: name.to_owned() })
    }

    /// The name with something behind it.
    pub fn named(&self, behind: &str) -> OsString {
        let mut name = self.name.clone();
        name.push(behind);
        name
    }

    /// Opens the log itself, or another name, with the flags given; only what may be touched.
    ///
    /// # Errors
    /// The kernel's, and as [`plain`].
    pub fn open(&self, name: &OsStr, how: OFlags) -> io::Result<File> {
        let flags = how | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = openat(&self.directory, name, flags, Mode::empty())?;
        plain(&fstat(&opened)?, name)?;
        Ok(opened.into())
    }

    /// Makes a file that was not there. What an earlier keeper left unfinished is taken away first.
    ///
    /// # Errors
    /// The kernel's, and as [`plain`] for what lies there.
    pub fn create(&self, name: &OsStr, mode: u32) -> io::Result<File> {
        if self.facts(name)?.is_some() {
            self.remove(name)?;
        }
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = openat(&self.directory, name, flags, Mode::from_raw_mode(mode & 0o777))?;
        rustix::fs::fchmod(&made, Mode::from_raw_mode(mode & 0o777))?;
        Ok(made.into())
    }

    /// What a name is; `None` when nothing has it.
    ///
    /// # Errors
    /// The kernel's, and as [`plain`].
    pub fn facts(&self, name: &OsStr) -> io::Result<Option<Stat>> {
        match statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(facts) => plain(&facts, name).map(|()| Some(facts)),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a name away.
    ///
    /// # Errors
    /// The kernel's.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(unlinkat(&self.directory, name, AtFlags::empty())?)
    }

    /// Gives a file another name that nothing has.
    ///
    /// # Errors
    /// The kernel's; `AlreadyExists` when something has it.
    pub fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        match renameat_with(&self.directory, from, &self.directory, to, RenameFlags::NOREPLACE) {
            // File systems that do not know the flag (renameat2(2)): what lies there was looked at a moment ago.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) if self.facts(to)?.is_none() => {
                Ok(rustix::fs::renameat(&self.directory, from, &self.directory, to)?)
            }
            other => Ok(other?),
        }
    }

    /// Makes the name of the newest rotated log free: the others move up by one, as far as there is no gap; where all `keep` are taken the
    /// oldest goes. A gap that an abandoned rotation left is used, so that abandoning one again and again costs nothing that is kept.
    ///
    /// # Errors
    /// The kernel's; and when a name that would be moved is not a plain file of the user's own.
    pub fn make_room(&self, keep: u32) -> io::Result<()> {
        let mut taken = Vec::new();
        let mut gap = keep;
        for number in 1..=keep {
            let forms = self.forms(number)?;
            if forms.is_empty() {
                gap = number;
                break;
            }
            taken.push(forms);
        }
        if taken.len() == keep as usize {
            for form in taken.pop().unwrap_or_default() {
                self.remove(&self.named(&format!(".{keep}{form}")))?;
            }
        }
        for (number, forms) in (1..gap).zip(taken).rev() {
            for form in forms {
                self.rename(&self.named(&format!(".{number}{form}")), &self.named(&format!(".{}{form}", number + 1)))?;
            }
        }
        Ok(())
    }

    /// The forms in which there is a rotated log of this number.
    pub fn forms(&self, number: u32) -> io::Result<Vec<&'static str>> {
        let mut forms = Vec::new();
        for form in FORMS {
            if self.facts(&self.named(&format!(".{number}{form}")))?.is_some() {
                forms.push(form);
            }
        }
        Ok(forms)
    }

    /// Bytes that may still be written here.
    ///
    /// # Errors
    /// The kernel's.
    pub fn room(&self) -> io::Result<u64> {
        let space = rustix::fs::fstatvfs(&self.directory)?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }
}

/// Refuses what may not be touched: anything but a plain file with one name that belongs to this process's user.
///
/// # Errors
/// In words, with the name.
fn plain(facts: &Stat, name: &OsStr) -> io::Result<()> {
    let what = if FileType::from_raw_mode(facts.st_mode) != FileType::RegularFile {
        "is not a plain file"
    } else if facts.st_nlink != 1 {
        "has a second name (hard link)"
    } else if facts.st_uid != rustix::process::geteuid().as_raw() {
        "belongs to somebody else"
    } else {
        return Ok(());
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} {what}", name.display())))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// The names beside the log with their contents, after room was made.
    fn shelved(names: &[&str], keep: u32) -> String {
        let tree = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(tree.path().join(name), name).unwrap();
        }
        Shelf::of(&tree.path().join("l")).unwrap().make_room(keep).unwrap();
        let mut found: Vec<String> = fs::read_dir(tree.path())
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| format!("{}={}", entry.file_name().display(), fs::read_to_string(entry.path()).unwrap()))
            .collect();
        found.sort();
        found.join(" ")
    }

    #[test]
    fn room_is_made_by_moving_up_to_the_first_gap() {
        let cases: [(&[&str], u32, &str); 7] = [
            (&[], 3, ""),
            (&["l.1"], 3, "l.2=l.1"),
            (&["l.1", "l.2.gz"], 3, "l.2=l.1 l.3.gz=l.2.gz"),
            (&["l.1", "l.2.gz", "l.3.gz"], 3, "l.2=l.1 l.3.gz=l.2.gz"),
            (&["l.2", "l.3"], 3, "l.2=l.2 l.3=l.3"),
            (&["l.1", "l.3"], 3, "l.2=l.1 l.3=l.3"),
            (&["l.1", "l.2"], 1, "l.2=l.2"),
        ];
        for (names, keep, expected) in cases {
            assert_eq!(shelved(names, keep), expected, "{names:?} {keep}");
        }
    }

    #[test]
    fn what_is_not_a_plain_file_of_ones_own_is_refused() {
        let tree = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(&tree.path().join("l")).unwrap();
        fs::write(tree.path().join("precious"), "p").unwrap();
        symlink("precious", tree.path().join("l.1")).unwrap();
        assert!(shelf.make_room(3).unwrap_err().to_string().contains("l.1 is not a plain file"));
        fs::remove_file(tree.path().join("l.1")).unwrap();
        fs::hard_link(tree.path().join("precious"), tree.path().join("l.1")).unwrap();
        assert!(shelf.make_room(1).unwrap_err().to_string().contains("second name"));
        symlink("precious", tree.path().join(format!("l{UNFINISHED}"))).unwrap();
        assert!(shelf.create(&shelf.named(UNFINISHED), 0o640).is_err());
        fs::create_dir(tree.path().join("l.2")).unwrap();
        assert!(shelf.facts(&shelf.named(".2")).is_err());
        assert_eq!(fs::read_to_string(tree.path().join("precious")).unwrap(), "p");
    }

    #[test]
    fn nothing_is_replaced() {
        let tree = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(&tree.path().join("l")).unwrap();
        for name in ["l.1", "l.2"] {
            fs::write(tree.path().join(name), name).unwrap();
        }
        assert_eq!(shelf.rename(&shelf.named(".1"), &shelf.named(".2")).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        fs::write(tree.path().join("l.berth-copy"), "left behind").unwrap();
        assert_eq!(shelf.create(&shelf.named(UNFINISHED), 0o640).unwrap().metadata().unwrap().len(), 0);
    }
}
