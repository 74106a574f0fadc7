//! What is left when the demo ends, however it ends: nothing. The hidden subcommand `demo-reaper --parent DIR --token TOKEN`.
//!
//! It makes the tree's directory, so that there is never one it does not know; then it waits on a pipe whose other end only the demo holds.
//! It must never end a process that does not carry the demo's token, nor one of another account.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::SigSet;
use nix::unistd::{getpid, getuid, mkdtemp};

use crate::domain::{ProcessKey, Uid};
use crate::hand::{end_tree, open_verified, process_facts};

use super::tree::MARK;

/// What a process is given between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(1);

/// How long to wait between two looks. A keeper may just be starting its server, which carries the mark from its exec on.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long it goes on at most: what cannot be ended must not keep this process for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lives until the demo has ended and nothing of it is left. The arguments are those after the subcommand.
pub fn main(arguments: &[OsString]) -> u8 {
    // What ends the demo's terminal or session must not end this before it has done its work. SIGKILL is all that does.
    let _ = SigSet::all().thread_block();
    let (Some(parent), Some(token)) = (super::option(arguments, "--parent"), super::option(arguments, "--token")) else { return 2 };
    let tree = match Tree::make(Path::new(parent)) {
        Ok(tree) => tree,
        Err(error) => {
            let _ = writeln!(io::stdout(), "!cannot make a directory in {}: {error}", Path::new(parent).display());
            return 1;
        }
    };
    let mut line = tree.path.clone().into_os_string().into_vec();
    line.push(b'\n');
    // Whoever should hear it may be gone already: then the pipe is at its end, and what follows is the same.
    let _ = io::stdout().write_all(&line).and_then(|()| io::stdout().flush());
    let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
    u8::from(!reap(&tree, token, PATIENCE))
}

/// The tree's directory, known again by its inode.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) path: PathBuf,
    identity: (u64, u64),
}

impl Tree {
    fn make(parent: &Path) -> io::Result<Self> {
        Self::of(mkdtemp(&parent.join("berth-demo-XXXXXX"))?)
    }

    pub(super) fn of(path: PathBuf) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(&path)?;
        Ok(Self { identity: (metadata.dev(), metadata.ino()), path })
    }

    /// Removes it unless something else stands there by now. `remove_dir_all` follows no link.
    fn remove(&self) -> bool {
        match fs::symlink_metadata(&self.path) {
            Ok(metadata) if metadata.is_dir() && (metadata.dev(), metadata.ino()) == self.identity => {
                fs::remove_dir_all(&self.path).is_ok()
            }
            Ok(_) => true,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }
}

/// Ends everything that carries the token and removes the tree; repeats until nothing was found twice in a row. Whether it was all done.
pub(super) fn reap(tree: &Tree, token: &OsStr, patience: Duration) -> bool {
    let begun = Instant::now();
    let mut quiet = 0;
    while begun.elapsed() < patience {
        let found = carriers(token);
        if found.is_empty() {
            quiet += 1;
        } else {
            quiet = 0;
            end_tree(None, &found, GRACE, || ());
        }
        // What was just ended, or is being started, may still have written something: hence the second time.
        if quiet >= 2 && tree.remove() {
            return true;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    false
}

/// The account's processes that carry the token in their environment; this one's own are arguments.
pub(super) fn carriers(token: &OsStr) -> Vec<ProcessKey> {
    let mark = [MARK.as_bytes(), b"=", token.as_bytes()].concat();
    let own = getpid().as_raw();
    let uid = Uid(getuid().as_raw());
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| *pid != own)
        .filter_map(|pid| {
            // The facts before the environment: a pid that changed hands between the two has another start time when it is opened.
            let facts = process_facts(pid).ok().filter(|facts| !matches!(facts.state, 'Z' | 'X'))?;
            carries(pid, &mark).then_some(facts.key)
        })
        .filter(|key| open_verified(*key, Some(uid)).is_ok())
        .collect()
}

fn carries(pid: i32, mark: &[u8]) -> bool {
    let mut environment = Vec::new();
    // Another account's environment may not be read, proc_pid_environ(5): it is none of ours.
    let read = fs::File::open(format!("/proc/{pid}/environ")).and_then(|mut file| file.read_to_end(&mut environment));
    read.is_ok() && environment.split(|byte| *byte == 0).any(|entry| entry == mark)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    fn marked(token: &str, program: &str, arguments: &[&str]) -> Child {
        Command::new(program).args(arguments).env(MARK, token).spawn().unwrap()
    }

    #[test]
    fn it_ends_what_carries_the_token_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let tree = Tree::make(parent.path()).unwrap();
        fs::create_dir_all(tree.path.join("a/b")).unwrap();
        std::os::unix::fs::symlink(parent.path(), tree.path.join("a/out")).unwrap();
        fs::write(parent.path().join("stays"), "").unwrap();
        let token = format!("test-{}", std::process::id());
        let mut ours = marked(&token, "sleep", &["60"]);
        let mut stubborn = marked(&token, "env", &["--ignore-signal=TERM", "sleep", "60"]);
        let mut foreign = marked(&format!("{token}0"), "sleep", &["60"]);
        assert!(reap(&tree, OsStr::new(&token), PATIENCE));
        assert!(ours.try_wait().unwrap().is_some() && stubborn.try_wait().unwrap().is_some());
        assert!(foreign.try_wait().unwrap().is_none());
        foreign.kill().unwrap();
        foreign.wait().unwrap();
        assert!(!tree.path.exists() && parent.path().join("stays").exists());
    }

    #[test]
    fn what_took_the_trees_place_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        let tree = Tree::make(parent.path()).unwrap();
        fs::rename(&tree.path, parent.path().join("moved")).unwrap();
        fs::create_dir(&tree.path).unwrap();
        assert!(tree.remove());
        assert!(tree.path.exists());
    }

    #[test]
    fn a_tree_is_its_users_alone() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let tree = Tree::make(parent.path()).unwrap();
        assert_eq!(fs::metadata(&tree.path).unwrap().permissions().mode() & 0o7777, 0o700);
        assert!(tree.path.file_name().unwrap().to_str().unwrap().starts_with("berth-demo-"));
    }
}
