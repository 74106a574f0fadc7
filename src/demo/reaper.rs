//! The reaper: waits for the end of the demo's console, whatever way it ends, and clears everything away.
//!
//! It must never act on an unfinished word from the console, and never remove a directory that is not this account's.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigHandler, Signal, signal};
use serde::{Deserialize, Serialize};

use super::mark::Mark;
use crate::error::{Context, Result};

/// How long servers are given to end when they are asked.
const GRACE: Duration = Duration::from_millis(700);

/// How long nothing must appear until it is believed that nothing will: a keeper that was just forked still starts its server.
const QUIET: Duration = Duration::from_millis(400);

/// How long the console waits for the reaper on its way out.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the reaper is told: on its standard input, because an argument could be read by everyone.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Errand {
    mark: Mark,
    directory: PathBuf,
}

/// The console's side: as long as it is kept, and its process lives, the demo lives.
#[derive(Debug)]
pub struct Leash {
    child: Child,
    line: Option<ChildStdin>,
}

impl Leash {
    /// Starts the reaper of a demo. Must come before anything that would have to be cleared away.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(program: &Path, mark: &Mark, directory: &Path) -> Result<Self> {
        let what = || "cannot start the demo's reaper".to_owned();
        let mut command = Command::new(program);
        // The working directory may be on what is to be unmounted while the demo runs; its own is nobody's.
        command.arg("demo-reaper").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
        // SAFETY: setsid is async-signal-safe (signal-safety(7)) and nothing else is done.
        unsafe {
            command.pre_exec(|| if libc::setsid() < 0 { Err(io::Error::last_os_error()) } else { Ok(()) });
        }
        let mut child = command.spawn().while_doing(what)?;
        let mut line = child.stdin.take();
        let errand = Errand { mark: mark.clone(), directory: directory.to_owned() };
        let mut text = serde_json::to_string(&errand).while_doing(what)?;
        text.push('\n');
        if let Some(line) = &mut line {
            line.write_all(text.as_bytes()).while_doing(what)?;
        }
        Ok(Self { child, line })
    }

    /// Lets go and waits until everything is cleared away. Whether the reaper did it.
    pub fn let_go(&mut self) -> bool {
        drop(self.line.take());
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            match self.child.try_wait() {
                Ok(Some(status)) => return status.success(),
                Ok(None) => sleep(Duration::from_millis(10)),
                Err(_) => return false,
            }
        }
        false
    }
}

/// The reaper's whole life; the hidden subcommand `berth demo-reaper`. Returns the process's exit code.
pub fn run() -> u8 {
    for one in [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGHUP, Signal::SIGTERM, Signal::SIGTSTP, Signal::SIGPIPE] {
        // SAFETY: SIG_IGN runs no code. Only SIGKILL ends a reaper before its time.
        let _ = unsafe { signal(one, SigHandler::SigIgn) };
    }
    let _ = nix::sys::prctl::set_name(c"demo-reaper");
    let mut input = BufReader::new(io::stdin().lock());
    let mut text = String::new();
    let Ok(_) = input.read_line(&mut text) else { return 1 };
    if !text.ends_with('\n') {
        // The console died while it spoke: nothing had been started by then.
        return 1;
    }
    let Ok(errand) = serde_json::from_str::<Errand>(&text) else { return 1 };
    // Nothing more is ever said: reading ends when the last holder of the other end is gone.
    let _ = io::copy(&mut input, &mut io::sink());
    if clear_away(&errand.mark, &errand.directory) { 0 } else { 1 }
}

/// Ends the demo's processes and removes its directory, and looks again until it stays quiet. Whether nothing is left.
pub fn clear_away(mark: &Mark, directory: &Path) -> bool {
    let mut ended = mark.end_all(GRACE);
    let mut removed = remove(directory);
    // Without its directory no server can be started any more; what was on its way before that shows up now.
    let mut quiet = Instant::now();
    while quiet.elapsed() < QUIET {
        if !mark.bearers().is_empty() {
            ended = mark.end_all(Duration::ZERO);
            quiet = Instant::now();
        }
        if !removed || directory.exists() {
            removed = remove(directory);
        }
        if !ended {
            break;
        }
        sleep(Duration::from_millis(30));
    }
    // The servers' control groups are empty now, and their keepers gone.
    crate::hand::sweep_groups(usize::MAX);
    ended && removed
}

/// Removes the demo's directory, as far as it is one of this account's. Whether it is gone.
fn remove(directory: &Path) -> bool {
    match fs::symlink_metadata(directory) {
        Ok(facts) if facts.is_dir() && facts.uid() == rustix::process::geteuid().as_raw() => {
            // A server that is just ending may write a last file into a directory that is just being removed: ENOTEMPTY.
            (0..20).any(|_| match fs::remove_dir_all(directory) {
                Ok(()) => true,
                Err(error) if error.kind() == io::ErrorKind::NotFound => true,
                Err(_) => {
                    sleep(Duration::from_millis(20));
                    false
                }
            })
        }
        Ok(_) => false,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::mark::VARIABLE;

    #[test]
    fn an_errand_is_one_line() {
        let errand = Errand { mark: Mark::new().unwrap(), directory: PathBuf::from("/tmp/with\nnewline") };
        let text = serde_json::to_string(&errand).unwrap();
        assert!(!text.contains('\n'));
        assert_eq!(serde_json::from_str::<Errand>(&text).unwrap(), errand);
    }

    #[test]
    fn processes_and_directory_go() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("berth-demo-x");
        fs::create_dir_all(directory.join("users/alice/logs")).unwrap();
        fs::write(directory.join("users/alice/logs/server.log"), "x").unwrap();
        let mark = Mark::new().unwrap();
        let mut child = Command::new("sleep").arg("60").env(VARIABLE, mark.value()).current_dir(&directory).spawn().unwrap();
        assert!(clear_away(&mark, &directory));
        assert!(!directory.exists());
        assert!(child.wait().is_ok());
    }

    #[test]
    fn a_link_is_not_followed() {
        let parent = tempfile::tempdir().unwrap();
        let precious = parent.path().join("precious");
        fs::create_dir(&precious).unwrap();
        fs::write(precious.join("file"), "x").unwrap();
        let link = parent.path().join("berth-demo-x");
        std::os::unix::fs::symlink(&precious, &link).unwrap();
        assert!(!remove(&link));
        assert!(precious.join("file").exists());
    }
}
