//! The host: a real systemd in namespaces of its own, in which the rounds are run.
//!
//! It must never outlive the run: its init is killed with it, and everything in its pid namespace with that.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::PATIENCE;

/// Makes the namespaces and becomes its init.
const BOOT: &str = include_str!("../../real/systemd/boot.sh");

/// Where berth is in it, and this program.
pub const BERTH: &str = "/usr/local/bin/berth";
pub const SELF: &str = "/opt/berth/node_modules/kinds";

/// What a line begins with that is a figure.
pub const RESULT: &str = "RESULT ";

/// It.
pub struct Host {
    unshare: Child,
    init: i32,
    group: Option<PathBuf>,
    _directory: TempDir,
}

impl Host {
    /// Boots one and waits until its bus answers.
    pub fn boot(berth: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (root, own) = (directory.path().join("root"), directory.path().join("own"));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&own).unwrap();
        // Every account of the host gets to it, and everything of it.
        for path in [directory.path(), &own] {
            fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        fs::copy(std::env::current_exe().unwrap(), own.join("kinds")).unwrap();
        let group = own_group(directory.path());
        let mut command = Command::new("bash");
        command.args(["-c", BOOT, "boot"]).arg(&root).arg(berth).arg(&own).arg(group.clone().unwrap_or_default());
        let unshare = command.stdin(Stdio::null()).spawn().unwrap();
        let mut host = Self { unshare, init: 0, group, _directory: directory };
        let outside = host.unshare.id();
        until("its init", || {
            let children = fs::read_to_string(format!("/proc/{outside}/task/{outside}/children")).unwrap_or_default();
            let child = children.split_whitespace().next().and_then(|pid| pid.parse::<i32>().ok());
            // Before it is systemd it is the shell that lays everything out.
            let is_it = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "systemd");
            host.init = child.filter(is_it).unwrap_or_default();
            host.init > 0
        });
        let answers = ["busctl", "--system", "status", "org.freedesktop.systemd1"];
        until("its bus", || host.inside(&answers).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
        host
    }

    fn inside(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.init.to_string(), "-m", "-p", "-u", "-i", "-C", "-n", "--", "env", "-i"]);
        command.args(["PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/root"]).args(words).stdin(Stdio::null());
        command
    }

    /// Runs a round in it, and gives the figures that it says by name.
    pub fn measure(&self, words: &[String]) -> Vec<(String, f64)> {
        let words: Vec<&str> = std::iter::once(SELF).chain(words.iter().map(String::as_str)).collect();
        let output = self.inside(&words).stderr(Stdio::inherit()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "a round failed: {text}");
        let figure = |line: &str| {
            let (name, value) = line.strip_prefix(RESULT)?.split_once('=')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        text.lines().filter_map(figure).collect()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
        let begun = Instant::now();
        while Path::new(&format!("/proc/{}", self.init)).exists() && begun.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(20));
        }
        if let Some(group) = &self.group {
            remove_groups(group);
        }
    }
}

/// Waits until something is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not come");
        thread::sleep(Duration::from_millis(50));
    }
}

/// A control group of its own, so that what systemd makes there can be taken away again.
fn own_group(directory: &Path) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/mounts").ok()?;
    let unified = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>()).find(|words| words.get(2) == Some(&"cgroup2"))?;
    Some(Path::new(unified[1]).join(directory.file_name()?))
}

fn remove_groups(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
        remove_groups(&entry.path());
    }
    // The kernel may still be at its last process.
    for _ in 0..50 {
        if fs::remove_dir(group).is_ok() || !group.exists() {
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
}
