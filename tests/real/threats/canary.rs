//! Victims: a process that nobody may end, and a tree of root's whose every name, owner, mode and byte stays what it is.
//!
//! It must never change what it watches.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::accounts::Account;

/// A process that must outlive the attack.
pub struct Victim {
    child: Child,
    whose: &'static str,
}

impl Victim {
    /// One of root's.
    pub fn of_root() -> Self {
        Self::run(Command::new("sleep").arg("100000"), "root's")
    }

    /// One of another account's.
    pub fn of(account: &Account) -> Self {
        Self::run(account.command(Path::new("sleep")).arg("100000"), "another account's")
    }

    fn run(command: &mut Command, whose: &'static str) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { child, whose }
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Fails when anybody has ended or stopped it.
    pub fn assert_unharmed(&mut self, after: &str) {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("{after}: {} process {} ended: {status}", self.whose, self.child.id());
        }
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let state = stat.rsplit_once(") ").unwrap().1.chars().next().unwrap();
        assert!(matches!(state, 'S' | 'R' | 'D'), "{after}: {} process {} is in state {state}", self.whose, self.child.id());
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A tree of root's, as it was.
pub struct Canary {
    /// Its directory.
    pub path: PathBuf,
    before: BTreeMap<PathBuf, String>,
}

impl Canary {
    /// Lays one out in a new directory: files that only root may read, one that everybody may, names like those berth writes.
    pub fn lay_out(path: &Path) -> Self {
        fs::create_dir(path).unwrap();
        for name in ["secret", "server.log", "server.pid", "server.log.1", "server.log.2.gz", "config.json", "berth.toml"] {
            fs::write(path.join(name), format!("the canary {name}\n")).unwrap();
            fs::set_permissions(path.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        for folder in ["config", "logs", "workspace"] {
            fs::create_dir(path.join(folder)).unwrap();
            fs::write(path.join(folder).join("server.log"), "a canary below\n").unwrap();
            fs::write(path.join(folder).join("config.json"), r#"{"port": 1}"#).unwrap();
        }
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        Self { path: path.to_owned(), before: told(path) }
    }

    /// Fails when anything in it is not what it was.
    pub fn assert_unharmed(&self, after: &str) {
        let now = told(&self.path);
        for (path, was) in &self.before {
            assert_eq!(now.get(path), Some(was), "{after}: {}", path.display());
        }
        let new: Vec<_> = now.keys().filter(|path| !self.before.contains_key(*path)).collect();
        assert!(new.is_empty(), "{after}: there is something new: {new:?}");
    }
}

/// Everything that anybody could change of a tree: names, kinds, owners, modes, links, contents, the time of the last change.
fn told(path: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    let mut waiting = vec![path.to_owned()];
    while let Some(path) = waiting.pop() {
        let facts = fs::symlink_metadata(&path).unwrap();
        let content = if facts.is_file() { String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned() } else { String::new() };
        let of = |facts: &fs::Metadata| {
            (facts.ino(), facts.mode(), facts.uid(), facts.gid(), facts.nlink(), facts.size(), facts.mtime_nsec(), facts.ctime_nsec())
        };
        if facts.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().flatten().map(|entry| entry.path()));
        }
        all.insert(path, format!("{:?} {content}", of(&facts)));
    }
    all
}
