//! Accounts of a test's own: made with useradd, gone with userdel when the test ends, however it ends.
//!
//! It must never touch an account that it did not make.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User};

/// Two tests of one program run at the same time.
static COUNTER: AtomicU32 = AtomicU32::new(1);

/// An account and all that runs under it.
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

impl Account {
    /// Makes one.
    pub fn make() -> Self {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("berth-t{number}-{}", std::process::id());
        let status =
            Command::new("useradd").args(["--no-create-home", "--user-group", "--shell", "/usr/sbin/nologin", &name]).status().unwrap();
        assert!(status.success(), "useradd {name}");
        let user = User::from_name(&name).unwrap().unwrap();
        Self { name, uid: user.uid.as_raw(), gid: user.gid.as_raw() }
    }

    /// Makes a directory that is this account's alone.
    pub fn directory(&self, path: &Path) {
        fs::create_dir(path).unwrap();
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid)).unwrap();
    }

    /// Writes a file that is this account's alone.
    pub fn file(&self, path: &Path, text: &str) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid)).unwrap();
    }

    /// A program that will run as this account.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command
            .args([&format!("--reuid={}", self.uid), &format!("--regid={}", self.gid), "--clear-groups", "--"])
            .arg(program)
            .current_dir("/");
        command
    }

    /// All processes that run under it, the dead that nobody waited for left out.
    pub fn processes(&self) -> Vec<i32> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
            let Ok(status) = fs::read_to_string(entry.path().join("status")) else { continue };
            let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
            let uid = field("Uid:").split_ascii_whitespace().next().and_then(|uid| uid.parse().ok());
            if uid == Some(self.uid) && !field("State:").starts_with('Z') {
                found.push(pid);
            }
        }
        found
    }

    /// Fails when a process is still there after a moment in which the kernel may finish its exit.
    pub fn assert_idle(&self) {
        let begin = Instant::now();
        while !self.processes().is_empty() {
            assert!(begin.elapsed() < Duration::from_secs(10), "{} still has processes {:?}", self.name, self.processes());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        // userdel refuses while something runs, and a keeper may start it again once: so until nothing is left.
        for _ in 0..200 {
            let left = self.processes();
            if left.is_empty() {
                break;
            }
            for pid in left {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = Command::new("userdel").arg(&self.name).status();
    }
}
