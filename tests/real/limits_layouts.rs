//! The same fleet in the layouts of control groups that this machine does not have: version 1 alone, version 2 without controllers, and
//! version 2 alone.
//!
//! The first two are mounts in a namespace of their own. Controllers cannot be moved from version 1 to version 2 while any process of the
//! machine has version 1 mounted, so the last one runs under a kernel of its own: Debian's user-mode-linux, on this machine's files.
//! Nothing that is mounted or written there is seen outside.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use crate::parts::{part, root};
use crate::world::enterable;

/// The test that each of them runs: this program again, in the other surroundings.
const TEST: &str = "limits::a18_a19_f18_as_the_groups_of_this_machine_are";

fn again() -> String {
    format!("'{}' --exact {TEST} --nocapture", env::current_exe().unwrap().display())
}

/// Runs the fleet after these mounts, in a mount namespace.
fn after(mounts: &str) -> String {
    let script = format!("set -e\n{mounts}\nexec {}", again());
    let output = Command::new("unshare").args(["--mount", "sh", "-c", &script]).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("test result: ok. 1 passed"), "{text}");
    text
}

fn mounts(kind: &str) -> Vec<String> {
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    let of_kind = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>()).filter(|words| words[2] == kind);
    of_kind.map(|words| words[1].to_owned()).collect()
}

#[test]
fn version_one_alone() {
    let Some(()) = root() else { return };
    let first = mounts("cgroup");
    let found = if first.is_empty() { Err("no hierarchy of version 1 is mounted here".to_owned()) } else { Ok(()) };
    let Some(()) = part("cgroup-v1", found) else { return };
    let text = after(&mounts("cgroup2").iter().map(|point| format!("umount '{point}'\n")).collect::<String>());
    assert!(text.contains(r#"controllers: ["memory", "cpu", "pids"]"#), "{text}");
}

#[test]
fn version_two_whose_controllers_version_one_has() {
    let Some(()) = root() else { return };
    let first = mounts("cgroup");
    let found =
        if first.is_empty() || mounts("cgroup2").is_empty() { Err("not both versions are mounted here".to_owned()) } else { Ok(()) };
    let Some(()) = part("cgroup-hybrid", found) else { return };
    let text = after(&first.iter().map(|point| format!("umount '{point}'\n")).collect::<String>());
    assert!(text.contains("controllers: []"), "{text}");
}

/// Debian's package user-mode-linux.
fn other_kernel() -> Result<PathBuf, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join("linux.uml")).find(|file| file.is_file());
    found.ok_or_else(|| "there is no linux.uml in PATH: apt-get install user-mode-linux".to_owned())
}

/// Everything that would be written goes to memory: accounts, temporary files, state.
const FIRST_PROCESS: &str = r#"#!/bin/bash
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
cp -a /etc /run/etc && mount --bind /run/etc /etc
mount -t devtmpfs dev /dev 2>/dev/null
ip link set lo up
MOUNTS
mount -t tmpfs tmp /tmp
chmod 1777 /tmp
AGAIN
echo o > /proc/sysrq-trigger
sleep 100
"#;

/// Runs the fleet under the other kernel after these mounts.
fn under_another_kernel(kernel: &std::path::Path, mounts: &str) -> String {
    let directory = enterable();
    let first = directory.path().join("first-process");
    fs::write(&first, FIRST_PROCESS.replace("MOUNTS", mounts).replace("AGAIN", &again())).unwrap();
    fs::set_permissions(&first, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", "240"]).arg(kernel);
    command.args(["mem=512M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw", "con=null", "con0=null,fd:1", "quiet"]);
    // Its memory is a file in TMPDIR, and its sockets are in HOME.
    command.arg(format!("init={}", first.display())).env("TMPDIR", directory.path()).env("HOME", directory.path());
    let output = command.output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn version_two_alone() {
    let Some(()) = root() else { return };
    let Some(kernel) = part("user-mode-linux", other_kernel()) else { return };
    let text = under_another_kernel(&kernel, "mount -t cgroup2 none /sys/fs/cgroup");
    assert!(text.contains(r#"controllers: ["memory", "cpu", "pids"]"#) && text.contains("test result: ok. 1 passed"), "{text}");
}
