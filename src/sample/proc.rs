//! The one way into /proc: everything is opened below one kept directory, which a test may put elsewhere.
//!
//! It must never follow what a process could have placed: names are built from numbers and constants only.

use std::ffi::CStr;
use std::fmt;
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, RawDir, SeekFrom, Stat};

/// What one getdents(2) call may fill: about a thousand entries.
const LISTING_BYTES: usize = 32 * 1024;

/// The longest file that is read in one go; a command line can be megabytes long, and nobody needs those.
const LONGEST_FILE: usize = 64 * 1024;

/// A /proc, opened once.
pub(super) struct Proc {
    directory: OwnedFd,
    listing: Vec<u8>,
    counts_files: bool,
    /// The inode number of a file of this process's network namespace.
    network: Option<u64>,
}

impl Proc {
    /// Opens the /proc that is mounted at `root`.
    pub(super) fn open_at(root: &Path) -> io::Result<Self> {
        let directory = rustix::fs::open(root, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        // This process has a file open: a size of zero is a kernel that does not count.
        let counts_files = rustix::fs::statat(&directory, "self/fd", AtFlags::empty()).is_ok_and(|stat| stat.st_size > 0);
        let network = rustix::fs::statat(&directory, "self/net/tcp", AtFlags::empty()).ok().map(|stat| stat.st_ino);
        Ok(Self { directory, listing: Vec::with_capacity(LISTING_BYTES), counts_files, network })
    }

    /// Whether a process lives in another network namespace. The entries below /proc/PID/net are made once a namespace, so that
    /// their inode numbers tell it (proc_tgid_net_lookup in fs/proc/proc_net.c); unlike /proc/PID/ns/net they may be asked by
    /// everybody. A process of which that cannot be asked is taken for one of here.
    pub(super) fn is_elsewhere(&self, pid: i32) -> bool {
        let theirs = rustix::fs::statat(&self.directory, below(pid, "net/tcp", &mut [0; LONGEST_NAME]), AtFlags::empty());
        let theirs = theirs.ok().map(|stat| stat.st_ino);
        matches!((self.network, theirs), (Some(own), Some(theirs)) if own != theirs)
    }

    /// Whether the size of /proc/PID/fd is the number of open descriptors (since Linux 6.2).
    pub(super) fn counts_files(&self) -> bool {
        self.counts_files
    }

    /// The size of one of a process's directories.
    pub(super) fn size(&self, pid: i32, name: &str) -> io::Result<u64> {
        let stat = rustix::fs::statat(&self.directory, below(pid, name, &mut [0; LONGEST_NAME]), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(u64::try_from(stat.st_size).unwrap_or(0))
    }

    /// Opens one of a process's files for reading.
    pub(super) fn open(&self, pid: i32, name: &str) -> io::Result<OwnedFd> {
        self.open_with(pid, name, OFlags::RDONLY)
    }

    /// Opens one of a process's directories, only to ask about it: O_PATH needs no permission on the directory itself.
    pub(super) fn point_at(&self, pid: i32, name: &str) -> io::Result<OwnedFd> {
        self.open_with(pid, name, OFlags::PATH | OFlags::DIRECTORY)
    }

    fn open_with(&self, pid: i32, name: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let mut path = [0; LONGEST_NAME];
        Ok(rustix::fs::openat(&self.directory, below(pid, name, &mut path), flags | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())?)
    }

    /// Opens a file of /proc itself.
    pub(super) fn open_global(&self, name: &str) -> io::Result<OwnedFd> {
        Ok(rustix::fs::openat(&self.directory, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
    }

    /// Reads one of a process's files, as far as [`LONGEST_FILE`].
    pub(super) fn read(&self, pid: i32, name: &str) -> io::Result<Vec<u8>> {
        let file = self.open(pid, name)?;
        let mut bytes = Vec::with_capacity(1024);
        loop {
            bytes.reserve(1024);
            let room = bytes.capacity() - bytes.len();
            match rustix::io::read(&file, rustix::buffer::spare_capacity(&mut bytes)) {
                // The kernel fills what room there is: where some is left, there is no more to come.
                Ok(length) if length < room || bytes.len() >= LONGEST_FILE => return Ok(bytes),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What one of a process's descriptors is, as `socket:[inode]` or a path, cut to 64 bytes. Nothing is allocated for it: a look at a
    /// host asks for thousands.
    pub(super) fn link<T>(&self, pid: i32, descriptor: i32, read: impl FnOnce(&[u8]) -> T) -> io::Result<T> {
        let (mut buffer, mut path) = ([MaybeUninit::uninit(); 64], [0; LONGEST_NAME]);
        let path = joined(&mut path, format_args!("{pid}/fd/{descriptor}"));
        let (target, _) = rustix::fs::readlinkat_raw(&self.directory, path, &mut buffer[..])?;
        Ok(read(target))
    }

    /// What the directory of a process says of itself. Its owner is the process's effective uid: the kernel keeps that true
    /// for this directory even for processes that may not be dumped (task_dump_owner in fs/proc/base.c), because reading
    /// `status` is slow. Its inode number is another one for another process with the same pid.
    pub(super) fn identity(&self, pid: i32) -> io::Result<Stat> {
        Ok(rustix::fs::statat(&self.directory, number(pid, &mut [0; 12]), AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Tells every pid and the inode number of its directory.
    pub(super) fn list(&mut self, mut tell: impl FnMut(i32, u64)) -> io::Result<()> {
        rustix::fs::seek(&self.directory, SeekFrom::Start(0))?;
        each_number(&self.directory, self.listing.spare_capacity_mut(), |pid, _, inode| {
            tell(pid, inode);
            true
        })
    }

    /// The pid that /proc says this process has. Another one than getpid(2)'s when /proc is of another pid namespace.
    pub(super) fn own_pid(&self) -> Option<i32> {
        let target = rustix::fs::readlinkat(&self.directory, "self", Vec::new()).ok()?;
        target.to_str().ok()?.parse().ok()
    }
}

/// Tells each entry of a directory whose name is a number (the number, the name and the inode number) until it is told to stop.
pub(super) fn each_number(
    directory: impl AsFd,
    buffer: &mut [MaybeUninit<u8>],
    mut tell: impl FnMut(i32, &CStr, u64) -> bool,
) -> io::Result<()> {
    let mut entries = RawDir::new(directory, buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if let Some(value) = parse_number(entry.file_name().to_bytes())
            && !tell(value, entry.file_name(), entry.ino())
        {
            break;
        }
    }
    Ok(())
}

/// A name of nothing but digits, as a number.
fn parse_number(name: &[u8]) -> Option<i32> {
    if name.is_empty() || name.len() > 10 {
        return None;
    }
    name.iter().try_fold(0i32, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| i32::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// The longest name below /proc that is asked for, its end included.
const LONGEST_NAME: usize = 64;

/// The name of something in a process's directory.
fn below<'a>(pid: i32, name: &str, buffer: &'a mut [u8; LONGEST_NAME]) -> &'a CStr {
    joined(buffer, format_args!("{pid}/{name}"))
}

/// A name, without allocating. What is too long is cut, and is no name of anything.
fn joined<'a>(buffer: &'a mut [u8; LONGEST_NAME], name: fmt::Arguments<'_>) -> &'a CStr {
    let mut rest = &mut buffer[..LONGEST_NAME - 1];
    // It fails where there is no more room, which is what cuts.
    drop(rest.write_fmt(name));
    CStr::from_bytes_until_nul(buffer).unwrap_or_default()
}

/// A pid as a name, without allocating.
fn number(pid: i32, buffer: &mut [u8; 12]) -> &CStr {
    let mut at = buffer.len() - 1;
    buffer[at] = 0;
    let mut rest = pid.unsigned_abs();
    loop {
        at -= 1;
        buffer[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    CStr::from_bytes_until_nul(&buffer[at..]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patience::until;

    #[test]
    fn names_are_numbers_or_nothing() {
        let cases: [(&[u8], Option<i32>); 7] = [
            (b"1", Some(1)),
            (b"4194304", Some(4_194_304)),
            (b"", None),
            (b"self", None),
            (b"1x", None),
            (b"99999999999", None),
            (b"-1", None),
        ];
        for (name, expected) in cases {
            assert_eq!(parse_number(name), expected, "{name:?}");
        }
        let mut buffer = [0; LONGEST_NAME];
        assert_eq!(below(42, "net/tcp", &mut buffer).to_bytes(), b"42/net/tcp");
        assert_eq!(below(i32::MAX, &"x".repeat(100), &mut [0; LONGEST_NAME]).to_bytes().len(), LONGEST_NAME - 1);
        for pid in [0, 1, 42, 4_194_304, i32::MAX] {
            assert_eq!(number(pid, &mut [0; 12]).to_bytes(), pid.to_string().as_bytes());
        }
    }

    #[test]
    fn a_fake_root_is_listed_and_read() {
        let root = tempfile::tempdir().unwrap();
        for pid in ["12", "7"] {
            std::fs::create_dir(root.path().join(pid)).unwrap();
        }
        std::fs::create_dir(root.path().join("sys")).unwrap();
        std::fs::write(root.path().join("7/cgroup"), b"0::/x\n").unwrap();
        let mut proc = Proc::open_at(root.path()).unwrap();
        for _ in 0..2 {
            let mut pids = Vec::new();
            proc.list(|pid, _| pids.push(pid)).unwrap();
            pids.sort_unstable();
            assert_eq!(pids, [7, 12]);
        }
        assert_eq!(proc.read(7, "cgroup").unwrap(), b"0::/x\n");
        assert!(proc.read(12, "cgroup").is_err());
    }

    #[test]
    fn a_file_is_read_whole_up_to_the_cap() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("7")).unwrap();
        let proc = Proc::open_at(root.path()).unwrap();
        for length in [0, 1, 1023, 1024, 1025, 5000] {
            std::fs::write(root.path().join("7/cmdline"), vec![b'x'; length]).unwrap();
            assert_eq!(proc.read(7, "cmdline").unwrap().len(), length);
        }
        std::fs::write(root.path().join("7/cmdline"), vec![b'x'; 10_000_000]).unwrap();
        assert!(proc.read(7, "cmdline").unwrap().len() <= 2 * LONGEST_FILE);
        let arguments = vec!["-c".to_owned(), "read x".to_owned(), "y".repeat(20_000)];
        let mut child = std::process::Command::new("sh").args(&arguments).stdin(std::process::Stdio::piped()).spawn().unwrap();
        let (real, pid) = (Proc::open_at(Path::new("/proc")).unwrap(), i32::try_from(child.id()).unwrap());
        // In the middle of an exec there is no command line.
        let line = until(|| real.read(pid, "cmdline").ok().filter(|line| line.starts_with(b"sh")));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(line.unwrap().len(), "sh\0\0".len() + arguments.join("\0").len());
    }

    #[test]
    fn the_real_proc_knows_this_process() {
        let mut proc = Proc::open_at(Path::new("/proc")).unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(proc.own_pid(), Some(own));
        let mut found = None;
        proc.list(|pid, inode| {
            if pid == own {
                found = Some(inode);
            }
        })
        .unwrap();
        let identity = proc.identity(own).unwrap();
        assert_eq!(found, Some(identity.st_ino));
        assert_eq!(identity.st_uid, nix::unistd::geteuid().as_raw());
    }
}
