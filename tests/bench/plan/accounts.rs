//! Accounts by the thousand that only this process and its children know of.
//!
//! It must never write to the machine's own /etc.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use nix::sched::{CloneFlags, unshare};

/// The first uid; nobody's on a machine with ordinary accounts.
const FIRST: usize = 2_000_000;

/// Makes so many, and says what they are called. Called before there is any thread: a mount namespace is left by the one that calls.
pub fn make(directory: &Path, count: usize) -> Vec<String> {
    assert!(nix::unistd::geteuid().is_root(), "this needs root: it makes accounts in a mount namespace of its own");
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    mount(&["--make-rprivate", "/"]);
    // The whole directory: a mount on a file goes when somebody outside replaces that file, as useradd(8) does.
    let etc = directory.join("etc");
    assert!(Command::new("cp").arg("--archive").arg("/etc").arg(&etc).status().unwrap().success(), "/etc cannot be copied");
    let names: Vec<String> = (0..count).map(|number| format!("plan{number:05}")).collect();
    let line = |format: &dyn Fn(usize, &str) -> String| {
        names.iter().enumerate().fold(String::new(), |mut text, (number, name)| {
            writeln!(text, "{}", format(FIRST + number, name)).unwrap();
            text
        })
    };
    add(&etc, "passwd", &line(&|uid, name| format!("{name}:x:{uid}:{uid}::/nonexistent:/usr/sbin/nologin")));
    add(&etc, "group", &line(&|gid, name| format!("{name}:x:{gid}:")));
    mount(&["--bind", etc.to_str().unwrap(), "/etc"]);
    let last = names.last().unwrap();
    let found = nix::unistd::User::from_name(last).unwrap();
    assert!(found.is_some_and(|user| user.uid.as_raw() as usize == FIRST + count - 1), "{last} is no account here");
    names
}

/// Adds lines to a file of the copy.
fn add(etc: &Path, name: &str, more: &str) {
    let path = etc.join(name);
    fs::write(&path, fs::read_to_string(&path).unwrap() + more).unwrap();
}

fn mount(words: &[&str]) {
    assert!(Command::new("mount").args(words).status().unwrap().success(), "mount {words:?}");
}
