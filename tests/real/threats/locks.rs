//! What users do to the lock on their own configuration: held by who cannot be named, on a file that nobody can open.
//!
//! It must never leave the holder behind.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::host::{Host, RESTS};
use crate::accounts::Account;
use crate::parts;

/// Takes the lock and leaves it to a child, whose pid it tells: /proc/locks goes on naming the parent.
const LEAVES_IT: &str = r#"open(my $file, "<", $ARGV[0]) or die; flock($file, 2) or die;
if (my $child = fork) { $| = 1; print "$child\n"; exit 0 } close(STDOUT); sleep 1 while 1;"#;

/// Ends what holds the lock, whatever becomes of the test.
struct Holder(Pid);

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGKILL);
    }
}

fn hold(owner: &Account, config: &Path) -> Holder {
    let mut command = owner.command(Path::new("/usr/bin/perl"));
    command.args(["-e", LEAVES_IT]).arg(config).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let told = command.spawn().and_then(Child::wait_with_output).unwrap();
    let pid = String::from_utf8(told.stdout).unwrap();
    Holder(Pid::from_raw(pid.trim().parse().unwrap_or_else(|_| panic!("the lock was not taken: {pid:?}"))))
}

#[test]
fn a_lock_that_a_user_left_to_a_child_keeps_root_from_no_stop() {
    let Some(()) = parts::root() else { return };
    let host = Host::new(&[RESTS]);
    let owner = &host.owners[0];
    host.berth.done(&["start", &owner.name]);
    let holder = hold(owner, &host.tree(owner).join("config/config.json"));
    // Whoever holds it keeps others, root too, from what is not needed at once.
    let ran = host.berth.run(&["restart", &owner.name]);
    assert_eq!(ran.code, Some(5), "{}", ran.text);
    assert!(ran.text.contains("is acting on it"), "{}", ran.text);
    host.berth.done(&["stop", &owner.name]);
    let left = owner.processes();
    assert_eq!(left, [holder.0.as_raw()], "more than the holder of the lock is left");
}

#[test]
fn what_nobody_can_open_is_stopped_and_removed() {
    let Some(()) = parts::root() else { return };
    let host = Host::new(&[RESTS]);
    let owner = &host.owners[0];
    host.berth.done(&["start", &owner.name]);
    let config = host.tree(owner).join("config/config.json");
    std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o000)).unwrap();
    host.berth.done(&["stop", &owner.name]);
    owner.assert_idle();
    // berth's own lock on it is not met by who has it.
    host.berth.done(&["remove", &owner.name, "--yes"]);
    assert!(!config.exists(), "its configuration is still in its place");
}
