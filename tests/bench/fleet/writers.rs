//! Log lines: one a second into the log of each of the first hundred owners, as servers write them.
//!
//! It must never outlive who started it: it ends when its standard input does.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How many logs are written to.
const LOGS: usize = 100;

/// The writing process.
pub struct Writers(Child);

impl Writers {
    /// Starts to write into the logs of the owners below this directory.
    pub fn start(users: &Path) -> Self {
        let program = std::env::current_exe().unwrap();
        Self(Command::new(program).arg("--write").arg(users).stdin(Stdio::piped()).spawn().unwrap())
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the process does for the rest of its life.
pub fn write(users: &Path) {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    let mut owners: Vec<_> = std::fs::read_dir(users).unwrap().map(|entry| entry.unwrap().path()).collect();
    owners.sort();
    let open = |owner: &std::path::PathBuf| {
        let path = owner.join("logs/server.log");
        let log = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        let account = std::fs::metadata(owner).unwrap();
        std::os::unix::fs::chown(&path, Some(account.uid()), Some(account.gid())).unwrap();
        log
    };
    let mut logs: Vec<File> = owners.iter().take(LOGS).map(open).collect();
    for number in 0_u64.. {
        for log in &mut logs {
            let _ = writeln!(log, "2026-11-21T03:12:04Z INFO request {number} answered in {} ms", number % 97);
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}
