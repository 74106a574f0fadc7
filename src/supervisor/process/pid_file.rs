//! The PID file that the guide's scripts read: written and removed as the user, by the keeper.
//!
//! It must never be read as the truth: berth writes it for others and believes its own record.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Writes the pid and a line end, by a new file that takes the old one's name: a reader sees the old or the new, a link is replaced.
///
/// # Errors
/// When the directory may not be written.
pub fn write(path: &Path, pid: i32) -> io::Result<()> {
    let fresh = path.with_extension(format!("pid.{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).custom_flags(libc::O_NOFOLLOW).mode(0o644).open(&fresh)?;
    let result = writeln!(file, "{pid}").and_then(|()| fs::rename(&fresh, path));
    if result.is_err() {
        drop(fs::remove_file(&fresh));
    }
    result
}

/// Removes the PID file if it still names this pid: another start may have written its own by now. False when it did not.
pub fn remove(path: &Path, pid: i32) -> bool {
    let names_it = names(path, pid);
    if names_it {
        drop(fs::remove_file(path));
    }
    names_it
}

/// Whether the PID file names this pid.
pub fn names(path: &Path, pid: i32) -> bool {
    let Ok(file) = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path) else { return false };
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).is_ok() && text.trim().parse() == Ok(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_pid_is_removed() {
        let tree = tempfile::tempdir().unwrap();
        let path = tree.path().join("server.pid");
        write(&path, 4711).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "4711\n");
        assert!(!remove(&path, 4712));
        assert!(path.exists());
        assert!(remove(&path, 4711));
        assert!(!path.exists());
    }

    #[test]
    fn a_link_is_replaced_and_its_target_left() {
        let tree = tempfile::tempdir().unwrap();
        let (path, target) = (tree.path().join("server.pid"), tree.path().join("target"));
        fs::write(&target, "canary").unwrap();
        std::os::unix::fs::symlink(&target, &path).unwrap();
        write(&path, 1).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "canary");
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
    }
}
