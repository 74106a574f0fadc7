//! The size of a workspace, counted a piece at a time: interrupted after so many entries and resumed where it was.
//!
//! It must never follow a link, leave the file system it began on, or tell a sum before it has seen everything.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Dir, FileType, OFlags};

use super::measure::{Room, device, directory, facts, mount_of, room};

/// How many entries a workspace may have before counting it is given up: a walk must end.
const MOST_ENTRIES: u64 = 20_000_000;

/// How many directories may wait to be entered, and how many files with several names are remembered.
const MOST_WAITING: usize = 200_000;

/// A walk in the middle of its way.
pub(super) struct Walk {
    /// The workspace, beneath the administrator's part of its path.
    top: PathBuf,
    /// Directories yet to be entered, relative to the workspace.
    waiting: Vec<PathBuf>,
    /// The directory that is being read, and where it is.
    current: Option<(Dir, PathBuf)>,
    /// Files with several names that were counted.
    linked: HashSet<u64>,
    /// The file system that it began on.
    place: Option<(u64, u64)>,
    room: Option<Room>,
    bytes: u64,
    entries: u64,
}

/// How far a walk came.
pub(super) enum Step {
    /// There is more.
    More(Box<Walk>),
    /// Everything was counted: bytes on the disk, and the room where it lies.
    Done(u64, Room),
}

impl Walk {
    /// A walk through the workspace `top` beneath the administrator's part of its path.
    pub fn new(top: &Path) -> Self {
        Self {
            top: top.to_owned(),
            waiting: vec![PathBuf::new()],
            current: None,
            linked: HashSet::new(),
            place: None,
            room: None,
            bytes: 0,
            entries: 0,
        }
    }

    /// Counts up to about `most` entries more.
    ///
    /// # Errors
    /// When a part of it may not be read (the size is not known then), or it is too large or too deep to be counted.
    pub fn step(mut self: Box<Self>, root: BorrowedFd<'_>, most: u64) -> io::Result<Step> {
        let until = self.entries + most;
        while self.entries < until {
            let Some((mut entries, path)) = self.next_directory(root)? else {
                let room = self.room.ok_or(io::ErrorKind::NotFound)?;
                return Ok(Step::Done(self.bytes, room));
            };
            let mut ended = true;
            while let Some(entry) = entries.next() {
                let name = entry?.file_name().to_owned();
                if !matches!(name.to_bytes(), b"." | b"..") {
                    self.count(&entries, &path, name.to_bytes())?;
                }
                if self.entries >= until {
                    ended = false;
                    break;
                }
            }
            if !ended {
                self.current = Some((entries, path));
            }
        }
        Ok(Step::More(self))
    }

    /// The directory to go on with; `None` when everything was seen.
    fn next_directory(&mut self, root: BorrowedFd<'_>) -> io::Result<Option<(Dir, PathBuf)>> {
        if let Some(current) = self.current.take() {
            return Ok(Some(current));
        }
        while let Some(path) = self.waiting.pop() {
            let is_top = path.as_os_str().is_empty();
            let opened = match directory(root, &self.top.join(&path), OFlags::RDONLY) {
                Ok(opened) => opened,
                // What was removed, or became a link, while it waited is not there any more.
                Err(error) if !is_top && matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR | libc::ELOOP)) => continue,
                Err(error) => return Err(error),
            };
            if is_top {
                let room = room(std::os::fd::AsFd::as_fd(&opened))?;
                self.place = Some((room.mount, room.device));
                self.room = Some(room);
            }
            return Ok(Some((Dir::new(opened)?, path)));
        }
        Ok(None)
    }

    fn count(&mut self, entries: &Dir, path: &Path, name: &[u8]) -> io::Result<()> {
        self.entries += 1;
        if self.entries > MOST_ENTRIES {
            return Err(io::Error::other("it has too many files to be counted"));
        }
        let name = OsStr::from_bytes(name);
        let Ok(facts) = facts(entries.fd()?, name) else { return Ok(()) };
        if self.place != Some((mount_of(&facts), device(&facts))) {
            return Ok(());
        }
        let is_directory = FileType::from_raw_mode(facts.stx_mode.into()) == FileType::Directory;
        if !is_directory && facts.stx_nlink > 1 && self.linked.len() < MOST_WAITING && !self.linked.insert(facts.stx_ino) {
            return Ok(());
        }
        self.bytes += facts.stx_blocks * 512;
        if is_directory {
            if self.waiting.len() >= MOST_WAITING {
                return Err(io::Error::other("it has too many directories to be counted"));
            }
            self.waiting.push(path.join(name));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::fd::AsFd;
    use std::os::unix::fs::symlink;

    use super::*;

    /// Walks in steps of `most`: the sum and the number of steps.
    fn walk(tree: &Path, top: &str, most: u64) -> io::Result<(u64, usize)> {
        let root = File::open(tree).unwrap();
        let mut walk = Box::new(Walk::new(Path::new(top)));
        for steps in 1.. {
            match walk.step(root.as_fd(), most)? {
                Step::More(on) => walk = on,
                Step::Done(bytes, _) => return Ok((bytes, steps)),
            }
        }
        unreachable!()
    }

    fn du(path: &Path) -> u64 {
        let output = std::process::Command::new("du").args(["-s", "-x", "--block-size=1"]).arg(path).output().unwrap();
        let own = rustix::fs::stat(path).unwrap().st_blocks.cast_unsigned() * 512;
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_whitespace().next().unwrap().parse::<u64>().unwrap() - own
    }

    #[test]
    fn every_step_size_counts_the_same_as_du() {
        let tree = tempfile::tempdir().unwrap();
        let top = tree.path().join("ws");
        for directory in 0..5 {
            fs::create_dir_all(top.join(format!("a/{directory}/deep/er"))).unwrap();
            for file in 0..7 {
                fs::write(top.join(format!("a/{directory}/deep/{file}")), vec![1; 3000 * file]).unwrap();
            }
        }
        fs::hard_link(top.join("a/0/deep/6"), top.join("a/1/again")).unwrap();
        symlink("/", top.join("a/root")).unwrap();
        let expected = du(&top);
        for most in [1, 2, 3, 10, 1000] {
            let (bytes, steps) = walk(tree.path(), "ws", most).unwrap();
            assert_eq!(bytes, expected, "{most}");
            assert!(steps > 1 || most == 1000, "{most}");
        }
    }

    #[test]
    fn what_is_not_there_or_a_link_is_an_error() {
        let tree = tempfile::tempdir().unwrap();
        assert_eq!(walk(tree.path(), "ws", 10).unwrap_err().kind(), io::ErrorKind::NotFound);
        symlink("/tmp", tree.path().join("ws")).unwrap();
        assert!(walk(tree.path(), "ws", 10).is_err());
    }

    #[test]
    fn what_goes_away_during_the_walk_is_gone() {
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir_all(tree.path().join("ws/a/b")).unwrap();
        let root = File::open(tree.path()).unwrap();
        let Step::More(walk) = Box::new(Walk::new(Path::new("ws"))).step(root.as_fd(), 1).unwrap() else { panic!("one entry is not all") };
        fs::remove_dir_all(tree.path().join("ws/a")).unwrap();
        assert!(matches!(walk.step(root.as_fd(), 100).unwrap(), Step::Done(..)));
    }
}
